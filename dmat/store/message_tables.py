"""The tables of messages: templates and their versions, blocks, discount codes given away.

Belongs here: names, types and keys. Stays out: what a template may say (`dmat/messages`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.tables import Big, metadata

message_templates = Table(
    "message_templates",
    metadata,
    Column("template_id", Big, primary_key=True, autoincrement=True),
    Column("key", String(100), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("channel", String(20), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("folder", String(200), nullable=False, default=""),
    Column("tags", sa.JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

message_template_versions = Table(
    "message_template_versions",
    metadata,
    Column("template_id", Big, ForeignKey("message_templates.template_id"), primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("content", sa.JSON, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

message_blocks = Table(
    "message_blocks",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("source", Text, nullable=False),
    Column("tags", sa.JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

code_pools = Table(
    "code_pools",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("pattern", String(100), nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

discount_codes = Table(
    "discount_codes",
    metadata,
    Column("code", String(100), primary_key=True),
    Column("pool", String(100), ForeignKey("code_pools.key"), nullable=False),
    Column("number", Big, nullable=False),
    Column("person_id", Big),
    Column("occasion", String(300), nullable=False, default=""),
    Column("taken_at", DateTime),
    Column("returned_at", DateTime),
    Unique("pool", "person_id", "occasion"),
    Index(
        "ix_discount_codes_free",
        "pool",
        "number",
        sqlite_where=sa.text("person_id is null"),
        postgresql_where=sa.text("person_id is null"),
    ),
)

compiled_messages = Table(
    "compiled_messages",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("template", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("locale", String(20), nullable=False, default=""),
    Column("channel", String(20), nullable=False),
    Column("parts", sa.JSON, nullable=False),
    Column("created_at", DateTime, nullable=False),
)
