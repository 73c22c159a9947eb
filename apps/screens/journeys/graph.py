"""The definition of a journey as a graph while it is edited: every way says where it leads.

Belongs here: ways out of a step, the explicit form that is edited, the compact form that is kept. Stays out: what a
definition may say (`dmat/journeys/definition.py`), changing it (`edits.py`), where things are drawn (`drawing.py`).

>>> plan = explicit(as_document(definition))     # every `then`, `otherwise` and `on_timeout` is there
>>> compact(plan)                                # what leads to the step below is left out again
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from dmat.journeys.steps import END

Document = dict[str, Any]
START = ""
"""The trigger, as the step before the first one."""


class Way(NamedTuple):
    """A way out of a step: the place that says where it leads, when it is taken, and the step there."""

    place: str
    when: str
    to: str


def steps_of(plan: Document) -> list[Document]:
    """Its steps, in the order in which they stand."""
    return list(plan.get("steps", ()))


def step_of(plan: Document, key: str) -> Document | None:
    """The step with this key."""
    return next((step for step in steps_of(plan) if step["key"] == key), None)


def first_of(plan: Document) -> str:
    """The step at which people begin."""
    steps = steps_of(plan)
    return str(steps[0]["key"]) if steps else END


def ways_of(step: Document) -> list[Way]:
    """The ways out of a step of an explicit plan, in order."""
    if step["do"] == "exit":
        return []
    if step["do"] == "branch":
        cases = [Way(f"cases.{n}.go", "case", case["go"]) for n, case in enumerate(step.get("cases", ()))]
        return [*cases, Way("otherwise", "otherwise", step["otherwise"])]
    if step["do"] == "split":
        return [Way(f"arms.{n}.go", "arm", arm["go"]) for n, arm in enumerate(step.get("arms", ()))]
    if step["do"] == "wait" and step.get("until_event"):
        return [Way("then", "it happened", step["then"]), Way("on_timeout", "time is up", step["on_timeout"])]
    return [Way("then", "", step["then"])]


def ways_from(plan: Document, key: str) -> list[Way]:
    """The ways out of a step, or of the start."""
    if key == START:
        return [Way(START, "", first_of(plan))]
    step = step_of(plan, key)
    return ways_of(step) if step else []


def explicit(document: Document) -> Document:
    """The same definition with every way written out; groups of conditions are always lists."""
    plan = copy.deepcopy(document)
    steps = steps_of(plan)
    keys = [step["key"] for step in steps]
    for step, below in zip(steps, [*keys[1:], END][: len(keys)], strict=True):
        _say_ways(step, below)
    if plan.get("goal") is not None:
        plan["goal"] = {"event": "ordered", "days": 7, **plan["goal"]}  # what is as by default is not in a document
    return plan


def _say_ways(step: Document, below: str) -> None:
    if step["do"] == "branch":
        step["otherwise"] = step.get("otherwise") or below
        for case in step["cases"]:
            case["when"] = as_group(case["when"])
    elif step["do"] not in ("exit", "split"):
        step["then"] = step.get("then") or below
        if step["do"] == "wait" and step.get("until_event"):
            step["on_timeout"] = step.get("on_timeout") or step["then"]


def as_group(when: Document) -> Document:
    """A condition as a list of questions that are put together; what is nested deeper stays inside."""
    return when if when.get("kind") in ("all", "any") else {"kind": "all", "of": [when]}


def compact(plan: Document) -> Document:
    """The definition as it is kept: steps in the order in which people come by, ways to the step below left out."""
    document = copy.deepcopy(plan)
    steps = in_order(document)
    keys = [step["key"] for step in steps]
    for step, below in zip(steps, [*keys[1:], END][: len(keys)], strict=True):
        _leave_out(step, below)
    document["steps"] = steps
    return document


def _leave_out(step: Document, below: str) -> None:
    if step["do"] == "branch":
        if step["otherwise"] == below:
            del step["otherwise"]
        for case in step["cases"]:
            when = case["when"]
            if when.get("kind") in ("all", "any") and len(when.get("of", ())) == 1:
                case["when"] = when["of"][0]
        return
    if step.get("on_timeout") in (None, step.get("then")) or not step.get("until_event"):
        step.pop("on_timeout", None)
    if step.get("then") in (None, below):
        step.pop("then", None)


def in_order(plan: Document) -> list[Document]:
    """Steps so that each stands behind those that lead to it; those that lead on stay together where they can."""
    by_key = {step["key"]: step for step in steps_of(plan)}
    left = dict.fromkeys(by_key, 0)
    for step in by_key.values():
        for way in ways_of(step):
            if way.to in left:
                left[way.to] += 1
    ready = [key for key in by_key if left[key] == 0][::-1]
    found: list[Document] = []
    while ready:
        step = by_key[ready.pop()]
        found.append(step)
        for way in reversed(ways_of(step)):
            if way.to in left:
                left[way.to] -= 1
                if left[way.to] == 0:
                    ready.append(way.to)
    return found


def leading_to(plan: Document, key: str) -> set[str]:
    """The step and every step from which a way leads to it: none of them may come after it."""
    sources: dict[str, set[str]] = {}
    for step in steps_of(plan):
        for way in ways_of(step):
            sources.setdefault(way.to, set()).add(step["key"])
    found, waiting = {key}, [key]
    while waiting:
        for source in sources.get(waiting.pop(), set()) - found:
            found.add(source)
            waiting.append(source)
    return found


def reached(plan: Document) -> set[str]:
    """Keys of the steps that people can come to."""
    by_key = {step["key"]: step for step in steps_of(plan)}
    found: set[str] = set()
    waiting = [first_of(plan)]
    while waiting:
        key = waiting.pop()
        if key in by_key and key not in found:
            found.add(key)
            waiting += [way.to for way in ways_of(by_key[key])]
    return found


def open_to(plan: Document, key: str) -> Sequence[str]:
    """Steps to which a way out of a step may lead without going round: what does not lead to it."""
    closed = leading_to(plan, key)
    return [step["key"] for step in in_order(plan) if step["key"] not in closed]


class Loose(dict[str, Any]):
    """A document for templates: what is not in it is nothing, rather than a fault."""

    def __missing__(self, key: str) -> None:
        return None


def loose(found: Any) -> Any:
    """A document with everything in it, for templates."""
    if isinstance(found, dict):
        return Loose({key: loose(value) for key, value in found.items()})
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return [loose(each) for each in found] if isinstance(found, (list, tuple)) else found


def for_templates(plan: Document) -> Any:
    """A plan for templates; its parts are there, also when nothing is in them."""
    return loose({"entry": {}, "exit_when": [], "holdout": {}, **plan})
