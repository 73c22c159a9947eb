"""A question -> the SQL of each of its bases: one scan for all metrics of a base that are dated alike.

Belongs here: building that SQL, portable and ready to be shown: what is shown is what is run. Stays out: running it.

Values that people typed go in as literals with quotes doubled; control characters were refused by the question.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date

from dmat.metrics.catalogue import HOUR_OF_DAY, Base, Catalogue, Metric
from dmat.metrics.hourly import by_the_hour
from dmat.metrics.periods import buckets, local_time, moment
from dmat.metrics.question import Filter, Question

BUCKET, TOTAL = "bucket", "is_total"
MEMBERS_TABLE = "segments.segment_memberships"
MEMBERS = f"select person_id from {MEMBERS_TABLE} where segment_key = {{key}} and left_at is null"


@dataclass(frozen=True)
class Statement:
    """The SQL of one base.

    Attributes:
        name: the base, with the moment when it is not the usual one.
        tables: that it reads.
        columns: keys of the metrics, each a column.
        has_totals: the row with `is_total` = 1 is over everything.
    """

    name: str
    base: Base
    sql: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    has_totals: bool


def quoted(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def compile_question(
    question: Question, catalogue: Catalogue, zone: str, currency: str, there: Container[str] = ()
) -> list[Statement]:
    """The statements of a dated question, which was checked.

    Args:
        question: has days.
        catalogue: knows its metrics.
        zone: the workspace's time zone.
        currency: of amounts; rows in others do not add to them.
        there: tables that are published; sums by the hour are read only where they are among them.
    """
    groups: dict[tuple[str, str], dict[str, Metric]] = {}
    for key in question.metrics:
        for part in catalogue.parts(catalogue.metric(key)):
            groups.setdefault((part.base, part.time), {})[part.key] = part
    found = []
    for (key, time), parts in groups.items():
        base, metrics = catalogue.bases[key], tuple(parts.values())
        base, metrics = by_the_hour(base, metrics, question, zone, there) or (base, metrics)
        asked = whole(question) if question.grain == "hour" and base.is_dated else question
        found.append(_Builder(asked, catalogue, base, time, zone, currency).build(metrics))
    return found


def whole(question: Question) -> Question:
    """The question over all its days, told apart by nothing."""
    return question.model_copy(update={"grain": "", "dimensions": ()})


def compile_rows(
    question: Question, catalogue: Catalogue, metric: Metric, zone: str, currency: str, columns: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """The SQL of the rows that count for a simple metric over the whole range of a question, and the tables it reads.

    Args:
        question: dated; its grain and dimensions are passed over, its filters and segment are not.
        catalogue: knows the metric.
        metric: a simple one.
        zone: the workspace's time zone.
        currency: of amounts.
        columns: SQL of what is wanted of each row.
    """
    builder = _Builder(whole(question), catalogue, catalogue.bases[metric.base], metric.time, zone, currency)
    return builder.select(metric, columns), builder.tables


class _Builder:
    """Builds the statement of one base and moment."""

    def __init__(
        self, question: Question, catalogue: Catalogue, base: Base, time: str, zone: str, currency: str
    ) -> None:
        self.question, self.catalogue, self.base, self.currency = question, catalogue, base, currency
        self.time, self.zone = time, "UTC" if base.is_dated else zone
        self.tables: tuple[str, ...] = (base.table,)

    def build(self, metrics: Sequence[Metric]) -> Statement:
        keys = [*((BUCKET,) if self.question.grain else ()), *self.question.dimensions]
        is_many = any(self.catalogue.dimensions[key].is_many for key in self.question.dimensions)
        has_totals = bool(keys) and not is_many and not self.base.is_state
        rows = self._rows(metrics)
        aggregates = [f"{_AGGREGATES[metric.kind].format(metric.key)} as {metric.key}" for metric in metrics]
        names = ", ".join(keys)
        if has_totals:
            total, grouped = f"grouping({keys[0]})", f"\ngroup by grouping sets (({names}), ())"
        else:
            total, grouped = ("0" if keys else "1"), f"\ngroup by {names}" if keys else ""
        columns = ",\n    ".join([*keys, f"{total} as {TOTAL}", *aggregates])
        usual = next(iter(self.base.times)) == self.time
        name = self.base.key if usual else f"{self.base.key}.{self.time}"
        sql = f"with counted as (\n{rows}\n)\n\nselect\n    {columns}\nfrom counted{grouped}"
        columns_of = tuple(metric.key for metric in metrics)
        return Statement(name, self.base, sql, self.tables, columns_of, has_totals or not keys)

    def _rows(self, metrics: Sequence[Metric]) -> str:
        dimensions = {key: self._dimension(key) for key in self.question.dimensions}
        columns = [f"{self._bucket()} as {BUCKET}"] if self.question.grain else []
        columns += [f"{as_text(sql)} as {key}" for key, sql in dimensions.items()]
        columns += [f"{self._value(metric)} as {metric.key}" for metric in metrics]
        where = self._conditions()
        if not self.base.is_state:
            where = [*where, *self.range()]
        lines = [f"    select\n        {(',' + chr(10) + '        ').join(columns)}", f"    {self._from()}"]
        lines += [f"    {join}" for join in self._joins([*columns, *where], self.question.dimensions)]
        lines += ["    where\n        " + "\n        and ".join(where)] if where else []
        return "\n".join(lines)

    def _from(self) -> str:
        if not self.base.is_state:
            return f"from {self.base.table} as base"
        start = self.base.times[self.time]
        is_there = (
            f"{start} < moments.ends_at and ({self.base.ends_at} is null or {self.base.ends_at} >= moments.ends_at)"
        )
        return f"from {self._moments()}\n    inner join {self.base.table} as base on {is_there}"

    def _moments(self) -> str:
        """The ends of all buckets, of the last one that of the range."""
        since, until = self.question.days
        grain = self.question.grain
        found = list(buckets(since, until, grain, self.zone)) if grain else [(since, moment(until, self.zone))]
        kind = "timestamp" if grain == "hour" else "date"
        rows = ", ".join(f"({kind} '{bucket}', timestamp '{end}')" for bucket, end in found)
        return f"(values {rows}) as moments (bucket, ends_at)"

    def _joins(self, expressions: Sequence[str], dimensions: Sequence[str]) -> list[str]:
        found = joins(self.base, self.catalogue, expressions, dimensions, self.question.filters)
        joined = [match[1] for join in found if (match := re.search(r"\bjoin\s+([\w.]+)", join))]
        members = [MEMBERS_TABLE] if self.question.segment else []
        self.tables = tuple(dict.fromkeys([self.base.table, *joined, *members]))
        return found

    def _bucket(self) -> str:
        if self.base.is_state:
            return "moments.bucket"
        cut = f"date_trunc('{self.question.grain}', {self._local_time()})"
        return cut if self.question.grain == "hour" else f"cast({cut} as date)"

    def _local_time(self) -> str:
        return local_time(self.base.times[self.time], *self.question.days, self.zone)

    def _dimension(self, key: str) -> str:
        """The SQL of a dimension over a row: the base's own, else that of its person."""
        if key == HOUR_OF_DAY:
            return f"lpad(cast(extract(hour from {self._local_time()}) as varchar), 2, '0')"
        return self.base.dimensions.get(key) or self.catalogue.dimensions[key].expression

    def _conditions(self) -> list[str]:
        """What holds for each row that the question looks at, but for its days."""
        found = [f"({self.base.where})"] if self.base.where else []
        found += [self._filtered(each) for each in self.question.filters]
        if self.question.segment:
            found.append(f"{self.base.person} in ({MEMBERS.format(key=quoted(self.question.segment))})")
        return found

    def _filtered(self, each: Filter) -> str:
        sql = as_text(self._dimension(each.dimension))
        known = [quoted(value) for value in each.values if value]
        parts = [f"{sql} in ({', '.join(known)})"] if known else []
        parts += [f"{sql} is null"] if "" in each.values else []
        return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"

    def range(self) -> list[str]:
        return in_range(self.base, self.time, *self.question.days, self.zone)

    def _value(self, metric: Metric) -> str:
        where, value = self.counts(metric), metric.value or "1"
        return f"case when {' and '.join(where)} then {value} end" if where else value

    def counts(self, metric: Metric) -> list[str]:
        """What a row must fulfil to count for a metric."""
        where = [f"({metric.where})"] if metric.where else []
        if metric.is_in_currency and "currency" not in self.question.dimensions:
            where.append(f"{self.base.currency} = {quoted(self.currency)}")
        return where

    def select(self, metric: Metric, columns: Sequence[str]) -> str:
        """The rows that count for one metric, with these columns."""
        where = [*self._conditions(), *self.counts(metric)]
        where += [f"({metric.value}) is not null"] if metric.value else []
        where += [] if self.base.is_state else self.range()
        lines = [f"select {', '.join(columns)}", self._from(), *self._joins([*columns, *where], ())]
        lines += ["where", "    " + "\n    and ".join(where)] if where else []
        return "\n".join(lines)


_AGGREGATES = {
    "count": "count({0})",
    "sum": "coalesce(sum({0}), 0)",
    "distinct": "count(distinct {0})",
    "median": "percentile_cont(0.5) within group (order by {0})",
}


def in_range(base: Base, time: str, since: date, until: date, zone: str) -> list[str]:
    """Conditions that a row lies within days."""
    at = base.times[time]
    if base.is_dated:
        return [f"{at} >= date '{since}'", f"{at} < date '{until}'"]
    return [f"{at} >= timestamp '{moment(since, zone)}'", f"{at} < timestamp '{moment(until, zone)}'"]


def as_text(sql: str) -> str:
    """The SQL of a dimension's value as text; what is empty is not known."""
    return f"nullif(cast({sql} as varchar), '')"


def joins(
    base: Base, catalogue: Catalogue, expressions: Sequence[str], dimensions: Sequence[str], filters: Sequence[Filter]
) -> list[str]:
    """The joins that the expressions need, each once."""
    text = " ".join(expressions)
    found = [join for alias, join in base.joins.items() if re.search(rf"\b{alias}\.", text)]
    for key in (*dimensions, *(each.dimension for each in filters)):
        dimension = catalogue.dimensions[key]
        if key not in base.dimensions and dimension.join:
            found.append(dimension.join.format(person=base.person))
    return list(dict.fromkeys(found))
