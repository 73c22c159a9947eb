"""Steps of a journey: send, wait, branch, split, update, assign, task, webhook, audience, goal, exit.

Belongs here: their shapes and words. Stays out: what makes a whole journey (`definition.py`), moving on (`machine.py`).

A step without `then` goes on to the step below it in the list; `end` is the end of the journey.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dmat import forms
from dmat.campaigns.coordination import Key, Part
from dmat.documents import OneLine
from dmat.journeys.conditions import Condition, Scalar, Where
from dmat.journeys.spans import Span, in_words
from dmat.journeys.triggers import TimeOfDay

END = "end"
PROPERTY_NAME, LONGEST_VALUE = r"[a-z][a-z0-9_-]{0,59}", 500
PROPERTY_WORDS = "small letters, digits, - and _, at most 60, a letter first"
"""What `PROPERTY_NAME` allows."""
_NEEDED = {
    "create_task": ("title",), "update_score": ("points",), "add_points": ("points",), "add_tag": ("tag",),
    "remove_tag": ("tag",), "set_value": ("name", "value"),
}  # fmt: skip
_NAMED = ("title", "tag", "name")
Target = Annotated[str, Field(pattern=forms.KEY, description="key of a step, or `end`")]
Channel = Literal["email", "sms", "whatsapp", "push", "in_app"]


class _Step(Part):
    key: Key
    name: str = Field("", max_length=200)

    @property
    def shown_name(self) -> str:
        """Its name, or else its key."""
        return self.name or self.key.replace("-", " ").replace("_", " ")


class _Going(_Step):
    then: Target | None = Field(None, description="empty: the step below")


class Send(_Going):
    """One message to the person, through the ledger and its gate."""

    do: Literal["send"] = "send"
    channel: Channel
    template: str = Field(min_length=1, max_length=100, description="key of a template of that channel")
    template_version: int | None = Field(None, ge=1, description="empty: the newest when the journey is switched on")
    subject: OneLine = Field("", description="instead of the template's")
    from_name: OneLine = ""
    from_email: str = Field("", max_length=320, pattern=forms.OR_NOTHING + forms.ADDRESS)
    style: Literal["modal", "full_screen", "slide_in"] = Field("modal", description="how an in-app message is shown")
    values: dict[str, Scalar] = Field({}, description="for variables of the template whose source is `context`")
    code_pool: str = Field("", max_length=100, description="each person gets a code of this pool")
    expires_after: Span = Field(timedelta(hours=24), description="what could not leave until then never does")
    purpose: str = Field("", max_length=40, pattern=r"^$|^[a-z][a-z0-9_]*$", description="empty: the journey's")

    @property
    def words(self) -> str:
        """In words."""
        return f"send {self.channel}: {self.shown_name}"


class WaitEvent(Part):
    """Something that the person does."""

    event: str = Field(min_length=1, max_length=100, description="key of an event, or cart_ordered")
    where: tuple[Where, ...] = Field((), max_length=10)

    @property
    def words(self) -> str:
        """In words."""
        return ", ".join([self.event.replace("_", " "), *(each.words for each in self.where)])


class Wait(_Going):
    """Wait for a span, until a local time, until a date of the person, or until something happens."""

    do: Literal["wait"] = "wait"
    span: Span | None = Field(None, alias="for", description="so long, then until the time when there is one")
    until_time: TimeOfDay | None = Field(None, description="the next time that it is so late where the person lives")
    weekday: int | None = Field(None, ge=1, le=7, description="with a time: on that day (1 is Monday)")
    until_date: Literal["birthday", "first_order_at", "last_order_at"] | None = Field(
        None, description="the next time that this date comes round, at `until_time` or 09:00 of the person's time"
    )
    until_event: WaitEvent | None = Field(None, description="at most as long as `for`; then `on_timeout`")
    on_timeout: Target | None = Field(None, description="where to go when it did not happen; empty: as `then`")

    @model_validator(mode="after")
    def _is_whole(self) -> Wait:
        if not any((self.span, self.until_time, self.until_date, self.until_event)):
            raise ValueError("say how long: for, until_time, until_date or until_event")
        if self.until_event and (self.span is None or self.until_time or self.until_date):
            raise ValueError("a wait for an event says with `for` how long at most, and nothing else")
        if self.until_date and self.span:
            raise ValueError("a wait is for a span or until a date, not both")
        if self.weekday and not self.until_time:
            raise ValueError("a weekday needs until_time")
        if self.on_timeout and not self.until_event:
            raise ValueError("on_timeout belongs to until_event")
        return self

    @cached_property
    def words(self) -> str:
        """In words."""
        if self.until_event:
            return f"wait until {self.until_event.words}, at most {in_words(self.span or timedelta(0))}"
        parts = [f"wait {in_words(self.span)}"] if self.span else ["wait"]
        if self.until_date:
            parts.append(f"until the {self.until_date.removesuffix('_at').replace('_', ' ')}")
        if self.until_time:
            parts.append(f"until {self.until_time} of the person's own time")
        return " ".join(parts)


class Case(Part):
    """One way of a branch."""

    when: Condition
    go: Target


class Branch(_Step):
    """The first case that is true; `otherwise` when none is."""

    do: Literal["branch"] = "branch"
    cases: tuple[Case, ...] = Field(min_length=1, max_length=20)
    otherwise: Target | None = Field(None, description="empty: the step below")

    @property
    def words(self) -> str:
        """In words."""
        return "; ".join(f"if {case.when.words}: go to {case.go}" for case in self.cases)


class Arm(Part):
    """One arm of a split."""

    key: Key
    share: float = Field(gt=0, le=1)
    go: Target


class Split(_Step):
    """Arms by a salted hash of the person: the same person is always in the same arm."""

    do: Literal["split"] = "split"
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=6)
    salt: str = Field("", max_length=100, description="as `experiment:<id>`; empty: one of its own")

    @model_validator(mode="after")
    def _adds_up(self) -> Split:
        if len({arm.key for arm in self.arms}) != len(self.arms):
            raise ValueError("two arms have the same key")
        if abs(sum(arm.share for arm in self.arms) - 1) > 1e-6:
            raise ValueError("the shares of the arms do not add up to 1")
        return self

    @property
    def words(self) -> str:
        """In words."""
        return "split: " + ", ".join(f"{arm.share:.0%} to {arm.go}" for arm in self.arms)


class Act(_Going):
    """Something that others carry out: it is written down once, with the journey, the step and the person.

    assign_lead   give the person to sales                          create_task  a task for somebody
    update_score  add `points` to the score                         add_points   add `points` to the loyalty account
    webhook       tell our own systems (`journey.step`)
    add_tag       give the person the tag `tag`                     remove_tag   take it away
    set_value     write down that `name` is `value`; empty: take it away
    """

    do: Literal[
        "assign_lead", "create_task", "update_score", "add_points", "webhook", "add_tag", "remove_tag", "set_value"
    ]
    data: dict[str, Scalar] = Field({}, description="what the one who carries it out needs")

    @model_validator(mode="after")
    def _has_what_is_needed(self) -> Act:
        for name in _NEEDED.get(self.do, ()):
            if name not in self.data or (name in _NAMED and not str(self.data[name]).strip()):
                raise ValueError(f"{self.do} needs data.{name}")
            if name == "points" and (isinstance(self.data["points"], (bool, str))):
                raise ValueError("data.points is a number")
            if name in ("tag", "name") and not re.fullmatch(PROPERTY_NAME, str(self.data[name])):
                raise ValueError(f"data.{name} is made of {PROPERTY_WORDS}")
        if len(str(self.data.get("value", ""))) > LONGEST_VALUE:
            raise ValueError(f"data.value is too long; {LONGEST_VALUE} characters")
        return self

    @property
    def words(self) -> str:
        """In words."""
        if self.do in ("add_tag", "remove_tag"):
            return f"{'give' if self.do == 'add_tag' else 'take away'} the tag {self.data['tag']}"
        if self.do == "set_value":
            return f"set {self.data['name']} to {self.data['value']}"
        return self.do.replace("_", " ")


class Audience(_Going):
    """Put the person on a list at an advertiser; they come off it when the journey's exit or `days` end it."""

    do: Literal["audience"] = "audience"
    list_name: OneLine = ""
    days: int = Field(14, ge=1, le=366)

    @property
    def words(self) -> str:
        """In words."""
        return f"add to the audience {self.list_name or self.shown_name} for {self.days} days"


class Goal(_Going):
    """The person reached what the journey is for."""

    do: Literal["goal"] = "goal"

    @property
    def words(self) -> str:
        """In words."""
        return f"goal: {self.shown_name}"


class Exit(_Step):
    """The journey ends here."""

    do: Literal["exit"] = "exit"
    reason: str = Field("", max_length=200)

    @property
    def words(self) -> str:
        """In words."""
        return f"end{': ' + self.reason if self.reason else ''}"


Step = Annotated[Send | Wait | Branch | Split | Act | Audience | Goal | Exit, Field(discriminator="do")]


def targets_of(step: Any, below: str) -> Sequence[tuple[str, str]]:
    """Where a step may lead: (place within the step, key of the next step or `end`)."""
    if isinstance(step, Exit):
        return [("", END)]
    if isinstance(step, Branch):
        cases = [(f"cases[{number}].go", case.go) for number, case in enumerate(step.cases)]
        return [*cases, ("otherwise", step.otherwise or below)]
    if isinstance(step, Split):
        return [(f"arms[{number}].go", arm.go) for number, arm in enumerate(step.arms)]
    found = [("then", step.then or below)]
    if isinstance(step, Wait) and step.on_timeout:
        found.append(("on_timeout", step.on_timeout))
    return found
