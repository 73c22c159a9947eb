"""The tables of the store: what people set up, what we promised, what came in.

Belongs here: names, types and keys. Stays out: who may write them (`dmat/ledger/post.py` for sends) and the
steps that bring an older store up to date (`migrations`); a test keeps both equal.
All times are UTC without zone; money is whole cents.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows only in an INTEGER key

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

programmes = Table(
    "programmes",
    metadata,
    Column("programme", String(100), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("is_paused", Boolean, nullable=False, default=False),
    Column("paused_reason", Text, nullable=False, default=""),
    Column("updated_at", DateTime, nullable=False),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("person_id", Big, nullable=False),
    Column("programme", String(100), nullable=False),
    Column("programme_version", Integer, nullable=False),
    Column("step", String(100), nullable=False),
    Column("occurrence", String(200), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("address", String(320), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("is_holdout", Boolean, nullable=False, default=False),
    Column("context", sa.JSON, nullable=False),
    Column("subject", Text, nullable=False, default=""),
    Column("provider", String(40), nullable=False, default=""),
    Column("provider_message_id", String(300), nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", DateTime),
    Column("expires_at", DateTime),
    Column("planned_at", DateTime, nullable=False),
    Column("claimed_at", DateTime),
    Column("claimed_by", String(80), nullable=False, default=""),
    Column("handed_over_at", DateTime),
    Column("accepted_at", DateTime),
    Column("delivered_at", DateTime),
    Column("settles_at_epoch", Float),
    Column("updated_at", DateTime, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
    Column("variant", String(100), nullable=False, default="", server_default=""),
    Column("purpose", String(40), nullable=False, default="marketing", server_default="marketing"),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),
    Column("template", String(100), nullable=False, default="", server_default=""),
    Column("template_version", Integer, nullable=False, default=0, server_default="0"),
    Column("locale", String(20), nullable=False, default="", server_default=""),
    Column("batch_id", String(36), nullable=False, default="", server_default=""),
    Column("cost_micros", Big),
    Column("cost_currency", String(3), nullable=False, default="", server_default=""),
    Column("set_ids", Text, nullable=False, default="", server_default=""),
    Unique("person_id", "programme", "programme_version", "step", "occurrence"),
    Index(
        "ix_ledger_entries_due",
        "channel",
        "programme",
        "not_before",
        sqlite_where=sa.text("state = 'planned'"),
        postgresql_where=sa.text("state = 'planned'"),
    ),
    Index(
        "ix_ledger_entries_in_flight",
        "state",
        sqlite_where=sa.text("state in ('claimed', 'handed_over', 'ambiguous')"),
        postgresql_where=sa.text("state in ('claimed', 'handed_over', 'ambiguous')"),
    ),
    Index("ix_ledger_entries_standing", "programme", "step", "channel", "state"),
    Index("ix_ledger_entries_address_channel", "address", "channel"),
    Index("ix_ledger_entries_programme_occurrence", "programme", "occurrence"),
    Index(
        "ix_ledger_entries_unexported",
        "updated_at",
        sqlite_where=sa.text("exported_revision < revision"),
        postgresql_where=sa.text("exported_revision < revision"),
    ),
)

ledger_transitions = Table(
    "ledger_transitions",
    metadata,
    Column("transition_id", Big, primary_key=True, autoincrement=True),
    Column("message_id", String(36), ForeignKey("ledger_entries.message_id"), nullable=False, index=True),
    Column("from_state", String(20), nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("happened_at", DateTime, nullable=False),
)

ledger_sets = Table(
    "ledger_sets",
    metadata,
    Column("set_id", Big, primary_key=True, autoincrement=True),
    Column("after_transition_id", Big, nullable=False),
    Column("from_state", String(20), nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("happened_at", DateTime, nullable=False),
    Column("message_count", Integer, nullable=False),
)

rendered_messages = Table(
    "rendered_messages",
    metadata,
    Column("message_id", String(36), ForeignKey("ledger_entries.message_id"), primary_key=True),
    Column("from_address", String(700), nullable=False),
    Column("to_address", String(700), nullable=False),
    Column("subject", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("headers", sa.JSON, nullable=False),
    Column("rendered_at", DateTime, nullable=False),
    Column("template", String(100), nullable=False, default="", server_default=""),
    Column("template_version", Integer, nullable=False, default=0, server_default="0"),
    Column("locale", String(20), nullable=False, default="", server_default=""),
    Column("filled", sa.JSON),
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

counters = Table(
    "counters",
    metadata,
    Column("programme", String(100), primary_key=True),
    Column("step", String(100), primary_key=True),
    Column("variant", String(100), primary_key=True, default="", server_default=""),
    Column("channel", String(20), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("count", Big, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)

counters_hourly = Table(
    "counters_hourly",
    metadata,
    Column("programme", String(100), primary_key=True),
    Column("step", String(100), primary_key=True),
    Column("variant", String(100), primary_key=True, default="", server_default=""),
    Column("channel", String(20), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("hour", DateTime, primary_key=True),
    Column("count", Big, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("exported_count", Big, nullable=False, default=-1),
    Index(
        "ix_counters_hourly_unexported",
        "updated_at",
        sqlite_where=sa.text("exported_count <> count"),
        postgresql_where=sa.text("exported_count <> count"),
    ),
)

message_marks = Table(
    "message_marks",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("first_at", DateTime, nullable=False),
)

conversions = Table(
    "conversions",
    metadata,
    Column("order_id", String(200), primary_key=True),
    Column("programme", String(100), nullable=False),
    Column("step", String(100), nullable=False),
    Column("variant", String(100), nullable=False, default=""),
    Column("channel", String(20), nullable=False),
    Column("happened_at", DateTime, nullable=False),
)

last_replies = Table(
    "last_replies",
    metadata,
    Column("address_hash", String(64), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("replied_at", DateTime, nullable=False),
)

sending_days = Table(
    "sending_days",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("domain", String(255), primary_key=True),
    Column("day", sa.Date, primary_key=True),
    Column("taken_count", Big, nullable=False),
)

fences = Table(
    "fences",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("instance_id", String(36), nullable=False),
    Column("start_id", String(36), nullable=False),
    Column("taken_at", DateTime, nullable=False),
    Column("confirmed_by", String(320), nullable=False, default=""),
    Column("handed_over_count", Big, nullable=False, default=0),
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
