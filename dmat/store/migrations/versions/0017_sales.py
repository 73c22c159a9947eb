"""Sales: what leads, routing and loyalty need.

Revision 0017, after 0016.
"""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""


def downgrade() -> None:
    """Bring the tables back to the revision before."""
