"""Equivalence and non-inferiority: proof that two arms differ by less than matters.

Belongs here: two one-sided tests (TOST) and the one-sided test against a margin. "Not significant" is no proof of
equality; this is. Stays out: differences (`proportions.py`, `means.py`).

Source: D. J. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680. Proportions use the score
statistic at the margin (C. P. Farrington and G. Manning, Statistics in Medicine 9 (1990) 1447-1454).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.means import mean_estimates, t_critical, welch_df
from dmat.experiments.moments import Moments, Table
from dmat.experiments.proportions import score_difference, score_statistic
from dmat.experiments.special import ndtr, ndtri, stdtr


@dataclass(frozen=True, slots=True)
class Equivalence:
    """B less A against ± margin. `p` is the larger of both one-sided p; the interval is at 1 - 2 alpha, and lies within
    the margins exactly when `is_equivalent`. `is_not_worse`: above -margin (its own p is `p_lower`)."""

    difference: float
    margin: float
    low: float
    high: float
    p_lower: float
    p_upper: float
    p: float
    is_equivalent: bool
    is_not_worse: bool


def equivalent_proportions(a: Moments, b: Moments, margin: float, alpha: float = 0.05) -> Equivalence:
    """Whether two rates differ by less than `margin` (0.01 is one point).

    Raises:
        InvalidInputError: a margin that is not above 0, or nobody in an arm.
    """
    _check(margin, min(a.n, b.n) >= 1)
    hits_a, n_a, hits_b, n_b = (np.array([float(value)]) for value in (a.y, a.n, b.y, b.n))
    p_lower = float(ndtr(-score_statistic(hits_a, n_a, hits_b, n_b, np.array([-margin]))[0]))
    p_upper = float(ndtr(score_statistic(hits_a, n_a, hits_b, n_b, np.array([margin]))[0]))
    low, high = score_difference(hits_a, n_a, hits_b, n_b, np.array([float(-ndtri(alpha))]))
    return _answer(b.mean - a.mean, margin, float(low[0]), float(high[0]), p_lower, p_upper, alpha)


def equivalent_means(a: Moments, b: Moments, margin: float, alpha: float = 0.05) -> Equivalence:
    """Whether two means differ by less than `margin`, in units of the metric (Welch).

    Raises:
        InvalidInputError: a margin that is not above 0, fewer than two people in an arm, or no variance.
    """
    _check(margin, min(a.n, b.n) >= 2)
    found = mean_estimates(Table.of({"a": {"m": a}, "b": {"m": b}}, ("a", "b"), ("m",)))
    variance, difference = found.variance[0], b.mean - a.mean
    error = math.sqrt(float(variance.sum()))
    if error == 0:
        raise InvalidInputError("moments", "nobody differs from anybody", "some variance")
    df = float(welch_df(variance[0], found.df[0, 0], variance[1], found.df[0, 1]))
    half = float(t_critical(2 * alpha, df)) * error
    p_lower = float(stdtr(df, -(difference + margin) / error))
    p_upper = float(stdtr(df, (difference - margin) / error))
    return _answer(difference, margin, difference - half, difference + half, p_lower, p_upper, alpha)


def _answer(
    difference: float, margin: float, low: float, high: float, p_lower: float, p_upper: float, alpha: float
) -> Equivalence:
    p = max(p_lower, p_upper)
    return Equivalence(difference, margin, low, high, p_lower, p_upper, p, p <= alpha, p_lower <= alpha)


def _check(margin: float, has_people: bool) -> None:
    if not margin > 0:
        raise InvalidInputError("margin", str(margin), "above 0")
    if not has_people:
        raise InvalidInputError("moments", "too few people in an arm", "1 for rates, 2 for means")
