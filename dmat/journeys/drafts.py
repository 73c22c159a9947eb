"""Drafts of journeys: what the canvas of one user holds and has not saved.

Belongs here: where they are. Stays out: keeping them (`dmat/store/drafts.py`), definitions that are saved
(`library.py`).
"""

from __future__ import annotations

from dmat.store.drafts import Drafts
from dmat.store.journey_tables import journey_drafts

DRAFTS: Drafts[str] = Drafts(journey_drafts, "journey_key")
