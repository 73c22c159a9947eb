"""Asking: a question over the published warehouse -> its answer, with the SQL that gave it.

Belongs here: running the statements, putting their rows together, rates, the comparison. Stays out: building SQL
(`compiling.py`), layout, words around figures.

A quotient without denominator is None, never 0. A day on which nothing happened counts 0 when nothing tells rows apart;
days after the data end are not made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

import duckdb

from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import Catalogue, Metric, load
from dmat.metrics.compiling import BUCKET, TOTAL, Statement, compile_question
from dmat.metrics.periods import buckets, local_hour, today_in
from dmat.metrics.question import Question
from dmat.settings import Settings
from dmat.warehouse import Version

Value = float | int | None
Row = dict[str, Any]
Key = tuple[Any, ...]
NO_CURRENCY = "XXX"
BUILDS = "raw.table_builds"
BEHIND = timedelta(minutes=15)
"""From which age on it is said when a table was built: live ones are confirmed every five minutes."""


class Warehouse(Protocol):
    """What is read: `dmat.warehouse.Workspace`."""

    @property
    def version(self) -> Version:
        """The version that the next query reads."""
        ...

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query and give its rows as dictionaries."""
        ...

    def tables(self) -> list[str]:
        """Names of all tables, as `schema.table`."""
        ...


@dataclass(frozen=True)
class Column:
    """A column of an answer: a grain, a dimension or a metric."""

    key: str
    name: str
    role: str
    unit: str = ""


@dataclass(frozen=True)
class Compared:
    """The same figures of the period that is compared with.

    Attributes:
        changes: metric -> relative change of the total (0.1 is 10 % more); None where it was nothing or is not known.
    """

    since: date
    until: date
    rows: list[Row]
    totals: dict[str, Value]
    changes: dict[str, float | None]


@dataclass(frozen=True)
class Answer:
    """What came out.

    Attributes:
        question: as it was answered, with its days.
        rows: one dictionary each: the grain (a date, the first day of the bucket; by the hour a local time), each
            dimension (text, None when not known), each metric.
        totals: metric -> its value over all rows, also those beyond the limit.
        labels: dimension -> value -> its name, where values are numbers or keys.
        statements: base -> the SQL that was run; `tables` those that it read.
        missing: tables that are not published, or were built before a column came in; their metrics are None.
        is_cut: there are more rows than the limit.
        as_of: up to when the data reach; `data_version` the published version.
        behind: metric -> when the oldest of its tables was built, for those that are not as new as the data (UTC).
    """

    question: Question
    columns: tuple[Column, ...]
    rows: list[Row]
    totals: dict[str, Value]
    currency: str
    as_of: datetime
    data_version: int
    compared: Compared | None = None
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    is_cut: bool = False
    behind: Mapping[str, datetime] = field(default_factory=dict)

    def counted_at(self, keys: Iterable[str]) -> datetime | None:
        """When what these metrics are counted from was built; None when it is as new as the data."""
        return min((self.behind[key] for key in keys if key in self.behind), default=None)


def ask(warehouse: Warehouse, settings: Settings, question: Question, catalogue: Catalogue | None = None) -> Answer:
    """Answer a question.

    Args:
        warehouse: the published warehouse (`dmat.warehouse.Workspace`).
        settings: of the workspace; its time zone says what a day is.
        question: what is asked.
        catalogue: another one than that of `dbt/metrics`.

    Raises:
        InvalidInputError: the question cannot be answered; names the field and what is allowed.
        NotPublishedError: nothing has been published yet.
    """
    catalogue = catalogue or load()
    zone = settings.workspace_time_zone
    question = question.dated(today_in(zone, settings.clock.now()))
    question.check(catalogue)
    asker = _Asker(warehouse, catalogue, zone, question)
    rows, totals = asker.answer(question)
    order = _order(question)
    rows = _sorted(rows, *order)
    earlier = question.compared()
    kept = rows[: question.limit]
    return Answer(
        question=question,
        columns=_columns(question, catalogue),
        rows=kept,
        totals=totals,
        currency=asker.currency,
        as_of=asker.version.data_as_of,
        data_version=asker.version.number,
        compared=asker.compare(earlier, totals) if earlier else None,
        labels={key: labels for key in question.dimensions if (labels := asker.labels(key, kept))},
        statements=asker.statements,
        tables=tuple(asker.tables),
        missing=asker.missing,
        is_cut=len(rows) > question.limit,
        behind=asker.behind(question.metrics),
    )


def _order(question: Question) -> tuple[str, bool]:
    if question.order:
        return question.order.removeprefix("-"), question.order.startswith("-")
    return (question.grain, False) if question.grain else (question.metrics[0], True)


class _Asker:
    """Answers one question, and the same over an earlier period."""

    def __init__(self, warehouse: Warehouse, catalogue: Catalogue, zone: str, question: Question) -> None:
        self.warehouse, self.catalogue, self.zone = warehouse, catalogue, zone
        self.version = warehouse.version
        self.there = set(warehouse.tables())
        self.missing: tuple[str, ...] = ()
        self.unknown: Row = {}
        self.tables: dict[str, None] = {}
        self.statements: dict[str, str] = {}
        self.counted_from: dict[str, tuple[str, ...]] = {}
        self.currency = question.currency or main_currency(warehouse, self.there)
        if question.segment:
            check_segment(warehouse, self.there, question.segment)

    def answer(self, question: Question) -> tuple[list[Row], dict[str, Value]]:
        found: dict[Key, Row] = {}
        totals: Row = {}
        for statement in compile_question(question, self.catalogue, self.zone, self.currency, self.there):
            self._run(statement, question, found, totals)
        if question.grain and not question.dimensions:
            self._fill(found, question)
        metrics = [self.catalogue.metric(key) for key in question.metrics]
        unknown = self.unknown
        unknown_there = unknown | (self._by_day(metrics) if question.grain == "hour" else {})
        rows = [_figures(metrics, self.catalogue, row | unknown_there, keys) for keys, row in _keyed(found, question)]
        whole = [metric for metric in metrics if _adds_up(metric, question)]
        sums: dict[str, Value] = dict.fromkeys(question.metrics)
        return rows, sums | _figures(whole, self.catalogue, totals | unknown, {})

    def _fill(self, found: dict[Key, Row], question: Question) -> None:
        """A bucket in which nothing happened counts 0; there are none after the data end."""
        as_of = self.version.data_as_of
        last = local_hour(as_of, self.zone) if question.grain == "hour" else today_in(self.zone, as_of)
        for bucket, _ in buckets(*question.days, question.grain, self.zone):
            if bucket <= last:
                found.setdefault((bucket,), {})

    def _by_day(self, metrics: Iterable[Metric]) -> Row:
        """Parts of the metrics that are known by the day only: unknown in every hour."""
        parts = (part for metric in metrics for part in self.catalogue.parts(metric))
        return {part.key: None for part in parts if self.catalogue.is_by_day(part)}

    def _run(self, statement: Statement, question: Question, found: dict[Key, Row], totals: Row) -> None:
        rows = self._rows(statement)
        if rows is None:
            return
        self.tables |= dict.fromkeys(statement.tables)
        self.statements.setdefault(statement.name, statement.sql)
        self.counted_from |= dict.fromkeys(statement.columns, statement.tables)
        keys = [*((BUCKET,) if question.grain else ()), *question.dimensions]
        for row in rows:
            values = {column: row[column] for column in statement.columns}
            if row[TOTAL]:
                totals |= values
            else:
                found.setdefault(tuple(row[key] for key in keys), {}).update(values)
        if not statement.has_totals:
            totals |= self._totals(statement, question)

    def _rows(self, statement: Statement) -> list[Row] | None:
        """The rows of a statement; None when its tables are not published, or were built before a column came in."""
        lacking = [table for table in statement.tables if table not in self.there]
        if not lacking:
            try:
                return self.warehouse.rows(statement.sql)
            except duckdb.BinderException:  # the tests hold every column against the contracts of today
                lacking = [statement.base.table]
        self.missing = tuple(dict.fromkeys((*self.missing, *lacking)))
        self.unknown |= dict.fromkeys(statement.columns)
        return None

    def _totals(self, statement: Statement, question: Question) -> Row:
        """Totals of rows that do not add up to them: people in several segments, what is there at an end."""
        whole = question.model_copy(
            update={"grain": "", "dimensions": (), "metrics": statement.columns, "compare": "", "order": ""}
        )
        found: Row = {}
        for each in compile_question(whole, self.catalogue, self.zone, self.currency, self.there):
            found |= {column: row[column] for row in self.warehouse.rows(each.sql) for column in each.columns}
        return found

    def compare(self, earlier: Question, totals: Mapping[str, Value]) -> Compared:
        rows, before = self.answer(earlier)
        rows = _sorted(rows, *_order(earlier))
        changes = {key: _change(totals[key], before[key]) for key in earlier.metrics}
        return Compared(*earlier.days, rows, before, changes)

    def behind(self, metrics: Iterable[str]) -> dict[str, datetime]:
        if BUILDS not in self.there or not self.tables:
            return {}
        query = f"select table_name, built_at from {BUILDS} where table_name in (select unnest(?::varchar[]))"
        since = self.version.data_as_of - BEHIND
        built = {row["table_name"]: row["built_at"] for row in self.warehouse.rows(query, [list(self.tables)])}
        old = {table: at for table, at in built.items() if at < since}
        found = {}
        for key in metrics if old else ():
            parts = self.catalogue.parts(self.catalogue.metric(key))
            times = [old[table] for part in parts for table in self.counted_from.get(part.key, ()) if table in old]
            if times:
                found[key] = min(times)
        return found

    def labels(self, key: str, rows: Iterable[Row]) -> dict[str, str]:
        named = self.catalogue.dimensions[key].labels
        values = list(dict.fromkeys(str(row[key]) for row in rows if row[key] is not None))
        if named is None or named[0] not in self.there or not values:
            return {}
        table, column, name = named
        query = (
            f"select distinct cast({column} as varchar) as value, {name} as name from {table}"
            f" where cast({column} as varchar) in (select unnest(?::varchar[]))"
        )
        return {row["value"]: str(row["name"]) for row in self.warehouse.rows(query, [values]) if row["name"]}


def main_currency(warehouse: Warehouse, there: Iterable[str]) -> str:
    """The currency of most orders; `XXX` without orders."""
    sources = (("commerce.hourly_orders", "sum(orders_count)"), ("commerce.fct_orders", "count(*)"))
    published = set(there)
    found = next(((table, count) for table, count in sources if table in published), None)
    if found is None:
        return NO_CURRENCY
    query = (
        f"select currency_code, {found[1]} as orders_count from {found[0]} where currency_code is not null"
        " group by currency_code order by orders_count desc, currency_code limit 1"
    )
    rows = warehouse.rows(query)
    return str(rows[0]["currency_code"]) if rows else NO_CURRENCY


def check_segment(warehouse: Warehouse, there: Iterable[str], key: str) -> None:
    """Refuse a segment that was never evaluated.

    Raises:
        InvalidInputError: there is none.
    """
    tables = [table for table in ("segments.segment_sizes", "segments.segment_memberships") if table in set(there)]
    for table in tables:
        if warehouse.rows(f"select 1 as found from {table} where segment_key = ? limit 1", [key]):
            return
    raise InvalidInputError("segment", f"{key!r} was never evaluated", "the key of a segment that was")


def _adds_up(metric: Metric, question: Question) -> bool:
    """Whether a total over everything means something: not where rows repeat over a dimension."""
    one = {each.dimension for each in question.filters if len(each.values) == 1}
    return all(key in one for key in metric.needs)


def _keyed(found: Mapping[Key, Row], question: Question) -> Iterable[tuple[Row, Row]]:
    names = [*((question.grain,) if question.grain else ()), *question.dimensions]
    if not names:
        return
    for key, row in found.items():
        yield dict(zip(names, key, strict=True)), row


def _figures(metrics: Sequence[Metric], catalogue: Catalogue, row: Row, keys: Row) -> Row:
    return keys | {metric.key: figure(metric, catalogue, row) for metric in metrics}


def figure(metric: Metric, catalogue: Catalogue, row: Mapping[str, Any]) -> Value:
    """The value of a metric from those of its simple parts; what is not there counts 0, what is unknown is None."""
    return _in_unit(metric, _exact(metric, catalogue, row))


def _exact(metric: Metric, catalogue: Catalogue, row: Mapping[str, Any]) -> float | None:
    """The figure before it is rounded: what is made of others is made of what they exactly are."""
    if not metric.is_made:
        found = row.get(metric.key, None if metric.kind == "median" else 0)
        return float(found) if isinstance(found, Decimal) else found
    above = _sum(metric.numerator, catalogue, row)
    for key in metric.factors:
        factor = _exact(catalogue.metrics[key], catalogue, row)
        above = above * factor if above is not None and factor is not None else None
    if not metric.denominator:
        return above
    below = _sum(metric.denominator, catalogue, row)
    return above / below if above is not None and below else None


def _sum(terms: Sequence[tuple[str, bool]], catalogue: Catalogue, row: Mapping[str, Any]) -> float | None:
    values = [(_exact(catalogue.metrics[key], catalogue, row), is_less) for key, is_less in terms]
    known = [(-value if is_less else value) for value, is_less in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _in_unit(metric: Metric, value: float | Decimal | None) -> Value:
    """Counts and cents as whole numbers, a half away from 0 as SQL rounds it."""
    if value is None:
        return None
    if metric.unit in ("count", "cents"):
        return int(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))
    return float(value)


def _change(now: Value, before: Value) -> float | None:
    return (now - before) / abs(before) if now is not None and before else None


def _sorted(rows: list[Row], by: str, is_falling: bool) -> list[Row]:
    names = [name for name in rows[0] if name != by] if rows else []
    rows = sorted(rows, key=lambda row: [str(row[name]) for name in names])
    known = sorted((row for row in rows if row[by] is not None), key=lambda row: row[by], reverse=is_falling)
    return known + [row for row in rows if row[by] is None]


def _columns(question: Question, catalogue: Catalogue) -> tuple[Column, ...]:
    found = [Column(question.grain, question.grain.capitalize(), "grain")] if question.grain else []
    found += [Column(key, catalogue.dimensions[key].name, "dimension") for key in question.dimensions]
    metrics = [catalogue.metric(key) for key in question.metrics]
    return (*found, *(Column(metric.key, metric.name, "metric", metric.unit) for metric in metrics))
