"""The tables of leads: who they are, what they did at our own doors, which score they crossed, who has them.

Belongs here: names, types and keys. Stays out: what earns points (`dmat/scoring`), who gets whom (`dmat/routing`).
The points themselves are a table of the warehouse (`scores.fct_score_points`); here is only what the store must know.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, String, Table, Text

from dmat.store.tables import Big, metadata

_UNEXPORTED = sa.text("exported_revision < revision")
_OPEN = sa.text("ended_at is null")

leads = Table(
    "leads",
    metadata,
    Column("lead_id", Big, primary_key=True, autoincrement=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("person_id", Big, index=True),
    Column("name", String(255), nullable=False, default=""),
    Column("phone", String(40), nullable=False, default=""),
    Column("company_name", String(255), nullable=False, default=""),
    Column("company_size", String(20), nullable=False, default=""),
    Column("industry", String(100), nullable=False, default=""),
    Column("job_title", String(200), nullable=False, default=""),
    Column("country_code", String(2), nullable=False, default=""),
    Column("region", String(100), nullable=False, default=""),
    Column("source", String(20), nullable=False),
    Column("landing_page_id", Big),
    Column("campaign_id", Big),
    Column("status", String(20), nullable=False, index=True),
    Column("status_at", DateTime, nullable=False),
    Column("assigned_to", String(100), index=True),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
    Index("ix_leads_unexported", "updated_at", sqlite_where=_UNEXPORTED, postgresql_where=_UNEXPORTED),
)


def _lead_id(is_key: bool = False) -> Column[int]:
    return Column(
        "lead_id", Big, ForeignKey("leads.lead_id"), autoincrement=False, nullable=False, primary_key=is_key,
        index=not is_key,
    )  # fmt: skip


lead_activities = Table(
    "lead_activities",
    metadata,
    Column("activity_id", Big, primary_key=True, autoincrement=True),
    _lead_id(),
    Column("action", String(60), nullable=False),
    Column("points", Integer),
    Column("reason", String(255), nullable=False, default=""),
    Column("occurred_at", DateTime, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
    Column("recorded_by", String(320), nullable=False),
    Column("landed_at", DateTime, index=True),
)

score_rules = Table(
    "score_rules",
    metadata,
    Column("action", String(60), primary_key=True),
    Column("points", Integer, nullable=False),
    Column("half_life_days", Float),
    Column("is_active", Boolean, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
)

score_matrix_versions = Table(
    "score_matrix_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", sa.JSON, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

score_states = Table(
    "score_states",
    metadata,
    _lead_id(is_key=True),
    Column("score", Float, nullable=False),
    Column("band", String(10), nullable=False),
    Column("is_above", Boolean, nullable=False),
    Column("crossings_count", Integer, nullable=False),
    Column("measured_at", DateTime, nullable=False),
)

score_crossings = Table(
    "score_crossings",
    metadata,
    _lead_id(is_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("threshold", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("crossed_at", DateTime, nullable=False, index=True),
    Column("told", sa.JSON, nullable=False),
)

lead_history = Table(
    "lead_history",
    metadata,
    Column("history_id", Big, primary_key=True, autoincrement=True),
    _lead_id(),
    Column("kind", String(40), nullable=False),
    Column("words", Text, nullable=False),
    Column("detail", sa.JSON, nullable=False),
    Column("happened_at", DateTime, nullable=False),
    Column("by", String(320), nullable=False),
)

sales_reps = Table(
    "sales_reps",
    metadata,
    Column("rep_key", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("email", String(320), nullable=False),
    Column("slack_channel", String(80), nullable=False, default=""),
    Column("crm_owner_id", String(80), nullable=False, default=""),
    Column("role", String(20), nullable=False),
    Column("team", String(60), nullable=False, default="", server_default=""),
    Column("territories", sa.JSON, nullable=False),
    Column("industries", sa.JSON, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("most_per_day", Integer, nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("working_hours", sa.JSON, nullable=False),
    Column("away", sa.JSON, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

routing_versions = Table(
    "routing_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", sa.JSON, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

lead_assignments = Table(
    "lead_assignments",
    metadata,
    Column("assignment_id", Big, primary_key=True, autoincrement=True),
    _lead_id(),
    Column("place", String(10), nullable=False),
    Column("rep_key", String(100)),
    Column("is_priority", Boolean, nullable=False),
    Column("rule", String(100), nullable=False),
    Column("rules_version", Integer, nullable=False),
    Column("explanation", sa.JSON, nullable=False),
    Column("score", Float, nullable=False),
    Column("crossed_at", DateTime),
    Column("assigned_at", DateTime, nullable=False),
    Column("respond_by", DateTime),
    Column("accepted_at", DateTime),
    Column("contacted_at", DateTime),
    Column("ended_at", DateTime),
    Column("ended_because", String(40), nullable=False, default=""),
    Column("rejected_for", String(40), nullable=False, default="", server_default=""),
    Column("by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1, server_default="1"),
    Column("exported_revision", Integer, nullable=False, default=0, server_default="0"),
    Index("ix_lead_assignments_rep_key_assigned_at", "rep_key", "assigned_at"),
    Index("ix_lead_assignments_unexported", "assignment_id", sqlite_where=_UNEXPORTED, postgresql_where=_UNEXPORTED),
    Index("ix_lead_assignments_open", "lead_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_lead_assignments_waiting", "place", "respond_by", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

lead_pushes = Table(
    "lead_pushes",
    metadata,
    Column("push_id", Big, primary_key=True, autoincrement=True),
    Column("push_key", String(200), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("lead_id", Big, ForeignKey("leads.lead_id"), index=True),
    Column("payload", sa.JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", DateTime, nullable=False),
    Column("vendor_id", String(200), nullable=False, default=""),
    Column("last_error", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("done_at", DateTime),
    Index("ix_lead_pushes_state_next_at", "state", "next_at"),
)
