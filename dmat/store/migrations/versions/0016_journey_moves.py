"""Journeys: what moving members needs.

Revision 0016, after 0015.
"""

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""


def downgrade() -> None:
    """Bring the tables back to the revision before."""
