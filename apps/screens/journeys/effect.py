"""The effect of a journey in words: people whom it was for beside those who were held out.

Belongs here: what can be said, and when there are too few people to say anything. Stays out: the figures
(`dmat/journeys/lift.py`), layout (`versions.jinja`).
"""

from __future__ import annotations

from apps.screens.journeys.desk import JourneyDesk
from dmat.journeys.lift import Lift, read_lift
from dmat.journeys.records import Journey

ENOUGH = 30
"""People in each group from which on a difference is told."""


def effect_of(desk: JourneyDesk, journey: Journey) -> Lift | None:
    """The effect as of the published tables; None when nobody was counted yet."""
    return read_lift(desk.context.workspace, journey.key) if desk.has_tables else None


def is_enough(lift: Lift) -> bool:
    """Whether both groups are large enough to be compared."""
    return min(lift.treated.people, lift.held_out.people) >= ENOUGH and lift.difference is not None


def effect_words(lift: Lift) -> str:
    """What can be said, in a sentence."""
    if not is_enough(lift) or lift.difference is None or lift.low is None or lift.high is None:
        return f"Too few people to tell: at least {ENOUGH} in each group are needed."
    of_100 = f"{abs(lift.difference) * 100:.1f} of 100 people"
    if lift.low > 0:
        return f"It brings {of_100} to the goal who would not have come by themselves."
    if lift.high < 0:
        return f"It keeps {of_100} from the goal who would have come by themselves."
    return "So far the difference can be chance."
