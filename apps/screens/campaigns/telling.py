"""The monitor's figures in the shape of the page: parts that add up to the audience, and figures by channel.

Belongs here: pure choices about what is shown. Stays out: counting (`dmat/campaigns/monitor.py`), HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dmat.campaigns.monitor import Figures, Monitor, StepFigures, sum_of

PARTS = (
    ("sent", "Sent", "series-0"), ("waiting", "Waiting", "context"), ("held_out", "Held out", "series-3"),
    ("suppressed", "Not allowed", "series-1"), ("expired", "Too late", "warning"), ("failed", "Failed", "error"),
    ("ambiguous", "Unclear", "info"),
)  # fmt: skip
PULLED = ("banner", "in_app")
TELLS_ARRIVAL = frozenset({"email", "sms", "whatsapp"})
MAY_TELL_ARRIVAL = frozenset({"push"})  # OneSignal tells, Firebase never does
ENGAGED = {"email": "opened", "push": "opened", "sms": "read", "whatsapp": "read", "banner": "shown", "in_app": "shown"}


@dataclass(frozen=True)
class Part:
    """A part of the audience: how many, what share, which colour."""

    key: str
    name: str
    colour: str
    count: int
    share: float


def parts_of(figures: Figures) -> Sequence[Part]:
    """What became of everybody who was planned; the counts add up to it."""
    whole = figures.planned or 1
    return [
        Part(key, name, colour, count, count / whole) for key, name, colour in PARTS if (count := getattr(figures, key))
    ]


def adds_up(figures: Figures) -> bool:
    """Whether the parts are the audience."""
    return sum(getattr(figures, key) for key, _, _ in PARTS) == figures.planned


def engaged(step: StepFigures) -> tuple[str, int]:
    """The word and the number of who saw it, as far as the channel tells."""
    name = ENGAGED.get(step.channel, "read")
    return name, getattr(step.figures, name)


def arrived(step: StepFigures) -> int | None:
    """How many messages are known to have arrived; None on a channel whose receivers never tell."""
    return step.figures.delivered if _tells_arrival(step.channel, step.figures) else None


def arrivals(found: Monitor) -> Figures | None:
    """The figures of all channels that tell what arrived; None when no step is on such a channel."""
    told = [figures for channel, figures in found.channels.items() if _tells_arrival(channel, figures)]
    return sum_of(told) if told else None


def _tells_arrival(channel: str, figures: Figures) -> bool:
    return channel in TELLS_ARRIVAL or (channel in MAY_TELL_ARRIVAL and figures.delivered > 0)


def channel_rows(found: Monitor) -> list[StepFigures]:
    """The figures of each channel, when there are several or one has several steps."""
    if len(found.steps) < 2:
        return []
    return [StepFigures("", "", channel, "", figures) for channel, figures in found.channels.items()]
