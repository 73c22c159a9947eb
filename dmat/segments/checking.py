"""Whether a rule fits the catalogue: every fault with its place, what is wrong, and what would have been accepted.

Belongs here: unknown fields, events and segments, operators and values that do not fit the type, circles, limits.
Stays out: the shape of the tree (`tree.py` refuses that before).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from dmat.segments.catalogue import Catalogue, EventType, Field, Property
from dmat.segments.measures import TAKES_PROPERTY, measured, properties_for
from dmat.segments.moments import nominal_days
from dmat.segments.operators import VALUE_WORDS, Operator, ValueKind, find_operator, operator_keys
from dmat.segments.rules import Fault, Rule, segments_used, walk
from dmat.segments.tree import (
    AgoWindow,
    Attribute,
    Duration,
    Event,
    Membership,
    PropertyCondition,
    Sequence,
    Step,
    Value,
    Window,
)

MAXIMUM_SEGMENTS = 100
_CALENDAR_OPERATORS = ("anniversary_within_next", "anniversary_within_last")


def check(rule: Rule, catalogue: Catalogue, segments: Mapping[str, Rule] | None = None, key: str = "") -> list[Fault]:
    """All faults of a rule; nothing when it can be used.

    Args:
        rule: the rule.
        catalogue: what can be asked.
        segments: the rules of the other segments.
        key: the key of the segment that the rule is for, if it has one: it must not name itself through others.
    """
    return _Check(catalogue, {**(segments or {}), **({key: rule} if key else {})}).faults(rule, key)


class _Check:
    def __init__(self, catalogue: Catalogue, segments: Mapping[str, Rule]) -> None:
        self.catalogue, self.segments = catalogue, segments
        self.found: list[Fault] = []

    def faults(self, rule: Rule, key: str) -> list[Fault]:
        for path, node in walk(rule):
            if isinstance(node, Attribute):
                self._attribute(path, node)
            elif isinstance(node, Event):
                self._event(path, node)
            elif isinstance(node, Sequence):
                self._sequence(path, node)
            elif isinstance(node, Membership):
                self._membership(path, node, key)
        if not self.found and len(_reached(rule, self.segments)) > MAXIMUM_SEGMENTS:
            self.add("where", "leads to too many other segments", str(MAXIMUM_SEGMENTS))
        return self.found

    def add(self, path: str, what: str, allowed: str = "") -> None:
        self.found.append(Fault(path, what, allowed))

    def _attribute(self, path: str, node: Attribute) -> None:
        field = self.catalogue.fields.get(node.field)
        if field is None:
            self.add(f"{path}.field", f"no field {_short(node.field)}", _near(node.field, self.catalogue.fields))
        else:
            self._condition(path, field, node.op, node.value, node.currency)

    def _event(self, path: str, node: Event) -> None:
        event = self._known_event(path, node.event)
        if event is None:
            return
        self._conditions(path, event, node.where)
        self._window(path, node.window)
        if node.measure is None or node.op is None:
            return
        target = measured(event, node.measure, node.property)
        if target is None:
            self._unmeasurable(path, event, node)
        else:
            self._condition(path, target, node.op, node.value, node.currency)

    def _unmeasurable(self, path: str, event: EventType, node: Event) -> None:
        measure = str(node.measure)
        if node.property is None:
            what = f"{measure} needs a property" if measure in TAKES_PROPERTY else "is missing"
        else:
            what = f"{measure} cannot be taken of {_short(node.property)}"
        allowed = ", ".join(properties_for(event, measure))
        self.add(f"{path}.property", what, allowed or "no property")

    def _sequence(self, path: str, node: Sequence) -> None:
        for number, step in enumerate(node.steps):
            self._step(f"{path}.sequence[{number}]", step)
        if node.steps[0].within is not None:
            self.add(f"{path}.sequence[0].within", "is counted from the step before, and the first has none")
        if node.without is not None:
            self._step(f"{path}.without", node.without)
            if node.without.within is not None and len(node.steps) > 1:
                self.add(f"{path}.without.within", "fits a single step only; the last step is the end here")
        self._window(path, node.window)

    def _step(self, path: str, step: Step) -> None:
        event = self._known_event(path, step.event)
        if event is not None:
            self._conditions(path, event, step.where)

    def _known_event(self, path: str, key: str) -> EventType | None:
        event = self.catalogue.events.get(key)
        if event is None:
            self.add(f"{path}.event", f"no event {_short(key)}", _near(key, self.catalogue.events))
        return event

    def _conditions(self, path: str, event: EventType, where: Iterable[PropertyCondition]) -> None:
        for number, condition in enumerate(where):
            here = f"{path}.where[{number}]"
            found = event.properties.get(condition.property)
            if found is None:
                what = f"{event.key} has no property {_short(condition.property)}"
                self.add(f"{here}.property", what, _near(condition.property, event.properties))
            else:
                self._condition(here, found, condition.op, condition.value, condition.currency)

    def _window(self, path: str, window: Window | None) -> None:
        if isinstance(window, AgoWindow) and nominal_days(window.between[0]) <= nominal_days(window.between[1]):
            self.add(f"{path}.window.between", "the first span must be the longer one", "as 60 days, 30 days")

    def _membership(self, path: str, node: Membership, key: str) -> None:
        if node.segment not in self.segments:
            what = f"no segment {_short(node.segment)}"
            self.add(f"{path}.segment", what, _near(node.segment, [name for name in self.segments if name != key]))
            return
        circle = find_circle(node.segment, self.segments, key)
        if circle:
            self.add(f"{path}.segment", "runs in a circle: " + " -> ".join(circle), "a segment that does not come back")

    def _condition(
        self, path: str, target: Field | Property, op: str, value: Value | None, currency: str | None
    ) -> None:
        operator = find_operator(target.type, op)
        if operator is None:
            what = f"{_short(op)} is no operator of {target.label} ({target.type})"
            self.add(f"{path}.op", what, ", ".join(operator_keys(target.type)))
            return
        fault = self._value_fault(target, operator, value)
        if fault:
            self.add(f"{path}.value", fault, VALUE_WORDS[operator.value])
        if currency is not None and not (target.type == "money" and target.currency_column):
            self.add(f"{path}.currency", f"{target.label} has no currency")
        elif currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            self.add(f"{path}.currency", "is no currency", "three letters, as EUR")

    def _value_fault(self, target: Field | Property, operator: Operator, value: Value | None) -> str:
        kind = operator.value
        if kind is ValueKind.NOTHING:
            return "" if value is None else f"{operator.key} takes no value"
        if value is None:
            return f"{operator.key} needs a value"
        if kind in (ValueKind.TEXT, ValueKind.TEXTS):
            return _text_fault(kind, value)
        if kind in (ValueKind.NUMBER, ValueKind.NUMBERS):
            return _number_fault(kind, value, target.type)
        if kind in (ValueKind.DAY, ValueKind.DAYS):
            return _day_fault(kind, value)
        if kind is ValueKind.DURATION:
            return _duration_fault(value, operator, target.is_calendar_day)
        return self._place_fault(kind, value)

    def _place_fault(self, kind: ValueKind, value: Value) -> str:
        if not isinstance(value, tuple) or not value:
            return "names nothing" if value == () else "is no list"
        for name in value:
            if kind is ValueKind.REGIONS and name not in self.catalogue.regions:
                return f"no region {_short(name)}; there are {', '.join(self.catalogue.regions)}"
            if kind is ValueKind.COUNTRIES and not (
                isinstance(name, str) and len(name) == 2 and name.isascii() and name.isalpha()
            ):
                return f"{_short(name)} is no country code"
        return ""


def _text_fault(kind: ValueKind, value: Value) -> str:
    if kind is ValueKind.TEXT:
        if not isinstance(value, str):
            return "is no text"
        return "" if value else "is empty"
    if not isinstance(value, tuple) or not all(isinstance(text, str) for text in value):
        return "is no list of texts"
    return "" if value and all(value) else "names nothing"


def _number_fault(kind: ValueKind, value: Value, type_: str) -> str:
    if kind is ValueKind.NUMBER:
        numbers: tuple[object, ...] = (value,)
    elif isinstance(value, tuple) and len(value) == 2:
        numbers = value
    else:
        return "does not hold two numbers"
    for number in numbers:
        if not isinstance(number, int | float):
            return "is no number"
        if type_ == "money" and round(number, 2) != number:
            return f"{number} has more than two decimals"
    return "the first is larger than the second" if list(numbers) != sorted(numbers) else ""  # type: ignore[type-var]


def _day_fault(kind: ValueKind, value: Value) -> str:
    if kind is ValueKind.DAY:
        days: tuple[object, ...] = (value,)
    elif isinstance(value, tuple) and len(value) == 2:
        days = value
    else:
        return "does not hold two days"
    if not all(isinstance(day, str) and is_day(day) for day in days):
        return "is no day"
    return "the first comes after the second" if str(days[0]) > str(days[-1]) else ""


def is_day(text: str) -> bool:
    """Whether a text is a day from 1900 to 2200, written as 2026-01-31."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and 1900 <= day.year <= 2200


def _duration_fault(value: Value, operator: Operator, is_calendar_day: bool) -> str:
    if not isinstance(value, Duration):
        return "is no duration"
    is_anniversary = operator.key in _CALENDAR_OPERATORS
    if value.unit == "hours" and (is_calendar_day or is_anniversary):
        return "days have no hours"
    if is_anniversary and nominal_days(value) > 366:
        return "an anniversary comes every year"
    return ""


def find_circle(start: str, segments: Mapping[str, Rule], end: str = "") -> list[str]:
    """The way from `start` through the segments that rules name to one already passed (or to `end`), as keys."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(start, ())]
    done: set[str] = set()
    while waiting:
        here, trail = waiting.pop()
        if here in trail or (end and here == end):
            return [*(trail[trail.index(here) :] if here in trail else (end, *trail)), here]
        if here in done or here not in segments:
            continue
        done.add(here)
        waiting += [(named, (*trail, here)) for named in segments_used(segments[here])]
    return _circle_within(done, segments)


def _circle_within(keys: Collection[str], segments: Mapping[str, Rule]) -> list[str]:
    """A circle among segments that were reached by several ways, which the first search passes by."""
    open_ends = {key: {name for name in segments_used(segments[key]) if name in keys} for key in keys}
    while True:
        finished = [key for key, names in open_ends.items() if not names]
        if not finished:
            break
        for key in finished:
            del open_ends[key]
        for names in open_ends.values():
            names.difference_update(finished)
    if not open_ends:
        return []
    trail = [min(open_ends)]
    while (following := min(open_ends[trail[-1]])) not in trail:
        trail.append(following)
    return [*trail[trail.index(following) :], following]


def _reached(rule: Rule, segments: Mapping[str, Rule]) -> set[str]:
    waiting, reached = list(segments_used(rule)), set[str]()
    while waiting:
        key = waiting.pop()
        if key not in reached and key in segments:
            reached.add(key)
            waiting += segments_used(segments[key])
    return reached


def _near(name: str, known: Iterable[str]) -> str:
    """The most similar names, else the first twenty."""
    names = list(known)
    near = difflib.get_close_matches(name[:100], names, n=5, cutoff=0.5)
    return ", ".join(near or names[:20]) or "none is there"


def _short(name: object) -> str:
    text = str(name)
    return repr(text if len(text) <= 60 else text[:57] + "...")
