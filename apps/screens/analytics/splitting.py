"""One measure over time, told apart by one dimension: a line for each of its largest values.

Belongs here: that chart. Stays out: charts of measures as a whole (`pieces.py`), what is asked (`reports.py`), which
values are drawn (`dmat/reports/courses.py`, the same in print).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from apps.parts.charts import LABEL_ROOM, Series
from apps.parts.words import plural
from apps.screens.analytics.pieces import Line, Trend, drawn_over_time, mark_days
from apps.screens.analytics.wording import bucket_words, chart_unit, chart_value, days_words
from dmat.metrics.asking import Answer, Value
from dmat.metrics.catalogue import load, metric
from dmat.metrics.naming import value_words
from dmat.metrics.opening import of_row
from dmat.reports.courses import drawn_lines


def split_of(apart: Answer, whole: Answer, marks: Sequence[tuple[date, str]] = ()) -> Trend | None:
    """The course of one measure for each of the four largest values of a dimension.

    Args:
        apart: one measure by time and by one dimension, without comparison.
        whole: the same by time alone, which has every moment.
        marks: notes on days, with their words.

    Returns:
        The chart; None when there is nothing to draw, or when rows are missing since there are too many.
    """
    question = apart.question
    (key,), (dimension,), grain = question.metrics, question.dimensions, question.grain
    lines: dict[Any, dict[date, Value]] = {}
    for row in apart.rows:
        lines.setdefault(row[dimension], {})[row[grain]] = row[key]
    if not lines or apart.is_cut:
        return None
    one, moments = metric(key), tuple(row[grain] for row in whole.rows)
    drawn = drawn_lines(lines, moments, one.unit)
    names = [value_words(dimension, value, apart.labels) for value in drawn]
    series = [Series(name, [chart_value(point, one.unit) for point in points], f"series-{at}", "line")
              for at, (name, points) in enumerate(zip(names, drawn.values(), strict=True))]  # fmt: skip
    labels = [bucket_words(at, grain) for at in moments]
    title = f"{one.name} by {load().dimensions[dimension].name.lower()}"
    summary = f"{title}: {', '.join(names)}"
    options = drawn_over_time(labels, series, one.unit, summary, LABEL_ROOM)
    ids = {f"line-{at}": Line(key, *of_row(question, {dimension: value})) for at, value in enumerate(drawn)}
    for line, name in zip(options["series"], ids, strict=True):
        line["id"] = name  # what a click on one of its points is about
    mark_days(options, whole, labels, marks)
    largest = f"; the {len(drawn)} largest of {plural(len(lines), 'value')}" if len(lines) > len(drawn) else ""
    return Trend(
        f"{key}-by-{dimension}", title, f"By {grain}, {days_words(*question.days)}{largest}", options,
        chart_unit(one.unit, apart.currency), f"{summary}.", apart, ids, moments,
        export=question.address(), counted_at=apart.counted_at((key,)),
    )  # fmt: skip
