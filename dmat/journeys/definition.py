"""The definition of a journey: trigger, entry rules, steps, what ends it, goal, hold-out; faults with their places.

Belongs here: the whole shape and what makes it whole in itself. Stays out: whether segments, events and templates
exist (`checking.py`), keeping versions (`library.py`).

>>> definition = read_definition(open("cart-recovery.yml").read())
>>> definition.step("first-mail").channel
'email'
>>> journey_schema()["properties"].keys()
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from dmat.campaigns.coordination import Key, Part
from dmat.campaigns.plan import Holdout
from dmat.errors import InvalidInputError, InvalidRuleError
from dmat.faults import all_faults
from dmat.journeys.conditions import Did, InSegment, questions_of
from dmat.journeys.steps import END, Branch, Send, Step, Wait, WaitEvent, targets_of
from dmat.journeys.triggers import CartAbandoned, Entry, Event, Schedule, Segment, Trigger

MOST_STEPS, LARGEST = 200, 300_000
CART_ORDERED = "cart_ordered"


class ExitRule(Part):
    """What ends the journey wherever the member stands; what is planned and has not left is taken back."""

    event: str = Field("", max_length=100, description="key of an event, or cart_ordered: the cart itself was ordered")
    where: WaitEvent | None = Field(None, description="the event with conditions, instead of `event`")
    left_segment: str = Field("", max_length=100, description="the person left this segment")
    reason: str = Field("", max_length=200)

    @model_validator(mode="after")
    def _says_one(self) -> ExitRule:
        if sum((bool(self.event), self.where is not None, bool(self.left_segment))) != 1:
            raise ValueError("say one of event, where or left_segment")
        return self

    @property
    def watched(self) -> WaitEvent | None:
        """The event that ends it; None when it is leaving a segment."""
        return self.where or (WaitEvent(event=self.event) if self.event else None)

    @property
    def words(self) -> str:
        """In words."""
        what = self.watched
        return self.reason or (what.words if what else f"left the segment {self.left_segment}")


class GoalRule(Part):
    """What the journey is for: the event counts as its success within a span of days after the entry."""

    event: str = Field("ordered", min_length=1, max_length=100)
    days: int = Field(7, ge=1, le=365)


class Definition(Part):
    """A whole journey."""

    key: Key
    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=2000)
    trigger: Trigger
    entry: Entry = Entry()
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)
    exit_when: tuple[ExitRule, ...] = Field((), max_length=20)
    goal: GoalRule | None = None
    holdout: Holdout = Holdout()
    priority: int = Field(0, ge=-100, le=100, description="at the frequency cap the higher one wins")
    purpose: str = Field("marketing", pattern=r"^[a-z][a-z0-9_]{0,39}$")

    @model_validator(mode="after")
    def _hangs_together(self) -> Definition:
        for fault in _faults(self):
            raise ValueError(f"{fault[0]}: {fault[1]}")
        return self

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        """The steps by their keys."""
        return {step.key: step for step in self.steps}

    @cached_property
    def below(self) -> Mapping[str, str]:
        """Key -> the key of the step below it in the list, or `end`."""
        return _below(self)

    @cached_property
    def after(self) -> Mapping[str, str]:
        """Where a member stands -> the step at which it goes on, or `end`; behind `>` a place names it itself.

        "" is before the first step, `key!` a wait whose event happened.
        """
        found = {"": self.steps[0].key}
        for step in self.steps:
            found[step.key] = found[f"{step.key}!"] = getattr(step, "then", None) or self.below[step.key]
            if isinstance(step, Wait) and step.until_event and step.on_timeout:
                found[step.key] = step.on_timeout
        return found

    def step(self, key: str) -> Step | None:
        """The step with this key."""
        return self.by_key.get(key)

    @property
    def programme(self) -> str:
        """Its name in the ledger."""
        return f"journey:{self.key}"

    @property
    def sends(self) -> tuple[Send, ...]:
        """Its messages."""
        return tuple(step for step in self.steps if isinstance(step, Send))

    @cached_property
    def watched(self) -> tuple[WaitEvent, ...]:
        """The events that end it or that a step waits for, each once."""
        found = [rule.watched for rule in self.exit_when if rule.watched]
        found += [step.until_event for step in self.steps if isinstance(step, Wait) and step.until_event]
        return tuple({json.dumps(each.model_dump(mode="json"), sort_keys=True): each for each in found}.values())

    @property
    def left_segments(self) -> tuple[str, ...]:
        """Segments whose leaving ends it."""
        return tuple(rule.left_segment for rule in self.exit_when if rule.left_segment)

    @property
    def segments(self) -> tuple[str, ...]:
        """Keys of every segment it names, in order."""
        found = {*self.entry.segments, *self.entry.exclude, *self.left_segments}
        if isinstance(self.trigger, (Segment, Schedule)):
            found.add(self.trigger.segment)
        for step in self.steps:
            if isinstance(step, Branch):
                asked = (question for case in step.cases for question in questions_of(case.when))
                found |= {question.segment for question in asked if isinstance(question, InSegment)}
        return tuple(sorted(found))

    @property
    def events(self) -> tuple[tuple[str, str], ...]:
        """(place, key of an event) for every event it names."""
        found = [("trigger.event", self.trigger.event)] if isinstance(self.trigger, Event) else []
        for number, rule in enumerate(self.exit_when):
            if rule.watched:
                found.append((f"exit_when[{number}].event", rule.watched.event))
        for number, step in enumerate(self.steps):
            if isinstance(step, Wait) and step.until_event:
                found.append((f"steps[{number}].until_event.event", step.until_event.event))
            if isinstance(step, Branch):
                for place, case in enumerate(step.cases):
                    asked = (question for question in questions_of(case.when) if isinstance(question, Did))
                    found += [(f"steps[{number}].cases[{place}].when.event", question.event) for question in asked]
        if self.goal:
            found.append(("goal.event", self.goal.event))
        return tuple(found)


def _below(definition: Definition) -> dict[str, str]:
    keys = [step.key for step in definition.steps]
    return dict(zip(keys, [*keys[1:], END], strict=True))


def _faults(definition: Definition) -> list[tuple[str, str]]:
    """What does not hang together: (place, what is wrong)."""
    keys = [step.key for step in definition.steps]
    found = [(f"steps[{n}].key", f"the key {key} stands there twice") for n, key in enumerate(keys) if key in keys[:n]]
    found += [(f"steps[{n}].key", "`end` cannot be the key of a step") for n, key in enumerate(keys) if key == END]
    if found:
        return found
    below = _below(definition)
    for number, step in enumerate(definition.steps):
        for place, target in targets_of(step, below[step.key]):
            if target not in (*keys, END):
                found.append((f"steps[{number}].{place}", f"there is no step {target!r}"))
    found += _unknown_messages(definition, keys)
    is_cart = isinstance(definition.trigger, CartAbandoned)
    names_cart = any(event == CART_ORDERED for _, event in definition.events)
    if names_cart and not is_cart:
        found.append(("exit_when", "cart_ordered belongs to a journey that a cart starts"))
    return found or _unreached(definition, below) or _endless(definition, below)


def _unknown_messages(definition: Definition, keys: list[str]) -> list[tuple[str, str]]:
    sends, found = {step.key for step in definition.sends}, []
    for number, step in enumerate(definition.steps):
        if isinstance(step, Branch):
            for place, case in enumerate(step.cases):
                for question in questions_of(case.when):
                    if question.kind == "reacted" and question.step not in sends:
                        where = f"steps[{number}].cases[{place}].when.step"
                        found.append((where, f"{question.step!r} is no step that sends"))
    return found


def _unreached(definition: Definition, below: Mapping[str, str]) -> list[tuple[str, str]]:
    known, waiting = {END}, [definition.steps[0].key]
    by_key = {step.key: step for step in definition.steps}
    while waiting:
        key = waiting.pop()
        if key not in known:
            known.add(key)
            waiting += [target for _, target in targets_of(by_key[key], below[key])]
    unreached = [(n, step.key) for n, step in enumerate(definition.steps) if step.key not in known]
    return [(f"steps[{n}]", f"nothing leads to the step {key}") for n, key in unreached]


def _endless(definition: Definition, below: Mapping[str, str]) -> list[tuple[str, str]]:
    """Ways round without a wait, and ways round that send: a message goes out at most once for each entry."""
    by_key = {step.key: step for step in definition.steps}

    def ways(key: str) -> list[str]:
        return [target for _, target in targets_of(by_key[key], below[key]) if target != END]

    for number, step in enumerate(definition.steps):
        seen: set[str] = set()
        waiting = ways(step.key)
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                waiting += ways(key)
        if step.key in seen:
            what = f"the steps lead round and back to {step.key}, but a journey goes forward only"
            return [(f"steps[{number}]", what)]
    return []


def parse_definition(document: Any) -> Definition:
    """Read a definition from what JSON or YAML gave.

    Raises:
        InvalidInputError: names the place (as `steps[1].until_time`), what is wrong and what is allowed; an
            InvalidRuleError names all of them.
    """
    if isinstance(document, Definition):
        return document
    if not isinstance(document, Mapping):
        raise InvalidInputError("journey", "this is not an object", "key, name, trigger, steps")
    if len(json.dumps(document, default=str)) > LARGEST:
        raise InvalidInputError("journey", "is too long", f"{LARGEST:,} characters")
    try:
        return Definition.model_validate(document)
    except ValidationError as error:
        faults = all_faults(error, Definition, "journey")
        raise InvalidRuleError([(each.field, each.problem, each.allowed) for each in faults]) from None


def find_faults(document: Mapping[str, Any]) -> list[InvalidInputError]:
    """Every fault of a definition in the making, not only the first; an empty list when it is whole."""
    try:
        parse_definition(document)
    except InvalidRuleError as error:
        return [InvalidInputError(*each) for each in error.faults]
    except InvalidInputError as error:
        return [error]
    return []


def read_definition(text: str) -> Definition:
    """Read a definition from YAML (or JSON, which is YAML too).

    Raises:
        InvalidInputError: names the line, or the place.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInputError("journey", f"this is not YAML: {error}"[:300]) from None
    return parse_definition(document)


def as_document(definition: Definition) -> dict[str, Any]:
    """A definition as JSON holds it; what is as by default is left out."""
    return definition.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {
        "steps": [_with_kind(step) for step in definition.steps], "trigger": _with_kind(definition.trigger),
    }  # fmt: skip


def _with_kind(part: Any) -> dict[str, Any]:
    found: dict[str, Any] = part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def as_yaml(definition: Definition) -> str:
    """A definition as the text of a file."""
    return yaml.safe_dump(as_document(definition), sort_keys=False, allow_unicode=True, width=120)


def definition_hash(definition: Definition) -> str:
    """The same for the same definition."""
    return hashlib.sha256(json.dumps(as_document(definition), sort_keys=True).encode()).hexdigest()


def journey_schema() -> dict[str, Any]:
    """The JSON Schema of a definition."""
    return Definition.model_json_schema()
