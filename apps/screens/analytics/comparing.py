"""Campaigns beside each other: rates with the interval in which they may truly lie, and what a message cost and earned.

Belongs here: choosing campaigns and showing the comparison. Stays out: figures and intervals
(`dmat/metrics/overviews.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk, Named
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Note
from apps.screens.analytics.wording import shown, unit_of
from dmat.errors import NotFoundError
from dmat.metrics.asking import Answer, Value
from dmat.metrics.catalogue import Metric, metric
from dmat.metrics.opening import opens
from dmat.metrics.overviews import COMPARED, Comparison, Rate, compare_campaigns
from dmat.metrics.question import Filter

OTHERS = ("cost_per_message", "cost_per_conversion", "roi", "campaign_profit", "campaign_revenue", "campaign_spend",
          "conversions", "sent")  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A figure of one campaign.

    Attributes:
        start, end, at: where the interval of a rate and the rate stand on a line from 0 to 100; None without one.
        against: the difference from the first campaign with its interval, in words; `is_different` when that interval
            leaves out 0.
    """

    figure: Figure
    start: float | None = None
    end: float | None = None
    at: float | None = None
    against: str = ""
    is_different: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Line:
    """One measure of all campaigns."""

    metric: Metric
    cells: tuple[Measured, ...]


@dataclass(frozen=True)
class Table:
    """Campaigns beside each other."""

    campaigns: tuple[Named, ...]
    rates: tuple[Line, ...]
    others: tuple[Line, ...]
    export: str
    kind: str = "comparison"


@dataclass(frozen=True)
class Choice:
    """Campaigns that can be chosen, and those that are."""

    campaigns: tuple[Named, ...]
    chosen: tuple[str, ...]
    kind: str = "choice"


def compare(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The choice, and the comparison once two are chosen."""
    every = desk.campaigns()
    chosen = tuple(each for key in look.campaigns for each in every if each.key == key)
    choice = Choice(every, tuple(each.key for each in chosen))
    if len(chosen) < 2:
        told = "Choose two to four campaigns above. Rates are shown with the interval in which they may truly lie."
        return [choice, Note("Choose campaigns", told, "megaphone")]
    context, numbers = desk.context, [int(each.key) for each in chosen]
    since, until = look.days(desk.today)
    try:
        found = compare_campaigns(context.workspace, context.settings, numbers, since, until, look.segment)
    except NotFoundError as error:
        return [choice, Note("Not published yet", f"{error}.".capitalize(), "clock")]
    if not found.figures.rows:
        return [choice, Note("Nothing in these days", "Choose days that hold messages of these campaigns.", "clock")]
    return [choice, table_of(found, chosen)]


def table_of(found: Comparison, chosen: Sequence[Named]) -> Table:
    """The comparison as two tables: rates with intervals, other figures without."""
    answer = found.figures
    rates = tuple(_line(metric(key), found, chosen) for key in COMPARED if key in answer.totals)
    rows = {str(row["campaign"]): row for row in answer.rows}
    others = tuple(
        Line(metric(key), tuple(Measured(_figure(metric(key), rows.get(each.key, {}).get(key), each, answer))
                                for each in chosen))
        for key in OTHERS if key in answer.totals
    )  # fmt: skip
    return Table(tuple(chosen), rates, others, answer.question.address())


def _line(one: Metric, found: Comparison, chosen: Sequence[Named]) -> Line:
    rates = [found.rates[int(each.key)][one.key] for each in chosen]
    top = max((rate.high for rate in rates if rate.high is not None), default=0.0) or 1.0
    return Line(one, tuple(_measured(one, rate, each, found.figures, top)
                           for rate, each in zip(rates, chosen, strict=True)))  # fmt: skip


def _measured(one: Metric, rate: Rate, each: Named, answer: Answer, top: float) -> Measured:
    figure = _figure(one, rate.value, each, answer, f"{rate.hits:,} of {rate.of:,}" if rate.of else "")
    if rate.value is None or rate.low is None or rate.high is None:
        return Measured(figure)
    better = (rate.difference or 0.0) * one.sign
    tone = "" if not rate.is_different or not better else "good" if better > 0 else "bad"
    return Measured(figure_between(figure, rate), 100 * rate.low / top, 100 * rate.high / top, 100 * rate.value / top,
                    against_words(rate), rate.is_different, tone)  # fmt: skip


def figure_between(figure: Figure, rate: Rate) -> Figure:
    """The figure with its interval in words."""
    words = f"{shown(rate.low, 'rate', '')} to {shown(rate.high, 'rate', '')}"
    return Figure(figure.key, figure.name, figure.text, figure.value, figure.opens, note=figure.note, between=words)


def against_words(rate: Rate) -> str:
    """The difference from the first campaign, in percentage points, and where it may truly lie."""
    if rate.difference is None or rate.difference_low is None or rate.difference_high is None:
        return ""
    points = [f"{'+' if value > 0 else '−' if value < 0 else ''}{abs(value) * 100:.1f}"
              for value in (rate.difference, rate.difference_low, rate.difference_high)]  # fmt: skip
    return f"{points[0]} points, truly {points[1]} to {points[2]}"


def _figure(one: Metric, value: Value, each: Named, answer: Answer, note: str = "") -> Figure:
    token = opens(one.key, answer.question, (Filter(dimension="campaign", values=(each.key,)),))
    return Figure(one.key, one.name, shown(value, unit_of(one), answer.currency), value, token, note=note)
