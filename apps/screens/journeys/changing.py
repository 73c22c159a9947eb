"""What a click on the canvas or in the inspector changes.

Belongs here: from the name of an action to an edit. Stays out: the edits (`edits.py`), keeping (`building.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from apps.screens.journeys import edits, offering
from apps.screens.journeys.building import Building
from apps.screens.journeys.fields import fit_value, read_field
from apps.screens.journeys.graph import Document
from apps.screens.segments.addressing import remember

if TYPE_CHECKING:
    from apps.screens.journeys.builder import BuilderScreen

Edit = Callable[[Building, str], Awaitable[None]]


async def change(screen: BuilderScreen, name: str, value: Any) -> None:
    """Carry out what the browser asked for; what is not known is nothing."""
    model = screen.model
    if name == "set" and isinstance(value, dict):
        await _set(model, str(value.get("of", "")), value.get("value"))
    elif name in _EDITS:
        text = value.get("of", "") + "|" + str(value.get("value", "")) if isinstance(value, dict) else str(value or "")
        await _EDITS[name](model, text[:300])
    elif name == "save":
        if await model.save():
            remember({"id": model.key})
        screen._reload()
    elif name == "afresh":
        await model.drop_draft()
        screen.is_resumed = False
    elif name == "file" and isinstance(value, dict):
        await screen.apply_file(str(value.get("text") or "")[:300_000])
    elif name == "tag-segment":
        await screen.make_tag_segment()
    elif name == "copy" and not model.is_new:
        screen.left(f"/journeys?id={screen.keeping.copy(model.key, screen.user.email).key}")


async def _set(model: Building, place: str, typed: Any) -> None:
    """A field of the inspector; places that begin with `/` are those of the journey itself."""
    is_whole = place.startswith("/")
    key = "" if is_whole or model.step is None else model.chosen
    at: Any = model.plan if not key else model.step
    is_known, plain, value = read_field(at, place.lstrip("/"), typed)
    if is_known:
        await model.edit(lambda plan: edits.set_place(plan, key, plain, value))


async def _lead(model: Building, text: str) -> None:
    place, _, to = text.partition("|")
    key = model.chosen
    await model.edit(lambda plan: edits.lead(plan, key, place, to))


async def _add_at(model: Building, text: str) -> None:
    key, _, place = text.partition("|")
    if model.moving:
        await model.drop(key, place)
    else:
        model.begin_adding(key, place)


async def _remove(model: Building, text: str) -> None:
    key, _, keep = text.partition("|")
    await model.remove(key, keep)


async def _of_chosen(model: Building, edit: Callable[[Document, str], Document]) -> None:
    key = model.chosen
    await model.edit(lambda plan: edit(plan, key))


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split("|") if each.isdigit() and len(each) < 3]


async def _question_kind(model: Building, text: str) -> None:
    case, number, kind = [*text.split("|"), "", ""][:3]
    if kind in offering.QUESTIONS and case.isdigit() and number.isdigit():
        document = offering.QUESTIONS[kind][1]
        place = f"cases.{case}.when.of.{number}"
        is_not = (edits.get_place(model.step, place) or {}).get("kind") == "not"
        await model.edit(
            lambda plan: edits.set_place(plan, model.chosen, f"{place}.of" if is_not else place, dict(document))
        )


async def _bound(model: Building, text: str) -> None:
    """A score that is asked for is at least so many points, or over so many."""
    case, number, name = [*text.split("|"), "", ""][:3]
    if name not in ("at_least", "over") or not (case.isdigit() and number.isdigit()):
        return
    place = f"cases.{case}.when.of.{number}"
    found = edits.get_place(model.step, place) or {}
    if found.get("kind") == "not":
        place, found = f"{place}.of", found.get("of") or {}
    if found.get("kind") == "score":
        points = found.get("over", found.get("at_least"))
        await model.edit(lambda plan: edits.set_place(plan, model.chosen, place, {"kind": "score", name: points}))


async def _group(model: Building, text: str) -> None:
    case, _, kind = text.partition("|")
    if kind in ("all", "any") and case.isdigit():
        await model.edit(lambda plan: edits.set_place(plan, model.chosen, f"cases.{case}.when.kind", kind))


async def _op(model: Building, text: str) -> None:
    place, _, op = text.partition("|")
    key, at = ("", model.plan) if place.startswith("/") else (model.chosen, model.step)
    plain = place.lstrip("/")
    where = edits.get_place(at, plain)
    if isinstance(where, dict) and op:
        await model.edit(lambda plan: edits.set_place(plan, key, plain, fit_value(where, op)))


async def _where(model: Building, text: str) -> None:
    """One comparison more (`place|+`) or one less (`place|2`)."""
    place, _, what = text.partition("|")
    key, at = ("", model.plan) if place.startswith("/") else (model.chosen, model.step)
    plain = place.lstrip("/")
    found = list(edits.get_place(at, plain) or [])
    if what == "+":
        found.append({"name": "", "op": "equals", "value": ""})
    elif what.isdigit() and int(what) < len(found):
        del found[int(what)]
    await model.edit(lambda plan: edits.set_place(plan, key, plain, found))


async def _wait_kind(model: Building, kind: str) -> None:
    step = model.step
    if step is None or step["do"] != "wait" or kind not in offering.WAITS:
        return
    kept = {name: step[name] for name in ("key", "name", "do", "then") if name in step}
    made = kept | offering.WAITS[kind][1] | ({"on_timeout": step["then"]} if kind == "event" else {})
    await model.edit(
        lambda plan: edits.pruned({**plan, "steps": [made if s["key"] == step["key"] else s for s in plan["steps"]]})
    )


async def _trigger_kind(model: Building, kind: str) -> None:
    if kind in offering.TRIGGERS:
        await model.edit(lambda plan: {**plan, "trigger": dict(offering.TRIGGERS[kind][1])})


async def _exit(model: Building, what: str) -> None:
    """A rule that ends the journey more (`event:ordered`, `segment:vip`) or less (its number)."""
    rules = list(model.plan.get("exit_when") or [])
    kind, _, name = what.partition(":")
    if what.isdigit() and int(what) < len(rules):
        del rules[int(what)]
    elif name:
        rules.append({"left_segment": name} if kind == "segment" else {"event": name})
    await model.edit(lambda plan: {**plan, "exit_when": rules})


async def _segments(model: Building, text: str) -> None:
    """A segment more or less in `entry.segments` or `entry.exclude`."""
    place, _, key = text.partition("|")
    if place in ("segments", "exclude") and key:
        entry = dict(model.plan.get("entry") or {})
        listed = list(entry.get(place) or [])
        entry[place] = [each for each in listed if each != key] if key in listed else [*listed, key]
        await model.edit(lambda plan: {**plan, "entry": entry})


async def _goal(model: Building, text: str) -> None:
    goal = None if model.plan.get("goal") else {"event": "ordered", "days": 7}
    await model.edit(lambda plan: {**plan, "goal": goal} if goal else {k: v for k, v in plan.items() if k != "goal"})


async def _again(model: Building, text: str) -> None:
    """When somebody may come again; only `after` has a cool-down."""
    again = text.rpartition("|")[2] or text
    entry = dict(model.plan.get("entry") or {}) | {"again": again}
    entry = entry | {"cool_down": entry.get("cool_down") or "30d"} if again == "after" else {
        name: kept for name, kept in entry.items() if name != "cool_down"
    }  # fmt: skip
    if again in ("never", "after", "always"):
        await model.edit(lambda plan: {**plan, "entry": entry})


async def _value(model: Building, name: str) -> None:
    """A value for the message more, or less when it is there."""
    step = model.step
    plain = "".join(each for each in name.lower().replace(" ", "_") if each.isalnum() or each == "_")[:60]
    if step is None or not plain:
        return
    values = dict(step.get("values") or {})
    if plain in values:
        del values[plain]
    else:
        values[plain] = ""
    await model.edit(lambda plan: edits.set_place(plan, model.chosen, "values", values))


async def _case(model: Building, text: str) -> None:
    what, _, number = text.partition("|")
    found = _numbers(number)
    if what == "add":
        await _of_chosen(model, lambda plan, key: edits.with_case(plan, key, dict(offering.QUESTIONS["score"][1])))
    elif what == "remove" and found:
        await _of_chosen(model, lambda plan, key: edits.without_case(plan, key, found[0]))
    elif what == "raise" and found:
        await _of_chosen(model, lambda plan, key: edits.raised_case(plan, key, found[0]))


async def _question(model: Building, text: str) -> None:
    what, _, rest = text.partition("|")
    found = _numbers(rest)
    if what == "add" and len(found) == 1:
        asked = dict(offering.QUESTIONS["score"][1])
        await _of_chosen(model, lambda plan, key: edits.with_question(plan, key, found[0], asked))
    elif what == "remove" and len(found) == 2:
        await _of_chosen(model, lambda plan, key: edits.without_question(plan, key, found[0], found[1]))
    elif what == "not" and len(found) == 2:
        await _of_chosen(model, lambda plan, key: edits.negated(plan, key, found[0], found[1]))


async def _arm(model: Building, text: str) -> None:
    what, _, number = text.partition("|")
    if what == "add":
        await _of_chosen(model, edits.with_arm)
    elif what == "even":
        await _of_chosen(model, edits.even_arms)
    elif what == "remove" and _numbers(number):
        await _of_chosen(model, lambda plan, key: edits.without_arm(plan, key, _numbers(number)[0]))


async def _plain(model: Building, text: str) -> None:
    model.stop()


async def _move(model: Building, key: str) -> None:
    model.begin_moving(key)


async def _add(model: Building, kind: str) -> None:
    await model.add(kind)


async def _duplicate(model: Building, key: str) -> None:
    await model.duplicate(key)


async def _undo(model: Building, _: str) -> None:
    await model.undo()


async def _redo(model: Building, _: str) -> None:
    await model.redo()


_EDITS: dict[str, Edit] = {
    "lead": _lead, "add-at": _add_at, "add": _add, "remove": _remove, "move": _move, "duplicate": _duplicate,
    "stop": _plain, "undo": _undo, "redo": _redo, "question-kind": _question_kind, "bound": _bound, "group": _group,
    "op": _op, "where": _where, "wait-kind": _wait_kind, "trigger-kind": _trigger_kind, "exit": _exit,
    "entry-segment": _segments, "goal": _goal, "again": _again, "value": _value, "case": _case, "question": _question,
    "arm": _arm,
}  # fmt: skip
