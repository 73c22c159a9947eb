"""The tables of alerts and reports: rules, what stands open, who did what about it; reports, their runs.

Belongs here: names, types and keys. Stays out: what is worth an alert (`dmat/alerts`), what a report says
(`dmat/reports`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, String, Table, Text

from dmat.store.tables import Big, metadata

_OPEN = sa.text("closed_at is null")

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("rule_key", String(60), primary_key=True),
    Column("document", sa.JSON, nullable=False),
    Column("is_removed", Boolean, nullable=False, default=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Big, primary_key=True, autoincrement=True),
    Column("rule_key", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("title", String(300), nullable=False),
    Column("words", Text, nullable=False),
    Column("link", Text, nullable=False, default=""),
    Column("facts", sa.JSON, nullable=False),
    Column("opened_at", DateTime, nullable=False, index=True),
    Column("seen_at", DateTime, nullable=False),
    Column("closed_at", DateTime),
    Column("told_at", DateTime),
    Column("acknowledged_at", DateTime),
    Column("acknowledged_by", String(320), nullable=False, default=""),
    Column("snoozed_until", DateTime),
    Index("ix_alerts_open", "rule_key", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
)

alert_log = Table(
    "alert_log",
    metadata,
    Column("entry_id", Big, primary_key=True, autoincrement=True),
    Column("alert_id", Big, ForeignKey("alerts.alert_id"), nullable=False, index=True),
    Column("happened_at", DateTime, nullable=False),
    Column("action", String(20), nullable=False),
    Column("actor", String(320), nullable=False),
    Column("words", Text, nullable=False, default=""),
)

reports = Table(
    "reports",
    metadata,
    Column("report_key", String(60), primary_key=True),
    Column("document", sa.JSON, nullable=False),
    Column("is_removed", Boolean, nullable=False, default=False),
    Column("version", Integer, nullable=False),
    Column("next_due_at", DateTime, index=True),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
)

report_runs = Table(
    "report_runs",
    metadata,
    Column("report_run_id", Big, primary_key=True, autoincrement=True),
    Column("report_key", String(60), nullable=False),
    Column("report_version", Integer, nullable=False),
    Column("title", String(300), nullable=False),
    Column("since", sa.Date, nullable=False),
    Column("until", sa.Date, nullable=False),
    Column("data_version", Integer, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("run_ids", sa.JSON, nullable=False),
    Column("figures", sa.JSON, nullable=False),
    Column("occurrence", String(60), nullable=False, default=""),
    Column("made_at", DateTime, nullable=False),
    Column("made_by", String(320), nullable=False),
    Column("told", sa.JSON, nullable=False),
    Index("ix_report_runs_report_key_made_at", "report_key", "made_at"),
)

ALL = (alert_rules, alerts, alert_log, reports, report_runs)
