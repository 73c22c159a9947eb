"""What differs between two versions of a journey, in words.

Belongs here: comparing two definitions step by step. Stays out: who is inside (`versions.py`), what it would have done
(`dmat/journeys/comparing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.screens.journeys.graph import Document, explicit, step_of, steps_of, ways_of
from apps.screens.journeys.wording import exit_words, plain, question_words, title_of, trigger_words
from dmat.journeys.steps import END

_WAYS = {"then", "otherwise", "on_timeout", "cases", "arms"}
_NAMES = {"for": "how long", "template": "message", "until_time": "time", "code_pool": "codes", "list_name": "audience",
          "expires_after": "latest", "again": "may come again", "one_at_a_time": "one at a time"}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One difference: `kind` is new, gone or changed."""

    kind: str
    what: str
    how: tuple[str, ...] = ()


def changes(before: Document, after: Document, names: Mapping[str, str] = {}) -> list[Change]:
    """What is otherwise in `after`; both are definitions as documents."""
    one, other = explicit(before), explicit(after)
    found = _journey(one, other, names)
    for step in steps_of(other):
        old = step_of(one, step["key"])
        if old is None:
            found.append(Change("new", title_of(step, names)))
        elif how := tuple(_step(old, step, one, other, names)):
            found.append(Change("changed", title_of(step, names), how))
    known = {step["key"] for step in steps_of(other)}
    found += [Change("gone", title_of(step, names)) for step in steps_of(one) if step["key"] not in known]
    return found


def _journey(one: Document, other: Document, names: Mapping[str, str]) -> list[Change]:
    found = []
    if one["trigger"] != other["trigger"]:
        found.append(
            Change(
                "changed",
                "Start",
                (f"{trigger_words(one['trigger'], names)} → {trigger_words(other['trigger'], names)}",),
            )
        )
    if (one.get("entry") or {}) != (other.get("entry") or {}):
        found.append(
            Change("changed", "Who may enter", tuple(_places(one.get("entry") or {}, other.get("entry") or {})))
        )
    rules = [[exit_words(rule, names) for rule in each.get("exit_when") or ()] for each in (one, other)]
    if rules[0] != rules[1]:
        found.append(
            Change(
                "changed", "What ends it", (f"{', '.join(rules[0]) or 'nothing'} → {', '.join(rules[1]) or 'nothing'}",)
            )
        )
    for place, title in (("goal", "Goal"), ("holdout", "People held out")):
        if (one.get(place) or {}) != (other.get(place) or {}):
            found.append(Change("changed", title, tuple(_places(one.get(place) or {}, other.get(place) or {}))))
    if one.get("name") != other.get("name"):
        found.append(Change("changed", "Name", (f"{one.get('name')} → {other.get('name')}",)))
    return found


def _step(old: Document, new: Document, one: Document, other: Document, names: Mapping[str, str]) -> list[str]:
    said = _places({k: v for k, v in old.items() if k not in _WAYS}, {k: v for k, v in new.items() if k not in _WAYS})
    if old["do"] != new["do"]:
        return [f"{old['do'].replace('_', ' ')} → {new['do'].replace('_', ' ')}"]
    if old["do"] == "branch":
        words = [[question_words(case["when"], names) for case in each["cases"]] for each in (old, new)]
        if words[0] != words[1]:
            said.append(f"{'; '.join(words[0])} → {'; '.join(words[1])}")
    if old["do"] == "split":
        shares = [", ".join(f"{arm['key'].upper()} {arm['share']:.0%}" for arm in each["arms"]) for each in (old, new)]
        if shares[0] != shares[1]:
            said.append(f"{shares[0]} → {shares[1]}")
    before, after = {way.place: way.to for way in ways_of(old)}, {way.place: way.to for way in ways_of(new)}
    for place, to in after.items():
        if place in before and before[place] != to:
            said.append(f"leads to {_name(other, to, names)} instead of {_name(one, before[place], names)}")
    return said


def _name(plan: Document, key: str, names: Mapping[str, str]) -> str:
    step = step_of(plan, key)
    return "the end" if key == END or step is None else f"“{title_of(step, names)}”"


def _places(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    said = []
    for place in dict.fromkeys([*one, *other]):
        before, after = one.get(place), other.get(place)
        if before == after or (not before and not after):
            continue
        if isinstance(before, dict) or isinstance(after, dict):
            said += _places(before or {}, after or {})  # type: ignore[arg-type]
        else:
            said.append(f"{_NAMES.get(place, plain(place))}: {_shown(before)} → {_shown(after)}")
    return said


def _shown(value: Any) -> str:
    if value in (None, "", [], ()):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
