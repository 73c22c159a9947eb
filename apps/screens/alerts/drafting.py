"""A rule in the making: the fields of its dialog, what it is narrowed to, and what can be chosen next.

Belongs here: from a rule to what stands in its form and back. Stays out: what makes a rule whole (`dmat/alerts`),
layout (`screen.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from apps.screens.analytics.desk import AnalyticsDesk, Named
from apps.screens.analytics.narrowing import filters_of, values_offered
from dmat.alerts.rules import AlertRule, read_rule
from dmat.errors import InvalidInputError
from dmat.keys import key_of, own_key
from dmat.metrics.catalogue import SEGMENT, load
from dmat.metrics.naming import value_words
from dmat.metrics.question import Question

OF_FIGURES = ("unusual", "threshold")
"""Kinds of rules that watch a figure, and so have a past to be tried on."""
MOST_FILTERS = 10
FIELDS = (
    "name", "metric", "segment", "kind", "direction", "least_change", "false_alarm_days", "line_direction", "value",
    "days", "compare", "least_base", "severity", "emails", "slack_channel", "only_try",
)  # fmt: skip
EMPTY: Final = dict.fromkeys(FIELDS, "")
NEW: Final = {**EMPTY, "metric": "orders", "kind": "unusual", "severity": "warning"}


@dataclass(frozen=True)
class Draft:
    """What the dialog of a rule shows.

    Attributes:
        fields: what stands in each field, as typed.
        filters: dimensions and values that the figure is narrowed to; several values of one are alternatives.
        changing: the rule that is changed; None for a new one.
        asking: the dimension whose values are offered.
        problem: what was wrong when it was sent.
    """

    fields: Mapping[str, str] = field(default_factory=lambda: dict(NEW))
    filters: tuple[tuple[str, str], ...] = ()
    changing: AlertRule | None = None
    asking: str = ""
    problem: str = ""

    def typed(self, form: Mapping[str, Any], problem: str) -> Draft:
        """The same dialog after it was refused: nothing that was typed is lost."""
        return replace(self, fields={name: str(form.get(name, ""))[:2000] for name in FIELDS}, problem=problem)


@dataclass(frozen=True)
class Choices:
    """What a draft can be narrowed to: dimensions, values of the one that is asked for, segments, and chips."""

    dimensions: tuple[Named, ...] = ()
    values: tuple[Named, ...] = ()
    has_segments: bool = False
    chips: tuple[Named, ...] = ()


def draft_of(rule: AlertRule) -> Draft:
    """The dialog of a rule that is there already."""
    fields = {
        **EMPTY, "name": rule.name, "kind": rule.kind, "metric": rule.metric, "segment": rule.segment,
        "severity": rule.severity, "emails": " ".join(rule.emails), "slack_channel": rule.slack_channel,
    }  # fmt: skip
    if rule.kind == "unusual":
        fields |= {"direction": rule.direction, "false_alarm_days": str(rule.false_alarm_days),
                   "least_change": f"{rule.least_change * 100:g}" if rule.least_change else ""}  # fmt: skip
    if rule.kind == "threshold":
        fields |= {"line_direction": rule.direction, "value": typed_value(rule), "days": str(rule.days),
                   "compare": rule.compare}  # fmt: skip
    fields["least_base"] = str(rule.least_base or "")
    filters = tuple((each.dimension, value) for each in rule.filters for value in each.values)
    return Draft(fields, filters, rule)


def changed(draft: Draft, name: str, value: str) -> Draft:
    """The draft after a choice in its dialog; filters that another figure does not have are left out."""
    catalogue = load()
    if name == "choose-metric" and value in catalogue.metrics:
        kept = tuple(pair for pair in draft.filters if pair[0] in _dimensions(value))
        return replace(draft, fields={**draft.fields, "metric": value}, filters=kept, asking="", problem="")
    if name == "choose-dimension":
        return replace(draft, asking=value if value in _dimensions(draft.fields.get("metric", "")) else "")
    if name == "choose-value" and draft.asking:
        pairs = tuple(dict.fromkeys((*draft.filters, (draft.asking, value[1:501]))))
        return replace(draft, filters=pairs[:MOST_FILTERS], asking="")
    if name == "drop-filter":
        return replace(draft, filters=tuple(pair for pair in draft.filters if ":".join(pair) != value))
    return draft


def choices_of(draft: Draft, desk: AnalyticsDesk) -> Choices:
    """What can be chosen next, with the values that the last ninety days have."""
    one = load().metrics.get(draft.fields.get("metric", ""))
    if one is None:
        return Choices()
    labels, named = desk.labels(), load().dimensions
    days = Question(metrics=(one.key,), period="last_90_days").dated(desk.today)
    values = values_offered(desk, days, draft.asking, draft.filters) if draft.asking else ()
    chips = tuple(
        Named(f"{key}:{value}", f"{named[key].name}: {value_words(key, value, labels)}")
        for key, value in draft.filters if key in named
    )  # fmt: skip
    dimensions = tuple(Named(key, named[key].name) for key in _dimensions(one.key))
    return Choices(dimensions, values, SEGMENT in one.dimensions, chips)


def _dimensions(metric: str) -> tuple[str, ...]:
    """Dimensions that a figure can be narrowed by; segments have a field of their own."""
    catalogue = load()
    if metric not in catalogue.metrics:
        return ()
    shared = catalogue.shared_dimensions((metric,))
    return tuple(key for key in shared if key != SEGMENT and not catalogue.dimensions[key].is_many)


def rule_of_form(form: Mapping[str, Any], draft: Draft | None = None, keys: Collection[str] = ()) -> AlertRule:
    """A rule from the fields of its form; percentages are typed as such.

    Args:
        form: what was typed.
        draft: its dialog: the filters, and the rule that is changed, whose other fields stay as they were.
        keys: those of the rules that there are.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    draft = draft or Draft()
    old, kind = draft.changing, _text(form, "kind") or "unusual"
    key = old.key if old else key_of(_text(form, "name")) or own_key("rule", keys)
    document: dict[str, Any] = {
        "key": key, "name": _text(form, "name"), "kind": kind,
        "severity": _text(form, "severity") or "warning", "emails": _text(form, "emails").replace(",", " ").split(),
        "slack_channel": _text(form, "slack_channel"),
    }  # fmt: skip
    if kind in OF_FIGURES:
        way = _text(form, "direction") or "both" if kind == "unusual" else _text(form, "line_direction") or "below"
        document |= {"metric": _text(form, "metric"), "segment": _text(form, "segment"), "direction": way,
                     "filters": [each.model_dump(mode="json") for each in filters_of(draft.filters)],
                     "least_base": round(_number(form, "least_base", old.least_base if old else 0))}  # fmt: skip
    if kind == "unusual":
        document |= {"false_alarm_days": round(_number(form, "false_alarm_days", 1000)),
                     "least_change": _number(form, "least_change", 0) / 100, "value": None, "compare": ""}  # fmt: skip
    if kind == "threshold":
        document |= _line_of_form(form, document["metric"])
    return read_rule((old.model_dump(mode="json") if old else {}) | document)


def _line_of_form(form: Mapping[str, Any], metric: str) -> dict[str, Any]:
    if not _text(form, "value"):
        raise InvalidInputError("value", "the line is missing", "a number in the unit of the figure")
    compare, value = _text(form, "compare"), _number(form, "value", 0)
    found = load().metrics.get(metric)
    unit = found.unit if found else ""
    if compare or unit == "rate":
        value /= 100
    elif unit == "cents":
        value *= 100
    return {"value": value, "days": round(_number(form, "days", 7)), "compare": compare}


def typed_value(rule: AlertRule) -> str:
    """The line of a rule as people type it: whole amounts, per cent for rates and changes."""
    if rule.value is None:
        return ""
    found = load().metrics.get(rule.metric)
    unit = found.unit if found else ""
    scale = 100 if rule.compare or unit == "rate" else 0.01 if unit == "cents" else 1
    return f"{rule.value * scale:.10g}"


def _text(form: Mapping[str, Any], name: str) -> str:
    return str(form.get(name) or "").strip()[:2000]


def _number(form: Mapping[str, Any], name: str, default: float) -> float:
    typed = _text(form, name).replace(",", ".")
    if not typed:
        return default
    try:
        found = float(typed)
    except ValueError:
        raise InvalidInputError(name, f"{typed[:40]!r} is no number", "a number") from None
    if not abs(found) < 1e15:  # `inf` and `nan` are floats too
        raise InvalidInputError(name, f"{typed[:40]!r} is no number that a figure can reach", "a smaller number")
    return found
