"""Notes and tasks about a person.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "person_notes",
        sa.Column("note_id", BIG, autoincrement=True, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("assigned_to", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("done_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("note_id", name="pk_person_notes"),
    )
    op.create_index("ix_person_notes_person_id", "person_notes", ["person_id"])
    op.create_index("ix_person_notes_assigned_to", "person_notes", ["assigned_to"])


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("person_notes")
