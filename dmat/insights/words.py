"""Insights as sentences.

Belongs here: those sentences. Stays out: what they rest on (`finding.py`).
"""

from __future__ import annotations

from dmat.alerts.findings import said
from dmat.insights.contributions import Part
from dmat.insights.finding import Insight
from dmat.metrics.catalogue import load
from dmat.metrics.naming import value_words


def sentence(insight: Insight) -> str:
    """What moved, how clearly, and what explains it: one to three sentences."""
    return " ".join(part for part in (moved(insight), how_clear(insight), because(insight)) if part)


def moved(insight: Insight) -> str:
    """`Revenue fell by 12% to 84,120.00 EUR (before: 95,600.00 EUR).`"""
    metric, currency = insight.metric, insight.currency if insight.metric.unit == "cents" else ""
    before, after = said(insight.before, metric.unit, currency), said(insight.after, metric.unit, currency)
    way = "rose" if insight.after > insight.before else "fell"
    if metric.unit == "rate":
        points = abs(insight.after - insight.before) * 100
        return f"{metric.name} {way} by {points:.1f} points to {after} (before: {before})."
    return f"{metric.name} {way} by {abs(insight.change) * 100:.0f}% to {after} (before: {before})."


def how_clear(insight: Insight) -> str:
    """Whether it is more than days differ anyway."""
    if insight.p_value is None:
        return "There are too few days to say whether that is more than chance."
    return "" if insight.is_clear else "Days differ by as much anyway, so this may be chance."


def because(insight: Insight) -> str:
    """Which part of the whole explains it; empty when none does."""
    found = insight.explanation
    if found is None:
        return ""
    name = load().dimensions[found.dimension].name.lower()
    parts = ", ".join(_part(insight, part) for part in found.parts)
    share = f"{min(found.share, 9.99) * 100:.0f}% of it" if found.share <= 1.005 else "more than all of it"
    rest = "" if found.share <= 1.005 else "; the others moved the other way"
    return f"By {name}, {parts} {'explain' if len(found.parts) > 1 else 'explains'} {share}{rest}."


def _part(insight: Insight, part: Part) -> str:
    dimension = insight.explanation.dimension if insight.explanation else ""
    value = value_words(dimension, part.value, {dimension: insight.labels or {}})
    unit = insight.metric.unit
    if unit == "rate":
        return f"{value} ({part.contribution * 100:+.1f} points)"
    sign = "+" if part.contribution > 0 else "\u2212"
    currency = insight.currency if unit == "cents" else ""
    return f"{value} ({sign}{said(abs(part.contribution), unit, currency)})"
