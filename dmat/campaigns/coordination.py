"""Coordination rules of a campaign as data: "e-mail open rate below 20 %: pause the e-mail steps".

Belongs here: the shape of a rule, and what each measure counts. Stays out: measuring and acting
(`dmat/campaigns/watching.py`).

>>> CoordinationRule(key="weak-mails", when=Condition(measure="open_rate", channel="email", comparison="below",
...                  value=0.2), then=PauseChannel(channel="email"))
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dmat import forms
from dmat.channels.contract import CHANNELS

Channel = Literal["email", "sms", "whatsapp", "push", "in_app", "banner", "social", "retargeting", "webhook"]
Measure = Literal[
    "open_rate",
    "click_rate",
    "read_rate",
    "reply_rate",
    "engagement_rate",
    "conversion_rate",
    "bounce_rate",
    "complaint_rate",
    "unsubscribe_rate",
    "traffic_ratio",
]
Key = Annotated[str, Field(pattern=forms.KEY)]

COUNTED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "open_rate": (("opened_human",), ("delivered",)),
        "click_rate": (("clicked_human",), ("delivered", "shown")),
        "read_rate": (("read",), ("delivered",)),
        "reply_rate": (("replied",), ("delivered",)),
        "engagement_rate": (("opened_human", "read", "clicked_human", "replied"), ("delivered", "shown")),
        "conversion_rate": (("converted",), ("delivered", "shown")),
        "bounce_rate": (("bounced",), ("accepted",)),
        "complaint_rate": (("complained",), ("delivered",)),
        "unsubscribe_rate": (("unsubscribed",), ("delivered",)),
    }
)
"""Measure -> kinds of counters above and below the line; `traffic_ratio` is read from visits instead."""


class Part(BaseModel):
    """What every part of a plan is: it cannot be changed, and a word it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Condition(Part):
    """What is measured and when it is crossed.

    `traffic_ratio` is the visits of the last 24 hours that came from the channel, divided by a usual day of the four
    weeks before.
    """

    measure: Measure
    channel: Channel
    step: str = Field("", max_length=60, description="only this step; empty: every step of the channel")
    comparison: Literal["below", "above"]
    value: float = Field(ge=0, le=1000, description="a share (0.2 is 20 %), or a ratio for traffic_ratio")
    min_sample: int = Field(200, ge=1, le=100_000_000, description="below that many nothing is concluded")


class PauseChannel(Part):
    """Plan no further step of the channel and let nothing of it leave, until a person lets it go on."""

    do: Literal["pause_channel"] = "pause_channel"
    channel: Channel


class ReduceFrequency(Part):
    """Leave out of later steps of the channel whom this campaign wrote to on it within that many days."""

    do: Literal["reduce_frequency"] = "reduce_frequency"
    channel: Channel
    days_between: int = Field(3, ge=1, le=60)


class IncreaseImpressions(Part):
    """Let one visitor see a banner or an in-app message `factor` times as often as the plan says.

    It holds for what is shown now and for what the campaign shows later; crossing the value again adds nothing.
    """

    do: Literal["increase_impressions"] = "increase_impressions"
    channel: Channel = "banner"
    factor: float = Field(2.0, gt=1, le=10)


class RaiseBudget(Part):
    """Give a paid channel that much more, within the campaign's budget."""

    do: Literal["raise_budget"] = "raise_budget"
    channel: Channel = "retargeting"
    percent: int = Field(20, ge=1, le=500)


class Alert(Part):
    """Tell people, and do nothing else."""

    do: Literal["alert"] = "alert"
    text: str = Field(min_length=1, max_length=500)


Action = Annotated[
    PauseChannel | ReduceFrequency | IncreaseImpressions | RaiseBudget | Alert, Field(discriminator="do")
]


class CoordinationRule(Part):
    """When a measure crosses a value, act; once a crossing."""

    key: Key
    name: str = Field("", max_length=200)
    when: Condition
    then: Action
    is_dry_run: bool = Field(False, description="only log what would have been done")


def channel_is_known(channel: str) -> bool:
    """Whether messages of this channel have a contract."""
    return channel in CHANNELS
