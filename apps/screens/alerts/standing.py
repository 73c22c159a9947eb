"""Alerts and rules as the screen shows them, and what its forms do.

Belongs here: rows, rules read from forms, a rule tried on the past. Stays out: layout (`screen.py`), judging
(`dmat/alerts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.context import Context
from apps.screens.alerts.course import Course, course_of
from dmat.alerts.findings import said
from dmat.alerts.judging import last_whole_day, preview
from dmat.alerts.records import Alert, read_alerts
from dmat.alerts.rules import AlertRule, read_rule, read_rules
from dmat.errors import InvalidInputError, NotPublishedError
from dmat.metrics.asking import main_currency
from dmat.metrics.catalogue import load
from dmat.store.alert_tables import alerts

DAYS_TRIED, CLOSED_SHOWN = 90, 30
SNOOZES = {"4": "4 hours", "24": "a day", "168": "a week"}
OF_FIGURES = ("unusual", "threshold")
"""Kinds of rules that watch a figure, and so have a past to be tried on."""


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


def rule_of_form(form: Mapping[str, Any], old: AlertRule | None = None) -> AlertRule:
    """A rule from the fields of its form; percentages are typed as such.

    Args:
        form: what was typed.
        old: the rule that is changed; what the form does not have stays as it was.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    kind = _text(form, "kind") or "unusual"
    document: dict[str, Any] = {
        "key": old.key if old else key_of(_text(form, "name")), "name": _text(form, "name"), "kind": kind,
        "severity": _text(form, "severity") or "warning", "emails": _text(form, "emails").replace(",", " ").split(),
        "slack_channel": _text(form, "slack_channel"),
    }  # fmt: skip
    if kind in OF_FIGURES:
        way = _text(form, "direction") or "both" if kind == "unusual" else _text(form, "line_direction") or "below"
        document |= {"metric": _text(form, "metric"), "segment": _text(form, "segment"), "direction": way}
    if kind == "unusual":
        document |= {"false_alarm_days": round(_number(form, "false_alarm_days", 1000)),
                     "least_change": _number(form, "least_change", 0) / 100}  # fmt: skip
    if kind == "threshold":
        document |= _line_of_form(form, document["metric"])
    return read_rule((old.model_dump(mode="json") if old else {}) | document)


def _line_of_form(form: Mapping[str, Any], metric: str) -> dict[str, Any]:
    compare, value = _text(form, "compare"), _number(form, "value", 0)
    found = load().metrics.get(metric)
    unit = found.unit if found else ""
    if compare or unit == "rate":
        value /= 100
    elif unit == "cents":
        value *= 100
    return {"value": value, "days": round(_number(form, "days", 7)), "compare": compare,
            "least_base": round(_number(form, "least_base", 0))}  # fmt: skip


def typed_value(rule: AlertRule) -> str:
    """The line of a rule as people type it: whole amounts, per cent for rates and changes."""
    if rule.value is None:
        return ""
    found = load().metrics.get(rule.metric)
    unit = found.unit if found else ""
    scale = 100 if rule.compare or unit == "rate" else 0.01 if unit == "cents" else 1
    return f"{rule.value * scale:.10g}"


def key_of(name: str) -> str:
    """`Fewer orders in Spain` -> `fewer-orders-in-spain`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


def _text(form: Mapping[str, Any], name: str) -> str:
    return str(form.get(name) or "").strip()[:2000]


def _number(form: Mapping[str, Any], name: str, default: float) -> float:
    typed = _text(form, name).replace(",", ".")
    if not typed:
        return default
    try:
        return float(typed)
    except ValueError:
        raise InvalidInputError(name, f"{typed[:40]!r} is no number", "a number") from None


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


def rule_words(rule: AlertRule, names: Mapping[str, str] | None = None) -> str:
    """What a rule watches, in a sentence; `names` are those of segments by their keys."""
    if rule.kind == "campaigns":
        return "Campaigns that somebody or the guard stopped while they ran, or that ended without adding up."
    if rule.kind == "sources":
        return "Sources that cannot be read or are a day late, and receivers of webhooks that take nothing."
    metric = load().metrics.get(rule.metric)
    if metric is None:
        return f"{rule.metric} is no longer there."
    whom = f" of {(names or {}).get(rule.segment, rule.segment)}" if rule.segment else ""
    if rule.kind == "unusual":
        way = {"both": "higher or lower", "drop": "lower", "rise": "higher"}[rule.direction]
        least = f", by {rule.least_change * 100:.0f}% at least" if rule.least_change else ""
        return (f"{metric.name}{whom} on a day is {way} than weekday and trend explain{least}. "
                f"Chance alone: once in {rule.false_alarm_days:,} days.")  # fmt: skip
    return f"{metric.name}{whom} over {rule.days} days {_line_words(rule, metric.unit)}."


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


def is_published(context: Context) -> bool:
    """Whether there is anything to judge."""
    try:
        return context.workspace.version.number > 0
    except NotPublishedError:
        return False
