"""A bandit: more people for the arm that is likely to be the best, with known chances.

Belongs here: Thompson sampling's shares, drawing by them, and estimates that make up for unequal chances.
Stays out: when shares change and where propensities are logged (`running.py`).

Thompson sampling gives each person an arm with the probability that it is the best. That probability is computed by
quadrature, so the shares are exact and need no draws. Every arm keeps a floor, without which its estimate would never
recover. Sources: W. R. Thompson, Biometrika 25 (1933); D. G. Horvitz and D. J. Thompson, JASA 47 (1952) for weighting.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmat.errors import InvalidInputError
from dmat.experiments.bayes import beta_beliefs, normal_beliefs
from dmat.experiments.means import mean_estimates
from dmat.experiments.moments import Moments, Table
from dmat.experiments.special import Array

FLOOR = 0.05
BURN_IN = 20  # people in the smallest arm below which all arms get the same


@dataclass(frozen=True)
class Allocation(Mapping[str, float]):
    """{arm: share}; the shares add to 1 and are the propensities of every person who is drawn by them."""

    shares: dict[str, float]
    seed_material: str

    def __getitem__(self, arm: str) -> float:
        return self.shares[arm]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shares)

    def __len__(self) -> int:
        return len(self.shares)

    def draw(self, person_ids: Sequence[int]) -> list[tuple[str, float]]:
        """(arm, propensity) of each person: the same for the same person, shares and seed material."""
        arms, edges = list(self.shares), np.cumsum(list(self.shares.values()))
        points = [_point(f"{self.seed_material}:{person}") for person in person_ids]
        chosen = np.minimum(np.searchsorted(edges, points, side="right"), len(arms) - 1)
        return [(arms[at], self.shares[arms[at]]) for at in chosen.tolist()]


def _point(text: str) -> float:
    """A number from 0 to below 1 out of a text."""
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11) / float(1 << 53)


def allocate(
    moments: Mapping[str, Moments], seed_material: str, kind: str = "proportion", better: str = "higher",
    floor: float = FLOOR,
) -> Allocation:  # fmt: skip
    """The shares of the next batch from what is known of each arm so far.

    `seed_material` names the batch (for instance `experiment:7:batch:3`) and decides who is drawn for which arm.

    Raises:
        InvalidInputError: fewer than two arms, or a floor that does not leave room.
    """
    arms = list(moments)
    if len(arms) < 2:
        raise InvalidInputError("moments", f"{arms}", "two or more arms")
    if not 0 <= floor * len(arms) <= 1:
        raise InvalidInputError("floor", str(floor), f"0 to {1 / len(arms):.3f}")
    table = Table.of({arm: {"m": found} for arm, found in moments.items()}, arms, ("m",))
    best = _best(table, kind, 1 if better == "higher" else -1)
    if best is None:
        best = np.full(len(arms), 1 / len(arms))
    shares = floor + (1 - floor * len(arms)) * best
    return Allocation(dict(zip(arms, (shares / shares.sum()).tolist(), strict=True)), seed_material)


def _best(table: Table, kind: str, sign: int) -> Array | None:
    if table["n"].min() < BURN_IN:
        return None
    if kind == "proportion":
        return np.asarray(beta_beliefs(table["y"], table["n"], sign=sign).best[0])
    found = mean_estimates(table)
    best = normal_beliefs(found.value, found.variance, sign=sign).best[0]
    return None if np.isnan(best).any() else np.asarray(best)


def weighted_mean(
    outcomes: Sequence[float] | NDArray[np.float64], propensities: Sequence[float] | NDArray[np.float64], people: int
) -> tuple[float, float]:
    """Mean of an arm had everybody been in it, and its standard error, from those who were (inverse propensities).

    `people` counts all who were drawn, for any arm. Unlike the plain mean of an arm, it is right under changing shares.

    Raises:
        InvalidInputError: a propensity that is not above 0, or fewer than two people.
    """
    y, chance = np.asarray(outcomes, dtype=float), np.asarray(propensities, dtype=float)
    if y.shape != chance.shape or not (chance > 0).all() or not (chance <= 1).all():
        raise InvalidInputError("propensities", "one for each outcome", "above 0, at most 1")
    if people < max(2, y.size):
        raise InvalidInputError("people", str(people), "all who were drawn, 2 or more")
    terms = y / chance
    mean = float(terms.sum() / people)
    variance = (float(terms @ terms) / people - mean**2) / (people - 1)
    return mean, math.sqrt(max(variance, 0.0))
