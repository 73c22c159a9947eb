"""Every rule as a sentence, and each of its parts as a clause.

Belongs here: words only. Stays out: what the rule means for data.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from dmat.segments.catalogue import Catalogue, EventType, Field, Property
from dmat.segments.checking import is_day
from dmat.segments.measures import measured
from dmat.segments.operators import MEASURE_WORDS, find_operator
from dmat.segments.tree import (
    AgoWindow,
    All,
    AnyNode,
    AnyOf,
    Attribute,
    DayWindow,
    Duration,
    Event,
    LastWindow,
    Membership,
    Not,
    PropertyCondition,
    Rule,
    Sample,
    Sequence,
    Step,
    Value,
    Window,
)

_SHOWN = 10


def sentence(rule: Rule, catalogue: Catalogue) -> str:
    """The rule as one sentence; names that the catalogue does not know stand as they are."""
    if isinstance(rule.where, All) and not rule.where.children:
        return "Everybody."
    if isinstance(rule.where, AnyOf) and not rule.where.children:
        return "Nobody."
    zone = " Days are those of each person's time zone." if rule.time_zone == "person" else ""
    return f"People {clause(rule.where, catalogue)}.{zone}"


def clause(node: AnyNode, catalogue: Catalogue) -> str:
    """A node as it reads after "people": whose ..., who ...; groups inside it stand in brackets."""
    if isinstance(node, All):
        return _joined([_inner(child, catalogue) for child in node.children], " and ", "who are anybody")
    if isinstance(node, AnyOf):
        return _joined([_inner(child, catalogue) for child in node.children], " or ", "who are nobody")
    if isinstance(node, Not):
        return f"not those {_inner(node.child, catalogue)}"
    if isinstance(node, Attribute):
        field = catalogue.fields.get(node.field)
        return f"whose {_condition(field, node.field, node.op, node.value, node.currency, catalogue)}"
    if isinstance(node, Event):
        return _event(node, catalogue)
    if isinstance(node, Sequence):
        return _sequence(node, catalogue)
    if isinstance(node, Membership):
        return f"who are in the segment {_quoted(node.segment)}"
    return _sample(node)


def _sample(node: Sample) -> str:
    salt = f" (salt {_quoted(node.salt)})" if node.salt else ""
    return f"who are in a random sample of {node.sample:g} %{salt}"


def _inner(node: AnyNode, catalogue: Catalogue) -> str:
    if isinstance(node, All | AnyOf) and len(node.children) == 1:
        return _inner(node.children[0], catalogue)
    text = clause(node, catalogue)
    return f"({text})" if isinstance(node, All | AnyOf) and node.children else text


def _joined(parts: list[str], word: str, empty: str) -> str:
    return word.join(parts) if parts else empty


def _condition(
    target: Field | Property | None, key: str, op: str, value: Value | None, currency: str | None, catalogue: Catalogue
) -> str:
    label = _lowered(target.label) if target else _quoted(key)
    label = f"number of {label}" if target and _is_counted(target) else label
    return f"{label} {_judged(target, op, value, currency, catalogue)}"


def _judged(
    target: Field | Property | None, op: str, value: Value | None, currency: str | None, catalogue: Catalogue
) -> str:
    """Operator and value."""
    type_ = target.type if target else ""
    operator = find_operator(type_, op)
    words = operator.label if operator else op.replace("_", " ")
    money = f" {currency.upper()}" if currency else ""
    unit = f" {target.unit}" if target and _has_unit(target) and value is not None else ""
    said = "" if value is None else " " + value_words(value, op, type_, catalogue)
    return f"{words}{said}{money}{unit}"


def _has_unit(target: Field | Property) -> bool:
    """Whether the unit says more than the label: not "orders is at least 3 orders"."""
    return bool(target.unit) and target.type != "money" and not _is_counted(target)


def _is_counted(target: Field | Property) -> bool:
    """Whether the label ends with what is counted: orders, loyalty points."""
    return bool(target.unit) and target.label.lower().endswith(target.unit.lower())


def value_words(value: Value, op: str, type_: str, catalogue: Catalogue) -> str:
    """A value as it reads after its operator."""
    if isinstance(value, Duration):
        return duration_words(value)
    if isinstance(value, str):
        return _day(value) if type_ == "date" and is_day(value) else _quoted(value)
    if isinstance(value, int | float):
        return number_words(value)
    if op == "between" and len(value) == 2:
        low, high = (value_words(part, "", type_, catalogue) for part in value)
        return f"{low} and {high}"
    plain = type_ == "geography"
    names = [_region(str(part), catalogue) if "region" in op else str(part) for part in value]
    names = [country_name(name, catalogue) for name in names] if plain else names
    return _listed([name if plain else _quoted(name) for name in names], "and" if op == "contains_all" else "or")


def country_name(code: str, catalogue: Catalogue) -> str:
    """A country as it reads: Germany for DE; a code without a name stands as it is."""
    return catalogue.countries.get(code.strip().upper(), code)


def _region(key: str, catalogue: Catalogue) -> str:
    region = catalogue.regions.get(key)
    return region.label if region else key


def duration_words(duration: Duration) -> str:
    """A span: 60 days, 1 month."""
    unit = duration.unit[:-1] if duration.amount == 1 else duration.unit
    return f"{number_words(duration.amount)} {unit}"


def number_words(value: int | float) -> str:
    """A number with separators."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {day:%B %Y}"


def _quoted(text: str) -> str:
    return f"“{text}”"


def _listed(words: list[str], last: str) -> str:
    more = len(words) - _SHOWN
    if more > 0:
        return ", ".join(words[:_SHOWN]) + f" {last} {more} more"
    return "".join(words) if len(words) < 2 else ", ".join(words[:-1]) + f" {last} {words[-1]}"


# -- events ----------------------------------------------------------------------------------------------------------


_TIMES = {
    "equals": "exactly {} times", "not_equals": "not exactly {} times", "greater_than": "more than {} times",
    "at_least": "at least {} times", "less_than": "fewer than {} times", "at_most": "at most {} times",
    "between": "between {} times", "is_known": "any number of times", "is_unknown": "an unknown number of times",
}  # fmt: skip


def _event(node: Event, catalogue: Catalogue) -> str:
    event = catalogue.events.get(node.event)
    label = _lowered(event.label if event else node.event)
    tail = _where(event, node.where, catalogue) + _window(node.window)
    if node.did is not None:
        return f"who {label}{tail}" if node.did else f"who never {label}{tail}"
    if node.measure == "count":
        number = "" if node.value is None else value_words(node.value, node.op or "", "number", catalogue)
        times = _TIMES.get(str(node.op), f"{node.op} {{}} times").format(number)
        return f"who {label}{tail} {times}"
    target = measured(event, str(node.measure), node.property) if event else None
    judged = _judged(target, str(node.op), node.value, node.currency, catalogue)
    return f"whose {_measure(node, event)} of the times they {label}{tail} {judged}"


def _measure(node: Event, event: EventType | None) -> str:
    found = event.properties.get(node.property) if event and node.property else None
    name = _lowered(found.label) if found else node.property
    return str(node.measure) if name is None else f"{MEASURE_WORDS[str(node.measure)]} {name}"


def _lowered(label: str) -> str:
    is_short_form = label[1:2].isupper()
    return label if is_short_form else label[:1].lower() + label[1:]


def _where(event: EventType | None, where: Iterable[PropertyCondition], catalogue: Catalogue) -> str:
    said = [
        _condition(
            event.properties.get(part.property) if event else None,
            part.property, part.op, part.value, part.currency, catalogue,
        )
        for part in where
    ]  # fmt: skip
    return f" [where {' and '.join(said)}]" if said else ""


def _window(window: Window | None) -> str:
    if isinstance(window, LastWindow):
        return f" within the last {duration_words(window.last)}"
    if isinstance(window, AgoWindow):
        return f" between {duration_words(window.between[0])} and {duration_words(window.between[1])} ago"
    if not isinstance(window, DayWindow):
        return ""
    if window.from_day and window.to_day:
        return f" from {_day(window.from_day)} to {_day(window.to_day)}"
    return f" since {_day(window.from_day)}" if window.from_day else f" until {_day(str(window.to_day))}"


def _sequence(node: Sequence, catalogue: Catalogue) -> str:
    said = [_step(step, catalogue) for step in node.steps]
    for number, step in enumerate(node.steps[1:], 1):
        within = f" within {duration_words(step.within)}" if step.within else ""
        said[number] = f"then{within} {said[number]}"
    text = f"who {', '.join(said)}" + _window(node.window)
    if node.without is None:
        return text
    within = f" within {duration_words(node.without.within)}" if node.without.within else ""
    place = "in between" if len(node.steps) > 1 else "after that"
    return f"{text}, and {place}{within} never {_step(node.without, catalogue)}"


def _step(step: Step, catalogue: Catalogue) -> str:
    event = catalogue.events.get(step.event)
    return _lowered(event.label if event else step.event) + _where(event, step.where, catalogue)
