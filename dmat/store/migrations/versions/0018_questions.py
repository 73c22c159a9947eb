"""Saved questions and annotations.

Revision 0018, after 0017.
"""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""


def downgrade() -> None:
    """Bring the tables back to the revision before."""
