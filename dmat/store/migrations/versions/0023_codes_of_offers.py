"""Offers of the loyalty programme take their codes from a pool that the shop knows.

Revision 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("loyalty_offers", sa.Column("code_pool", sa.String(100), server_default="", nullable=False))


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    with op.batch_alter_table("loyalty_offers") as batch_op:
        batch_op.drop_column("code_pool")
