"""The values of the answer to somebody who wrote HELP.

Belongs here: those values. Stays out: who is answered (`dmat/ledger/replies.py`), the words (templates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dmat.settings import Settings


def help_values(
    settings: Settings, _context: Mapping[str, Any], unsubscribe_url: str, _link: Callable[[str], str]
) -> dict[str, Any]:
    """Who writes, and where they are."""
    shop = {"name": settings.sender_name, "postal_address": settings.postal_address}
    return {"shop": shop, "unsubscribe_url": unsubscribe_url}
