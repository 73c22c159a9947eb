"""Tables of what arrives faster than it can be counted, and of short addresses.

Belongs here: names, types and keys. Stays out: taking arrivals in (`arrivals.py`), short addresses
(`dmat/messages/short_links.py`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, Integer, String, Table, Text

from dmat.store.tables import Big, metadata

arrivals = Table(
    "arrivals",
    metadata,
    Column("arrival_id", Big, primary_key=True, autoincrement=True),
    Column("events", sa.LargeBinary, nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("received_at", DateTime, nullable=False),
)

short_links = Table(
    "short_links",
    metadata,
    Column("short_id", Big, primary_key=True, autoincrement=True),
    Column("message_id", String(36), nullable=False),
    Column("target_hash", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("made_at", DateTime, nullable=False),
    Index("ix_short_links_message_id_target_hash", "message_id", "target_hash", unique=True),
)
