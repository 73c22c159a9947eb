"""What of the ledger is not in the warehouse is found by a key that no step of a message moves.

Revision 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NAME, TABLE = "ix_ledger_entries_unexported", "ledger_entries"
IS_NEW = sa.text("exported_revision < revision")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, ["exported_revision"], sqlite_where=IS_NEW, postgresql_where=IS_NEW)


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, ["updated_at"], sqlite_where=IS_NEW, postgresql_where=IS_NEW)
