"""The plan of a campaign: objective, budget, audience, steps over days and channels, hold-out, approval, rules.

Belongs here: the shapes and what makes a plan whole in itself. Stays out: whether its segments and templates exist
(`checking.py`), when a step is due (`schedule.py`), keeping it (`library.py`).

>>> plan = parse_plan({"audience": {"segments": ["newsletter"]}, "starts_at": "2026-03-15T08:00:00Z",
...                    "steps": [{"key": "mail", "channel": "email", "template": "spring_sale"}]})
>>> plan_schema()["properties"].keys()

Times are UTC; one with a zone is turned into UTC, one without is UTC already. A step is due at `at`, or on `day` (1 is
the day on which the campaign starts) at `time`, or as soon as the campaign runs. `clock` says whose time that is: the
workspace's, each person's own, or (`best_hour`) the hour of that day at which each person usually reads.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from dmat import forms
from dmat.campaigns.coordination import Channel, CoordinationRule, Key, Part
from dmat.documents import Moment, OneLine, read_document

MOST_STEPS, MOST_SEGMENTS, MOST_RULES, MOST_VARIANTS, MOST_REACTIONS = 100, 50, 50, 6, 5
LARGEST_PLAN = 500_000
ROLL_OUT = "-rest"  # see dmat/experiments/records.py: REST_SUFFIX
MESSAGE_CHANNELS = ("email", "sms", "whatsapp", "push", "in_app", "webhook")
"""Channels whose steps need a template and plan one message a person."""

SegmentKey = Annotated[str, Field(min_length=1, max_length=100)]
WebAddress = Annotated[str, Field(max_length=2000, pattern=forms.OR_NOTHING + forms.WEB_ADDRESS)]


class Audience(Part):
    """People who are in any of `segments` (of everybody when there is none) and in none of `exclude`."""

    segments: tuple[SegmentKey, ...] = Field((), max_length=MOST_SEGMENTS, description="keys; in any of them")
    exclude: tuple[SegmentKey, ...] = Field((), max_length=MOST_SEGMENTS, description="keys; in none of them")
    is_everybody: bool = Field(False, description="say so when no segment is named")


class Reaction(Part):
    """What people did about an earlier step of the same campaign; with `is_not`: who got it and did not do that.

    Openings and clicks are those of people, not of machines.
    """

    step: Key
    did: Literal["got", "opened", "read", "clicked", "replied", "anything"]
    is_not: bool = Field(False, description="those who got the step and did not do it (of `got`: who did not get it)")


class Narrowing(Part):
    """Of the campaign's audience only those who are in any of `segments`, in none of `exclude`, and reacted so."""

    segments: tuple[SegmentKey, ...] = Field((), max_length=MOST_SEGMENTS)
    exclude: tuple[SegmentKey, ...] = Field((), max_length=MOST_SEGMENTS)
    reactions: tuple[Reaction, ...] = Field((), max_length=MOST_REACTIONS, description="all of them must hold")


class Variant(Part):
    """One of several messages of a step; shares of all variants of a step add up to 1."""

    key: Key
    share: float = Field(gt=0, le=1)
    template: str = Field("", max_length=100, description="key of the template; empty: that of the step")
    template_version: int | None = Field(None, ge=1, description="of that template; empty: the newest")
    subject: OneLine = Field("", description="instead of the template's")
    time: str = Field("", pattern=forms.OR_NOTHING + forms.TIME, description="instead of the step's time of day")
    code_pool: str = Field("", max_length=100, description="instead of the step's pool of codes")


class Banner(Part):
    """What a banner on the site says, where and how often."""

    headline: OneLine
    text: str = Field("", max_length=500)
    button: OneLine = ""
    url: WebAddress = ""
    image_url: WebAddress = ""
    place: Literal["top", "bottom", "corner"] = "top"
    days: int = Field(7, ge=1, le=366, description="for how many days it is shown, from when the step is due")
    pages: tuple[str, ...] = Field((), max_length=50, description="paths such as / or /sale/*; none: every page")
    shows_per_person: int = Field(20, ge=1, le=1000, description="times that one visitor sees it at most")
    for_everybody: bool = Field(True, description="every visitor, known or not; else only the audience")


class InApp(Part):
    """How an in-app message is shown; what it says is in the template."""

    style: Literal["modal", "full_screen", "slide_in"] = "modal"
    days: int = Field(7, ge=1, le=366, description="for how many days it waits for the person")
    shows_per_person: int = Field(1, ge=1, le=100)


class SocialPost(Part):
    """A post of our own account, that a person publishes when the step is due."""

    network: Literal["instagram", "linkedin", "facebook", "x"]
    text: str = Field("", max_length=5000)
    url: WebAddress = ""
    image_url: WebAddress = ""


class Retargeting(Part):
    """An audience that is handed to an advertising platform, and the money for it."""

    platform: Literal["meta", "google_ads"] = "meta"
    list_name: OneLine = ""
    budget_cents: int = Field(0, ge=0)
    days: int = Field(7, ge=1, le=366)


class Step(Part):
    """One thing that a campaign does: a message on a channel, a banner, a post, an audience for advertisements."""

    key: Key
    name: str = Field("", max_length=200)
    channel: Channel
    template: str = Field("", max_length=100, description="key of the template in the library of messages")
    template_version: int | None = Field(None, ge=1, description="empty: the newest when the step is due")
    day: int | None = Field(None, ge=1, le=366, description="1 is the day on which the campaign starts")
    time: str = Field("09:00", pattern=forms.TIME, description="time of that day")
    at: Moment | None = Field(None, description="a moment instead of day and time")
    clock: Literal["workspace", "person", "best_hour"] = Field("workspace", description="whose time it is")
    audience: Narrowing | None = None
    expires_after_hours: int = Field(48, ge=1, le=24 * 60, description="what could not leave until then never does")
    subject: OneLine = Field("", description="instead of the template's")
    from_name: OneLine = Field("", description="instead of the workspace's")
    from_email: str = Field("", max_length=320, pattern=forms.OR_NOTHING + forms.ADDRESS)
    variants: tuple[Variant, ...] = Field((), max_length=MOST_VARIANTS)
    cost_cents: int = Field(0, ge=0, description="what the step costs as a whole")
    cost_micros_each: int = Field(0, ge=0, description="what one message costs, in millionths of the currency")
    code_pool: str = Field("", max_length=100, description="each person gets a code of this pool")
    banner: Banner | None = None
    in_app: InApp | None = None
    social: SocialPost | None = None
    retargeting: Retargeting | None = None

    @property
    def plans_messages(self) -> bool:
        """Whether it writes to people, one message each."""
        return self.channel in MESSAGE_CHANNELS

    @property
    def shown_name(self) -> str:
        """Its name, or else its key."""
        return self.name or self.key

    @model_validator(mode="after")
    def _is_whole(self) -> Step:
        for channel in ("banner", "social"):
            if self.channel == channel and getattr(self, channel) is None:
                raise ValueError(f"a step on {channel} says under {channel!r} what it is")
        for channel in ("banner", "in_app", "social", "retargeting"):
            if self.channel != channel and getattr(self, channel) is not None:
                raise ValueError(f"only a step on {channel} has {channel!r}")
        if self.at is not None and self.day is not None:
            raise ValueError("a step has a day or a moment, not both")
        if self.clock != "workspace" and self.day is None:
            raise ValueError("a step in the person's own time needs a day")
        return self

    @model_validator(mode="after")
    def _has_a_message(self) -> Step:
        if self.plans_messages and not self.template and not all(v.template for v in self.variants or (_NO_VARIANT,)):
            raise ValueError(f"a step on {self.channel} needs a template")
        if self.variants:
            if len({variant.key for variant in self.variants}) != len(self.variants):
                raise ValueError("two variants have the same key")
            if abs(sum(variant.share for variant in self.variants) - 1) > 1e-6:
                raise ValueError("the shares of the variants do not add up to 1")
        return self


_NO_VARIANT = Variant(key="none", share=1)


class LinkRule(Part):
    """Parameters of links to our own domains, instead of the workspace's; words such as {campaign} are filled in."""

    source: str = Field("", max_length=200)
    medium: str = Field("", max_length=200)
    campaign: str = Field("", max_length=200)
    content: str = Field("", max_length=200)
    term: str = Field("", max_length=200)
    id: str = Field("", max_length=200)


class Holdout(Part):
    """Who is left alone so that the effect can be measured."""

    share: float = Field(0.05, ge=0, le=0.5)
    reason: str = Field("", max_length=500, description="why nobody is held out; needed when the share is 0")

    @model_validator(mode="after")
    def _says_why(self) -> Holdout:
        if self.share == 0 and not self.reason:
            raise ValueError("say why nobody is held out")
        return self


class Approval(Part):
    """A second person says yes, from so many recipients on (the workspace may ask for it sooner)."""

    from_recipients: int = Field(10_000, ge=1)


class CampaignPlan(Part):
    """A whole plan."""

    objective: str = Field("", max_length=2000)
    target_conversions: int | None = Field(None, ge=0)
    target_revenue_cents: int | None = Field(None, ge=0)
    budget_cents: int = Field(0, ge=0)
    currency_code: str = Field("EUR", pattern=forms.CURRENCY)
    starts_at: Moment | None = Field(None, description="empty: when somebody starts it")
    ends_at: Moment | None = Field(None, description="nothing leaves afterwards; empty: when the last step is over")
    time_zone: str = Field("", max_length=60, description="IANA zone of days and times; empty: the workspace's")
    audience: Audience = Audience()
    steps: tuple[Step, ...] = Field((), max_length=MOST_STEPS)
    holdout: Holdout = Holdout()
    priority: int = Field(0, ge=-100, le=100, description="at the frequency cap the higher one wins")
    purpose: str = Field("marketing", pattern=r"^[a-z][a-z0-9_]{0,39}$", description="what people consented to")
    approval: Approval = Approval()
    rules: tuple[CoordinationRule, ...] = Field((), max_length=MOST_RULES)
    utm: LinkRule | None = Field(None, description="what is empty in it is as the workspace says")
    conversion_days: int = Field(7, ge=1, le=90, description="an order within that many days counts")

    @field_validator("steps", "rules")
    @classmethod
    def _keys_are_unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        keys = [item.key for item in value]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"the key {twice[0]} stands there twice")
        return value

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> CampaignPlan:
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("it ends before it starts")
        return self

    def step(self, key: str) -> Step | None:
        """The step with this key."""
        return next((step for step in self.steps if step.key == key), None)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of its steps, each once, in the order of the steps."""
        return tuple(dict.fromkeys(step.channel for step in self.steps))

    @property
    def segments(self) -> frozenset[str]:
        """Keys of every segment it names."""
        found = {*self.audience.segments, *self.audience.exclude}
        for narrowing in (step.audience for step in self.steps if step.audience):
            found |= {*narrowing.segments, *narrowing.exclude}
        return frozenset(found)


def parse_plan(document: Any) -> CampaignPlan:
    """Read a plan from what JSON or YAML gave.

    Raises:
        InvalidInputError: names the place (as `steps[1].time`), what is wrong and what is allowed.
    """
    return read_document(CampaignPlan, document, "plan", LARGEST_PLAN)


def variant_of(step: Step, key: str) -> Variant | None:
    """The variant of a step with this key; the roll-out of a test (`b-rest`) has that of its arm."""
    own = next((variant for variant in step.variants if variant.key == key), None)
    if own is None and key.endswith(ROLL_OUT):
        return variant_of(step, key.removesuffix(ROLL_OUT))
    return own


def as_document(plan: CampaignPlan) -> dict[str, Any]:
    """A plan as JSON holds it."""
    return plan.model_dump(mode="json")


def plan_hash(plan: CampaignPlan) -> str:
    """The same for the same plan."""
    return hashlib.sha256(json.dumps(as_document(plan), sort_keys=True).encode()).hexdigest()


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan."""
    return CampaignPlan.model_json_schema()
