"""Questions of the home screen to the published warehouse and the store, and their answers as plain values.

Belongs here: which figures Home shows, queries of sources and of the store. Stays out: words on the page and layout,
what a figure is (`dmat/metrics`). Windows are days where the marketers are: the last seven include today so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from apps.context import Context
from apps.screens.analytics.desk import desk_of
from dmat.ledger.fence import why_not_sending
from dmat.metrics.asking import Answer
from dmat.metrics.question import Question
from dmat.source_names import PUSHED
from dmat.store.tables import ledger_entries
from dmat.warehouse import Version

WEEKS = 8
FRESH_HOURS, STALE_HOURS = 26, 74
TABLES = (
    "operations.source_freshness", "operations.capture_runs", "operations.capture_refusals",
    "evaluation.cart_recovery_summary", "deliveries.fct_messages",
)  # fmt: skip
SHOWN = ("visits", "carts", "delivered", "clicked", "carts_recovered", "recovered_revenue")
COURSE = ("recovered_revenue", "carts_written_about", "carts_recovered", "delivered", "clicked")
"""Measures of the last weeks, in charts."""


@dataclass(frozen=True)
class Lift:
    """Treated carts beside the held-out ones, in one currency; cents, or a reason why there is no figure."""

    currency: str
    treated: int
    held_out: int
    treated_recovered: int
    held_out_recovered: int
    recovered_cents: int
    incremental_cents: int | None
    low_cents: int | None
    high_cents: int | None
    reason: str

    @property
    def treated_rate(self) -> float | None:
        """Share of the carts with a mail that were recovered."""
        return self.treated_recovered / self.treated if self.treated else None

    @property
    def held_out_rate(self) -> float | None:
        """Share of the carts without a mail that were bought anyway."""
        return self.held_out_recovered / self.held_out if self.held_out else None


@dataclass(frozen=True)
class Source:
    """How fresh one source is, over all its resources."""

    source: str
    last_loaded_at: datetime | None
    is_read_by_us: bool
    rows: int
    refused: int
    error: str

    def state(self, now: datetime) -> str:
        """fresh, late, stale, failing, never, or received (it comes when it comes)."""
        if self.error:
            return "failing"
        if self.last_loaded_at is None:
            return "never"
        if self.source in PUSHED or not self.is_read_by_us:
            return "received"
        hours = (now - self.last_loaded_at) / timedelta(hours=1)
        return "fresh" if hours <= FRESH_HOURS else "late" if hours <= STALE_HOURS else "stale"


@dataclass(frozen=True)
class HomeFigures:
    """Everything the home screen shows of one published version.

    Attributes:
        week: the figures of the last seven days by day, beside those of the seven days before; None while a table that
            Home needs is missing, and so `course`: the last eight weeks (from Monday) by week.
    """

    version: int
    data_as_of: datetime
    today: date
    week: Answer | None
    course: Answer | None
    lifts: tuple[Lift, ...]
    sources: tuple[Source, ...]
    refused_week: int
    accepted_in_warehouse: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveCounts:
    """What the store knows this second."""

    accepted_week: int
    oldest_due_at: datetime | None
    due: int
    not_sending: str = ""


def missing_tables(context: Context, wanted: Sequence[str]) -> tuple[str, ...]:
    """The tables that the published version lacks."""
    there = set(context.workspace.tables())
    return tuple(table for table in wanted if table not in there)


def read_figures(context: Context, version: Version) -> HomeFigures:
    """All figures of one version and day; worked out once for everybody who looks at it."""
    today = desk_of(context).today
    return context.answers.get(("home", version.number, today), lambda: _read_figures(context, version, today))


def _read_figures(context: Context, version: Version, today: date) -> HomeFigures:
    missing = missing_tables(context, TABLES)
    if missing:
        return HomeFigures(version.number, version.data_as_of, today, None, None, (), (), 0, 0, missing)
    return HomeFigures(
        version=version.number,
        data_as_of=version.data_as_of,
        today=today,
        week=desk_of(context).answer(week_question(today)),
        course=desk_of(context).answer(course_question(today)),
        lifts=read_lifts(context),
        sources=read_sources(context),
        refused_week=_refused_since(context, version.data_as_of - timedelta(days=7)),
        accepted_in_warehouse=_accepted_since(context, week_start(today)),
    )


def week_question(today: date) -> Question:
    """The last seven days, today so far included, day by day."""
    since, until = today - timedelta(days=6), today + timedelta(days=1)
    return Question(metrics=SHOWN, since=since, until=until, grain="day", compare="previous")


def course_question(today: date) -> Question:
    """The last eight weeks from their Mondays, this one so far included."""
    monday = today - timedelta(days=today.weekday())
    since = monday - timedelta(weeks=WEEKS - 1)
    return Question(metrics=COURSE, since=since, until=today + timedelta(days=1), grain="week")


def week_start(today: date) -> datetime:
    """Midnight of the first of the last seven days."""
    return datetime.combine(today - timedelta(days=6), datetime.min.time())


def read_lifts(context: Context) -> tuple[Lift, ...]:
    """Treated against held out, a row for each currency, biggest first."""
    found = context.workspace.rows("select * from evaluation.cart_recovery_summary")
    lifts = [
        Lift(
            currency=row["currency_code"] or "",
            treated=int(row["treated_count"] or 0),
            held_out=int(row["held_out_count"] or 0),
            treated_recovered=int(row["treated_recovered_count"] or 0),
            held_out_recovered=int(row["held_out_recovered_count"] or 0),
            recovered_cents=int(row["recovered_cents"] or 0),
            incremental_cents=_whole(row["incremental_recovered_cents"]),
            low_cents=_whole(row["incremental_low_cents"]),
            high_cents=_whole(row["incremental_high_cents"]),
            reason=row["no_estimate_reason"] or "",
        )
        for row in found
    ]
    return tuple(sorted(lifts, key=lambda lift: -lift.treated - lift.held_out))


def _whole(value: Any) -> int | None:
    return None if value is None else round(value)


def read_sources(context: Context) -> tuple[Source, ...]:
    """Every source with its freshest load, its rows, what it refused, and the error of its last run if it failed."""
    rows = context.workspace.rows(
        """
        with runs as (
            select source, resource, error,
                row_number() over (partition by source, resource order by finished_at desc, started_at desc) as place
            from operations.capture_runs
        ),
        failing as (
            select source, max(error) as error from runs where place = 1 and error <> '' group by source
        )
        select f.source, max(greatest(f.last_loaded_at, f.last_checked_at)) as last_loaded_at,
            max(f.last_checked_at) is not null as is_read_by_us, sum(f.rows_count)::bigint as rows_count,
            sum(coalesce(f.refused_count, 0))::bigint as refused_count, coalesce(max(b.error), '') as error
        from operations.source_freshness as f left join failing as b on f.source = b.source
        group by f.source order by f.source
        """
    )
    return tuple(
        Source(row["source"], row["last_loaded_at"], bool(row["is_read_by_us"]), int(row["rows_count"] or 0),
               int(row["refused_count"] or 0), row["error"])
        for row in rows
    )  # fmt: skip


def _refused_since(context: Context, since: datetime) -> int:
    found = context.workspace.rows(
        "select count(*) as refused_count from operations.capture_refusals where refused_at > ?", [since]
    )
    return int(found[0]["refused_count"])


def _accepted_since(context: Context, since: datetime) -> int:
    found = context.workspace.rows(
        "select count(*) as accepted_count from deliveries.fct_messages where accepted_at >= ?", [since]
    )
    return int(found[0]["accepted_count"])


def read_live(context: Context, today: date) -> LiveCounts:
    """Counts of the store for the same seven days, and what waits to be sent."""
    due = sa.and_(
        ledger_entries.c.state == "planned",
        sa.or_(ledger_entries.c.not_before.is_(None), ledger_entries.c.not_before <= context.now()),
    )
    with context.store.read() as connection:
        accepted = connection.scalar(
            sa.select(sa.func.count()).where(ledger_entries.c.accepted_at >= week_start(today))
        )
        waiting: Any
        oldest: Any
        waiting, oldest = connection.execute(
            sa.select(
                sa.func.count(), sa.func.min(sa.func.coalesce(ledger_entries.c.not_before, ledger_entries.c.planned_at))
            ).where(due)
        ).one()
    return LiveCounts(int(accepted or 0), oldest, int(waiting), why_not_sending(context.settings, context.store))
