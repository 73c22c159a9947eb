"""The figures of a report that was made, as the screen shows them: each leads to where it comes from.

Belongs here: from kept figures to cells with links. Stays out: making a report (`dmat/reports`), the panel that a link
opens (`apps/screens/analytics`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.parts.charts import LABEL_ROOM, Series, chart
from apps.screens.analytics.wording import bucket_words, chart_unit, chart_value, moved, shown, unit_of
from dmat.metrics.catalogue import load
from dmat.metrics.naming import value_words
from dmat.metrics.periods import read_bucket
from dmat.reports.courses import course_of
from dmat.reports.making import Figures, Made, metric_columns
from dmat.reports.tracing import path_of_total, paths_of_row

Column = Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """One value: in words, and the address that tells where it comes from; empty when there is none to tell.

    Attributes:
        share: percent of the largest value of its column, where a bar is drawn.
    """

    text: str
    link: str = ""
    is_number: bool = True
    share: float | None = None


@dataclass(frozen=True)
class KeyFigure:
    """A figure on its own, with its change against the period before."""

    name: str
    cell: Cell
    change: str
    arrow: str
    tone: str


@dataclass(frozen=True)
class Drawn:
    """The chart of a section over time."""

    options: dict[str, Any]
    unit: str
    summary: str


@dataclass(frozen=True)
class Shown:
    """A section: key figures, or a table of which `left_out` rows are only in the files, with a chart over time."""

    title: str
    figures: tuple[KeyFigure, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int
    missing: tuple[str, ...]
    address: str
    chart: Drawn | None = None


def shown_sections(made: Made, most: int) -> tuple[Shown, ...]:
    """The sections of a report, with at most so many rows each."""
    return tuple(_section(section, most, made.report_run_id) for section in made.figures["sections"])


def _section(section: Figures, most: int, number: int) -> Shown:
    is_alone = section["is_key_figures"]
    largest = _largest(section) if section["chart"] == "bar" else 0.0
    rows = () if is_alone else tuple(_row(row, section, number, largest) for row in section["rows"][:most])
    figures = tuple(_key_figure(column, section, number) for column in metric_columns(section)) if is_alone else ()
    left = 0 if is_alone else max(0, len(section["rows"]) - most)
    return Shown(section["title"], figures, tuple(section["columns"]), rows, left, tuple(section["missing"]),
                 section["address"], _chart(section))  # fmt: skip


def _chart(section: Figures) -> Drawn | None:
    """The lines of the printed report, for the screen."""
    if section["chart"] != "line" or not section["rows"]:
        return None
    course, grain = course_of(section), section["columns"][0]["key"]
    unit = course.column["unit"]
    labels = [bucket_words(read_bucket(at), grain) for at in course.moments]
    lines = [Series(name, [chart_value(value, unit) for value in line], f"series-{at}", "line")
             for at, (name, line) in enumerate(course.series.items())]  # fmt: skip
    summary = f"{section['title']}: {', '.join(course.series)}, {labels[0]} to {labels[-1]}"
    options = chart(labels, lines, summary, label_room=16 if len(lines) == 1 else LABEL_ROOM)
    if len(lines) == 1:
        options["series"][0].pop("endLabel", None)
    return Drawn(options, chart_unit(unit, section["currency"]), summary)


def _largest(section: Figures) -> float:
    """The largest value of the first metric, to which bars are drawn."""
    at = section["columns"].index(metric_columns(section)[0])
    return max((float(row[at] or 0) for row in section["rows"]), default=0.0)


def _key_figure(column: Column, section: Figures, number: int) -> KeyFigure:
    key = column["key"]
    cell = Cell(_value(section["totals"][key], column, section), path_of_total(section, key, number))
    one = load().metrics.get(key)
    change, arrow, tone = moved(section["changes"].get(key), one) if one else ("", "flat", "neutral")
    return KeyFigure(column["name"], cell, change, arrow, tone)


def _row(row: Sequence[Any], section: Figures, number: int, largest: float) -> tuple[Cell, ...]:
    paths = paths_of_row(section, row, number)
    first = metric_columns(section)[0]["key"]
    return tuple(
        Cell(
            _value(value, column, section), path, column["role"] == "metric",
            100 * float(value or 0) / largest if largest > 0 and column["key"] == first else None,
        )
        for value, column, path in zip(row, section["columns"], paths, strict=True)
    )  # fmt: skip


def _value(value: Any, column: Column, section: Figures) -> str:
    if column["role"] == "grain":
        return bucket_words(read_bucket(str(value)), column["key"])
    if column["role"] == "dimension":
        return value_words(column["key"], None if value is None else str(value), section["labels"])
    one = load().metrics.get(column["key"])
    return shown(value, unit_of(one) if one else column["unit"], section["currency"])
