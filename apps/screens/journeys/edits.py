"""Edits of a journey in the making, as pure functions on its plan: whatever is done, it still hangs together.

Belongs here: putting in, taking out, moving, leading elsewhere, cases and arms. Stays out: the graph (`graph.py`),
which steps there are to put in (`offering.py`), undo and keeping (`building.py`).

A plan is explicit (`graph.explicit`). Ways never lead back, and a step that nothing leads to any more is taken out.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from apps.screens.journeys.graph import (
    START,
    Document,
    first_of,
    leading_to,
    reached,
    step_of,
    steps_of,
    ways_from,
    ways_of,
)
from dmat.errors import InvalidInputError
from dmat.journeys.definition import MOST_STEPS
from dmat.journeys.steps import END

MOST_CASES, MOST_ARMS = 20, 6


def fresh_key(plan: Document, base: str, taken: Collection[str] = ()) -> str:
    """A key that no step of this plan has, nor one of the versions before: `mail`, `mail-2`."""
    used = {step["key"] for step in steps_of(plan)} | set(taken) | {END}
    number, key = 1, base
    while key in used:
        number += 1
        key = f"{base}-{number}"
    return key


def get_place(at: Any, place: str) -> Any:
    """What stands at a place, as `cases.0.when.of.1.segment`; None where there is nothing."""
    for name in place.split("."):
        if isinstance(at, list):
            at = at[int(name)] if name.isdigit() and int(name) < len(at) else None
        else:
            at = at.get(name) if isinstance(at, dict) else None
    return at


def put(at: Any, place: str, value: Any) -> None:
    """Write a place; None takes it away. Lists do not grow.

    Raises:
        InvalidInputError: there is no such place.
    """
    *parents, last = place.split(".")
    for name in parents:
        at = at[int(name)] if isinstance(at, list) and name.isdigit() and int(name) < len(at) else _child(at, name)
    if isinstance(at, list):
        if not last.isdigit() or int(last) >= len(at):
            raise InvalidInputError(place, "there is no such place")
        at[int(last)] = value
    elif value is None:
        at.pop(last, None)
    else:
        at[last] = value


def _child(at: Any, name: str) -> Any:
    if not isinstance(at, dict):
        raise InvalidInputError(name, "there is no such place")
    return at.setdefault(name, {})


def set_place(plan: Document, key: str, place: str, value: Any) -> Document:
    """One place of a step changed, or with an empty key one of the journey itself."""
    made = copy.deepcopy(plan)
    target = step_of(made, key) if key else made
    if target is not None:
        put(target, place, value)
    return made


def lead(plan: Document, key: str, place: str, to: str) -> Document:
    """A way out of a step leads to another step, or to the end; what nothing leads to any more is taken out.

    Raises:
        InvalidInputError: the way would lead back.
    """
    if to != END and to in leading_to(plan, key):
        raise InvalidInputError(place, "this way would lead back; a journey goes forward only")
    made = copy.deepcopy(plan)
    _point(made, key, place, to)
    return pruned(made)


def _point(plan: Document, key: str, place: str, to: str) -> None:
    """Let a way lead to a step; out of the start it is the step that stands first."""
    if key == START:
        steps = plan["steps"]
        plan["steps"] = sorted(steps, key=lambda step: step["key"] != to)
        return
    step = step_of(plan, key)
    if step is not None and any(way.place == place for way in ways_of(step)):
        put(step, place, to)


def pruned(plan: Document) -> Document:
    """Without the steps that nothing leads to."""
    known = reached(plan)
    return {**plan, "steps": [step for step in steps_of(plan) if step["key"] in known]}


def insert(plan: Document, key: str, place: str, step: Document) -> Document:
    """A step put into a way; everything that it leads to is what came there before.

    Raises:
        InvalidInputError: the journey has as many steps as it may.
    """
    made = copy.deepcopy(plan)
    if len(steps_of(made)) >= MOST_STEPS:
        raise InvalidInputError("steps", "the journey has as many steps as it may", f"at most {MOST_STEPS}")
    before = next((way.to for way in ways_from(made, key) if way.place == place), END)
    new = _led(copy.deepcopy(step), before)
    made["steps"].append(new)
    _point(made, key, place, new["key"])
    return pruned(made)


def _led(step: Document, to: str) -> Document:
    """A new step whose ways all lead to one step."""
    if step["do"] == "branch":
        step["otherwise"] = to
        for case in step["cases"]:
            case["go"] = to
    elif step["do"] == "split":
        for arm in step["arms"]:
            arm["go"] = to
    elif step["do"] != "exit":
        step["then"] = to
        if step.get("until_event"):
            step["on_timeout"] = to
    return step


def remove(plan: Document, key: str, keep: str = "") -> Document:
    """Without a step; who came to it goes on along the way that is kept (the first one that does not end)."""
    step = step_of(plan, key)
    if step is None:
        return plan
    ways = ways_of(step)
    kept = next((way.to for way in ways if way.place == keep), None)
    to = kept or next((way.to for way in ways if way.to != END), END)
    made = copy.deepcopy(plan)
    is_first = first_of(made) == key
    made["steps"] = [each for each in made["steps"] if each["key"] != key]
    for other in made["steps"]:
        for way in ways_of(other):
            if way.to == key:
                put(other, way.place, to)
    if is_first:
        _point(made, START, START, to)
        made["steps"] = [] if to == END else made["steps"]
    return pruned(made)


def can_move(step: Document) -> bool:
    """Whether a step can be taken elsewhere: it has one way out."""
    return len(ways_of(step)) == 1


def move(plan: Document, key: str, to: str, place: str) -> Document:
    """A step taken out and put into another way.

    Raises:
        InvalidInputError: the step divides, so that nobody could say what goes with it.
    """
    step = step_of(plan, key)
    if step is None or to == key:
        return plan
    if not can_move(step):
        raise InvalidInputError("step", "a step with several ways stays where it is", "steps with one way")
    without = remove(plan, key)
    return insert(without, to, place, step) if to == START or step_of(without, to) else plan


def duplicated(plan: Document, key: str, taken: Collection[str] = ()) -> tuple[Document, str]:
    """A step with one way once more, behind itself; gives the plan and the new key."""
    step = step_of(plan, key)
    if step is None or not can_move(step):
        return plan, key
    base = key.rsplit("-", 1)[0] if key.rsplit("-", 1)[-1].isdigit() else key
    new = copy.deepcopy(step) | {"key": fresh_key(plan, base, taken)}
    return insert(plan, key, "then", new), str(new["key"])


# -- cases and arms --------------------------------------------------------------------------------------------------


def with_case(plan: Document, key: str, when: Document) -> Document:
    """A branch with one case more, before `otherwise`; it leads where `otherwise` does."""
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    if step is not None and step["do"] == "branch" and len(step["cases"]) < MOST_CASES:
        step["cases"].append({"when": {"kind": "all", "of": [when]}, "go": step["otherwise"]})
    return made


def without_case(plan: Document, key: str, number: int) -> Document:
    """A branch with one case less; one stays."""
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    if step is not None and len(step.get("cases", ())) > 1 and number < len(step["cases"]):
        del step["cases"][number]
    return pruned(made)


def raised_case(plan: Document, key: str, number: int) -> Document:
    """A case one place up: the first that is true is the one that counts."""
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    if step is not None and 0 < number < len(step.get("cases", ())):
        cases = step["cases"]
        cases[number - 1], cases[number] = cases[number], cases[number - 1]
    return made


def with_question(plan: Document, key: str, case: int, question: Document) -> Document:
    """A case with one question more."""
    return _asked(plan, key, case, lambda of: [*of, question] if len(of) < MOST_CASES else of)


def without_question(plan: Document, key: str, case: int, number: int) -> Document:
    """A case with one question less; one stays."""
    return _asked(plan, key, case, lambda of: [*of[:number], *of[number + 1 :]] if len(of) > 1 else of)


def negated(plan: Document, key: str, case: int, number: int) -> Document:
    """A question turned round: the contrary must be so."""

    def turn(of: list[Document]) -> list[Document]:
        asked = of[number]
        turned = asked["of"] if asked.get("kind") == "not" else {"kind": "not", "of": asked}
        return [*of[:number], turned, *of[number + 1 :]]

    return _asked(plan, key, case, turn)


def _asked(plan: Document, key: str, case: int, change: Any) -> Document:
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    if step is not None and case < len(step.get("cases", ())):
        when = step["cases"][case]["when"]
        when["of"] = change(list(when["of"]))
    return made


def with_arm(plan: Document, key: str) -> Document:
    """A split with one arm more, shares even; it leads where the last one does."""
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    if step is None or len(step.get("arms", ())) >= MOST_ARMS:
        return made
    taken = {arm["key"] for arm in step["arms"]}
    letter = next(each for each in "abcdefghijklmnop" if each not in taken)
    step["arms"].append({"key": letter, "share": 0.1, "go": step["arms"][-1]["go"]})
    return even_arms(made, key)


def without_arm(plan: Document, key: str, number: int) -> Document:
    """A split with one arm less, shares even; two stay."""
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    if step is None or len(step.get("arms", ())) <= 2 or number >= len(step["arms"]):
        return made
    del step["arms"][number]
    return pruned(even_arms(made, key))


def even_arms(plan: Document, key: str) -> Document:
    """All arms with the same share; rounding goes to the first."""
    made = copy.deepcopy(plan)
    step = step_of(made, key)
    arms = step.get("arms", []) if step else []
    each = int(100 / len(arms)) / 100 if arms else 0
    for number, arm in enumerate(arms):
        arm["share"] = each if number else round(1 - each * (len(arms) - 1), 4)
    return made
