"""The tables of experiments: plans and their versions, who was given which arm, decisions, log, snapshots, visitors.

Belongs here: names, types and keys. Stays out: what a plan may say and what is done with these rows
(`dmat/experiments`, `dmat/campaigns/splitting.py`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from dmat.store.tables import Big, metadata

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", Big, primary_key=True, autoincrement=True),
    Column("key", String(60), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("status_reason", Text, nullable=False, default=""),
    Column("campaign_id", Big, index=True),
    Column("journey", String(60), nullable=False, default="", server_default="", index=True),
    Column("step", String(100), nullable=False, default=""),
    Column("page", Text, nullable=False, default=""),
    Column("exclusion_group", String(60), nullable=False, default=""),
    Column("group_low", Float),
    Column("group_high", Float),
    Column("version", Integer, nullable=False),
    Column("running_version", Integer),
    Column("started_at", DateTime),
    Column("began_at", DateTime),
    Column("deadline_at", DateTime),
    Column("paused_at", DateTime),
    Column("decided_at", DateTime),
    Column("ended_at", DateTime),
    Column("winner", String(20), nullable=False, default=""),
    Column("verdict", sa.JSON),
    Column("looks", Integer, nullable=False, default=0),
    Column("looked_at", DateTime),
    Column("learning", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
)


def _experiment_id(is_key: bool = True) -> Column[int]:
    target = ForeignKey("experiments.experiment_id")
    return Column("experiment_id", Big, target, primary_key=is_key, autoincrement=False, nullable=False)


experiment_versions = Table(
    "experiment_versions",
    metadata,
    _experiment_id(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("plan", sa.JSON, nullable=False),
    Column("plan_hash", String(64), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

experiment_drafts = Table(
    "experiment_drafts",
    metadata,
    Column("user_email", String(320), primary_key=True),
    Column("experiment_id", Big, primary_key=True, autoincrement=False),
    Column("document", sa.JSON, nullable=False),
    Column("based_on_version", Integer),
    Column("updated_at", DateTime, nullable=False),
)

experiment_assignments = Table(
    "experiment_assignments",
    metadata,
    _experiment_id(),
    Column("step", String(100), primary_key=True),
    Column("wave", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("campaign_id", Big, index=True),
    Column("people", LargeBinary),
    Column("arms", LargeBinary),
    Column("people_count", Big, nullable=False, default=0),
    Column("arm_counts", sa.JSON, nullable=False),
    Column("propensities", sa.JSON, nullable=False),
    Column("arm", String(20), nullable=False, default=""),
    Column("why_not", Text, nullable=False, default=""),
    Column("opens_at", DateTime),
    Column("expires_at", DateTime),
    Column("planned_position", Big, nullable=False, default=0),
    Column("planned_at", DateTime),
    Column("assigned_at", DateTime, nullable=False),
    Column("exported_at", DateTime),
)

experiment_decisions = Table(
    "experiment_decisions",
    metadata,
    Column("decision_id", Big, primary_key=True, autoincrement=True),
    Column("experiment_id", Big, ForeignKey("experiments.experiment_id"), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("arm", String(20), nullable=False, default=""),
    Column("reason", Text, nullable=False),
    Column("figures", sa.JSON),
    Column("snapshot_id", String(36), nullable=False, default=""),
    Column("decided_at", DateTime, nullable=False),
    Column("decided_by", String(320), nullable=False),
)

experiment_log = Table(
    "experiment_log",
    metadata,
    Column("log_id", Big, primary_key=True, autoincrement=True),
    Column("experiment_id", Big, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("happened_at", DateTime, nullable=False),
    Column("actor", String(320), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("words", Text, nullable=False),
    Column("detail", sa.JSON, nullable=False),
    Index("ix_experiment_log_experiment_id_happened_at", "experiment_id", "happened_at"),
)

experiment_snapshots = Table(
    "experiment_snapshots",
    metadata,
    Column("snapshot_id", String(36), primary_key=True),
    Column("experiment_id", Big, ForeignKey("experiments.experiment_id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("taken_at", DateTime, nullable=False),
    Column("taken_by", String(320), nullable=False),
    Column("because", Text, nullable=False, default=""),
    Column("data_version", Integer),
    Column("document", sa.JSON, nullable=False),
    Column("document_hash", String(64), nullable=False),
)

experiment_visitors = Table(
    "experiment_visitors",
    metadata,
    _experiment_id(),
    Column("visitor", String(200), primary_key=True),
    Column("arm", String(40), nullable=False),
    Column("page", Text, nullable=False, default=""),
    Column("seen_at", DateTime, nullable=False),
    Column("clicked_at", DateTime),
    Column("completed_at", DateTime),
    Column("form", String(100), nullable=False, default=""),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
    Index(
        "ix_experiment_visitors_unexported",
        "seen_at",
        sqlite_where=sa.text("exported_revision < revision"),
        postgresql_where=sa.text("exported_revision < revision"),
    ),
)

ALL = (
    experiments, experiment_versions, experiment_drafts, experiment_assignments, experiment_decisions, experiment_log,
    experiment_snapshots, experiment_visitors,
)  # fmt: skip
