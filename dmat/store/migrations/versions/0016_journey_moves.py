"""Journeys: members that are moved to another version, members on their way to the warehouse, tags and
values of people, drafts.

Revision 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WAITS = sa.text("exported_revision < revision")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("journey_members", sa.Column("exported_revision", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_journey_members_unexported", "journey_members", ["member_id"], sqlite_where=WAITS, postgresql_where=WAITS
    )
    op.create_table(
        "journey_moves",
        sa.Column("move_id", _big(), autoincrement=True, nullable=False),
        sa.Column("journey_id", _big(), autoincrement=False, nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("count", _big(), nullable=False),
        sa.Column("moved_at", sa.DateTime(), nullable=False),
        sa.Column("moved_by", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journeys.journey_id"], name=op.f("fk_journey_moves_journey_id_journeys")
        ),
        sa.PrimaryKeyConstraint("move_id", name=op.f("pk_journey_moves")),
    )
    _moved_members()
    _person_properties()
    _drafts()


def _moved_members() -> None:
    op.create_table(
        "journey_moved_members",
        sa.Column("move_id", _big(), autoincrement=False, nullable=False),
        sa.Column("member_id", _big(), autoincrement=False, nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("from_step", sa.String(length=60), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["move_id"], ["journey_moves.move_id"], name=op.f("fk_journey_moved_members_move_id_journey_moves")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["journey_members.member_id"],
            name=op.f("fk_journey_moved_members_member_id_journey_members"),
        ),
        sa.PrimaryKeyConstraint("move_id", "member_id", name=op.f("pk_journey_moved_members")),
    )  # fmt: skip
    op.create_index("ix_journey_moved_members_member", "journey_moved_members", ["member_id"])


def _person_properties() -> None:
    op.create_table(
        "person_properties",
        sa.Column("person_id", _big(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.Column("is_set", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=320), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "kind", "name", name=op.f("pk_person_properties")),
    )
    op.create_index(
        "ix_person_properties_unexported", "person_properties", ["changed_at"], sqlite_where=WAITS,
        postgresql_where=WAITS,
    )  # fmt: skip


def _drafts() -> None:
    op.create_table(
        "journey_drafts",
        sa.Column("user_email", sa.String(length=320), nullable=False),
        sa.Column("journey_key", sa.String(length=60), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("based_on_version", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_email", "journey_key", name=op.f("pk_journey_drafts")),
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("journey_drafts")
    op.drop_table("person_properties")
    op.drop_table("journey_moved_members")
    op.drop_table("journey_moves")
    op.drop_index("ix_journey_members_unexported", table_name="journey_members")
    with op.batch_alter_table("journey_members") as batch_op:
        batch_op.drop_column("exported_revision")


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
