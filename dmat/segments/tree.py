"""The shapes of a rule tree: every node, condition, window and value, with what is refused whatever the data.

Belongs here: what a rule may look like. Stays out: reading one with errors that name the place (`rules.py`, which is
what others import), whether it fits the catalogue (`checking.py`), what it means (`compiler.py`).
"""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

MAXIMUM_DEPTH = 20
MAXIMUM_NODES = 500
MAXIMUM_VALUES = 1000
MAXIMUM_TEXT = 1000
MAXIMUM_NUMBER = 1e12
NODE_KEYS = ("all", "any", "not", "field", "event", "sequence", "segment", "sample")


def _plain(text: str) -> str:
    if "\x00" in text or any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise ValueError("holds a character that no text has")
    return text


def _iso_day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or not 1900 <= day.year <= 2200:
        raise ValueError("is no day between 1900-01-01 and 2200-12-31 written as 2026-01-31")
    return text


def _number(value: Any) -> int | float:
    if type(value) not in (int, float) or abs(value) > MAXIMUM_NUMBER or not math.isfinite(value):
        raise ValueError(f"is no number between -{MAXIMUM_NUMBER:.0f} and {MAXIMUM_NUMBER:.0f}")
    return int(value) if value == int(value) else float(value)


Text = Annotated[StrictStr, Field(max_length=MAXIMUM_TEXT), AfterValidator(_plain)]
Key = Annotated[StrictStr, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Number = Annotated[int | float, BeforeValidator(_number)]
Day = Annotated[StrictStr, AfterValidator(_iso_day)]
Unit = Literal["hours", "days", "weeks", "months", "years"]
_LARGEST: dict[str, int] = {"hours": 876_000, "days": 36_500, "weeks": 5_200, "months": 1_200, "years": 100}


class Part(BaseModel):
    """What all parts of a rule share: frozen, and nothing but what is named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Duration(Part):
    """A span of time: hours, days and weeks are exact, months and years go by the calendar."""

    amount: Annotated[StrictInt, Field(ge=1)]
    unit: Unit

    @model_validator(mode="after")
    def _is_no_longer_than_a_century(self) -> Duration:
        if self.amount > _LARGEST[self.unit]:
            raise ValueError(f"amount is more than {_LARGEST[self.unit]} {self.unit}")
        return self


def _value_kind(value: Any) -> str:
    if isinstance(value, dict | Duration):
        return "duration"
    if isinstance(value, list | tuple):
        return "numbers" if value and all(type(item) in (int, float) for item in value) else "texts"
    return "text" if isinstance(value, str) else "number"


Value = Annotated[
    Annotated[Duration, Tag("duration")]
    | Annotated[Text, Tag("text")]
    | Annotated[Number, Tag("number")]
    | Annotated[tuple[Text, ...], Field(max_length=MAXIMUM_VALUES), Tag("texts")]
    | Annotated[tuple[Number, ...], Field(max_length=2), Tag("numbers")],
    Discriminator(_value_kind),
]


class PropertyCondition(Part):
    """A condition on a property of one event."""

    property: Key
    op: Key
    value: Value | None = None
    currency: Key | None = None


class LastWindow(Part):
    """From that long before now until now."""

    last: Duration


class DayWindow(Part):
    """Whole days, both included; either may be left out."""

    from_day: Annotated[Day | None, Field(alias="from")] = None
    to_day: Annotated[Day | None, Field(alias="to")] = None

    @model_validator(mode="after")
    def _has_an_end(self) -> DayWindow:
        if self.from_day is None and self.to_day is None:
            raise ValueError("names neither from nor to")
        if self.from_day and self.to_day and self.from_day > self.to_day:
            raise ValueError("to comes before from")
        return self


class AgoWindow(Part):
    """Between that long ago and that long ago; the longer one first."""

    between: tuple[Duration, Duration]


Conditions = Annotated[tuple[PropertyCondition, ...], Field(max_length=50)]


def _window_kind(value: Any) -> str | None:
    names = value if isinstance(value, dict) else set(getattr(value, "model_fields_set", ()))
    if "last" in names:
        return "last"
    return "between" if "between" in names else "from"


Window = Annotated[
    Annotated[LastWindow, Tag("last")] | Annotated[DayWindow, Tag("from")] | Annotated[AgoWindow, Tag("between")],
    Discriminator(_window_kind),
]


class All(Part):
    """True where every child is; without children for everybody."""

    children: Annotated[tuple[Node, ...], Field(alias="all")]


class AnyOf(Part):
    """True where at least one child is; without children for nobody."""

    children: Annotated[tuple[Node, ...], Field(alias="any")]


class Not(Part):
    """True where the child is not."""

    child: Annotated[Node, Field(alias="not")]


class Attribute(Part):
    """A condition on a field of the person; scores and predictions are fields too."""

    field: Key
    op: Key
    value: Value | None = None
    currency: Key | None = None


class Event(Part):
    """Whether an event happened (`did`), or a condition on a measure of all its occurrences."""

    event: Key
    did: StrictBool | None = None
    measure: Literal["count", "distinct", "sum", "avg", "min", "max", "first", "last"] | None = None
    property: Key | None = None
    op: Key | None = None
    value: Value | None = None
    currency: Key | None = None
    where: Conditions = ()
    window: Window | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Event:
        if (self.did is None) == (self.measure is None):
            raise ValueError("needs either did or measure")
        measured = (self.property, self.op, self.value, self.currency)
        if self.did is not None and any(part is not None for part in measured):
            raise ValueError("did takes neither property, op, value nor currency; use where")
        if self.measure is not None and self.op is None:
            raise ValueError("a measure needs op")
        return self


class Step(Part):
    """One event of a sequence; `within` is counted from the step before it."""

    event: Key
    where: Conditions = ()
    within: Duration | None = None


class Sequence(Part):
    """Steps one after the other, each later than the one before; `without` must not lie between first and last.

    With a single step, `without` must not come after it; with its `within`: not in that time, which must be over.
    """

    steps: Annotated[tuple[Step, ...], Field(alias="sequence", min_length=1, max_length=10)]
    without: Step | None = None
    window: Window | None = None


class Membership(Part):
    """Whether the person is in another segment."""

    segment: Key


class Sample(Part):
    """A random part of all people, in per cent; the same people for the same salt."""

    sample: Annotated[Number, Field(ge=0, le=100)]
    salt: Text = ""


def _node_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((key for key in NODE_KEYS if key in value), None)
    return _KINDS.get(type(value))


Node = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Attribute, Tag("field")]
    | Annotated[Event, Tag("event")]
    | Annotated[Sequence, Tag("sequence")]
    | Annotated[Membership, Tag("segment")]
    | Annotated[Sample, Tag("sample")],
    Discriminator(
        _node_kind,
        custom_error_type="no_condition",
        custom_error_message="is no condition",
    ),
]
AnyNode = All | AnyOf | Not | Attribute | Event | Sequence | Membership | Sample
_KINDS: dict[type, str] = {
    All: "all", AnyOf: "any", Not: "not", Attribute: "field", Event: "event", Sequence: "sequence",
    Membership: "segment", Sample: "sample",
}  # fmt: skip


class Rule(Part):
    """A whole rule: which people are in a segment. `time_zone` is whose calendar days count."""

    version: Literal[1] = 1
    time_zone: Literal["workspace", "person"] = "workspace"
    where: Node


for _model in (All, AnyOf, Not, Rule):
    _model.model_rebuild()
