"""Assignments of leads on their way to the warehouse.

Revision 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WAITS = sa.text("exported_revision < revision")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("lead_assignments", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column("lead_assignments", sa.Column("exported_revision", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_lead_assignments_unexported", "lead_assignments", ["assignment_id"], sqlite_where=WAITS,
        postgresql_where=WAITS,
    )  # fmt: skip


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_index("ix_lead_assignments_unexported", "lead_assignments", sqlite_where=WAITS, postgresql_where=WAITS)
    with op.batch_alter_table("lead_assignments") as batch_op:
        batch_op.drop_column("exported_revision")
        batch_op.drop_column("revision")
