"""The tables of journeys: definitions, versions, members, what happened to them, what is to be done for them, moves.

Belongs here: names, types and keys. Stays out: what a definition may say and how members move (`dmat/journeys`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.tables import Big, metadata

journeys = Table(
    "journeys",
    metadata,
    Column("journey_id", Big, primary_key=True, autoincrement=True),
    Column("key", String(60), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("status_reason", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False),
    Column("live_version", Integer),
    Column("started_at", DateTime),
    Column("looked_until", DateTime),
    Column("data_version", Integer),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
)


def _journey_id(is_key: bool = False) -> Column[int]:
    return Column(
        "journey_id", Big, ForeignKey("journeys.journey_id"), nullable=False, primary_key=is_key, autoincrement=False
    )


journey_versions = Table(
    "journey_versions",
    metadata,
    _journey_id(is_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("definition", sa.JSON, nullable=False),
    Column("definition_hash", String(64), nullable=False),
    Column("templates", sa.JSON, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

journey_members = Table(
    "journey_members",
    metadata,
    Column("member_id", Big, primary_key=True, autoincrement=True),
    _journey_id(),
    Column("version", Integer, nullable=False),
    Column("person_id", Big, nullable=False),
    Column("entry_key", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("step", String(60), nullable=False, default=""),
    Column("at", DateTime, nullable=False),
    Column("due_at", DateTime),
    Column("why", Text, nullable=False, default=""),
    Column("context", Text, nullable=False, default="{}"),
    Column("path", Text, nullable=False, default=""),
    Column("is_holdout", Boolean, nullable=False, default=False),
    Column("entered_at", DateTime, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("reached_goal_at", DateTime),
    Column("ended_at", DateTime),
    Column("variant", String(100), nullable=False, default="", server_default=""),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0, server_default="0"),
    Unique("journey_id", "entry_key"),
    Index(
        "ix_journey_members_due", "journey_id", "due_at",
        sqlite_where=sa.text("due_at is not null"), postgresql_where=sa.text("due_at is not null"),
    ),
    Index("ix_journey_members_person", "person_id", "journey_id"),
    Index(
        "ix_journey_members_unexported", "member_id", sqlite_where=sa.text("exported_revision < revision"),
        postgresql_where=sa.text("exported_revision < revision"),
    ),
)  # fmt: skip

journey_step_counts = Table(
    "journey_step_counts",
    metadata,
    _journey_id(is_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("step", String(60), primary_key=True),
    Column("count", Big, nullable=False),
)

journey_happenings = Table(
    "journey_happenings",
    metadata,
    Column("member_id", Big, ForeignKey("journey_members.member_id"), primary_key=True, autoincrement=False),
    Column("kind", String(120), primary_key=True),
    Column("occurred_at", DateTime, primary_key=True),
    Column("effective_at", DateTime, nullable=False),
)

journey_gaps = Table(
    "journey_gaps",
    metadata,
    _journey_id(is_key=True),
    Column("from_at", DateTime, primary_key=True),
    Column("until_at", DateTime, nullable=False),
    Column("reason", Text, nullable=False, default=""),
)

journey_actions = Table(
    "journey_actions",
    metadata,
    Column("action_id", Big, primary_key=True, autoincrement=True),
    Column("member_id", Big, ForeignKey("journey_members.member_id"), nullable=False),
    _journey_id(),
    Column("person_id", Big, nullable=False),
    Column("step", String(60), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("data", sa.JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("at", DateTime, nullable=False),
    Column("until_at", DateTime),
    Column("done_at", DateTime),
    Column("exported_state", String(20), nullable=False, default="", server_default=""),
    Unique("member_id", "step"),
    Index("ix_journey_actions_state", "state", "kind"),
    Index(
        "ix_journey_actions_unexported", "action_id", sqlite_where=sa.text("exported_state <> state"),
        postgresql_where=sa.text("exported_state <> state"),
    ),
)  # fmt: skip

journey_requests = Table(
    "journey_requests",
    metadata,
    _journey_id(is_key=True),
    Column("entry_key", String(200), primary_key=True),
    Column("person_id", Big, nullable=False),
    Column("context", Text, nullable=False, default="{}"),
    Column("at", DateTime, nullable=False),
    Index("ix_journey_requests_at", "journey_id", "at"),
)

journey_moves = Table(
    "journey_moves",
    metadata,
    Column("move_id", Big, primary_key=True, autoincrement=True),
    _journey_id(),
    Column("to_version", Integer, nullable=False),
    Column("places", sa.JSON, nullable=False),
    Column("count", Big, nullable=False),
    Column("moved_at", DateTime, nullable=False),
    Column("moved_by", String(320), nullable=False),
    Column("reason", Text, nullable=False, default=""),
)

journey_moved_members = Table(
    "journey_moved_members",
    metadata,
    Column("move_id", Big, ForeignKey("journey_moves.move_id"), primary_key=True, autoincrement=False),
    Column("member_id", Big, ForeignKey("journey_members.member_id"), primary_key=True, autoincrement=False),
    Column("from_version", Integer, nullable=False),
    Column("from_step", String(60), nullable=False),
    Column("step", String(60), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("due_at", DateTime),
    Column("status", String(20), nullable=False),
    Column("passed", Integer, nullable=False),
    Index("ix_journey_moved_members_member", "member_id"),
)

person_properties = Table(
    "person_properties",
    metadata,
    Column("person_id", Big, primary_key=True, autoincrement=False),
    Column("kind", String(10), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("value", String(500), nullable=False, default=""),
    Column("is_set", Boolean, nullable=False, default=True),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
    Index(
        "ix_person_properties_unexported", "changed_at", sqlite_where=sa.text("exported_revision < revision"),
        postgresql_where=sa.text("exported_revision < revision"),
    ),
)  # fmt: skip

journey_drafts = Table(
    "journey_drafts",
    metadata,
    Column("user_email", String(320), primary_key=True),
    Column("journey_key", String(60), primary_key=True),
    Column("document", sa.JSON, nullable=False),
    Column("based_on_version", Integer),
    Column("updated_at", DateTime, nullable=False),
)

ALL = (
    journeys, journey_versions, journey_members, journey_step_counts, journey_happenings, journey_gaps,
    journey_actions, journey_requests, journey_moves, journey_moved_members, person_properties, journey_drafts,
)  # fmt: skip
