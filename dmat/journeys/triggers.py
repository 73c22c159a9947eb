"""Triggers: what makes somebody enter a journey, what each entry is keyed by, and who may come again.

Belongs here: their shapes and words. Stays out: finding who entered (`entries.py`).

The key of an entry makes it once: one for each cart, each event, each stay in a segment, each birthday.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dmat import forms
from dmat.campaigns.coordination import Part
from dmat.documents import Moment
from dmat.journeys.conditions import Where
from dmat.journeys.spans import Span, in_words
from dmat.loyalty.rules import TierKey

SegmentKey = Annotated[str, Field(min_length=1, max_length=100)]
TimeOfDay = Annotated[str, Field(pattern=forms.TIME)]


class CartAbandoned(Part):
    """A cart that nobody touched for a while and that was not ordered; one entry a cart."""

    kind: Literal["cart_abandoned"] = "cart_abandoned"
    after: Span = Field(timedelta(hours=1), description="how long nobody touched it")
    min_total_cents: int = Field(0, ge=0)

    @property
    def words(self) -> str:
        """In words."""
        least = f" worth at least {self.min_total_cents / 100:,.2f}" if self.min_total_cents else ""
        return f"a cart{least} is left for {in_words(self.after)}"


class Event(Part):
    """Something that people do, as the catalogue of segments names it; one entry an event."""

    kind: Literal["event"] = "event"
    event: str = Field(min_length=1, max_length=100)
    where: tuple[Where, ...] = Field((), max_length=10)

    @property
    def words(self) -> str:
        """In words."""
        return ", ".join([self.event.replace("_", " "), *(each.words for each in self.where)])


class Segment(Part):
    """Somebody enters or leaves a segment; one entry each time."""

    kind: Literal["segment"] = "segment"
    segment: SegmentKey
    change: Literal["entered", "left"] = "entered"

    @property
    def words(self) -> str:
        """In words."""
        return f"somebody {self.change} the segment {self.segment}"


class DateOf(Part):
    """A date of the person comes round, as a birthday; one entry a year. A 29 February is a 28th in other years."""

    kind: Literal["date"] = "date"
    field: Literal["birthday", "first_order_at", "last_order_at", "first_seen_at"]
    days_before: int = Field(0, ge=-365, le=365, description="negative: days after it")
    at: TimeOfDay = Field("09:00", description="the person's own time")
    part: Literal["day", "month"] = Field("day", description="month: on the first day of the month of the date")

    @property
    def words(self) -> str:
        """In words."""
        name = self.field.removesuffix("_at").replace("_", " ")
        when = "the month of " if self.part == "month" else ""
        side = "before" if self.days_before > 0 else "after"
        days = f"{abs(self.days_before)} days {side} " if self.days_before else ""
        return f"{days}{when}the {name} each year, at {self.at} of the person's own time"


class Schedule(Part):
    """A moment, or the same time of days, weeks or months, for everybody in a segment."""

    kind: Literal["schedule"] = "schedule"
    segment: SegmentKey
    moment: Moment | None = Field(None, description="once, at this moment (UTC)")
    every: Literal["day", "week", "month"] | None = None
    day: int = Field(1, ge=1, le=31, description="of the week (1 is Monday) or of the month")
    at: TimeOfDay = Field("09:00", description="the workspace's time")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Schedule:
        if (self.moment is None) == (self.every is None):
            raise ValueError("a schedule has a moment, or says every day, week or month")
        if self.every == "week" and self.day > 7:
            raise ValueError("a week has the days 1 (Monday) to 7")
        return self

    @property
    def words(self) -> str:
        """In words."""
        when = f"at {self.moment:%Y-%m-%d %H:%M} UTC" if self.moment else f"every {self.every} at {self.at}"
        return f"{when}, for the segment {self.segment}"


class TierReached(Part):
    """A member of the loyalty programme rises to a tier; one entry for each time."""

    kind: Literal["tier_reached"] = "tier_reached"
    tiers: tuple[TierKey, ...] = Field((), max_length=20, description="none: every tier above the lowest")

    @property
    def words(self) -> str:
        """In words."""
        which = f"the tier {' or '.join(self.tiers)}" if self.tiers else "a higher tier"
        return f"a member reaches {which}"


class Api(Part):
    """Whoever another system names; one entry for each key that it gives."""

    kind: Literal["api"] = "api"

    @property
    def words(self) -> str:
        """In words."""
        return "another system says so"


Trigger = Annotated[
    CartAbandoned | Event | Segment | DateOf | Schedule | TierReached | Api, Field(discriminator="kind")
]


class Entry(Part):
    """Who of those whom the trigger names may enter, and when they may come again."""

    segments: tuple[SegmentKey, ...] = Field((), max_length=20, description="in any of them; none: everybody")
    exclude: tuple[SegmentKey, ...] = Field((), max_length=20)
    again: Literal["never", "after", "always"] = Field("always", description="after: not before `cool_down` is over")
    cool_down: Span = Field(timedelta(0), description="since the entry before")
    one_at_a_time: bool = Field(True, description="nobody is in it twice at once")
    most: int = Field(0, ge=0, description="entries of a person in all; 0: no limit")

    @model_validator(mode="after")
    def _has_a_cool_down(self) -> Entry:
        if (self.again == "after") != bool(self.cool_down):
            raise ValueError("a cool_down belongs to again: after, and the other way round")
        return self
