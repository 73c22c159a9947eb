"""Figures as people read them: each unit in its own way, and how a figure moved.

Belongs here: words and tones. Stays out: where figures come from (`desk.py`).
"""

from __future__ import annotations

from datetime import date

from apps.parts.words import NOTHING, day, money, number, percent
from dmat.metrics.asking import Value
from dmat.metrics.catalogue import Metric

WHOLE_FROM = 1000
TIMES = {"roi", "channel_roi"}
_ARROWS = {1: "up", -1: "down", 0: "flat"}


def shown(value: Value, unit: str, currency: str) -> str:
    """A value in its unit; a dash where there is none."""
    if value is None:
        return NOTHING
    if unit == "cents":
        return money(value, currency, whole_from=WHOLE_FROM)
    if unit == "rate":
        return percent(float(value))
    if unit == "seconds":
        return _span(float(value))
    if unit == "days":
        return _span(float(value) * 86400) if value < 1 else f"{value:,.1f} days"
    if unit == "times":
        return f"{value:,.1f}×"
    return f"{value:,.2f}" if unit == "ratio" else number(value)


def unit_of(one: Metric) -> str:
    """The unit in which a measure is written: returns are told as times of what was spent."""
    return "times" if one.unit == "ratio" and one.key in TIMES else one.unit


def _span(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:,.0f} h"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 10:
        return f"{minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def chart_unit(unit: str, currency: str) -> str:
    """The unit as the browser's charts know it."""
    return f"money:{currency}" if unit == "cents" and len(currency) == 3 else "percent" if unit == "rate" else "count"


def chart_value(value: Value, unit: str) -> float | None:
    """A value as a chart draws it: amounts in the currency, shares in percent."""
    if value is None:
        return None
    return round(value / 100, 2) if unit == "cents" else round(value * 100, 3) if unit == "rate" else value


def moved(change: float | None, metric: Metric) -> tuple[str, str, str]:
    """How a figure moved: words, arrow, and whether that is good, bad or neither."""
    if change is None:
        return "", "flat", "neutral"
    if abs(change) < 0.0005:
        return "no change", "flat", "neutral"
    direction = 1 if change > 0 else -1
    words = f"{abs(change):.0%}" if abs(change) >= 0.1 else f"{abs(change):.1%}"
    tone = {1: "good", -1: "bad", 0: "neutral"}[direction * metric.sign]
    return f"{'+' if change > 0 else '−'}{words}", _ARROWS[direction], tone


def bucket_words(bucket: date, grain: str) -> str:
    """An hour (when it begins), a day, week (its Monday) or month."""
    if grain == "hour":
        return f"{day(bucket)}, {bucket:%H:%M}"
    return f"{bucket:%b %Y}" if grain == "month" else day(bucket)


def days_words(since: date, until: date) -> str:
    """22 Oct to 20 Nov 2026; the last day is within."""
    last = date.fromordinal(until.toordinal() - 1)
    if since == last:
        return f"{day(last)} {last.year}"
    begin = day(since) if since.year == last.year else f"{day(since)} {since.year}"
    return f"{begin} to {day(last)} {last.year}"
