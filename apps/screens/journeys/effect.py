"""The effect of a journey: who reached the goal among those whom it was for, beside those who were held out.

Belongs here: reading the counts, difference and interval, in words. Stays out: counting (`dbt/models/marts/journeys`),
the statistics (`dmat/experiments/proportions.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.screens.journeys.desk import JourneyDesk
from dmat.experiments.proportions import newcombe, wilson
from dmat.journeys.records import Journey

TABLE = "journeys.journey_lift"
ENOUGH = 30


@dataclass(frozen=True)
class Group:
    """People, and how many of them reached the goal; `low` and `high` are the 95 % interval of the share."""

    people: int
    reached: int

    @property
    def share(self) -> float | None:
        """None when there is nobody."""
        return self.reached / self.people if self.people else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval."""
        return wilson(self.reached, self.people) if self.people else (0.0, 1.0)


@dataclass(frozen=True)
class Effect:
    """Both groups; `low` and `high` are the 95 % interval of the difference of their shares."""

    treated: Group
    held_out: Group
    low: float | None = None
    high: float | None = None

    @property
    def is_enough(self) -> bool:
        """Whether both groups are large enough to be compared."""
        return min(self.treated.people, self.held_out.people) >= ENOUGH

    @property
    def difference(self) -> float | None:
        """Difference of the shares."""
        if self.treated.share is None or self.held_out.share is None:
            return None
        return self.treated.share - self.held_out.share

    @property
    def words(self) -> str:
        """What can be said, in a sentence."""
        if not self.is_enough or self.difference is None or self.low is None or self.high is None:
            return f"Too few people to tell: at least {ENOUGH} in each group are needed."
        if self.low > 0:
            return (
                f"It brings {self.difference * 100:.1f} more of 100 people to the goal than would come by themselves."
            )
        if self.high < 0:
            return (
                f"It keeps {-self.difference * 100:.1f} of 100 people from the goal who would have come by themselves."
            )
        return "So far the difference can be chance."


def read_effect(desk: JourneyDesk, journey: Journey) -> Effect | None:
    """The effect as of the published tables; None when nobody counted yet."""
    if not desk.has_tables or TABLE not in desk.context.workspace.tables():
        return None
    rows = desk.context.workspace.rows(f"select * from {TABLE} where journey_id = ?", [journey.journey_id])
    if not rows:
        return None
    row = rows[0]
    treated = Group(int(row["treated_count"] or 0), int(row["treated_converted_count"] or 0))
    held_out = Group(int(row["held_out_count"] or 0), int(row["held_out_converted_count"] or 0))
    if not treated.people or not held_out.people:
        return Effect(treated, held_out)
    low, high = newcombe(held_out.reached, held_out.people, treated.reached, treated.people)
    return Effect(treated, held_out, low, high)
