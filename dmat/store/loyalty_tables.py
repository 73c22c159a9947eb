"""The tables of loyalty: members, who is held out, points in double entry, tiers reached, offers and who has them.

Belongs here: names, types and keys. Stays out: what is earned and when a tier is reached (`dmat/loyalty`).
Each transaction of points has two lines of opposite sign; a line is never changed once it is written, but for the
person it belongs to when two turn out to be one.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Float, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.tables import Big, metadata

_UNEXPORTED = sa.text("exported_revision < revision")
_UNLANDED = sa.text("landed_at is null")

loyalty_members = Table(
    "loyalty_members",
    metadata,
    Column("person_id", Big, primary_key=True, autoincrement=False),
    Column("joined_at", DateTime, nullable=False),
    Column("tier", String(20), nullable=False),
    Column("tier_since", DateTime, nullable=False),
    Column("tier_until", DateTime),
    Column("holdout_share", Float, nullable=False, default=0.0, server_default="0"),
    Column("updated_at", DateTime, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
    Index("ix_loyalty_members_unexported", "updated_at", sqlite_where=_UNEXPORTED, postgresql_where=_UNEXPORTED),
)

loyalty_held_out = Table(
    "loyalty_held_out",
    metadata,
    Column("person_id", Big, primary_key=True, autoincrement=False),
    Column("held_out_at", DateTime, nullable=False),
    Column("share", Float, nullable=False),
    Column("landed_at", DateTime),
    Index("ix_loyalty_held_out_unlanded", "person_id", sqlite_where=_UNLANDED, postgresql_where=_UNLANDED),
)

loyalty_entries = Table(
    "loyalty_entries",
    metadata,
    Column("entry_id", Big, primary_key=True, autoincrement=True),
    Column("transaction_key", String(200), nullable=False),
    Column("line", Integer, nullable=False),
    Column("person_id", Big, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("account", String(20), nullable=False),
    Column("points", Integer, nullable=False),
    Column("occurred_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("reason", String(255), nullable=False, default=""),
    Column("recorded_at", DateTime, nullable=False),
    Column("recorded_by", String(320), nullable=False),
    Column("landed_at", DateTime),
    Unique("transaction_key", "line"),
    Index("ix_loyalty_entries_person_id_account_occurred_at", "person_id", "account", "occurred_at"),
    Index("ix_loyalty_entries_expires_at", "expires_at"),
    Index("ix_loyalty_entries_unlanded", "entry_id", sqlite_where=_UNLANDED, postgresql_where=_UNLANDED),
)

loyalty_tier_changes = Table(
    "loyalty_tier_changes",
    metadata,
    Column("change_id", Big, primary_key=True, autoincrement=True),
    Column("person_id", Big, nullable=False, index=True),
    Column("from_tier", String(20), nullable=False, default=""),
    Column("to_tier", String(20), nullable=False),
    Column("points", Integer, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("landed_at", DateTime),
)

loyalty_offers = Table(
    "loyalty_offers",
    metadata,
    Column("offer_key", String(60), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("kind", String(20), nullable=False),
    Column("value", Integer, nullable=False, default=0),
    Column("tiers", sa.JSON, nullable=False),
    Column("points_cost", Integer, nullable=False, default=0),
    Column("valid_days", Integer, nullable=False),
    Column("code_pool", String(100), nullable=False, default="", server_default=""),
    Column("starts_at", DateTime),
    Column("ends_at", DateTime),
    Column("is_active", Boolean, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

loyalty_grants = Table(
    "loyalty_grants",
    metadata,
    Column("grant_id", Big, primary_key=True, autoincrement=True),
    Column("offer_key", String(60), sa.ForeignKey("loyalty_offers.offer_key"), nullable=False),
    Column("person_id", Big, nullable=False, index=True),
    Column("occurrence", String(100), nullable=False),
    Column("code", String(40), nullable=False, unique=True),
    Column("granted_at", DateTime, nullable=False),
    Column("valid_until", DateTime, nullable=False),
    Column("redeemed_at", DateTime),
    Column("order_id", String(200)),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
    Unique("offer_key", "person_id", "occurrence"),
    Index("ix_loyalty_grants_unexported", "granted_at", sqlite_where=_UNEXPORTED, postgresql_where=_UNEXPORTED),
)
