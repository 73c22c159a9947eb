"""Sales: teams, accepting and rejecting leads, versions of the score matrix, who is held out of the loyalty programme.

Revision 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNLANDED = sa.text("landed_at is null")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("sales_reps", sa.Column("team", sa.String(length=60), server_default="", nullable=False))
    op.add_column("lead_assignments", sa.Column("accepted_at", sa.DateTime(), nullable=True))
    op.add_column(
        "lead_assignments", sa.Column("rejected_for", sa.String(length=40), server_default="", nullable=False)
    )
    op.add_column("loyalty_members", sa.Column("holdout_share", sa.Float(), server_default="0", nullable=False))
    op.create_table(
        "score_matrix_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_score_matrix_versions")),
    )
    op.create_table(
        "loyalty_held_out",
        sa.Column("person_id", BIG, autoincrement=False, nullable=False),
        sa.Column("held_out_at", sa.DateTime(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("landed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_loyalty_held_out")),
    )
    op.create_index(
        "ix_loyalty_held_out_unlanded", "loyalty_held_out", ["person_id"], unique=False,
        sqlite_where=UNLANDED, postgresql_where=UNLANDED,
    )  # fmt: skip


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("loyalty_held_out")
    op.drop_table("score_matrix_versions")
    with op.batch_alter_table("loyalty_members") as batch_op:
        batch_op.drop_column("holdout_share")
    with op.batch_alter_table("lead_assignments") as batch_op:
        batch_op.drop_column("rejected_for")
        batch_op.drop_column("accepted_at")
    with op.batch_alter_table("sales_reps") as batch_op:
        batch_op.drop_column("team")
