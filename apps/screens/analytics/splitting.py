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
from apps.screens.analytics.pieces import Trend, drawn_over_time, mark_days
from apps.screens.analytics.wording import bucket_words, chart_unit, chart_value, days_words
from dmat.metrics.asking import Answer, Value
from dmat.metrics.catalogue import load, metric
from dmat.metrics.naming import value_words
from dmat.metrics.opening import of_row, opens, within
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
    one, moments = metric(key), [row[grain] for row in whole.rows]
    drawn = drawn_lines(lines, moments, one.unit)
    names = {value: value_words(dimension, value, apart.labels) for value in drawn}
    series = [Series(names[value], [chart_value(point, one.unit) for point in points], f"series-{at}", "line")
              for at, (value, points) in enumerate(drawn.items())]  # fmt: skip
    labels = [bucket_words(at, grain) for at in moments]
    title = f"{one.name} by {load().dimensions[dimension].name.lower()}"
    options = drawn_over_time(labels, series, one.unit, f"{title}: {', '.join(names.values())}", LABEL_ROOM)
    addresses = {}
    for line, value in zip(options["series"], drawn, strict=True):
        line["id"] = f"line-{len(addresses)}"
        of_value, only = of_row(question, {dimension: value})
        addresses[line["id"]] = [opens(key, within(of_value, at), only) for at in moments]
    mark_days(options, whole, labels, marks)
    largest = f"; the {len(drawn)} largest of {plural(len(lines), 'value')}" if len(lines) > len(drawn) else ""
    return Trend(
        f"{key}-by-{dimension}", title, f"By {grain}, {days_words(*question.days)}{largest}", options,
        chart_unit(one.unit, apart.currency), f"{title}: {', '.join(names.values())}.", apart,
        export=question.address(), counted_at=apart.counted_at((key,)), opens=addresses,
    )  # fmt: skip
