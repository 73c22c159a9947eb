"""Which state of an action of a journey is in the warehouse.

Revision 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

IS_NEW = sa.text("exported_state <> state")


def upgrade() -> None:
    """Bring the tables to this revision."""
    column = sa.Column("exported_state", sa.String(length=20), nullable=False, server_default="")
    op.add_column("journey_actions", column)
    op.create_index(
        "ix_journey_actions_unexported", "journey_actions", ["action_id"], sqlite_where=IS_NEW, postgresql_where=IS_NEW
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_index("ix_journey_actions_unexported", "journey_actions")
    op.drop_column("journey_actions", "exported_state")
