"""The tables of campaigns: plans and their versions, frozen audiences, approvals, rules that acted.

Belongs here: names, types and keys. Stays out: what a plan may say (`dmat/campaigns`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.tables import Big, metadata

campaigns = Table(
    "campaigns",
    metadata,
    Column("campaign_id", Big, primary_key=True, autoincrement=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("folder", String(200), nullable=False, default=""),
    Column("tags", sa.JSON, nullable=False),
    Column("owner", String(320), nullable=False, default=""),
    Column("status", String(20), nullable=False, index=True),
    Column("status_reason", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False),
    Column("running_version", Integer),
    Column("starts_at", DateTime),
    Column("ends_at", DateTime),
    Column("started_at", DateTime),
    Column("ended_at", DateTime),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("exported_revision", Integer, nullable=False, default=0),
)


def _campaign_id() -> Column[int]:
    return Column("campaign_id", Big, ForeignKey("campaigns.campaign_id"), primary_key=True, autoincrement=False)


campaign_versions = Table(
    "campaign_versions",
    metadata,
    _campaign_id(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("plan", sa.JSON, nullable=False),
    Column("plan_hash", String(64), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

campaign_drafts = Table(
    "campaign_drafts",
    metadata,
    Column("user_email", String(320), primary_key=True),
    Column("campaign_id", Big, primary_key=True, autoincrement=False),
    Column("document", sa.JSON, nullable=False),
    Column("based_on_version", Integer),
    Column("updated_at", DateTime, nullable=False),
)

campaign_approvals = Table(
    "campaign_approvals",
    metadata,
    Column("approval_id", Big, primary_key=True, autoincrement=True),
    Column("campaign_id", Big, ForeignKey("campaigns.campaign_id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("decision", String(20), nullable=False),
    Column("comment", Text, nullable=False, default=""),
    Column("recipients", Big),
    Column("decided_at", DateTime, nullable=False),
    Column("decided_by", String(320), nullable=False),
)

campaign_step_runs = Table(
    "campaign_step_runs",
    metadata,
    _campaign_id(),
    Column("step", String(100), primary_key=True),
    Column("occurrence", String(200), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("reason", Text, nullable=False, default=""),
    Column("due_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("data_version", Integer),
    Column("audience_count", Big),
    Column("audience", LargeBinary),
    Column("planned_position", Big, nullable=False, default=0),
    Column("counts", sa.JSON, nullable=False),
    Column("template_version", Integer),
    Column("post_url", Text, nullable=False, default=""),
    Column("frozen_at", DateTime),
    Column("planned_at", DateTime),
    Column("updated_at", DateTime, nullable=False),
)

campaign_changes = Table(
    "campaign_changes",
    metadata,
    _campaign_id(),
    Column("kind", String(40), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("value", sa.JSON, nullable=False),
    Column("because", Text, nullable=False, default=""),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(320), nullable=False),
)

campaign_rule_states = Table(
    "campaign_rule_states",
    metadata,
    _campaign_id(),
    Column("rule", String(60), primary_key=True),
    Column("is_crossed", Boolean, nullable=False),
    Column("measured", Float),
    Column("sample", Big, nullable=False),
    Column("checked_at", DateTime, nullable=False),
)

campaign_rule_log = Table(
    "campaign_rule_log",
    metadata,
    Column("log_id", Big, primary_key=True, autoincrement=True),
    Column("campaign_id", Big, ForeignKey("campaigns.campaign_id"), nullable=False),
    Column("rule", String(60), nullable=False),
    Column("measured", Float, nullable=False),
    Column("sample", Big, nullable=False),
    Column("condition", Text, nullable=False),
    Column("action", sa.JSON, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("is_dry_run", Boolean, nullable=False),
    Column("happened_at", DateTime, nullable=False),
    Index("ix_campaign_rule_log_campaign_id_happened_at", "campaign_id", "happened_at"),
)

email_sends = Table(
    "email_sends",
    metadata,
    Column("email_send_id", Big, primary_key=True, autoincrement=True),
    Column("campaign_id", Big, ForeignKey("campaigns.campaign_id"), nullable=False, index=True),
    Column("step", String(100), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Unique("campaign_id", "step"),
)

ALL = (
    campaigns, campaign_versions, campaign_drafts, campaign_approvals, campaign_step_runs, campaign_changes,
    campaign_rule_states, campaign_rule_log, email_sends,
)  # fmt: skip
