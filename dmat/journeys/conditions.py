"""Conditions of branches: what may be asked about a member at a moment.

Belongs here: their shapes and words. Stays out: finding the answers (`answers.py`), what follows (`machine.py`).

Each is true or false of a member at a moment; `all`, `any` and `not` put them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dmat.campaigns.coordination import Key, Part
from dmat.journeys.spans import Span, in_words

Scalar = bool | int | float | str
Comparison = Literal["equals", "not_equals", "at_least", "at_most", "one_of", "contains"]
PropertyKey = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="up to 60 small letters, digits and _, a letter first")
]
_COMPARED = {"equals": "is", "not_equals": "is not", "at_least": "is at least", "at_most": "is at most",
             "one_of": "is one of", "contains": "contains"}  # fmt: skip


class Where(Part):
    """A comparison with a property of an event, a value of the trigger, or a field of the person."""

    name: PropertyKey
    op: Comparison = "equals"
    value: Scalar | tuple[Scalar, ...]

    @model_validator(mode="after")
    def _value_fits(self) -> Where:
        is_list = isinstance(self.value, tuple)
        if is_list != (self.op == "one_of"):
            raise ValueError("one_of takes a list of values, every other comparison takes one value")
        if self.op in ("at_least", "at_most") and (isinstance(self.value, (bool, str)) or is_list):
            raise ValueError(f"{self.op} compares with a number")
        return self

    @property
    def words(self) -> str:
        """The comparison in words."""
        shown = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else str(self.value)
        return f"{self.name.replace('_', ' ')} {_COMPARED[self.op]} {shown}"

    def holds(self, given: Any) -> bool:
        """Whether a value passes; what is missing passes nothing but `not_equals`."""
        if self.op == "not_equals":
            return bool(given != self.value)
        if given is None:
            return False
        if self.op == "one_of":
            return isinstance(self.value, tuple) and given in self.value
        if self.op == "contains":
            return str(self.value).lower() in str(given).lower()
        if self.op == "equals":
            return bool(given == self.value)
        are_numbers = isinstance(given, (int, float)) and isinstance(self.value, (int, float))
        if isinstance(given, bool) or not are_numbers:
            return False
        return bool(given >= self.value if self.op == "at_least" else given <= self.value)


class InSegment(Part):
    """Whether the person is in a segment at that moment, as was known then."""

    kind: Literal["segment"] = "segment"
    segment: str = Field(min_length=1, max_length=100, description="key of a segment")

    @property
    def words(self) -> str:
        """In words."""
        return f"in segment {self.segment}"


class HasConsent(Part):
    """Whether the person agreed to a channel."""

    kind: Literal["consent"] = "consent"
    channel: Literal["email", "sms", "whatsapp", "push"]

    @property
    def words(self) -> str:
        """In words."""
        return f"agreed to {self.channel}"


class Reacted(Part):
    """What happened to a message of this journey; opens and clicks are those of people."""

    kind: Literal["reacted"] = "reacted"
    step: Key
    how: Literal["sent", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed"]

    @property
    def words(self) -> str:
        """In words."""
        return f"message {self.step} was {self.how}"


class Did(Part):
    """Whether the person did something since they entered the journey, or within a span before that moment."""

    kind: Literal["did"] = "did"
    event: str = Field(min_length=1, max_length=100, description="key of an event of the catalogue")
    where: tuple[Where, ...] = Field((), max_length=10)
    within: Span | None = Field(None, description="empty: since the entry")

    @property
    def words(self) -> str:
        """In words."""
        since = "since the entry" if self.within is None else f"within {in_words(self.within)}"
        return " and ".join([f"{self.event.replace('_', ' ')} {since}", *(each.words for each in self.where)])


class Of(Part):
    """A comparison with a value that the trigger gave, as the total of the cart."""

    kind: Literal["value"] = "value"
    is_: Where = Field(alias="is")

    @property
    def words(self) -> str:
        """In words."""
        return self.is_.words


class PersonIs(Part):
    """A comparison with a field of the person, as a score; it is asked of the newest data."""

    kind: Literal["person"] = "person"
    is_: Where = Field(alias="is")

    @property
    def words(self) -> str:
        """In words."""
        return self.is_.words


Points = Annotated[float, Field(ge=0, le=100_000)]


class HasScore(Part):
    """Whether the person has so many points as a lead; who is no lead has none. Scores have hundredths."""

    kind: Literal["score"] = "score"
    at_least: Points | None = None
    over: Points | None = Field(None, description="more than that, instead of `at_least`")

    @model_validator(mode="after")
    def _says_one(self) -> HasScore:
        if (self.at_least is None) == (self.over is None):
            raise ValueError("say one of at_least or over")
        return self

    @property
    def words(self) -> str:
        """In words."""
        return f"score over {self.over:g}" if self.over is not None else f"score at least {self.at_least:g}"

    def holds(self, score: float) -> bool:
        """Whether a score passes."""
        return score > self.over if self.over is not None else score >= (self.at_least or 0)


class AllOf(Part):
    """Every one of these."""

    kind: Literal["all"] = "all"
    of: tuple[Condition, ...] = Field(min_length=1, max_length=20)

    @property
    def words(self) -> str:
        """In words."""
        return "(" + " and ".join(each.words for each in self.of) + ")"


class AnyOf(Part):
    """At least one of these."""

    kind: Literal["any"] = "any"
    of: tuple[Condition, ...] = Field(min_length=1, max_length=20)

    @property
    def words(self) -> str:
        """In words."""
        return "(" + " or ".join(each.words for each in self.of) + ")"


class Not(Part):
    """The contrary."""

    kind: Literal["not"] = "not"
    of: Condition

    @property
    def words(self) -> str:
        """In words."""
        return f"not {self.of.words}"


Question = InSegment | HasConsent | Reacted | Did | Of | PersonIs | HasScore
Condition = Annotated[Question | AllOf | AnyOf | Not, Field(discriminator="kind")]
for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()


def questions_of(condition: Any) -> Iterator[Question]:
    """The single questions of a condition, each time it names one."""
    if isinstance(condition, (AllOf, AnyOf)):
        for part in condition.of:
            yield from questions_of(part)
    elif isinstance(condition, Not):
        yield from questions_of(condition.of)
    else:
        yield condition
