"""Drafts of journeys: what the canvas of one user holds and has not saved, kept as it is changed, whole or not.

Belongs here: saving and loading them. Stays out: definitions that are kept (`library.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.store.engine import Store, rows_of, upsert
from dmat.store.journey_tables import journey_drafts

NEW = ""
"""The key of a draft whose journey was never saved."""


@dataclass(frozen=True)
class JourneyDraft:
    """What the canvas of one user holds and has not saved."""

    user_email: str
    journey_key: str
    document: dict[str, Any]
    based_on_version: int | None
    updated_at: datetime


def save_draft(
    store: Store, user_email: str, journey_key: str, document: dict[str, Any], now: datetime, version: int | None = None
) -> JourneyDraft:
    """Keep what a user's canvas holds, checked or not; `version` is the one that it was made from."""
    draft = JourneyDraft(user_email, journey_key, document, version, now)
    with store.write() as connection:
        statement = upsert(connection, journey_drafts).values(vars(draft))
        keys = ["user_email", "journey_key"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=vars(draft)))
    return draft


def load_draft(store: Store, user_email: str, journey_key: str) -> JourneyDraft | None:
    """What a user's canvas held, or None."""
    with store.read() as connection:
        query = sa.select(journey_drafts).where(_of(user_email, journey_key))
        return next((JourneyDraft(**row) for row in rows_of(connection, query)), None)


def drop_draft(store: Store, user_email: str, journey_key: str) -> None:
    """Forget what a user's canvas held."""
    with store.write() as connection:
        connection.execute(sa.delete(journey_drafts).where(_of(user_email, journey_key)))


def _of(user_email: str, journey_key: str) -> sa.ColumnElement[bool]:
    return sa.and_(journey_drafts.c.user_email == user_email, journey_drafts.c.journey_key == journey_key)
