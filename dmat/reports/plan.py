"""What a report is: sections of questions, a period, a schedule, recipients.

Belongs here: these shapes and what makes them whole. Stays out: keeping them (`library.py`), making (`making.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from dmat import forms
from dmat.documents import Address, read
from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import load
from dmat.metrics.periods import PERIODS
from dmat.metrics.question import Filter, Question

MOST_SECTIONS, MOST_ROWS = 20, 60
Chart = Literal["", "line", "bar"]
KEPT: Final = {"is_kept": True}


class Part(BaseModel):
    """What every part of a report is: it cannot be changed, and a word it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Section(Part):
    """One part of a report.

    Attributes:
        title: its heading.
        metrics: one to eight; without grain and dimensions they are shown as key figures.
        grain, dimensions: by which rows are told apart, as in a question.
        chart: `line` over time, `bar` by the first dimension; empty for a table alone.
        limit: so many rows at most.
    """

    title: str = Field(min_length=1, max_length=120)
    metrics: tuple[str, ...] = Field(min_length=1, max_length=8)
    grain: Literal["", "hour", "day", "week", "month"] = ""
    dimensions: tuple[str, ...] = Field((), max_length=2)
    filters: tuple[Filter, ...] = Field((), max_length=10)
    chart: Chart = ""
    order: str = Field("", max_length=80)
    limit: int = Field(15, ge=1, le=MOST_ROWS)

    @model_validator(mode="after")
    def _is_whole(self, info: ValidationInfo) -> Self:
        if self.chart == "line" and not self.grain:
            raise InvalidInputError("chart", "a line needs a grain", "hour, day, week or month as grain")
        if self.chart == "bar" and not self.dimensions and not self.grain:
            raise InvalidInputError("chart", "bars need something to tell apart", "a dimension or a grain")
        if info.context is not KEPT:
            self.question("last_month").check()
        return self

    @property
    def is_key_figures(self) -> bool:
        """Whether it shows figures as such, without rows."""
        return not self.grain and not self.dimensions

    def question(self, period: str = "", **more: Any) -> Question:
        """The question that this section asks."""
        limit = 400 if self.grain else self.limit
        return Question(
            metrics=self.metrics, grain=self.grain, dimensions=self.dimensions, filters=self.filters, period=period,
            order=self.order, limit=limit, **more,
        )  # fmt: skip


class Schedule(Part):
    """When a report is made by itself, in the workspace's time zone.

    Attributes:
        every: day, week or month; empty: only when somebody asks.
        weekday: of a weekly one, 1 is Monday.
        monthday: of a monthly one.
        hour: from when on.
    """

    every: Literal["", "day", "week", "month"] = ""
    weekday: int = Field(1, ge=1, le=7)
    monthday: int = Field(1, ge=1, le=28)
    hour: int = Field(7, ge=0, le=23)


class Report(Part):
    """One report.

    Attributes:
        key: its name in addresses; `name`, `words` for people; `topic` groups the list.
        period: which days, counted from the day on which it is made (`dmat.metrics.periods.PERIODS`).
        compare: with which period.
        segment: only the members of a segment, in sections whose metrics have people.
        recipients: who gets it by mail when it was made by its schedule.
    """

    key: str = Field(pattern=forms.KEY)
    name: str = Field(min_length=1, max_length=120)
    words: str = Field("", max_length=500)
    topic: str = Field("Own", max_length=60)
    period: str = "last_month"
    compare: Literal["", "previous", "year"] = "previous"
    segment: str = Field("", max_length=120)
    sections: tuple[Section, ...] = Field(min_length=1, max_length=MOST_SECTIONS)
    schedule: Schedule = Schedule()
    recipients: tuple[Address, ...] = Field((), max_length=50)

    @field_validator("recipients")
    @classmethod
    def _each_once(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.lower() for each in recipients))

    @model_validator(mode="after")
    def _has_a_period(self) -> Self:
        if self.period not in PERIODS:
            raise InvalidInputError("period", f"{self.period!r} is not known", ", ".join(PERIODS))
        return self

    def segment_of(self, section: Section) -> str:
        """The segment for a section: none where its metrics know no people."""
        return self.segment if "segment" in load().shared_dimensions(section.metrics) else ""


def read_report(document: Mapping[str, Any], is_kept: bool = False) -> Report:
    """A report from its document.

    Args:
        document: as JSON has it.
        is_kept: it was checked when it was kept: a metric that is gone since is found when the report is made.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    return read(Report, document, "report", KEPT if is_kept else None)


def check_recipients(to: Sequence[str]) -> list[str]:
    """Addresses as they are written to, each once.

    Raises:
        InvalidInputError: names the one that is no address.
    """
    for place, address in enumerate(to):
        if not re.fullmatch(forms.ADDRESS, address) or len(address) > 320:
            raise InvalidInputError(f"to[{place}]", f"{address[:80]!r} is no address", "name@domain.tld")
    return list(dict.fromkeys(address.lower() for address in to))
