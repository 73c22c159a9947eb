"""Campaigns beside each other: rates with the interval in which they may truly lie, and what a message earned.

Belongs here: choosing and comparing campaigns. Stays out: the interval's formula (`dmat/experiments/proportions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk, Named
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Note, opens
from apps.screens.analytics.wording import shown
from dmat.experiments.proportions import wilson
from dmat.metrics.asking import Answer
from dmat.metrics.catalogue import Metric, metric
from dmat.metrics.question import Filter

RATES = ("delivery_rate", "open_rate", "click_rate", "conversion_rate", "unsubscribe_rate", "bounce_rate")
SIZES = ("sent", "people_reached", "conversions", "campaign_revenue", "message_cost")
NORMAL = ("cost_per_message", "cost_per_conversion", "roi", "campaign_profit")


@dataclass(frozen=True)
class Measured:
    """A rate of one campaign, its 95 % interval, and where both stand on a line from 0 to 100."""

    figure: Figure
    start: float | None = None
    end: float | None = None
    at: float | None = None


@dataclass(frozen=True)
class Compared:
    """One measure of all campaigns; `is_told_apart` when the intervals of best and worst do not meet."""

    metric: Metric
    cells: tuple[Measured, ...]
    verdict: str = ""


@dataclass(frozen=True)
class Comparison:
    """Campaigns beside each other."""

    campaigns: tuple[Named, ...]
    rates: tuple[Compared, ...]
    others: tuple[Compared, ...]
    export: str
    kind: str = "comparison"


@dataclass(frozen=True)
class Choice:
    """Campaigns that can be chosen, those with figures in these days first."""

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
    only = (Filter(dimension="campaign", values=tuple(each.key for each in chosen)),)
    counts = tuple(dict.fromkeys(key for each in desk.known(RATES) for key in counted(metric(each))))
    answer = desk.asked(look, (*RATES, *counts), by=("campaign",), filters=only, is_compared=False)
    sizes = desk.asked(look, (*NORMAL, *SIZES), by=("campaign",), filters=only, is_compared=False)
    if answer is None or sizes is None or not answer.rows:
        return [choice, Note("Nothing in these days", "Choose days that hold messages of these campaigns.", "clock")]
    rates = tuple(_rate(metric(key), chosen, _by_campaign(answer), answer) for key in RATES if key in answer.totals)
    others = tuple(_plain(metric(key), chosen, _by_campaign(sizes), sizes) for key in sizes.totals)
    return [choice, Comparison(chosen, rates, others, answer.question.address())]


def _by_campaign(answer: Answer) -> dict[str, Mapping[str, Any]]:
    return {str(row["campaign"]): row for row in answer.rows}


def counted(one: Metric) -> tuple[str, ...]:
    """The two counts that a rate is made of; none when it is made otherwise."""
    terms = (*one.numerator, *one.denominator)
    return tuple(key for key, is_less in terms) if len(terms) == 2 and not any(less for _, less in terms) else ()


def _rate(one: Metric, chosen: Sequence[Named], rows: Mapping[str, Mapping[str, Any]], answer: Answer) -> Compared:
    counts = counted(one)
    found = [_measured(one, each, rows.get(each.key, {}), counts, answer) for each in chosen]
    top = max((each.end for each in found if each.end is not None), default=0.0) or 1.0
    cells = tuple(
        replace(each, start=100 * (each.start or 0) / top, end=100 * each.end / top, at=100 * (each.at or 0) / top)
        if each.end is not None else each
        for each in found
    )  # fmt: skip
    return Compared(one, cells, verdict_of(one, chosen, found))


def _measured(one: Metric, each: Named, row: Mapping[str, Any], counts: Sequence[str], answer: Answer) -> Measured:
    value = row.get(one.key)
    figure = Figure(one.key, one.name, shown(value, one.unit, answer.currency), value, _opens(one.key, each, answer))
    if value is None or len(counts) != 2 or not row.get(counts[1]) or not 0 <= value <= 1:
        return Measured(figure)
    low, high = wilson(row[counts[0]], row[counts[1]])
    between = f"{shown(low, one.unit, '')} to {shown(high, one.unit, '')}"
    note = f"{row[counts[0]]:,} of {row[counts[1]]:,}"
    return Measured(replace(figure, between=between, note=note), low, high, value)


def verdict_of(one: Metric, chosen: Sequence[Named], cells: Sequence[Measured]) -> str:
    """Whether the best one is truly better than each other, as far as intervals can say."""
    known = [(cell, each) for cell, each in zip(cells, chosen, strict=True) if cell.end is not None]
    if len(known) < 2:
        return ""
    best, name = max(known, key=lambda pair: (pair[0].at or 0.0) * (one.sign or 1))
    others = [cell for cell, _ in known if cell is not best]
    if one.sign < 0:
        is_apart = all((best.end or 0) < (other.start or 0) for other in others)
    else:
        is_apart = all((best.start or 0) > (other.end or 0) for other in others)
    if is_apart:
        return f"{name.name} is {'lower' if one.sign < 0 else 'higher'} than the others, beyond chance"
    return "The intervals meet: the difference may be chance"


def _plain(one: Metric, chosen: Sequence[Named], rows: Mapping[str, Mapping[str, Any]], answer: Answer) -> Compared:
    cells = []
    for each in chosen:
        value = rows.get(each.key, {}).get(one.key)
        text = shown(value, one.unit, answer.currency)
        cells.append(Measured(Figure(one.key, one.name, text, value, _opens(one.key, each, answer))))
    return Compared(one, tuple(cells))


def _opens(key: str, each: Named, answer: Answer) -> str:
    return opens(key, answer.question, (Filter(dimension="campaign", values=(each.key,)),))
