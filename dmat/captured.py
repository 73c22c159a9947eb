"""What a capture brings: records as a vendor sent them, and what was refused.

Belongs here: these two shapes, for connectors that read or send without the warehouse's tools. Stays out: raw tables
(`dmat/landing.py`), reading vendors (`dmat/connectors`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Record:
    """One thing as a vendor sent it: its id there, when it last changed there (UTC), and the whole payload."""

    record_id: str
    updated_at: datetime
    payload: dict[str, Any]


@dataclass
class Refusal:
    """A record that was not kept, and why."""

    record_id: str
    reason: str
    payload: str = ""
