"""Steps of many messages are logged once for all of them; indexes of the ledger hold only what is asked for.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ENTRIES = "ledger_entries"
PLANNED = sa.text("state = 'planned'")
IN_FLIGHT = sa.text("state in ('claimed', 'handed_over', 'ambiguous')")


def upgrade() -> None:
    """Bring the tables to this revision."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ledger_sets",
        sa.Column("set_id", big, autoincrement=True, nullable=False),
        sa.Column("after_transition_id", big, nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=False),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("set_id", name=op.f("pk_ledger_sets")),
    )
    op.add_column(ENTRIES, sa.Column("set_ids", sa.Text(), server_default="", nullable=False))
    op.drop_index("ix_ledger_entries_due", table_name=ENTRIES)
    op.create_index(
        "ix_ledger_entries_due", ENTRIES, ["channel", "programme", "not_before"],
        sqlite_where=PLANNED, postgresql_where=PLANNED,
    )  # fmt: skip
    op.create_index(
        "ix_ledger_entries_in_flight", ENTRIES, ["state"], sqlite_where=IN_FLIGHT, postgresql_where=IN_FLIGHT
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_index("ix_ledger_entries_in_flight", table_name=ENTRIES)
    op.drop_index("ix_ledger_entries_due", table_name=ENTRIES)
    op.create_index("ix_ledger_entries_due", ENTRIES, ["state", "channel", "programme", "not_before"])
    op.drop_column(ENTRIES, "set_ids")
    op.drop_table("ledger_sets")
