"""What a journey brings about: people whom it was for against people held out, with intervals; from the tables.

Belongs here: reading and comparing both groups. Stays out: who is held out (`dmat/campaigns/holdout.py`), what counts
(dbt, `journeys.fct_journey_conversions`), the statistics (`dmat/experiments`).

Everybody who entered counts in the group that they were drawn for, whether or not a message left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmat.errors import InvalidInputError
from dmat.experiments.incremental import increment
from dmat.experiments.moments import Moments
from dmat.experiments.proportions import two_proportions, wilson
from dmat.warehouse import Workspace

LIFT, REVENUE, CARDS = "journeys.journey_lift", "journeys.journey_revenue", "journeys.dim_journeys"


@dataclass(frozen=True)
class Group:
    """One of the two groups: people, those of them who reached the goal, their share with its 95 % interval."""

    people: int
    converted: int

    @property
    def rate(self) -> float | None:
        """The share; None when nobody is in the group."""
        return self.converted / self.people if self.people else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share."""
        return wilson(self.converted, self.people) if self.people else None


@dataclass(frozen=True)
class Revenue:
    """What the journey brought in beyond what would have come anyway, in cents of one currency.

    Attributes:
        treated_cents, held_out_cents: what people of both groups spent.
        extra_cents: over all people whom it was for; low, high: its 95 % interval. None when it cannot be told.
    """

    currency_code: str
    treated_cents: int
    held_out_cents: int
    extra_cents: int | None
    low_cents: int | None
    high_cents: int | None


@dataclass(frozen=True)
class Lift:
    """Both groups side by side.

    Attributes:
        difference: rate of those whom it was for less rate of those held out; low, high: the score
            test's 95 % interval.
        p: two-sided; all None while one of the groups is empty.
    """

    treated: Group
    held_out: Group
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    revenue: tuple[Revenue, ...]

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.difference is None or self.low is None or self.high is None:
            return "Nobody is held out yet, so nobody can say what would have come anyway."
        sure = self.low > 0 or self.high < 0
        points = f"{100 * self.difference:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f})"
        return f"{points} against those held out" + ("" if sure else ", which may be chance")


def read_lift(workspace: Workspace, journey_key: str) -> Lift | None:
    """The lift of a journey as of the last build; None when the tables do not know it or nobody entered."""
    if not {LIFT, REVENUE, CARDS} <= set(workspace.tables()):
        return None
    query = f"""
        select lift.* from {LIFT} as lift inner join {CARDS} as cards on lift.journey_id = cards.journey_id
        where cards.journey_key = ?
    """
    rows = workspace.rows(query, [journey_key])
    if not rows:
        return None
    row = rows[0]
    treated = Group(int(row["treated_count"]), int(row["treated_converted_count"]))
    held_out = Group(int(row["held_out_count"]), int(row["held_out_converted_count"]))
    money = workspace.rows(f"select * from {REVENUE} where journey_id = ? order by currency_code", [row["journey_id"]])
    revenue = tuple(_revenue(each, treated, held_out) for each in money)
    if not treated.people or not held_out.people:
        return Lift(treated, held_out, None, None, None, None, revenue)
    found = two_proportions(held_out.converted, held_out.people, treated.converted, treated.people)
    p = None if math.isnan(found.p_pooled) else found.p_pooled
    return Lift(treated, held_out, found.difference, *found.score_difference, p, revenue)


def _revenue(row: Mapping[str, Any], treated: Group, held_out: Group) -> Revenue:
    sums = int(row["treated_revenue_cents"]), int(row["held_out_revenue_cents"])
    try:
        found = increment(
            Moments(held_out.people, sums[1], float(row["held_out_revenue_squares"])),
            Moments(treated.people, sums[0], float(row["treated_revenue_squares"])),
        )
    except InvalidInputError:  # too few people, or nobody differs
        return Revenue(str(row["currency_code"]), *sums, None, None, None)
    return Revenue(
        str(row["currency_code"]), *sums, round(found.total), round(found.total_low), round(found.total_high)
    )
