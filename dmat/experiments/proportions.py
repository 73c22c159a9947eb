"""Two proportions: tests and intervals for people who did something or did not.

Belongs here: pooled z, chi-square, Yates, Wald, Wilson, Newcombe, and the score intervals of difference and ratio.
Stays out: exact tests (`exact.py`), several arms and looks (`comparing.py`).

The score intervals are the set of differences (or ratios) that the score test does not reject. At "no difference" both
tests are the pooled z, so p, interval of the difference and interval of the ratio always give the same verdict.

Sources: E. B. Wilson, JASA 22 (1927); R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10; P. W. Mee,
Biometrics 40 (1984) 1175 and O. Miettinen and M. Nurminen, Statistics in Medicine 4 (1985) 213-226, without its factor
N/(N-1); P. A. R. Koopman, Biometrics 40 (1984) 513-517. Chi-square, Wald and Yates as R's `prop.test`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.exact import fisher_p
from dmat.experiments.roots import find_roots
from dmat.experiments.special import Array, Floats, log_ndtr, ndtr, ndtri

Pair = tuple[float, float]
_ASIDE = 1e-12  # beside the value seen, at which a standard error of 0 would pass for a limit


@dataclass(frozen=True, slots=True)
class TwoProportions:
    """All classical results for B less A; intervals are two-sided at 1 - alpha; nan where nothing can be said."""

    rate_a: float
    rate_b: float
    difference: float
    relative_lift: float
    z_pooled: float
    p_pooled: float
    z_unpooled: float
    p_unpooled: float
    chi_square: float
    chi_square_yates: float
    p_yates: float
    p_fisher: float
    wald: Pair
    yates: Pair
    wilson_a: Pair
    wilson_b: Pair
    newcombe: Pair
    score_difference: Pair
    score_lift: Pair


def two_proportions(hits_a: int, n_a: int, hits_b: int, n_b: int, alpha: float = 0.05) -> TwoProportions:
    """Compare two proportions in every classical way.

    Raises:
        InvalidInputError: nobody in an arm, or hits outside 0 to n.
    """
    for arm, hits, n in (("a", hits_a, n_a), ("b", hits_b, n_b)):
        if not 0 <= hits <= n or n == 0:
            raise InvalidInputError(f"hits_{arm}", f"{hits} of {n} people", "0 to n, and n of at least 1")
    a, b, k = hits_a / n_a, hits_b / n_b, float(-ndtri(alpha / 2))
    pooled = (hits_a + hits_b) / (n_a + n_b)
    inverse_n = 1 / n_a + 1 / n_b
    unpooled_sd = math.sqrt(a * (1 - a) / n_a + b * (1 - b) / n_b)
    pooled_sd = math.sqrt(pooled * (1 - pooled) * inverse_n)
    corrected = min(0.5, abs(b - a) / inverse_n) * inverse_n
    z, z_unpooled = _over(b - a, pooled_sd), _over(b - a, unpooled_sd)
    z_yates = _over(abs(b - a) - corrected, pooled_sd)
    arrays = [np.array([float(value)]) for value in (hits_a, n_a, hits_b, n_b, k)]
    low, high = score_difference(*arrays)
    low_ratio, high_ratio = score_ratio(*arrays)
    return TwoProportions(
        rate_a=a, rate_b=b, difference=b - a, relative_lift=_over(b - a, a),
        z_pooled=z, p_pooled=two_sided(z), z_unpooled=z_unpooled, p_unpooled=two_sided(z_unpooled),
        chi_square=z * z, chi_square_yates=z_yates**2, p_yates=two_sided(z_yates),
        p_fisher=fisher_p(hits_a, n_a, hits_b, n_b),
        wald=_within(b - a, k * unpooled_sd), yates=_within(b - a, k * unpooled_sd + corrected),
        wilson_a=wilson(hits_a, n_a, alpha), wilson_b=wilson(hits_b, n_b, alpha),
        newcombe=newcombe(hits_a, n_a, hits_b, n_b, alpha),
        score_difference=(float(low[0]), float(high[0])),
        score_lift=(float(low_ratio[0]) - 1, float(high_ratio[0]) - 1),
    )  # fmt: skip


def _over(above: float, below: float) -> float:
    """above / below; 0 over 0 is 0 for a statistic, anything else over 0 is not a number."""
    if below == 0:
        return 0.0 if above == 0 else math.nan
    return above / below


def _within(center: float, half: float) -> Pair:
    return max(-1.0, center - half), min(1.0, center + half)


def two_sided(z: float) -> float:
    """Two-sided p of a standard normal statistic; right down to 1e-308."""
    return float(2 * ndtr(-abs(z)))


def log_two_sided(z: float) -> float:
    """Natural logarithm of the two-sided p, for statistics whose p is smaller than a float can be."""
    return math.log(2) + float(log_ndtr(-abs(z)))


def wilson(hits: float, n: float, alpha: float = 0.05) -> Pair:
    """Wilson's interval of one proportion."""
    low, high = wilson_bounds(np.array([hits], dtype=float), np.array([n], dtype=float), -ndtri(alpha / 2))
    return float(low[0]), float(high[0])


def wilson_bounds(hits: Array, n: Array, k: Floats) -> tuple[Array, Array]:
    """Wilson's limits with the critical value `k`, elementwise; nan where n is 0, and (0, 1) where k is infinite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = hits / n
        share = np.where(np.isinf(k), 0.0, n / (n + np.square(np.where(np.isinf(k), 0.0, k))))
        center = rate * share + 0.5 * (1 - share)
        half = np.sqrt((1 - share) * (rate * (1 - rate) * share + (1 - share) / 4))
    low = np.where(hits == 0, np.where(n > 0, 0.0, np.nan), center - half)
    high = np.where(hits == n, np.where(n > 0, 1.0, np.nan), center + half)
    return np.asarray(low), np.asarray(high)


def newcombe(hits_a: float, n_a: float, hits_b: float, n_b: float, alpha: float = 0.05) -> Pair:
    """Newcombe's hybrid score interval of the difference B - A (method 10, no continuity correction)."""
    a, b = hits_a / n_a, hits_b / n_b
    (low_a, high_a), (low_b, high_b) = wilson(hits_a, n_a, alpha), wilson(hits_b, n_b, alpha)
    below = math.hypot(b - low_b, high_a - a)
    above = math.hypot(high_b - b, a - low_a)
    return b - a - below, b - a + above


def pooled_z(hits_a: Array, n_a: Array, hits_b: Array, n_b: Array) -> Array:
    """The score statistic at no difference, elementwise; 0 where both rates are 0 or both 1, nan where n is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (hits_a + hits_b) / (n_a + n_b)
        difference = hits_b / n_b - hits_a / n_a
        z = difference / np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return np.asarray(np.where(difference == 0, 0.0, z))


def score_difference(hits_a: Array, n_a: Array, hits_b: Array, n_b: Array, k: Array) -> tuple[Array, Array]:
    """Limits of B - A: all differences whose score statistic is within ±k (Mee). Arrays of one shape; k may be inf.

    Solved as (difference - delta) = ±k sd(delta), which is smooth where the statistic itself is not.
    """
    seen = hits_b / n_b - hits_a / n_a
    factor = np.where(np.isinf(k), 1e9, k)
    reach = 0.5 * factor * np.sqrt(1 / n_a + 1 / n_b)
    side = np.stack([factor, -factor])

    def beyond(delta: Array) -> Array:
        return np.asarray((seen - delta) - side * _difference_sd(hits_a, n_a, hits_b, n_b, delta))

    low = np.stack([np.maximum(seen - reach, -1.0), np.minimum(seen + _ASIDE, 1.0)])
    high = np.stack([np.maximum(seen - _ASIDE, -1.0), np.minimum(seen + reach, 1.0)])
    start = seen - side * _difference_sd(hits_a, n_a, hits_b, n_b, seen)
    limits = find_roots(beyond, low, high, start=start)
    return np.where(np.isinf(k), -1.0, limits[0]), np.where(np.isinf(k), 1.0, limits[1])


def score_statistic(hits_a: Array, n_a: Array, hits_b: Array, n_b: Array, delta: Array) -> Array:
    """Score statistic of "B - A is delta"; at 0 the pooled z."""
    sd = _difference_sd(hits_a, n_a, hits_b, n_b, delta)
    away = hits_b / n_b - hits_a / n_a - delta
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(away == 0, 0.0, away / sd))


def _difference_sd(hits_a: Array, n_a: Array, hits_b: Array, n_b: Array, delta: Array) -> Array:
    """Standard error of B - A under "B - A is delta": A's rate is the root of the likelihood's cubic."""
    n, hits = n_a + n_b, hits_a + hits_b
    second = (n_b + 2 * n_a) * delta - n - hits
    first = (n_a * delta - n - 2 * hits_a) * delta + hits
    none = hits_a * delta * (1 - delta)
    third = second / (3 * n)
    q = third**3 - first * second / (6 * n**2) + none / (2 * n)
    p = np.copysign(np.sqrt(np.maximum(third**2 - first / (3 * n), 0.0)), q)
    with np.errstate(invalid="ignore", divide="ignore"):
        angle = np.arccos(np.clip(np.where(p == 0, 0.0, q / p**3), -1, 1))
    rate = 2 * p * np.cos((np.pi + angle) / 3) - third
    slope = (3 * n * rate + 2 * second) * rate + first
    with np.errstate(invalid="ignore", divide="ignore"):
        step = (((n * rate + second) * rate + first) * rate + none) / slope
    rate = rate - np.where(np.isfinite(step) & (np.abs(step) < 1e-3), step, 0.0)
    rate_a = np.clip(rate, np.maximum(0.0, -delta), np.minimum(1.0, 1.0 - delta))
    rate_b = np.clip(rate_a + delta, 0.0, 1.0)
    return np.asarray(np.sqrt(rate_a * (1 - rate_a) / n_a + rate_b * (1 - rate_b) / n_b))


def score_ratio(hits_a: Array, n_a: Array, hits_b: Array, n_b: Array, k: Array) -> tuple[Array, Array]:
    """Limits of B / A: all ratios whose score statistic is within ±k (Koopman); 0 and inf where there is no limit.

    Solved for share = ratio / (1 + ratio), in which A and B are treated alike.
    """
    rate_a, rate_b, hits, n = hits_a / n_a, hits_b / n_b, hits_a + hits_b, n_a + n_b
    factor = np.where(np.isinf(k), 1e9, k)
    side = np.stack([factor, -factor])

    def beyond(share: Array) -> Array:
        other = 1 - share
        middle = share * (n_b + hits_a) + other * (n_a + hits_b)
        root = middle + np.sqrt(np.maximum(middle**2 - 4 * n * hits * share * other, 0.0))
        null_a = np.minimum(2 * other * hits / root, 1.0)
        null_b = np.minimum(2 * share * hits / root, 1.0)
        variance = other**2 * null_b * (1 - null_b) / n_b + share**2 * null_a * (1 - null_a) / n_a
        return np.asarray(other * rate_b - share * rate_a - side * np.sqrt(variance))

    with np.errstate(invalid="ignore", divide="ignore"):
        seen = np.clip(np.where(hits == 0, 0.5, rate_b / (rate_a + rate_b)), 1e-12, 1 - 1e-12)
        least = np.stack([np.zeros_like(seen), np.minimum(seen * (1 + _ASIDE), 1.0)])
        most = np.stack([seen * (1 - _ASIDE), np.ones_like(seen)])
        shares = find_roots(beyond, least, most)
        low = np.where((hits_b == 0) | np.isinf(k), 0.0, shares[0] / (1 - shares[0]))
        high = np.where((hits_a == 0) | np.isinf(k), np.inf, shares[1] / (1 - shares[1]))
    return low, high
