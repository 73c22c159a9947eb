"""Experiments: plans, arms, assignments, decisions, their log, snapshots of figures, visitors of tested pages.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this revision."""
    _make_experiments()
    _make_history()
    _make_runs()
    _make_figures()


def _make_experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("experiment_id", BIG, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("campaign_id", BIG, nullable=True),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("exclusion_group", sa.String(length=60), nullable=False),
        sa.Column("group_low", sa.Float(), nullable=True),
        sa.Column("group_high", sa.Float(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("running_version", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("began_at", sa.DateTime(), nullable=True),
        sa.Column("deadline_at", sa.DateTime(), nullable=True),
        sa.Column("paused_at", sa.DateTime(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("winner", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(), nullable=True),
        sa.Column("learning", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("key", name=op.f("uq_experiments_key")),
    )
    op.create_index(op.f("ix_experiments_campaign_id"), "experiments", ["campaign_id"], unique=False)
    op.create_index(op.f("ix_experiments_status"), "experiments", ["status"], unique=False)


def _make_history() -> None:
    op.create_table(
        "experiment_drafts",
        sa.Column("user_email", sa.String(length=320), nullable=False),
        sa.Column("experiment_id", BIG, autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("based_on_version", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_email", "experiment_id", name=op.f("pk_experiment_drafts")),
    )
    op.create_table(
        "experiment_decisions",
        sa.Column("decision_id", BIG, autoincrement=True, nullable=False),
        sa.Column("experiment_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("arm", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_experiment_decisions_experiment_id")
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_experiment_decisions")),
        sa.UniqueConstraint("experiment_id", name=op.f("uq_experiment_decisions_experiment_id")),
    )
    op.create_table(
        "experiment_log",
        sa.Column("log_id", BIG, autoincrement=True, nullable=False),
        sa.Column("experiment_id", BIG, nullable=False),
        sa.Column("happened_at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=320), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_experiment_log_experiment_id")
        ),
        sa.PrimaryKeyConstraint("log_id", name=op.f("pk_experiment_log")),
    )
    op.create_index(
        "ix_experiment_log_experiment_id_happened_at", "experiment_log", ["experiment_id", "happened_at"], unique=False
    )
    op.create_table(
        "experiment_versions",
        sa.Column("experiment_id", BIG, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_experiment_versions_experiment_id")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "version", name=op.f("pk_experiment_versions")),
    )


def _make_runs() -> None:
    op.create_table(
        "experiment_assignments",
        sa.Column("experiment_id", BIG, autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("wave", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("campaign_id", BIG, nullable=True),
        sa.Column("people", sa.LargeBinary(), nullable=True),
        sa.Column("arms", sa.LargeBinary(), nullable=True),
        sa.Column("people_count", BIG, nullable=False),
        sa.Column("arm_counts", sa.JSON(), nullable=False),
        sa.Column("propensities", sa.JSON(), nullable=False),
        sa.Column("arm", sa.String(length=20), nullable=False),
        sa.Column("why_not", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.DateTime(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("planned_position", BIG, nullable=False),
        sa.Column("planned_at", sa.DateTime(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(), nullable=False),
        sa.Column("exported_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_experiment_assignments_experiment_id")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "step", "wave", name=op.f("pk_experiment_assignments")),
    )
    op.create_index(
        op.f("ix_experiment_assignments_campaign_id"), "experiment_assignments", ["campaign_id"], unique=False
    )


def _make_figures() -> None:
    op.create_table(
        "experiment_snapshots",
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.Column("taken_by", sa.String(length=320), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("document_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_experiment_snapshots_experiment_id")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_experiment_snapshots")),
    )
    op.create_index(
        op.f("ix_experiment_snapshots_experiment_id"), "experiment_snapshots", ["experiment_id"], unique=False
    )
    op.create_table(
        "experiment_visitors",
        sa.Column("experiment_id", BIG, autoincrement=False, nullable=False),
        sa.Column("visitor", sa.String(length=200), nullable=False),
        sa.Column("arm", sa.String(length=40), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("clicked_at", sa.DateTime(), nullable=True),
        sa.Column("completed_at", sa.DateTime(), nullable=True),
        sa.Column("form", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_experiment_visitors_experiment_id")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "visitor", name=op.f("pk_experiment_visitors")),
    )
    op.create_index(
        "ix_experiment_visitors_unexported",
        "experiment_visitors",
        ["seen_at"],
        unique=False,
        sqlite_where=sa.text("exported_revision < revision"),
        postgresql_where=sa.text("exported_revision < revision"),
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_index(
        "ix_experiment_visitors_unexported",
        table_name="experiment_visitors",
        sqlite_where=sa.text("exported_revision < revision"),
        postgresql_where=sa.text("exported_revision < revision"),
    )
    op.drop_table("experiment_visitors")
    op.drop_table("experiment_versions")
    op.drop_index(op.f("ix_experiment_snapshots_experiment_id"), table_name="experiment_snapshots")
    op.drop_table("experiment_snapshots")
    op.drop_index("ix_experiment_log_experiment_id_happened_at", table_name="experiment_log")
    op.drop_table("experiment_log")
    op.drop_table("experiment_decisions")
    op.drop_index(op.f("ix_experiment_assignments_campaign_id"), table_name="experiment_assignments")
    op.drop_table("experiment_assignments")
    op.drop_index(op.f("ix_experiments_status"), table_name="experiments")
    op.drop_index(op.f("ix_experiments_campaign_id"), table_name="experiments")
    op.drop_table("experiments")
    op.drop_table("experiment_drafts")
