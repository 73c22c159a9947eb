"""Drafts of tests: what the form of one user holds and has not saved, kept as it is typed, whole or not.

Belongs here: saving and loading them. Stays out: plans that are kept (`library.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.store.engine import Store, rows_of, upsert
from dmat.store.experiment_tables import experiment_drafts

NEW = 0
"""The test of a draft that belongs to none yet."""


@dataclass(frozen=True)
class ExperimentDraft:
    """What the form of one user holds and has not saved."""

    user_email: str
    experiment_id: int
    document: dict[str, Any]
    based_on_version: int | None
    updated_at: datetime


def save_draft(
    store: Store,
    user_email: str,
    experiment_id: int,
    document: dict[str, Any],
    now: datetime,
    version: int | None = None,
) -> ExperimentDraft:
    """Keep what a user's form holds, checked or not; `version` is the one that it was made from."""
    draft = ExperimentDraft(user_email, experiment_id, document, version, now)
    with store.write() as connection:
        statement = upsert(connection, experiment_drafts).values(vars(draft))
        keys = ["user_email", "experiment_id"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=vars(draft)))
    return draft


def load_draft(store: Store, user_email: str, experiment_id: int) -> ExperimentDraft | None:
    """What a user's form held, or None."""
    with store.read() as connection:
        query = sa.select(experiment_drafts).where(_of(user_email, experiment_id))
        return next((ExperimentDraft(**row) for row in rows_of(connection, query)), None)


def drop_draft(store: Store, user_email: str, experiment_id: int) -> None:
    """Forget what a user's form held."""
    with store.write() as connection:
        connection.execute(sa.delete(experiment_drafts).where(_of(user_email, experiment_id)))


def _of(user_email: str, experiment_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(experiment_drafts.c.user_email == user_email, experiment_drafts.c.experiment_id == experiment_id)
