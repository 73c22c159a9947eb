"""Saved questions and notes on days.

Revision 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "saved_questions",
        sa.Column("question_id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("chart", sa.String(length=20), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("question_id", name="pk_saved_questions"),
    )
    op.create_index("ix_saved_questions_owner", "saved_questions", ["owner"])
    op.create_table(
        "annotations",
        sa.Column("annotation_id", BIG, autoincrement=True, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("annotation_id", name="pk_annotations"),
    )
    op.create_index("ix_annotations_day", "annotations", ["day"])


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("annotations")
    op.drop_table("saved_questions")
