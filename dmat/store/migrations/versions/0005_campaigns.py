"""Campaigns: plans, versions, audiences, approvals, rules.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_campaign(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    key = sa.ForeignKeyConstraint(
        ["campaign_id"], ["campaigns.campaign_id"], name=op.f(f"fk_{table}_campaign_id")
    )  # fmt: skip
    return sa.Column("campaign_id", _big(), autoincrement=False, nullable=False), key


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", _big(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("folder", sa.String(length=200), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("running_version", sa.Integer(), nullable=True),
        sa.Column("starts_at", sa.DateTime(), nullable=True),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaigns")),
    )
    op.create_index("ix_campaigns_status", "campaigns", ["status"])
    _create_versions()
    _create_drafts()
    _create_approvals()
    _create_step_runs()
    _create_changes()
    _create_rule_states()
    _create_rule_log()
    _create_email_sends()


def _create_versions() -> None:
    op.create_table(
        "campaign_versions",
        *_of_campaign("campaign_versions"),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "version", name=op.f("pk_campaign_versions")),
    )


def _create_drafts() -> None:
    op.create_table(
        "campaign_drafts",
        sa.Column("user_email", sa.String(length=320), nullable=False),
        sa.Column("campaign_id", _big(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("based_on_version", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_email", "campaign_id", name=op.f("pk_campaign_drafts")),
    )


def _create_approvals() -> None:
    op.create_table(
        "campaign_approvals",
        sa.Column("approval_id", _big(), autoincrement=True, nullable=False),
        *_of_campaign("campaign_approvals"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("recipients", _big(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_campaign_approvals")),
    )
    op.create_index("ix_campaign_approvals_campaign_id", "campaign_approvals", ["campaign_id"])


def _create_step_runs() -> None:
    op.create_table(
        "campaign_step_runs",
        *_of_campaign("campaign_step_runs"),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("occurrence", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("audience_count", _big(), nullable=True),
        sa.Column("audience", sa.LargeBinary(), nullable=True),
        sa.Column("planned_position", _big(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("post_url", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(), nullable=True),
        sa.Column("planned_at", sa.DateTime(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "step", "occurrence", name=op.f("pk_campaign_step_runs")),
    )
    op.create_index("ix_campaign_step_runs_state", "campaign_step_runs", ["state"])


def _create_changes() -> None:
    op.create_table(
        "campaign_changes",
        *_of_campaign("campaign_changes"),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "kind", "channel", name=op.f("pk_campaign_changes")),
    )


def _create_rule_states() -> None:
    op.create_table(
        "campaign_rule_states",
        *_of_campaign("campaign_rule_states"),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("is_crossed", sa.Boolean(), nullable=False),
        sa.Column("measured", sa.Float(), nullable=True),
        sa.Column("sample", _big(), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "rule", name=op.f("pk_campaign_rule_states")),
    )


def _create_rule_log() -> None:
    op.create_table(
        "campaign_rule_log",
        sa.Column("log_id", _big(), autoincrement=True, nullable=False),
        *_of_campaign("campaign_rule_log"),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("measured", sa.Float(), nullable=False),
        sa.Column("sample", _big(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("happened_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", name=op.f("pk_campaign_rule_log")),
    )
    op.create_index("ix_campaign_rule_log_campaign_id_happened_at", "campaign_rule_log", ["campaign_id", "happened_at"])


def _create_email_sends() -> None:
    op.create_table(
        "email_sends",
        sa.Column("email_send_id", _big(), autoincrement=True, nullable=False),
        *_of_campaign("email_sends"),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("email_send_id", name=op.f("pk_email_sends")),
        sa.UniqueConstraint("campaign_id", "step", name=op.f("uq_email_sends_campaign_id_step")),
    )
    op.create_index("ix_email_sends_campaign_id", "email_sends", ["campaign_id"])


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in (
        "email_sends", "campaign_rule_log", "campaign_rule_states", "campaign_changes", "campaign_step_runs",
        "campaign_approvals", "campaign_drafts", "campaign_versions", "campaigns",
    ):  # fmt: skip
        op.drop_table(table)
