"""A question: which metrics, over which days, told apart by what, of whom; as JSON and as an address, both ways.

Belongs here: the question, what makes one impossible, periods that move with today. Stays out: SQL (`compiling.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Literal, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dmat import forms
from dmat.documents import read
from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import Catalogue, Metric, load, near
from dmat.metrics.periods import PERIODS, before, period_of

MOST_METRICS, MOST_DIMENSIONS, MOST_DAYS, MOST_VALUES = 40, 3, 3700, 200
MOST_BUCKETS = 800
HOURS = {"hour": 1, "day": 24, "week": 168, "month": 672}
"""Least hours of a bucket."""
DEFAULT_LIMIT = 1000
UNKNOWN = ""
"""The value of a filter that means: not known."""


class Filter(BaseModel):
    """Only rows where a dimension has one of these values; an empty value means: not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: str = Field(max_length=60)
    values: tuple[str, ...] = Field(min_length=1, max_length=MOST_VALUES)


class Question(BaseModel):
    """What is asked.

    Attributes:
        metrics: their keys, one to forty.
        since: the first day; `until` the first day that is no longer in it. Days are those of the workspace's time
            zone. Both may be empty when `period` is given, which moves with today (`periods.PERIODS`).
        grain: one row for each hour, day, week (from Monday) or month; empty for one over all. Measures that are known
            by the day only have no value by the hour, and keep their total.
        dimensions: up to three, by which rows are told apart.
        filters: all of them hold.
        segment: key of a segment: only its members of now.
        compare: `previous` is as many days just before, `year` the same days a year before.
        currency: of amounts; empty for the one in which most orders are. Amounts in others are left out, and counted.
        order: a metric or dimension, `-` before it for falling; empty: by time, else the first metric falling.
        limit: so many rows at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: tuple[str, ...] = Field(min_length=1, max_length=MOST_METRICS)
    since: date | None = None
    until: date | None = None
    period: str = ""
    grain: Literal["", "hour", "day", "week", "month"] = ""
    dimensions: tuple[str, ...] = Field((), max_length=MOST_DIMENSIONS)
    filters: tuple[Filter, ...] = Field((), max_length=20)
    segment: str = Field("", max_length=120)
    compare: Literal["", "previous", "year"] = ""
    currency: str = Field("", pattern=forms.OR_NOTHING + forms.CURRENCY)
    order: str = Field("", max_length=80)
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=10_000)

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.period:
            if self.period not in PERIODS:
                raise InvalidInputError("period", f"{self.period!r} is not known", ", ".join(PERIODS))
            return self
        if self.since is None or self.until is None:
            raise InvalidInputError("since", "a day is missing", "both since and until (exclusive), or a period")
        if not self.since < self.until:
            raise InvalidInputError("until", f"{self.until} is not after {self.since}", "a later day than since")
        if (self.until - self.since).days > MOST_DAYS:
            raise InvalidInputError("until", "the range is too long", f"at most {MOST_DAYS} days")
        return self

    def dated(self, today: date) -> Question:
        """The same question with its days, when it has a period; `today` is in the workspace's time zone."""
        if not self.period:
            return self
        since, until = period_of(self.period, today)
        return self.model_copy(update={"since": since, "until": until, "period": ""})

    @property
    def days(self) -> tuple[date, date]:
        """First day and the day after the last one.

        Raises:
            InvalidInputError: the question has a period and was not dated.
        """
        if self.since is None or self.until is None:
            raise InvalidInputError("period", "stands for no days yet", "a dated question")
        return self.since, self.until

    def compared(self) -> Question | None:
        """The question over the period that it is compared with."""
        if not self.compare:
            return None
        since, until = before(*self.days, self.compare)
        return self.model_copy(update={"since": since, "until": until, "compare": ""})

    def check(self, catalogue: Catalogue | None = None) -> None:
        """Refuse what cannot be answered.

        Raises:
            InvalidInputError: names the field and what is allowed.
        """
        catalogue = catalogue or load()
        for key in self.metrics:
            self._check_needs(catalogue.metric(key))
        shared = catalogue.shared_dimensions(self.metrics)
        if self.grain == "hour" and not catalogue.known_by_hour(self.metrics):
            raise InvalidInputError("grain", f"{', '.join(self.metrics)}: known by the day only", "day, week, month")
        for key in self.dimensions:
            self._check_dimension("dimensions", key, shared, catalogue)
        for each in self.filters:
            self._check_dimension("filters", each.dimension, shared, catalogue)
            if catalogue.dimensions[each.dimension].is_many:
                raise InvalidInputError("filters", f"{each.dimension} cannot be a filter", "the field segment")
            _refuse_controls("filters", each.values)
        if self.segment:
            self._check_dimension("segment", "segment", shared, catalogue)
            _refuse_controls("segment", (self.segment,))
        self._check_rows()

    def _check_dimension(self, field: str, key: str, shared: tuple[str, ...], catalogue: Catalogue) -> None:
        if key not in catalogue.dimensions:
            raise InvalidInputError(field, f"{key!r} is no dimension", near(key, catalogue.dimensions))
        if key not in shared:
            without = next(each for each in self.metrics if key not in catalogue.metrics[each].dimensions)
            raise InvalidInputError(field, f"{without} cannot be told apart by {key}", ", ".join(shared) or "none")

    def _check_needs(self, metric: Metric) -> None:
        """Rows that repeat over a dimension are never added up over it."""
        one = {each.dimension for each in self.filters if len(each.values) == 1}
        for key in metric.needs:
            if key not in self.dimensions and key not in one:
                problem = f"{metric.key} repeats over {key}"
                raise InvalidInputError("dimensions", problem, f"{key} as a dimension, or a filter on one value of it")

    def _check_rows(self) -> None:
        for name, values in (("metrics", self.metrics), ("dimensions", self.dimensions)):
            if len(set(values)) < len(values):
                raise InvalidInputError(name, "names something twice", "each once")
        if self.grain and self.since and self.until:
            buckets = (self.until - self.since).days * 24 // HOURS[self.grain]
            if buckets > MOST_BUCKETS:
                raise InvalidInputError("grain", f"would give {buckets} points", f"at most {MOST_BUCKETS}")
        allowed = (*((self.grain,) if self.grain else ()), *self.dimensions, *self.metrics)
        if self.order and self.order.removeprefix("-") not in allowed:
            raise InvalidInputError("order", f"{self.order!r} is not asked for", ", ".join(allowed))

    def address(self) -> str:
        """The question as the query part of an address; `read_address` reads it back."""
        pairs = [("metrics", ",".join(self.metrics))]
        if self.period:
            pairs.append(("period", self.period))
        else:
            pairs += [("since", str(self.since)), ("until", str(self.until))]
        pairs += [("by", ",".join(self.dimensions))] if self.dimensions else []
        pairs += [("filter", f"{each.dimension}:{value}") for each in self.filters for value in each.values]
        for name in ("grain", "segment", "compare", "currency", "order"):
            pairs += [(name, str(getattr(self, name)))] if getattr(self, name) else []
        pairs += [("limit", str(self.limit))] if self.limit != DEFAULT_LIMIT else []
        return urlencode(pairs)


def read_question(document: Mapping[str, object]) -> Question:
    """A question from its document.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    found = read(Question, document, "question")
    found.check()
    return found


def read_address(pairs: Iterable[tuple[str, str]]) -> Question:
    """A question from the parameters of an address; parameters of other things are passed over.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    document: dict[str, object] = {}
    filters: dict[str, list[str]] = {}
    for name, value in pairs:
        if name == "filter":
            dimension, colon, wanted = value.partition(":")
            if not colon:
                raise InvalidInputError("filter", f"{value[:60]!r} has no colon", "dimension:value")
            filters.setdefault(dimension, []).append(wanted)
        elif name in ("metrics", "by"):
            document["dimensions" if name == "by" else name] = tuple(part for part in value.split(",") if part)
        elif name in Question.model_fields and name not in ("filters", "dimensions"):
            document[name] = value
    document["filters"] = tuple({"dimension": name, "values": tuple(values)} for name, values in filters.items())
    return read_question(document)


def _refuse_controls(field: str, values: Iterable[str]) -> None:
    for value in values:
        if any(ord(sign) < 32 for sign in value) or len(value) > 500:
            raise InvalidInputError(field, "a value has control characters or is too long", "text of up to 500 signs")


def day_after(day: date) -> date:
    """The next day."""
    return day + timedelta(days=1)
