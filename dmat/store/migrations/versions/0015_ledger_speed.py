"""The ledger's rows become narrower.

Revision 0015, after 0014.
"""

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""


def downgrade() -> None:
    """Bring the tables back to the revision before."""
