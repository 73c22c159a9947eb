"""The tables of the store: what people set up, what we promised, what came in.

Belongs here: names, types and keys; those of sending are in `ledger_tables.py` and can be had from here too. Stays
out: who may write them, and the steps that bring an older store up to date (`migrations`); a test keeps both equal.
All times are UTC without zone; money is whole cents.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.ledger_tables import (
    conversions,
    counters,
    counters_hourly,
    fences,
    last_replies,
    ledger_entries,
    ledger_sets,
    ledger_transitions,
    message_marks,
    programmes,
    rendered_batches,
    rendered_messages,
    sending_days,
)
from dmat.store.schema import Big, metadata

__all__ = [
    "Big",
    "api_tokens",
    "audit",
    "consents",
    "conversions",
    "counters",
    "counters_hourly",
    "fences",
    "form_submissions",
    "idempotency_keys",
    "import_mappings",
    "inbox",
    "last_replies",
    "ledger_entries",
    "ledger_sets",
    "ledger_transitions",
    "message_marks",
    "metadata",
    "programmes",
    "quarantine",
    "rendered_batches",
    "rendered_messages",
    "segment_drafts",
    "segment_evaluations",
    "segment_uses",
    "segment_versions",
    "segments",
    "sending_days",
    "settings_values",
    "sign_in_attempts",
    "sign_ins",
    "suppressions",
    "users",
]

users = Table(
    "users",
    metadata,
    Column("user_id", Big, primary_key=True, autoincrement=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False, default=""),
    Column("role", String(20), nullable=False),
    Column("password_hash", String(300), nullable=False),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("created_at", DateTime, nullable=False),
    Column("last_signed_in_at", DateTime),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", Big, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("last_seen_at", DateTime, nullable=False),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("email", String(320), primary_key=True),
    Column("failed_count", Integer, nullable=False),
    Column("last_failed_at", DateTime, nullable=False),
    Column("locked_until", DateTime),
)

settings_values = Table(
    "settings_values",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("value", sa.JSON, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False, default=""),
)

import_mappings = Table(
    "import_mappings",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("signature", String(200), primary_key=True),
    Column("mapping", sa.JSON, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", Big, primary_key=True, autoincrement=True),
    Column("happened_at", DateTime, nullable=False, index=True),
    Column("actor", String(320), nullable=False),
    Column("action", String(100), nullable=False),
    Column("subject", String(300), nullable=False, default=""),
    Column("detail", sa.JSON, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("inbox_id", Big, primary_key=True, autoincrement=True),
    Column("provider", String(40), nullable=False),
    Column("event_id", String(300), nullable=False),
    Column("kind", String(60), nullable=False),
    Column("message_id", String(36), nullable=False, default="", index=True),
    Column("address", String(320), nullable=False, default=""),
    Column("channel", String(20), nullable=False, default="", server_default=""),
    Column("is_machine", Boolean, nullable=False, default=False),
    Column("occurred_at", DateTime, nullable=False),
    Column("received_at", DateTime, nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("applied_at", DateTime),
    Column("landed_at", DateTime),
    Unique("provider", "event_id"),
    Index(
        "ix_inbox_unapplied",
        "inbox_id",
        sqlite_where=sa.text("applied_at is null"),
        postgresql_where=sa.text("applied_at is null"),
    ),
    Index(
        "ix_inbox_unlanded",
        "inbox_id",
        sqlite_where=sa.text("landed_at is null"),
        postgresql_where=sa.text("landed_at is null"),
    ),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", Big, primary_key=True, autoincrement=True),
    Column("provider", String(40), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("headers", sa.JSON, nullable=False),
    Column("url", Text, nullable=False),
    Column("body", sa.LargeBinary, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("seen_count", Integer, nullable=False, default=1),
    Column("received_at", DateTime, nullable=False),
    Column("replayed_at", DateTime),
    Unique("provider", "body_hash"),
)

consents = Table(
    "consents",
    metadata,
    Column("person_id", Big, primary_key=True, autoincrement=False),
    Column("channel", String(20), primary_key=True),
    Column("purpose", String(40), primary_key=True),
    Column("is_granted", Boolean, nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Column("source", String(200), nullable=False, default=""),
    Column("evidence", Text, nullable=False, default=""),
    Column("updated_at", DateTime, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String(64), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("reason", String(40), nullable=False),
    Column("address", String(320), nullable=False, default=""),
    Column("source", String(200), nullable=False, default=""),
    Column("suppressed_at", DateTime, nullable=False),
    Column("lifted_at", DateTime),
)

form_submissions = Table(
    "form_submissions",
    metadata,
    Column("submission_id", String(36), primary_key=True),
    Column("form", String(100), nullable=False),
    Column("fields", sa.JSON, nullable=False),
    Column("page_url", Text, nullable=False, default=""),
    Column("client_id", String(200), nullable=False, default=""),
    Column("submitted_at", DateTime, nullable=False),
    Column("landed_at", DateTime),
    Index(
        "ix_form_submissions_unlanded",
        "submission_id",
        sqlite_where=sa.text("landed_at is null"),
        postgresql_where=sa.text("landed_at is null"),
    ),
)

segments = Table(
    "segments",
    metadata,
    Column("segment_id", Big, primary_key=True, autoincrement=True),
    Column("key", String(100), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("kind", String(10), nullable=False),
    Column("folder", String(200), nullable=False, default=""),
    Column("tags", sa.JSON, nullable=False),
    Column("owner", String(320), nullable=False, default=""),
    Column("state", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

segment_versions = Table(
    "segment_versions",
    metadata,
    Column("segment_id", Big, ForeignKey("segments.segment_id"), primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("rule", sa.JSON, nullable=False),
    Column("rule_hash", String(64), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

segment_drafts = Table(
    "segment_drafts",
    metadata,
    Column("user_email", String(320), primary_key=True),
    Column("segment_key", String(100), primary_key=True),
    Column("document", sa.JSON, nullable=False),
    Column("based_on_version", Integer),
    Column("updated_at", DateTime, nullable=False),
)

segment_uses = Table(
    "segment_uses",
    metadata,
    Column("segment_id", Big, ForeignKey("segments.segment_id"), primary_key=True, autoincrement=False),
    Column("user_kind", String(20), primary_key=True),
    Column("user_key", String(200), primary_key=True),
    Column("user_name", String(300), nullable=False, default=""),
    Column("since_at", DateTime, nullable=False),
    Index("ix_segment_uses_user_kind_user_key", "user_kind", "user_key"),
)

segment_evaluations = Table(
    "segment_evaluations",
    metadata,
    Column("segment_id", Big, ForeignKey("segments.segment_id"), primary_key=True, autoincrement=False),
    Column("rule_version", Integer, nullable=False),
    Column("size", Big, nullable=False),
    Column("data_version", Integer, nullable=False),
    Column("evaluated_at", DateTime, nullable=False),
    Column("error", Text, nullable=False, default=""),
    Column("failed_at", DateTime),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("scopes", sa.JSON, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("expires_at", DateTime),
    Column("last_used_at", DateTime),
    Column("revoked_at", DateTime),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("answer", sa.JSON),
    Column("created_at", DateTime, nullable=False, index=True),
    Column("answered_at", DateTime),
)
