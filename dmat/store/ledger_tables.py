"""The tables of sending: what is planned, each of its steps, what left as it was sent, and what was counted.

Belongs here: names, types and keys. Stays out: who may write them (`dmat/ledger/post.py`, `dmat/ledger/sets.py`).
All times are UTC without zone; money is millionths of a currency's unit.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.schema import Big, metadata

IN_FLIGHT = sa.text("state in ('claimed', 'handed_over', 'ambiguous')")  # asked in these words, an index has it

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
        sqlite_where=IN_FLIGHT,
        postgresql_where=IN_FLIGHT,
    ),
    Index("ix_ledger_entries_standing", "programme", "step", "channel", "state"),
    Index("ix_ledger_entries_address_channel", "address", "channel"),
    Index("ix_ledger_entries_programme_occurrence", "programme", "occurrence"),
    Index(
        "ix_ledger_entries_unexported",
        "exported_revision",  # no step changes it, so that a step finds its place in the index again at once
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

rendered_batches = Table(
    "rendered_batches",
    metadata,
    Column("batch_id", String(36), primary_key=True),
    Column("kept_in", String(36), nullable=False, default="", server_default=""),
    Column("from_address", String(700), nullable=False),
    Column("rendered_at", DateTime, nullable=False),
    Column("template", String(100), nullable=False, default="", server_default=""),
    Column("template_version", Integer, nullable=False, default=0, server_default="0"),
    Column("locale", String(20), nullable=False, default="", server_default=""),
    Column("content", sa.LargeBinary, nullable=False),
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
