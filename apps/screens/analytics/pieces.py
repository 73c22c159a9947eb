"""What a section is made of: key figures, a trend, a table; each with the question that opens every figure in it.

Belongs here: from an answer to what a template shows. Stays out: which pieces a section has (`overview.py` and its
neighbours), asking (`desk.py`), layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from apps.parts.charts import LABEL_ROOM, Series, chart
from apps.screens.analytics.looks import asked_of, grain_of, told_by
from apps.screens.analytics.wording import (
    bucket_words,
    chart_unit,
    chart_value,
    days_words,
    moved,
    shown,
    unit_of,
)
from dmat.metrics.asking import Answer, Value
from dmat.metrics.catalogue import Metric, metric
from dmat.metrics.naming import value_words
from dmat.metrics.opening import of_row, opens, within
from dmat.metrics.question import Filter, Question

BAR_OF = 100.0
MOST_EXPLORED = 8
TOP_SHARE = 75
"""Percent from which a chart of shares ends at 100."""


@dataclass(frozen=True)
class Figure:
    """One number that can be opened.

    Attributes:
        opens: the measure and the question of exactly this number, as the panel reads them.
        tone: good, bad or neutral.
    """

    key: str
    name: str
    text: str
    value: Value
    opens: str = ""
    before: str = ""
    change: str = ""
    arrow: str = "flat"
    tone: str = "neutral"
    points: tuple[float | None, ...] = ()
    note: str = ""
    between: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class Figures:
    """A card of key figures; `counted_at` where some of them are older than the data of the page."""

    title: str
    figures: tuple[Figure, ...]
    icon: str = "chart"
    tone: str = ""
    counted_at: datetime | None = None
    kind: str = "figures"


@dataclass(frozen=True)
class Line:
    """What a line of a chart is about: a measure, the question with its days, and the filters that make the line."""

    metric: str
    question: Question
    only: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class Trend:
    """A chart over time.

    Attributes:
        answer: the answer about only what it shows.
        lines: by the id that a line has in `options`, so that each of its points can be opened.
        moments: where the points lie, in order.
    """

    key: str
    title: str
    about: str
    options: dict[str, Any]
    unit: str
    summary: str
    answer: Answer
    lines: Mapping[str, Line]
    moments: tuple[date, ...]
    legend: tuple[tuple[str, str], ...] = ()
    export: str = ""
    counted_at: datetime | None = None
    kind: str = "trend"


@dataclass(frozen=True)
class Row:
    """A row of a table: what it is about, where it leads, its figures.

    Attributes:
        explore: the question about this row alone, over time, for the report builder.
    """

    key: str
    name: str
    link: str
    figures: tuple[Figure, ...]
    detail: str = ""
    explore: str = ""


@dataclass(frozen=True)
class Table:
    """Figures told apart by something."""

    key: str
    title: str
    about: str
    first: str
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]
    export: str = ""
    total: tuple[Figure, ...] = ()
    is_cut: bool = False
    empty: str = "Nothing in these days"
    dimension: str = ""
    note: str = ""
    counted_at: datetime | None = None
    kind: str = "table"


@dataclass(frozen=True)
class Note:
    """A sentence, where there is nothing to draw."""

    title: str
    text: str
    icon: str = "info"
    kind: str = "note"


@dataclass(frozen=True)
class Side:
    """Pieces beside each other."""

    pieces: tuple[Any, ...] = field(default=())
    kind: str = "side"
    layout: str = "two"


def figure_of(key: str, answer: Answer, points: Sequence[Value] = (), note: str = "") -> Figure:
    """The total of a measure, with its change and its course."""
    one, compared = metric(key), answer.compared
    value = answer.totals.get(key)
    change, arrow, tone = moved(compared.changes.get(key) if compared else None, one)
    before = shown(compared.totals.get(key), unit_of(one), answer.currency) if compared else ""
    course = tuple(chart_value(point, one.unit) for point in points) if any(point for point in points) else ()
    text = shown(value, unit_of(one), answer.currency)
    return Figure(key, one.name, text, value, opens(key, answer.question), before, change, arrow, tone, course, note)


def figures_of(title: str, answer: Answer | None, keys: Sequence[str], icon: str, tone: str = "") -> Figures | None:
    """A card of totals; measures that were not asked are left out."""
    if answer is None:
        return None
    there = [key for key in keys if key in answer.totals]
    found = tuple(figure_of(key, answer, [row[key] for row in answer.rows] if answer.question.grain else ())
                  for key in there)  # fmt: skip
    return Figures(title, found, icon, tone, answer.counted_at(there)) if found else None


def trend_of(
    title: str, answer: Answer | None, keys: Sequence[str], marks: Sequence[tuple[date, str]] = (), kind: str = "line",
) -> Trend | None:  # fmt: skip
    """The course of one measure, with the one of the period before in grey, or of up to four of the same unit."""
    if answer is None or not answer.question.grain:
        return None
    metrics = [metric(key) for key in keys if key in answer.totals][:4]
    if not metrics or not answer.rows:
        return None
    grain, unit = answer.question.grain, metrics[0].unit
    labels = [bucket_words(row[grain], grain) for row in answer.rows]
    series = [Series(one.name, [chart_value(row[one.key], unit) for row in answer.rows], f"series-{at}", kind)
              for at, one in enumerate(metrics)]  # fmt: skip
    alone = replace(answer, question=answer.question.model_copy(update={"metrics": tuple(one.key for one in metrics)}))
    legend: tuple[tuple[str, str], ...] = ()
    if len(metrics) == 1 and answer.compared:
        before = [chart_value(row[metrics[0].key], unit) for row in answer.compared.rows][: len(labels)]
        words = days_words(answer.compared.since, answer.compared.until)
        series.insert(0, Series("Before", before, "context", kind))
        legend = (("context", words), ("series-0", days_words(*answer.question.days)))
    total = "; ".join(f"{one.name}: {shown(answer.totals[one.key], unit, answer.currency)}" for one in metrics)
    options = drawn_over_time(labels, series, unit, f"{title}. {total}", 16 if legend or kind == "bar" else LABEL_ROOM)
    for drawn, one in zip(options["series"][-len(metrics) :], metrics, strict=True):
        drawn["id"] = one.key  # what a click on one of its points is about
    mark_days(options, answer, labels, marks)
    if legend:
        for line in options["series"]:
            line.pop("endLabel", None)
    return Trend(
        "-".join(one.key for one in metrics), title, f"By {grain}, {days_words(*answer.question.days)}", options,
        chart_unit(unit, answer.currency), f"{title}. {total}.", alone,
        {one.key: Line(one.key, alone.question) for one in metrics}, tuple(row[grain] for row in answer.rows), legend,
        alone.question.address(), answer.counted_at(alone.question.metrics),
    )  # fmt: skip


def point_of(trend: Trend, name: str, at: int) -> str:
    """What opens one point of the line with that id; empty when the chart has no such point."""
    line = trend.lines.get(name)
    if line is None or not 0 <= at < len(trend.moments):
        return ""
    return opens(line.metric, within(line.question, trend.moments[at]), line.only)


def drawn_over_time(
    labels: Sequence[str], series: Sequence[Series], unit: str, summary: str, label_room: int
) -> dict[str, Any]:
    """A chart over time; that of shares ends at 100 % where they come near it."""
    options = chart(labels, series, summary, label_room)
    if unit == "rate" and max((point or 0 for line in series for point in line.points), default=0) > TOP_SHARE:
        options["yAxis"] |= {"max": 100, "interval": 25}
    return options


def mark_days(
    options: dict[str, Any], answer: Answer, labels: Sequence[str], marks: Sequence[tuple[date, str]]
) -> None:
    """Draw notes on days as lines with a number; the list below the chart has their words.

    Args:
        options: of a chart over time.
        answer: by time, one row for each label.
        labels: names of its moments.
        marks: days and their words.
    """
    grain = answer.question.grain
    starts = [row[grain].date() if grain == "hour" else row[grain] for row in answer.rows]
    lines = []
    for at, (day, _) in enumerate(marks, 1):
        place = starts.index(day) if day in starts else sum(start <= day for start in starts) - 1
        if 0 <= place < len(labels) and answer.question.days[0] <= day < answer.question.days[1]:
            lines.append({"xAxis": labels[place], "label": {"formatter": str(at)}})
    if lines and options["series"]:
        options["series"][-1]["markLine"] = {
            "symbol": "none", "silent": True, "data": lines,
            "lineStyle": {"color": "token:control", "type": "dashed", "width": 1},
            "label": {"color": "token:ink-2", "fontSize": 12},
        }  # fmt: skip


Linked = Callable[[str | None], str]


def table_of(
    title: str, answer: Answer | None, dimension: str, keys: Sequence[str], first: str, about: str = "",
    link: Linked | None = None, details: Mapping[str, str] | None = None,
) -> Table | None:  # fmt: skip
    """Measures told apart by one dimension; bars show the first measure's share of the largest."""
    if answer is None:
        return None
    columns = tuple(metric(key) for key in keys if key in answer.totals)
    if not columns:
        return None
    largest = max((float(row[columns[0].key] or 0) for row in answer.rows), default=0.0)
    earlier = {row[dimension]: row for row in answer.compared.rows} if answer.compared else {}
    rows = tuple(_row(row, answer, dimension, columns, earlier, largest, link, details or {}) for row in answer.rows)
    return Table(
        dimension, title, about, first, columns, rows, answer.question.address(),
        tuple(figure_of(one.key, answer) for one in columns), answer.is_cut, dimension=dimension,
        counted_at=answer.counted_at(one.key for one in columns),
    )  # fmt: skip


TAILS = (" of the channel", " from the channel", " on the channel", " by number of channels", " of the funnel")
"""What headings of a table need not say, since its rows or its title do."""


def with_short_names(table: Table | None) -> Table | None:
    """The table with shorter headings."""
    return table and replace(table, columns=tuple(replace(one, name=_shortened(one.name)) for one in table.columns))


def _shortened(name: str) -> str:
    for tail in TAILS:
        name = name.removesuffix(tail)
    return name


def _row(
    row: Mapping[str, Any], answer: Answer, dimension: str, columns: Sequence[Metric],
    earlier: Mapping[Any, Mapping[str, Any]], largest: float, link: Linked | None, details: Mapping[str, str],
) -> Row:  # fmt: skip
    value = row[dimension]
    question, only = of_row(answer.question, row)
    figures = tuple(_cell(one, row, answer, earlier.get(value, {}), opens(one.key, question, only)) for one in columns)
    share = BAR_OF * float(row[columns[0].key] or 0) / largest if largest > 0 else 0.0
    first = replace(figures[0], share=share)
    name, further = value_words(dimension, value, answer.labels), over_time(question, only, columns)
    return Row(str(value or ""), name, link(value) if link else "", (first, *figures[1:]),
               details.get(str(value), ""), further)  # fmt: skip


def over_time(question: Question, only: Sequence[Filter], columns: Sequence[Metric]) -> str:
    """The question about one row of a table over its days, as the report builder keeps it."""
    kept = tuple(each for each in question.filters if each.dimension not in {f.dimension for f in only})
    keys = tuple(one.key for one in columns)[:MOST_EXPLORED]
    return asked_of(question.model_copy(update={
        "metrics": keys, "grain": told_by(grain_of(*question.days), keys), "dimensions": (),
        "filters": (*kept, *only),
    }))  # fmt: skip


def _cell(one: Metric, row: Mapping[str, Any], answer: Answer, earlier: Mapping[str, Any], token: str) -> Figure:
    value, before = row[one.key], earlier.get(one.key)
    text = shown(value, unit_of(one), answer.currency)
    told = f"before: {shown(before, unit_of(one), answer.currency)}" if answer.compared else ""
    return Figure(one.key, one.name, text, value, token, told)
