"""Drafts of tests: what the form of one user holds and has not saved.

Belongs here: where they are. Stays out: keeping them (`dmat/store/drafts.py`), plans that are saved (`library.py`).
"""

from __future__ import annotations

from dmat.store.drafts import Drafts
from dmat.store.experiment_tables import experiment_drafts

DRAFTS: Drafts[int] = Drafts(experiment_drafts, "experiment_id")
NEW = 0
"""The test of a draft that belongs to none yet."""
