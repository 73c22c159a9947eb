"""The ledger at the size of whole campaigns.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _upgrade_counting()


def downgrade() -> None:
    """Take the tables back to the revision before."""
    _downgrade_counting()


def _place_columns(with_variant: bool = True) -> list[sa.Column]:
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


def _big() -> sa.types.TypeEngine:
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
    for name in ("sending_days", "last_replies", "conversions", "counters_hourly"):
        op.drop_table(name)
    op.execute("delete from counters where variant <> ''")
    _make_counters(with_variant=False)
