"""Alerts and rules as the screen shows them, and a rule tried on the past.

Belongs here: rows, a rule in words, what it would have told. Stays out: layout (`screen.py`), its form
(`drafting.py`), judging (`dmat/alerts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.context import Context
from apps.screens.alerts.course import Course, course_of
from apps.screens.alerts.drafting import OF_FIGURES
from dmat.alerts.findings import said
from dmat.alerts.judging import last_whole_day, preview
from dmat.alerts.records import Alert, read_alerts
from dmat.alerts.rules import AlertRule, read_rules
from dmat.errors import InvalidInputError
from dmat.metrics.asking import main_currency
from dmat.metrics.catalogue import load
from dmat.metrics.naming import value_words
from dmat.store.alert_tables import alerts

DAYS_TRIED, CLOSED_SHOWN = 90, 30
SNOOZES = {"4": "4 hours", "24": "a day", "168": "a week"}


@dataclass(frozen=True)
class Standing:
    """What stands open, what was closed lately, and the rules."""

    standing: tuple[Alert, ...]
    closed: tuple[Alert, ...]
    rules: tuple[AlertRule, ...]


@dataclass(frozen=True)
class Tried:
    """A rule over the past: how many days it could judge, what it would have told (day and words), and a chart."""

    rule: AlertRule
    judged_count: int
    told: tuple[tuple[str, str], ...]
    course: Course | None = None


def read_standing(context: Context) -> Standing:
    """Everything that the screen shows."""
    with context.store.read() as connection:
        standing = read_alerts(connection, alerts.c.closed_at.is_(None))
        closed = read_alerts(connection, alerts.c.closed_at.is_not(None), limit=CLOSED_SHOWN)
    return Standing(tuple(standing), tuple(closed), read_rules(context.store))


def has_past(rule: AlertRule) -> bool:
    """Whether a rule can be tried on the past."""
    return rule.kind in OF_FIGURES


def try_rule(context: Context, rule: AlertRule) -> Tried:
    """What a rule would have told over the last ninety days.

    Raises:
        InvalidInputError: its figure is not there, or its kind has no past.
        NotPublishedError: nothing has been published yet.
    """
    if not has_past(rule):
        raise InvalidInputError("kind", "such a rule has no past to try it on", "an unusual day, or a line")
    until = last_whole_day(context.workspace, context.settings) + timedelta(days=1)
    judged = preview(context.workspace, context.settings, rule, until - timedelta(days=DAYS_TRIED), until)
    told = [(f"{each.day.day} {each.day:%B}", each.finding.words) for each in judged if each.finding]
    currency = main_currency(context.workspace, context.workspace.tables())
    course = course_of(rule, judged, currency)
    return Tried(rule, sum(each.is_said for each in judged), tuple(reversed(told)), course)


def rule_words(rule: AlertRule, labels: Mapping[str, dict[str, str]] | None = None) -> str:
    """What a rule watches, in a sentence; `labels` are names: dimension -> value -> its name."""
    if rule.kind == "campaigns":
        return "Campaigns that somebody or the guard stopped while they ran, or that ended without adding up."
    if rule.kind == "sources":
        return "Sources that cannot be read or are a day late, and receivers of webhooks that take nothing."
    metric = load().metrics.get(rule.metric)
    if metric is None:
        return f"{rule.metric} is no longer there."
    whom = _whom(rule, labels or {})
    if rule.kind == "unusual":
        way = {"both": "higher or lower", "drop": "lower", "rise": "higher"}[rule.direction]
        least = f", by {rule.least_change * 100:.0f}% at least" if rule.least_change else ""
        return (f"{metric.name}{whom} on a day is {way} than weekday and trend explain{least}. "
                f"Chance alone: once in {rule.false_alarm_days:,} days.")  # fmt: skip
    return f"{metric.name}{whom} over {rule.days} days {_line_words(rule, metric.unit)}."


def _whom(rule: AlertRule, labels: Mapping[str, dict[str, str]]) -> str:
    """` of Best customers (country: ES or FR)`; empty for everything."""
    named = load().dimensions
    parts = [
        f"{named[each.dimension].name.lower() if each.dimension in named else each.dimension}: "
        + " or ".join(value_words(each.dimension, value, labels) for value in each.values)
        for each in rule.filters
    ]
    of = f" of {labels.get('segment', {}).get(rule.segment, rule.segment)}" if rule.segment else ""
    return f"{of} ({', '.join(parts)})" if parts else of


def _line_words(rule: AlertRule, unit: str) -> str:
    """`is below 95%`, `fell by more than 20% against the days before`."""
    value = rule.value or 0.0
    if not rule.compare:
        return f"is {rule.direction} {f'{value * 100:g}%' if unit == 'rate' else said(value, unit)}"
    than = "the days before" if rule.compare == "previous" else "a year before"
    if (rule.direction, value < 0) == ("below", True):
        return f"fell by more than {-value * 100:g}% against {than}"
    if (rule.direction, value < 0) == ("above", False):
        return f"rose by more than {value * 100:g}% against {than}"
    return f"changed by {rule.direction} {value * 100:+g}% against {than}".replace("-", "−")


def snoozed_until(context: Context, hours: str) -> datetime:
    """The moment a snooze of so many hours ends.

    Raises:
        InvalidInputError: it is none of those offered.
    """
    if hours not in SNOOZES:
        raise InvalidInputError("hours", f"{hours[:20]!r} is not offered", ", ".join(SNOOZES))
    return context.now() + timedelta(hours=int(hours))
