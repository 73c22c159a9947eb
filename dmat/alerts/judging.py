"""Judging figures: a day that its weekday and the trend do not explain, or a figure over its threshold.

Belongs here: from a rule to what it finds in the published tables, and what it would have found on earlier days.
Stays out: the forecast (`forecast.py`), what a figure is (`dmat/metrics`), conditions of the workspace itself
(`conditions.py`).

Only whole days are judged: those that the data reach over. A day is told once; the next one has a look of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from dmat.alerts.findings import Finding, said, said_change
from dmat.alerts.forecast import LEAST_SEASONS, WINDOW_SEASONS, Expected, expect
from dmat.alerts.rules import AlertRule
from dmat.metrics.asking import Answer, Warehouse, ask
from dmat.metrics.catalogue import Metric, metric
from dmat.metrics.periods import today_in
from dmat.metrics.question import Question
from dmat.settings import Settings

DAY = timedelta(days=1)
HISTORY = WINDOW_SEASONS * 7
LONGEST_PREVIEW_DAYS = 180


@dataclass(frozen=True)
class Judged:
    """One day under a rule.

    Attributes:
        expected: the forecast, None where there is too little history or the rule is a threshold.
        value: the figure; `compared` what a threshold compares it with.
        finding: what would be told; None when all is well.
        is_said: whether anything can be said of this day: there are figures, and enough of them.
    """

    day: date
    value: float | None
    expected: Expected | None = None
    compared: float | None = None
    finding: Finding | None = None
    is_said: bool = False


def judge(warehouse: Warehouse, settings: Settings, rule: AlertRule) -> Judged | None:
    """Judge the last whole day; None when nothing can be said: no tables, too little history.

    Raises:
        InvalidInputError: the rule's figure is no longer there; names the field.
        NotPublishedError: nothing has been published yet.
    """
    day = last_whole_day(warehouse, settings)
    found = preview(warehouse, settings, rule, day, day + DAY)
    return found[0] if found else None


def last_whole_day(warehouse: Warehouse, settings: Settings) -> date:
    """The last day in the workspace's time zone that is over and that the data reach beyond."""
    zone = settings.workspace_time_zone
    return min(today_in(zone, settings.clock.now()), today_in(zone, warehouse.version.data_as_of)) - DAY


def preview(warehouse: Warehouse, settings: Settings, rule: AlertRule, since: date, until: date) -> list[Judged]:
    """What a rule says, or would have said, of the days from `since` until before `until`.

    Raises:
        InvalidInputError: the rule's figure is not there; names the field.
    """
    since = max(since, until - LONGEST_PREVIEW_DAYS * DAY)
    if rule.kind == "unusual":
        return _unusual(warehouse, settings, rule, since, until)
    if rule.kind == "threshold":
        return [_over_threshold(warehouse, settings, rule, day) for day in _days(since, until)]
    return []


def _days(since: date, until: date) -> Sequence[date]:
    return [since + number * DAY for number in range((until - since).days)]


def _unusual(warehouse: Warehouse, settings: Settings, rule: AlertRule, since: date, until: date) -> list[Judged]:
    watched = metric(rule.metric)
    bases = tuple(key for key, _ in watched.denominator) if watched.unit == "rate" else ()
    question = rule.question(since=since - HISTORY * DAY, until=until, grain="day")
    question = question.model_copy(update={"metrics": (rule.metric, *bases)})
    answer = ask(warehouse, settings, question)
    if answer.missing:
        return []
    by_day = {row["day"]: row for row in answer.rows}
    begins = min((day for day, row in by_day.items() if row[rule.metric]), default=until)
    return [_judge_day(rule, watched, bases, by_day, begins, day, answer) for day in _days(since, until)]


def _judge_day(
    rule: AlertRule, watched: Metric, bases: Sequence[str], by_day: dict[date, dict[str, Any]], begins: date,
    day: date, answer: Answer,
) -> Judged:  # fmt: skip
    before = [day - number * DAY for number in range(HISTORY, 0, -1)]
    before = [each for each in before if each >= begins]  # days before the first value are no zeros
    value = by_day.get(day, {}).get(rule.metric)
    base = _base(bases, by_day.get(day, {}))
    if value is None or len(before) < LEAST_SEASONS * 7 or (bases and (base or 0) < rule.least_base):
        return Judged(day, value)
    expected = expect(
        [by_day.get(each, {}).get(rule.metric) for each in before],
        value,
        scale="rate" if bases else "amount",
        denominators=[_base(bases, by_day.get(each, {})) for each in before] if bases else None,
        denominator=base,
        false_alarm_rate=1 / rule.false_alarm_days,
    )
    if expected is None or not _is_worth_telling(rule, expected):
        return Judged(day, value, expected, is_said=expected is not None)
    return Judged(day, value, expected, None, _tell_unusual(rule, watched, expected, day, answer), True)


def _base(bases: Sequence[str], row: dict[str, Any]) -> float | None:
    return float(sum(row.get(key) or 0 for key in bases)) if bases else None


def _is_worth_telling(rule: AlertRule, expected: Expected) -> bool:
    is_wanted = (expected.is_low and rule.direction != "rise") or (expected.is_high and rule.direction != "drop")
    distance = abs((expected.observed or 0.0) - expected.value)
    return is_wanted and distance >= rule.least_change * abs(expected.value)


def _tell_unusual(rule: AlertRule, watched: Metric, expected: Expected, day: date, answer: Answer) -> Finding:
    value, currency = expected.observed or 0.0, answer.currency if watched.unit == "cents" else ""
    unit = watched.unit
    change = (value - expected.value) / abs(expected.value) if expected.value else None
    much = f", {said_change(change)} than expected" if change is not None and change < 2 else ""
    words = (
        f"{watched.name} on {day:%A, %d %B}: {said(value, unit, currency)}{much}. Expected for a {day:%A}: "
        f"{said(expected.value, unit, currency)}, and between {said(expected.low, unit, currency)} and "
        f"{said(expected.high, unit, currency)} unless it is the one day in {rule.false_alarm_days:,} on which chance "
        "goes further."
    )
    facts = {
        "day": day.isoformat(), "value": value, "expected": expected.value, "low": expected.low,
        "high": expected.high, "p_value": expected.p_value, "metric": rule.metric, "currency": currency,
    }  # fmt: skip
    title = f"{rule.name}: {'unusually low' if expected.is_low else 'unusually high'} on {day:%d %B}"
    link = _link(rule.question(since=day - 27 * DAY, until=day + DAY, grain="day"))
    return Finding(rule.key, _subject(rule), rule.severity, title, words, link, facts)


def _over_threshold(warehouse: Warehouse, settings: Settings, rule: AlertRule, day: date) -> Judged:
    watched = metric(rule.metric)
    bases = tuple(key for key, _ in watched.denominator) if watched.unit == "rate" else ()
    question = rule.question(since=day + DAY - rule.days * DAY, until=day + DAY, compare=rule.compare)
    question = question.model_copy(update={"metrics": (rule.metric, *bases)})
    answer = ask(warehouse, settings, question)
    value = answer.totals[rule.metric]
    before = answer.compared.totals[rule.metric] if answer.compared else None
    if value is None or answer.missing or (_base(bases, answer.totals) or rule.least_base) < rule.least_base:
        return Judged(day, value, compared=before)
    if rule.compare and (before or 0) < max(rule.least_base, 1e-9):
        return Judged(day, value, compared=before)
    measured = (value - before) / abs(before) if rule.compare and before else value
    limit = rule.value or 0.0
    is_over = measured < limit if rule.direction == "below" else measured > limit
    told = _tell_threshold(rule, watched, answer, value, before, measured) if is_over else None
    return Judged(day, value, None, before, told, True)


def _tell_threshold(
    rule: AlertRule, watched: Metric, answer: Answer, value: float, before: float | None, measured: float
) -> Finding:
    currency = answer.currency if watched.unit == "cents" else ""
    limit, now = rule.value or 0.0, said(value, watched.unit, currency)
    span = "day" if rule.days == 1 else f"{rule.days} days"
    if rule.compare:
        than = "the days before" if rule.compare == "previous" else "a year before"
        words = (
            f"{watched.name} over the last {span}: {now}, {said_change(measured)} than {than} "
            f"({said(before, watched.unit, currency)}). The line is {abs(limit) * 100:.0f} % "
            f"{'more' if limit > 0 else 'less'}."
        )
    else:
        words = (
            f"{watched.name} over the last {span}: {now}. The line is {said(limit, watched.unit, currency)}; "
            f"{rule.direction} it, this is told."
        )
    since, until = answer.question.days
    facts = {
        "since": since.isoformat(), "until": until.isoformat(), "value": value, "before": before, "limit": limit,
        "metric": rule.metric, "currency": currency,
    }  # fmt: skip
    title = f"{rule.name}: {rule.direction} the line" if not rule.compare else f"{rule.name}: {said_change(measured)}"
    link = _link(rule.question(since=since, until=until, grain="day", compare=rule.compare))
    return Finding(rule.key, _subject(rule), rule.severity, title, words, link, facts)


def _subject(rule: AlertRule) -> str:
    parts = [f"{each.dimension}={'|'.join(each.values)}" for each in rule.filters]
    return ":".join([rule.metric, *parts, *([f"segment={rule.segment}"] if rule.segment else [])])[:200]


def _link(question: Question) -> str:
    return f"/analytics?{urlencode({'view': 'reports', 'asked': question.address()})}"
