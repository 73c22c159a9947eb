"""Which metrics, dimensions and bases there are: what the files in `dbt/metrics` say, checked and typed.

Belongs here: their types and looking them up. Stays out: reading the files (`reading.py`), SQL (`compiling.py`).

A base is a table whose rows are counted; a simple metric counts, adds up or takes the median of its rows; any other
is made of simple ones: a sum of terms, times factors where it has some, or that divided by another sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Literal

from dmat.errors import InvalidInputError

Unit = Literal["count", "rate", "cents", "ratio", "seconds", "days"]
Better = Literal["higher", "lower", "neither"]
Kind = Literal["count", "sum", "distinct", "median", "made"]
SEGMENT, HOUR_OF_DAY = "segment", "hour_of_day"


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something by which figures are told apart.

    Attributes:
        expression: SQL over a person's row, for dimensions of people; empty where each base gives its own.
        join: the join that the expression needs, on `base.<person column>`, written `{person}`.
        is_many: one row can have several values, so that parts add up to more than the whole.
        labels: a table and its columns of key and name, for values that are numbers or keys.
    """

    key: str
    name: str
    words: str
    expression: str = ""
    join: str = ""
    is_many: bool = False
    labels: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Hourly:
    """Sums of a base's rows by the hour of its usual time.

    Attributes:
        table: `schema.table`, with a column `hour_at`; `where` is what holds for each of its rows that counts.
        dimensions: keys of the base's dimensions whose SQL holds for its rows too.
    """

    table: str
    dimensions: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """A table whose rows are counted.

    Attributes:
        table: `schema.table`; `where` is what holds for each row that counts. Both speak of the row as `base`.
        times: name of each moment by which rows can be dated -> SQL; the first is the usual one.
        is_dated: the times are days as a vendor gave them, so no time zone is applied.
        person: SQL of the person's number; empty where there is none.
        currency: SQL of the currency of amounts; empty where there are none.
        dimensions: key -> SQL.
        joins: alias -> the join that makes it.
        raw: the raw tables in which `record_id` is to be looked for.
        ends_at: SQL of the moment at which a row stops being there, for figures of a state; the usual time is then
            the moment at which it begins.
        hourly: its sums by the hour, where there are some.
    """

    key: str
    words: str
    table: str
    grain: str
    times: Mapping[str, str]
    where: str = ""
    is_dated: bool = False
    person: str = ""
    currency: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    joins: Mapping[str, str] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    ends_at: str = ""
    hourly: Hourly | None = None

    @property
    def is_state(self) -> bool:
        """Whether figures tell what is there at the end of a period, not what happened within it."""
        return bool(self.ends_at)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        words: what it tells, for everybody; `formula` how it is counted, in words.
        unit: `rate` lies between 0 and 1, `cents` is in the smallest unit of a currency, `ratio` is any other quotient.
        grain: what one counted row is.
        is_human_only: reactions of machines are left out.
        is_in_currency: only rows in the currency of the question count.
        time_zone: `workspace`: days are those of the marketers; `vendor`: days as the vendor counts them.
        window_days: how long after its cause something still counts; 0 where there is no such limit.
        needs: dimensions of which a question must tell rows apart, or take one value, since rows repeat over them.
        time: the name of the moment of `base` by which rows are dated.
        value: SQL that is added up, told apart or ordered; `where` is what a row must fulfil to count.
        hourly: SQL that is added up over the base's sums by the hour, in place of `value` and `where`.
        numerator: terms of a made metric: keys of other metrics and whether each is taken away.
        factors: what that sum is multiplied by: keys of other metrics.
        denominator: what it is divided by; empty for a plain sum.
        dimensions: keys of the dimensions that it has.
    """

    key: str
    name: str
    words: str
    formula: str
    unit: Unit
    better: Better
    owner: str
    base: str
    grain: str
    kind: Kind
    dimensions: tuple[str, ...]
    is_human_only: bool = False
    is_in_currency: bool = False
    time_zone: Literal["workspace", "vendor"] = "workspace"
    window_days: int = 0
    needs: tuple[str, ...] = ()
    time: str = ""
    value: str = ""
    where: str = ""
    hourly: str = ""
    numerator: tuple[tuple[str, bool], ...] = ()
    factors: tuple[str, ...] = ()
    denominator: tuple[tuple[str, bool], ...] = ()
    subject: str = ""

    @property
    def is_made(self) -> bool:
        """Whether it is made of other metrics."""
        return self.kind == "made"

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is, 0 when neither."""
        return {"higher": 1, "lower": -1, "neither": 0}[self.better]


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be asked for."""

    metrics: Mapping[str, Metric]
    dimensions: Mapping[str, Dimension]
    bases: Mapping[str, Base]

    def metric(self, key: str) -> Metric:
        """The metric of a key.

        Raises:
            InvalidInputError: there is none.
        """
        if key not in self.metrics:
            raise InvalidInputError("metrics", f"{key!r} is no metric", near(key, self.metrics))
        return self.metrics[key]

    def base_of(self, metric: Metric) -> Base:
        """The base of a simple metric."""
        return self.bases[metric.base]

    def parts(self, metric: Metric) -> tuple[Metric, ...]:
        """The simple metrics that a metric is made of, itself when it is one."""
        if not metric.is_made:
            return (metric,)
        found: dict[str, Metric] = {}
        for key in (*(key for key, _ in (*metric.numerator, *metric.denominator)), *metric.factors):
            found |= {part.key: part for part in self.parts(self.metrics[key])}
        return tuple(found.values())

    def is_by_day(self, metric: Metric) -> bool:
        """Whether a metric, or a part of it, is known by the day only, as vendors count it."""
        return any(self.base_of(part).is_dated for part in self.parts(metric))

    def known_by_hour(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Those of the metrics that can be told by the hour."""
        return tuple(key for key in keys if not self.is_by_day(self.metric(key)))

    def shared_dimensions(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Dimensions that all these metrics have, in the order of the first one."""
        metrics = [self.metric(key) for key in keys]
        first = metrics[0].dimensions if metrics else tuple(self.dimensions)
        return tuple(key for key in first if all(key in metric.dimensions for metric in metrics))


def near(key: str, known: Mapping[str, object]) -> str:
    """The keys to name in a fault: those that share a word with it, else those spelt alike, else all."""
    words = set(key.lower().split("_"))
    alike = [other for other in known if words & set(other.split("_"))]
    return ", ".join(alike or get_close_matches(key, known) or known)


@cache
def load() -> Catalogue:
    """The catalogue of `dbt/metrics`, read once."""
    from dmat.metrics.reading import read_catalogue

    return read_catalogue()


def metric(key: str) -> Metric:
    """The metric of a key.

    Raises:
        InvalidInputError: there is none; the message names those that are alike.
    """
    return load().metric(key)


def __getattr__(name: str) -> Mapping[str, object]:
    """`METRICS`, `DIMENSIONS` and `BASES`: the catalogue's parts, read when they are first asked for."""
    if name in ("METRICS", "DIMENSIONS", "BASES"):
        found: Mapping[str, object] = getattr(load(), name.lower())
        return found
    raise AttributeError(name)
