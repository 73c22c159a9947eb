"""Sums over people: all that the statistics need to know about an arm and a metric.

Belongs here: the ten sums, adding them, and the means, variances and covariances that follow from them.
Stays out: where sums come from (`dmat/experiments/observed.py`, `dbt/models/marts/experiments`) and inference.

Sums of people who are counted once each can be added over days, segments and stores in any order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.special import Array, Places


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the `n` people of one arm, one row a person (the unit that was randomised).

    `y` is the sum of the outcome, or of the numerator of a ratio; `yy` the sum of its squares; `x` the denominator;
    `c` a covariate from before the test (CUPED). `xy`, `yc`, `xc` are sums of products. A proportion has `yy = y`.
    Units are those of the metric: money in cents.
    """

    n: float
    y: float
    yy: float
    x: float = 0
    xx: float = 0
    xy: float = 0
    c: float = 0
    cc: float = 0
    yc: float = 0
    xc: float = 0

    def __post_init__(self) -> None:
        if not self.n >= 0 or not self.yy >= 0 or not self.xx >= 0 or not self.cc >= 0:
            raise InvalidInputError("moments", f"{self} has a negative count or sum of squares", "n, yy, xx, cc >= 0")
        if not all(math.isfinite(value) for value in (self.y, self.yy, self.x, self.xx, self.c, self.cc)):
            raise InvalidInputError("moments", f"{self} is not finite", "finite sums")

    @classmethod
    def of_proportion(cls, n: float, hits: float) -> Moments:
        """Of `n` people, `hits` did it.

        Raises:
            InvalidInputError: `hits` is not between 0 and `n`.
        """
        if not 0 <= hits <= n:
            raise InvalidInputError("hits", f"{hits} of {n} people", "0 to n")
        return cls(n=n, y=hits, yy=hits)

    @classmethod
    def of_values(
        cls, y: Sequence[float] | Array, x: Sequence[float] | Array | None = None,
        c: Sequence[float] | Array | None = None,
    ) -> Moments:  # fmt: skip
        """From one value a person: outcome, and if there are such, denominator and covariate."""
        outcome = np.asarray(y, dtype=float)
        below = np.zeros_like(outcome) if x is None else np.asarray(x, dtype=float)
        before = np.zeros_like(outcome) if c is None else np.asarray(c, dtype=float)
        if not outcome.shape == below.shape == before.shape:
            raise InvalidInputError("values", "outcome, denominator and covariate differ in length", "one a person")
        sums = (
            outcome.sum(), outcome @ outcome, below.sum(), below @ below, below @ outcome,
            before.sum(), before @ before, outcome @ before, below @ before,
        )  # fmt: skip
        return cls(float(outcome.size), *(float(value) for value in sums))

    def __add__(self, other: Moments) -> Moments:
        return Moments(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    @property
    def mean(self) -> float:
        """Mean of the outcome a person; nan when nobody is in."""
        return self.y / self.n if self.n else math.nan


NAMES = tuple(field.name for field in fields(Moments))
_SUMS_OF = attrgetter(*NAMES)


@dataclass(frozen=True)
class Table:
    """The ten sums as arrays of one shape, metrics x arms; missing pairs have n = 0."""

    sums: dict[str, Array]

    @classmethod
    def of(cls, moments: Mapping[str, Mapping[str, Moments]], arms: Sequence[str], metrics: Sequence[str]) -> Table:
        """From {arm: {metric: Moments}}."""
        none = Moments(0, 0, 0)
        listed = [moments.get(arm, {}) for arm in arms]
        rows = [_SUMS_OF(found.get(metric, none)) for metric in metrics for found in listed]
        block = np.array(rows, dtype=float).reshape(len(metrics), len(arms), len(NAMES))
        return cls({name: np.ascontiguousarray(block[:, :, at]) for at, name in enumerate(NAMES)})

    def __getitem__(self, name: str) -> Array:
        return self.sums[name]

    def rows(self, chosen: Places) -> Table:
        """Only some metrics; `chosen` indexes the first axis."""
        return Table({name: values[chosen] for name, values in self.sums.items()})

    def means(self, of: str) -> Array:
        """Mean a person of `y`, `x` or `c`; nan where nobody is in."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.sums[of] / self.sums["n"])

    def covariances(self, one: str, other: str) -> Array:
        """Sample covariance (divisor n - 1) of two of `y`, `x`, `c`; the variance when they are the same; nan below 2.

        A variance that is below zero by rounding only is zero.
        """
        n = self.sums["n"]
        product = one + other if one + other in self.sums else other + one
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (self.sums[product] - self.sums[one] * self.sums[other] / n) / (n - 1)
        found = np.where(n >= 2, found, np.nan)
        return np.maximum(found, 0.0) if one == other else found
