"""The ledger at the size of whole campaigns.

Revision 0004, after 0003.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _upgrade_entries()
    _upgrade_counting()


def downgrade() -> None:
    """Take the tables back to the revision before."""
    _downgrade_counting()
    _downgrade_entries()


def _text(name: str, length: int, default: str = "") -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=length), server_default=default, nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _entry_columns() -> list[sa.Column[Any]]:
    return [
        _text("variant", 100),
        _text("purpose", 40, "marketing"),
        _number("priority"),
        _text("template", 100),
        _number("template_version"),
        _text("locale", 20),
        _text("batch_id", 36),
        sa.Column("cost_micros", _big(), nullable=True),
        _text("cost_currency", 3),
    ]


def _rendered_columns() -> list[sa.Column[Any]]:
    return [
        _text("template", 100),
        _number("template_version"),
        _text("locale", 20),
        sa.Column("filled", sa.JSON(), nullable=True),
    ]


def _upgrade_entries() -> None:
    for column in _entry_columns():
        op.add_column("ledger_entries", column)
    for column in _rendered_columns():
        op.add_column("rendered_messages", column)
    op.drop_index("ix_ledger_entries_state_not_before", table_name="ledger_entries")
    op.create_index("ix_ledger_entries_due", "ledger_entries", ["state", "channel", "programme", "not_before"])
    op.create_index("ix_ledger_entries_standing", "ledger_entries", ["programme", "step", "channel", "state"])


def _downgrade_entries() -> None:
    op.drop_index("ix_ledger_entries_standing", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_due", table_name="ledger_entries")
    op.create_index("ix_ledger_entries_state_not_before", "ledger_entries", ["state", "not_before"])
    for column in reversed(_rendered_columns()):
        op.drop_column("rendered_messages", column.name)
    for column in reversed(_entry_columns()):
        op.drop_column("ledger_entries", column.name)


def _place_columns(with_variant: bool = True) -> list[sa.Column[Any]]:
    columns = [
        sa.Column("programme", sa.String(length=100), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("variant", sa.String(length=100), server_default="", nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
    ]
    return columns if with_variant else [column for column in columns if column.name != "variant"]


def _make_counters(with_variant: bool) -> None:
    """Make the table of counters anew with what is in it; it has a few rows a campaign."""
    rows = [dict(row) for row in op.get_bind().execute(sa.text("select * from counters")).mappings()]
    op.drop_table("counters")
    columns = _place_columns(with_variant)
    table = op.create_table(
        "counters",
        *columns,
        sa.Column("count", _big(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint(*(column.name for column in columns), name=op.f("pk_counters")),
    )
    now = sa.func.current_timestamp()
    kept = [{name: row[name] for name in ("programme", "step", "channel", "kind", "count")} for row in rows]
    for row in kept:
        op.execute(sa.insert(table).values(**row, updated_at=now))


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _upgrade_counting() -> None:
    _make_counters(with_variant=True)
    columns = _place_columns()
    op.create_table(
        "counters_hourly",
        *columns,
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("count", _big(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("exported_count", _big(), nullable=False),
        sa.PrimaryKeyConstraint(*(column.name for column in columns), "hour", name=op.f("pk_counters_hourly")),
    )
    with op.batch_alter_table("counters_hourly", schema=None) as batch_op:
        batch_op.create_index(
            "ix_counters_hourly_unexported",
            ["updated_at"],
            unique=False,
            sqlite_where=sa.text("exported_count <> count"),
            postgresql_where=sa.text("exported_count <> count"),
        )
    op.create_table(
        "conversions",
        sa.Column("order_id", sa.String(length=200), nullable=False),
        sa.Column("programme", sa.String(length=100), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("variant", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("happened_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_conversions")),
    )
    op.create_table(
        "last_replies",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("replied_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", "channel", name=op.f("pk_last_replies")),
    )
    op.create_table(
        "sending_days",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken_count", _big(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "domain", "day", name=op.f("pk_sending_days")),
    )
    op.add_column("inbox", sa.Column("channel", sa.String(length=20), server_default="", nullable=False))
    _fill_hours()


def _fill_hours() -> None:
    """What was counted before hours were kept belongs to the hour of its mark."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    hour = "strftime('%Y-%m-%d %H:00:00.000000', m.first_at)" if is_sqlite else "date_trunc('hour', m.first_at)"
    op.execute(
        "insert into counters_hourly (programme, step, channel, kind, hour, count, updated_at, exported_count)"
        f" select e.programme, e.step, e.channel, m.kind, {hour}, count(*), current_timestamp, -1"
        " from message_marks as m inner join ledger_entries as e on m.message_id = e.message_id"
        f" group by e.programme, e.step, e.channel, m.kind, {hour}"
    )


def _downgrade_counting() -> None:
    op.drop_column("inbox", "channel")
    for name in ("sending_days", "last_replies", "conversions", "counters_hourly"):
        op.drop_table(name)
    op.execute("delete from counters where variant <> ''")
    _make_counters(with_variant=False)
