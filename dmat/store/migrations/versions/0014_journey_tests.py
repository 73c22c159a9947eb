"""Tests inside journeys: which journey a test is in, and which arm a member has.

Revision 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("experiments", sa.Column("journey", sa.String(length=60), server_default="", nullable=False))
    op.create_index("ix_experiments_journey", "experiments", ["journey"])
    op.add_column("journey_members", sa.Column("variant", sa.String(length=100), server_default="", nullable=False))


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    with op.batch_alter_table("journey_members") as batch_op:
        batch_op.drop_column("variant")
    op.drop_index("ix_experiments_journey", table_name="experiments")
    with op.batch_alter_table("experiments") as batch_op:
        batch_op.drop_column("journey")
