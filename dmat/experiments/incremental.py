"""What a programme brought in beyond what would have come anyway: people written to against people held out.

Belongs here: intent-to-treat lift and the total increment with its interval. Stays out: who is held out
(`dmat/campaigns/holdout.py`, `assign.py`).

Everybody counts in the group that he was drawn for, reached or not; otherwise those who can be reached, and buy more
for that reason, would be counted as an effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.means import welch
from dmat.experiments.moments import Moments
from dmat.experiments.relative import fieller


@dataclass(frozen=True, slots=True)
class Increment:
    """Per person and in total over the people treated; two-sided intervals, in units of the metric."""

    per_person: float
    low: float
    high: float
    total: float
    total_low: float
    total_high: float
    lift: float
    lift_low: float
    lift_high: float
    p: float


def increment(held_out: Moments, treated: Moments, alpha: float = 0.05) -> Increment:
    """What the programme brought in among the `treated` (all who were drawn for it).

    Raises:
        InvalidInputError: fewer than two people in a group, or nobody differs.
    """
    found = welch(held_out, treated, alpha)
    people = treated.n
    if not people:
        raise InvalidInputError("treated", "nobody", "2 or more")
    k = np.array([(found.high - found.difference) / found.standard_error])
    variances = [_variance(group) for group in (held_out, treated)]
    low, high = fieller(
        np.array([found.mean_a]), np.array([variances[0]]), np.array([found.mean_b]), np.array([variances[1]]), k
    )
    return Increment(
        found.difference, found.low, found.high, found.difference * people, found.low * people, found.high * people,
        found.difference / found.mean_a if found.mean_a > 0 else float("nan"), float(low[0]) - 1, float(high[0]) - 1,
        found.p,
    )  # fmt: skip


def _variance(group: Moments) -> float:
    """Variance of the mean."""
    return max(0.0, (group.yy - group.y**2 / group.n) / (group.n - 1)) / group.n
