"""The chart of a rule over the past: the figure day by day, where it was to be expected, and the days that were told.

Belongs here: its options. Stays out: judging (`dmat/alerts`), what the rule told in words (`standing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.parts.charts import Series, band, chart
from apps.parts.words import day
from apps.screens.analytics.wording import chart_unit, chart_value
from dmat.alerts.judging import Judged
from dmat.alerts.rules import AlertRule
from dmat.metrics.catalogue import metric


@dataclass(frozen=True)
class Course:
    """A chart for `macros.chart`, with what its colours mean."""

    options: dict[str, Any]
    unit: str
    summary: str
    legend: tuple[tuple[str, str], ...]


def course_of(rule: AlertRule, judged: Sequence[Judged], currency: str) -> Course | None:
    """The chart; None when no day has a figure, or the rule watches a change, which has no line of its own.

    Args:
        rule: on a figure.
        judged: its days, oldest first.
        currency: of amounts.
    """
    if rule.compare or all(each.value is None for each in judged):
        return None
    watched = metric(rule.metric)
    figures = [chart_value(each.value, watched.unit) for each in judged]
    told = [value if each.finding else None for value, each in zip(figures, judged, strict=True)]
    count = sum(each.finding is not None for each in judged)
    summary = f"{watched.name} day by day; told on {count} of {len(judged)} days."
    series = [Series(watched.name, figures, "series-0", "line")]
    legend = [("series-0", watched.name), ("series-1", "Told")]
    if rule.kind == "threshold":
        series.insert(0, Series("The line", [chart_value(rule.value, watched.unit)] * len(judged), "context", "line"))
        legend.append(("context", "The line"))
    options = chart([day(each.day) for each in judged], series, summary)
    for line in options["series"]:
        line.pop("endLabel", None)
    if rule.kind == "unusual":
        low = [chart_value(each.expected.low, watched.unit) if each.expected else None for each in judged]
        high = [chart_value(each.expected.high, watched.unit) if each.expected else None for each in judged]
        options["series"] += band("expected", low, high, "series-0")
        legend.append(("series-0", "Pale: to be expected"))
    options["series"].append({"name": "Told", "type": "scatter", "data": told, "symbolSize": 10, "z": 3,
                              "itemStyle": {"color": "token:series-1"}})  # fmt: skip
    return Course(options, chart_unit(watched.unit, currency), summary, tuple(legend))
