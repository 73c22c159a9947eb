"""Journeys: definitions, versions, members and what each step did.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this revision."""
    _make_journeys()
    _make_versions()
    _make_members()
    _make_step_counts()
    _make_happenings()
    _make_gaps()
    _make_actions()
    _make_requests()


def _make_journeys() -> None:
    op.create_table(
        "journeys",
        sa.Column("journey_id", BIG, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("live_version", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("looked_until", sa.DateTime(), nullable=True),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("journey_id", name=op.f("pk_journeys")),
        sa.UniqueConstraint("key", name=op.f("uq_journeys_key")),
    )
    op.create_index(op.f("ix_journeys_status"), "journeys", ["status"], unique=False)


def _make_versions() -> None:
    op.create_table(
        "journey_versions",
        sa.Column("journey_id", BIG, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("definition_hash", sa.String(length=64), nullable=False),
        sa.Column("templates", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_versions_journey_id")),
        sa.PrimaryKeyConstraint("journey_id", "version", name=op.f("pk_journey_versions")),
    )


def _make_members() -> None:
    op.create_table(
        "journey_members",
        sa.Column("member_id", BIG, autoincrement=True, nullable=False),
        sa.Column("journey_id", BIG, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("entry_key", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("is_holdout", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("reached_goal_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_members_journey_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_journey_members")),
        sa.UniqueConstraint("journey_id", "entry_key", name=op.f("uq_journey_members_journey_id_entry_key")),
    )
    op.create_index(
        "ix_journey_members_due",
        "journey_members",
        ["journey_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at is not null"),
        postgresql_where=sa.text("due_at is not null"),
    )
    op.create_index("ix_journey_members_person", "journey_members", ["person_id", "journey_id"], unique=False)


def _make_step_counts() -> None:
    op.create_table(
        "journey_step_counts",
        sa.Column("journey_id", BIG, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_step_counts_journey_id")
        ),
        sa.PrimaryKeyConstraint("journey_id", "version", "step", name=op.f("pk_journey_step_counts")),
    )


def _make_happenings() -> None:
    op.create_table(
        "journey_happenings",
        sa.Column("member_id", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("effective_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["journey_members.member_id"], name=op.f("fk_journey_happenings_member_id")
        ),
        sa.PrimaryKeyConstraint("member_id", "kind", "occurred_at", name=op.f("pk_journey_happenings")),
    )


def _make_gaps() -> None:
    op.create_table(
        "journey_gaps",
        sa.Column("journey_id", BIG, autoincrement=False, nullable=False),
        sa.Column("from_at", sa.DateTime(), nullable=False),
        sa.Column("until_at", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_gaps_journey_id")),
        sa.PrimaryKeyConstraint("journey_id", "from_at", name=op.f("pk_journey_gaps")),
    )


def _make_actions() -> None:
    op.create_table(
        "journey_actions",
        sa.Column("action_id", BIG, autoincrement=True, nullable=False),
        sa.Column("member_id", BIG, nullable=False),
        sa.Column("journey_id", BIG, autoincrement=False, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("until_at", sa.DateTime(), nullable=True),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_actions_journey_id")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["journey_members.member_id"], name=op.f("fk_journey_actions_member_id")
        ),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_journey_actions")),
        sa.UniqueConstraint("member_id", "step", name=op.f("uq_journey_actions_member_id_step")),
    )
    op.create_index("ix_journey_actions_state", "journey_actions", ["state", "kind"], unique=False)


def _make_requests() -> None:
    op.create_table(
        "journey_requests",
        sa.Column("journey_id", BIG, autoincrement=False, nullable=False),
        sa.Column("entry_key", sa.String(length=200), nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_requests_journey_id")),
        sa.PrimaryKeyConstraint("journey_id", "entry_key", name=op.f("pk_journey_requests")),
    )
    op.create_index("ix_journey_requests_at", "journey_requests", ["journey_id", "at"], unique=False)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in (
        "journey_requests",
        "journey_actions",
        "journey_gaps",
        "journey_happenings",
        "journey_step_counts",
        "journey_members",
        "journey_versions",
        "journeys",
    ):
        op.drop_table(table)
