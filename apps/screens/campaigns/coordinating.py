"""Coordination rules in the composer: rules to begin with, their words, and edits, as pure functions on documents.

Belongs here: what a rule is called and how a field of it changes. Stays out: what rules mean (`dmat/campaigns`),
asking what they would do now (`composer.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from apps.parts.channels import channel_name
from apps.screens.campaigns.fields import text, whole

Document = dict[str, Any]
RATIO = "traffic_ratio"
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "open_rate": "open rate", "click_rate": "click rate", "read_rate": "read rate", "reply_rate": "reply rate",
        "engagement_rate": "share who did anything", "conversion_rate": "share who bought",
        "bounce_rate": "bounce rate", "complaint_rate": "complaint rate", "unsubscribe_rate": "unsubscribe rate",
        RATIO: "visits compared with a usual day",
    }
)  # fmt: skip
ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "pause_channel": "Pause a channel", "reduce_frequency": "Leave days between messages",
        "increase_impressions": "Show it more often", "raise_budget": "Raise the budget", "alert": "Only tell us",
    }
)  # fmt: skip
BEGUN: Mapping[str, Document] = MappingProxyType(
    {
        "pause_channel": {"do": "pause_channel", "channel": "email"},
        "reduce_frequency": {"do": "reduce_frequency", "channel": "sms", "days_between": 3},
        "increase_impressions": {"do": "increase_impressions", "channel": "banner", "factor": 2.0},
        "raise_budget": {"do": "raise_budget", "channel": "retargeting", "percent": 20},
        "alert": {"do": "alert", "text": "Please have a look"},
    }
)
"""What each action starts with."""


def _preset(name: str, measure: str, channel: str, comparison: str, value: float, action: str) -> Document:
    when = {"measure": measure, "channel": channel, "step": "", "comparison": comparison, "value": value,
            "min_sample": 200}  # fmt: skip
    return {"name": name, "when": when, "then": {**BEGUN[action]}, "is_dry_run": False}


PRESETS: Mapping[str, Document] = MappingProxyType(
    {
        "few-openings": _preset("Few open the mails", "open_rate", "email", "below", 0.2, "pause_channel"),
        "texts-do-not-sell": _preset("Texts do not sell", "conversion_rate", "sms", "below", 0.1, "reduce_frequency"),
        "banner-works": _preset("The banner works", "click_rate", "banner", "above", 0.05, "increase_impressions"),
        "push-is-ignored": _preset("Push is ignored", "engagement_rate", "push", "below", 0.05, "alert"),
        "social-spike": _preset("Social brings many", RATIO, "social", "above", 2.0, "raise_budget"),
        "own": _preset("", "open_rate", "email", "below", 0.2, "alert"),
    }
)
"""Rules that are offered; the last one is for a rule of one's own."""


def condition_words(when: Mapping[str, Any]) -> str:
    """When it acts: Open rate of E-mail below 20%."""
    measure = MEASURES.get(str(when.get("measure")), "?")
    step = f", step {when['step']}" if when.get("step") else ""
    channel = channel_name(str(when.get("channel")))
    return f"{measure[:1].upper()}{measure[1:]} of {channel}{step} {when.get('comparison')} {value_words(when)}"


def value_words(when: Mapping[str, Any]) -> str:
    """0.2 -> 20%; a ratio -> 2 times."""
    value = float(when.get("value") or 0)
    return f"{value:g} times" if when.get("measure") == RATIO else f"{round(value * 100, 2):g}%"


def action_words(then: Mapping[str, Any]) -> str:
    """What it does: pause E-mail."""
    channel, do = channel_name(str(then.get("channel", ""))), then.get("do")
    words = {
        "pause_channel": f"pause {channel}",
        "reduce_frequency": f"leave {then.get('days_between')} days between two messages by {channel}",
        "increase_impressions": f"show {channel} {float(then.get('factor') or 1):g} times as often as planned",
        "raise_budget": f"raise the budget of {channel} by {then.get('percent')}%",
        "alert": f"tell us: {then.get('text')}",
    }
    return words.get(str(do), "?")


def rule_words(rule: Mapping[str, Any]) -> str:
    """A rule in one sentence, without a full stop."""
    return f"{condition_words(rule['when'])}: {action_words(rule['then'])}"


# -- edits ---------------------------------------------------------------------------------------------------------


def add_rule(plan: Document, preset: str) -> str:
    """Add a rule to begin with; gives its key, empty when there is no such preset."""
    if preset not in PRESETS:
        return ""
    rules = [*plan.get("rules", ())]
    taken = {rule["key"] for rule in rules}
    key = next(name for n in range(1, len(rules) + 2) if (name := preset if n == 1 else f"{preset}-{n}") not in taken)
    plan["rules"] = [*rules, {"key": key, **copy.deepcopy(PRESETS[preset])}]
    return key


def remove_rule(plan: Document, key: str) -> None:
    """Take a rule away."""
    plan["rules"] = [rule for rule in plan.get("rules", ()) if rule["key"] != key]


def change_rule(plan: Document, place: str, value: Any) -> None:
    """Change `<key>|<field>` of a rule; fields that a rule does not have are left alone."""
    key, _, field = place.partition("|")
    rule = next((each for each in plan.get("rules", ()) if each["key"] == key), None)
    if rule is None or field not in _READERS:
        return
    part, _, name = field.rpartition(".")
    if field == "then.do":
        rule["then"] = dict(BEGUN.get(str(value), rule["then"]))
    elif part != "then" or name in rule["then"]:
        (rule[part] if part else rule)[name] = _READERS[field](value)
    if field == "when.measure":
        rule["when"]["value"] = 2.0 if value == RATIO else min(float(rule["when"]["value"] or 0), 1.0)
    elif field == "when.value" and rule["when"]["value"] is not None and rule["when"]["measure"] != RATIO:
        rule["when"]["value"] = round(rule["when"]["value"] / 100, 6)


def _number(value: Any) -> float | None:
    try:
        return round(float(str(value).replace("%", "").replace(",", ".").strip()), 6)
    except (ValueError, OverflowError):
        return None


def _is_ticked(value: Any) -> bool:
    return value in {True, "true", "on"}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "name": text, "is_dry_run": _is_ticked, "when.measure": text, "when.channel": text, "when.step": text,
    "when.comparison": text, "when.value": _number, "when.min_sample": whole, "then.do": text, "then.channel": text,
    "then.days_between": whole, "then.factor": _number, "then.percent": whole, "then.text": text,
}  # fmt: skip


def shown_rules(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rules with their sentence and the figure as it is typed, for the composer."""
    shown = []
    for rule in rules:
        value = rule["when"].get("value")
        typed = "" if value is None else f"{round(value * (1 if rule['when'].get('measure') == RATIO else 100), 4):g}"
        shown.append({"rule": rule, "words": rule_words(rule), "typed": typed})
    return shown
