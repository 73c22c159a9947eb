"""What leaves in one request is kept as one row.

Revision 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "rendered_batches",
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("kept_in", sa.String(length=36), server_default="", nullable=False),
        sa.Column("from_address", sa.String(length=700), nullable=False),
        sa.Column("rendered_at", sa.DateTime(), nullable=False),
        sa.Column("template", sa.String(length=100), server_default="", nullable=False),
        sa.Column("template_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locale", sa.String(length=20), server_default="", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_rendered_batches")),
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("rendered_batches")
