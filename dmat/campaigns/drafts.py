"""Drafts: what the editor of one user holds and has not saved, kept as it is typed, whole or not.

Belongs here: saving and loading them. Stays out: plans that are kept (`library.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.campaigns.records import CampaignDraft
from dmat.store.campaign_tables import campaign_drafts
from dmat.store.engine import Store, rows_of, upsert

NEW = 0
"""The campaign of a draft that belongs to none yet."""


def save_draft(
    store: Store, user_email: str, campaign_id: int, document: dict[str, Any], now: datetime, version: int | None = None
) -> CampaignDraft:
    """Keep what a user's editor holds, checked or not; `version` is the one that it was made from."""
    draft = CampaignDraft(user_email, campaign_id, document, version, now)
    with store.write() as connection:
        statement = upsert(connection, campaign_drafts).values(vars(draft))
        keys = ["user_email", "campaign_id"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=vars(draft)))
    return draft


def load_draft(store: Store, user_email: str, campaign_id: int) -> CampaignDraft | None:
    """What a user's editor held, or None."""
    with store.read() as connection:
        query = sa.select(campaign_drafts).where(_of(user_email, campaign_id))
        return next((CampaignDraft(**row) for row in rows_of(connection, query)), None)


def drop_draft(store: Store, user_email: str, campaign_id: int) -> None:
    """Forget what a user's editor held."""
    with store.write() as connection:
        connection.execute(sa.delete(campaign_drafts).where(_of(user_email, campaign_id)))


def _of(user_email: str, campaign_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(campaign_drafts.c.user_email == user_email, campaign_drafts.c.campaign_id == campaign_id)
