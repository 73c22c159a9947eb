"""Drafts of campaigns: what the composer of one user holds and has not saved.

Belongs here: where they are. Stays out: keeping them (`dmat/store/drafts.py`), plans that are saved (`library.py`).
"""

from __future__ import annotations

from dmat.store.campaign_tables import campaign_drafts
from dmat.store.drafts import Drafts

DRAFTS: Drafts[int] = Drafts(campaign_drafts, "campaign_id")
