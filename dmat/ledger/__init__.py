"""The ledger: every message that was ever planned, the state it is in, and why.

Belongs here: states and which may follow which, the only writer of sends (`post`), claiming, the fence, what
events change, and resolving what is ambiguous. Stays out: who may be written to (`dmat/campaigns/gate.py`) and how
a message is handed over (`dmat/channels`).
"""

from __future__ import annotations

from dmat.ledger.events import apply_events, apply_waiting

__all__ = ["apply_events", "apply_waiting"]
