"""Quantiles: the median or the 90th percentile, where a few large values would rule a mean.

Belongs here: one quantile, and two compared, from one value a person. Stays out: sums (`moments.py`), which do not
carry a quantile.

Interval of one quantile: between order statistics, whose coverage is binomial; interpolated between neighbouring ranks
(T. P. Hettmansperger and S. J. Sheather, Statistics and Probability Letters 4 (1986) 75-79; D. Nyblom, ibid. 14 (1992)
115-119 for quantiles other than the median). Difference: the standard error of each is half the width of its 95 %
interval over its normal quantile (R. M. Price and D. G. Bonett, J. Statistical Computation and Simulation 72 (2002)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.means import z_critical
from dmat.experiments.proportions import two_sided
from dmat.experiments.relative import fieller
from dmat.experiments.special import Array, betainc

FEWEST = 10


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile with its interval and standard error, in units of the values."""

    value: float
    low: float
    high: float
    standard_error: float
    people: int


@dataclass(frozen=True, slots=True)
class QuantileDifference:
    """B less A; `lift_low` and `lift_high` are nan where A is not above 0."""

    a: Quantile
    b: Quantile
    difference: float
    low: float
    high: float
    lift: float
    lift_low: float
    lift_high: float
    p: float


def quantile(values: Sequence[float] | Array, q: float = 0.5, alpha: float = 0.05) -> Quantile:
    """One quantile (linear between order statistics, type 7 of R) with its interval.

    Raises:
        InvalidInputError: q outside 0 to 1, or too few values for an interval of that quantile.
    """
    if not 0 < q < 1:
        raise InvalidInputError("q", str(q), "above 0 and below 1")
    ordered = np.sort(np.asarray(values, dtype=float))
    n = ordered.size
    if n < FEWEST or min(q, 1 - q) * n < 5:
        raise InvalidInputError("values", f"{n} people for the {q:.0%} quantile", "five or more people on each side")
    low, high = _limit(ordered, q, alpha / 2), _limit(-ordered[::-1], 1 - q, alpha / 2)
    error = (-_limit(-ordered[::-1], 1 - q, 0.025) - _limit(ordered, q, 0.025)) / (2 * float(z_critical(0.05)))
    return Quantile(float(np.quantile(ordered, q)), low, -high, error, int(n))


def _limit(ordered: Array, q: float, tail: float) -> float:
    """Lower limit: the largest value, between ranks, that lies above the quantile with probability `tail` at most."""
    n = ordered.size
    ranks = np.arange(1, n + 1, dtype=float)
    # the r-th smallest is above the quantile when at most r - 1 values are below it
    above = np.asarray(betainc(n - ranks + 1, ranks, 1 - q))
    fits = np.flatnonzero(above <= tail)
    if fits.size == 0:
        return -math.inf
    r = int(fits[-1])
    if r + 1 >= n:
        return float(ordered[r])
    here, there = float(above[r]), float(above[r + 1])
    weight = (tail - here) / (there - here)
    moved = _nyblom(weight, int(ranks[r]), n, q)
    return float(ordered[r] * (1 - moved) + ordered[r + 1] * moved)


def _nyblom(weight: float, rank: int, n: int, q: float) -> float:
    """How far between two ranks a limit lies whose probability lies `weight` between theirs."""
    if weight <= 0:
        return 0.0
    return 1 / (1 + rank * (1 - q) * (1 - weight) / ((n - rank) * q * weight))


def compare_quantiles(
    a: Sequence[float] | Array, b: Sequence[float] | Array, q: float = 0.5, alpha: float = 0.05
) -> QuantileDifference:
    """B less A, with an interval of the difference and of the lift that agree on "no difference" (Fieller).

    Raises:
        InvalidInputError: as `quantile`; or all values around the quantile are the same.
    """
    one, other = quantile(a, q, alpha), quantile(b, q, alpha)
    error = math.hypot(one.standard_error, other.standard_error)
    if not (error > 0 and math.isfinite(error)):
        raise InvalidInputError("values", "no spread around the quantile", "values that differ")
    difference, k = other.value - one.value, z_critical(alpha)
    half = float(k) * error
    limits = fieller(
        np.array([one.value]), np.array([one.standard_error**2]),
        np.array([other.value]), np.array([other.standard_error**2]), np.array([float(k)]),
    )  # fmt: skip
    lift = difference / one.value if one.value > 0 else math.nan
    return QuantileDifference(
        one, other, difference, difference - half, difference + half, lift,
        float(limits[0][0]) - 1, float(limits[1][0]) - 1, two_sided(difference / error),
    )  # fmt: skip
