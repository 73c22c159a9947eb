"""Alerts, reports and their schedules.

Revision 0019, after 0018.
"""

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""


def downgrade() -> None:
    """Bring the tables back to the revision before."""
