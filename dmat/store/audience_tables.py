"""The tables of retargeting audiences: which lists exist at advertisers, and who we put on them.

Belongs here: names, types and keys. Stays out: how they come to be (`dmat/channels/retargeting.py`).
Members are kept as the advertiser knows them, hashed, so that somebody can be taken off after they were erased here.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Integer, String, Table

from dmat.store.tables import Big, metadata

audiences = Table(
    "audiences",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("audience_key", String(200), primary_key=True),
    Column("title", String(200), nullable=False, default=""),
    Column("vendor_id", String(200), nullable=False),
    Column("members_count", Integer, nullable=False, default=0),
    Column("created_at", DateTime, nullable=False),
    Column("synced_at", DateTime),
)

audience_members = Table(
    "audience_members",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("audience_key", String(200), primary_key=True),
    Column("person_id", Big, primary_key=True, index=True, autoincrement=False),
    Column("state", String(10), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("identifiers", sa.JSON, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)
