"""The chart of a test: the rate of each variant over time, with the band in which it may truly lie.

Belongs here: points from analyses over time, and options for ECharts. Stays out: the analyses (`dmat/experiments`).
The bands are those of the chosen inference. Always-valid ones hold at every moment at once: who looks every minute is
wrong no more often than who looks once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.parts.charts import Series, band, chart
from apps.screens.experiments.wording import is_money, metric_words
from dmat.experiments.results import Analysis

MOST_LINES = 6
WIDEST = 3.0
"""A band is cut where it is this many times as high as the highest rate: early ones would flatten all else."""


LONG = 8
"""Hours from which minutes are no longer told."""


@dataclass(frozen=True)
class Point:
    """One moment: arm -> (rate, low, high) of one metric, in the metric's unit."""

    hours: float
    arms: Mapping[str, tuple[float | None, float | None, float | None]]


def point_of(hours: float, analysis: Analysis, metric: str) -> Point:
    """One moment of a test."""
    found = {result.arm: (result.rate, result.low, result.high) for result in analysis.arms if result.metric == metric}
    return Point(hours, found)


def bands(points: Sequence[Point], names: Mapping[str, str], metric: str, summary: str) -> dict[str, Any]:
    """Options of the chart.

    Args:
        points: oldest first.
        names: arm -> what it is called, in the order of their colours.
        metric: key of the metric.
        summary: what the chart shows, for people who do not see it.
    """
    size = 1 / 100 if is_money(metric) else 100
    top = rounded_up(_top(points) * size)
    is_long = bool(points) and points[-1].hours >= LONG
    labels = [hour_label(round(point.hours) if is_long else point.hours) for point in points]
    if labels[-2:-1] == labels[-1:]:
        labels[-2] = ""  # the last full hour and now
    shown = list(names.items())[:MOST_LINES]
    lines = [Series(name, _column(points, key, 0, size), f"series-{number}", "line")
             for number, (key, name) in enumerate(shown)]  # fmt: skip
    longest = max((len(name) for _, name in shown), default=0)
    options = chart(labels, lines[:4], summary, label_room=min(180, 20 + 7 * longest))
    for number, (key, _name) in enumerate(shown[:4]):
        low, high = _column(points, key, 1, size), _column(points, key, 2, size)
        options["series"] += band(key, _cut(low, top), _cut(high, top), f"series-{number}")
    options["yAxis"] |= {"max": top, "interval": top / 4}
    options["xAxis"]["boundaryGap"] = False
    return options


def _top(points: Sequence[Point]) -> float:
    """Where the axis ends: above every rate, and above the bands of the last moment, but not of the first ones."""
    rates = [rate for point in points for rate, _, _ in point.arms.values() if rate is not None]
    last = [high for _, _, high in points[-1].arms.values() if high is not None] if points else []
    most = max(rates, default=0.0)
    return max(most * 1.1, min(max(last, default=0.0) * 1.05, most * WIDEST)) or 0.01


def rounded_up(top: float) -> float:
    """The next number that an axis can end with: 11.4 -> 12, 46 -> 50, 0.32 -> 0.4."""
    size = 10.0 ** math.floor(math.log10(top)) if top > 0 else 1.0
    for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10):
        if top <= step * size * (1 + 1e-9):
            return round(step * size, 10)
    return 10 * size


def _column(points: Sequence[Point], arm: str, at: int, size: float) -> list[float | None]:
    found = [point.arms.get(arm, (None, None, None))[at] for point in points]
    return [None if value is None or value != value else round(value * size, 4) for value in found]


def _cut(values: Sequence[float | None], top: float) -> list[float | None]:
    return [None if value is None else min(max(value, 0.0), top) for value in values]


def hour_label(hours: float) -> str:
    """A moment of the test on the axis: 30 min, 1:55 h, 15 h, 3 d."""
    if 0 < hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 10:
        whole, minutes = divmod(round(hours * 60), 60)
        return f"{whole}:{minutes:02d} h" if minutes else f"{whole} h"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.1f}".rstrip("0").rstrip(".") + " d"


def summary_of(points: Sequence[Point], names: Mapping[str, str], metric: str) -> str:
    """What the chart shows, in one sentence."""
    if not points:
        return f"{metric_words(metric)}: no figures yet."
    said = []
    for key, name in names.items():
        rate = points[-1].arms.get(key, (None, None, None))[0]
        if rate is not None:
            said.append(f"{name} {rate / 100:.2f}" if is_money(metric) else f"{name} {rate * 100:.2f}%")
    return f"{metric_words(metric)} after {hour_label(points[-1].hours)}: {', '.join(said)}."
