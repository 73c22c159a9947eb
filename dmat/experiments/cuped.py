"""CUPED: what people did before the test takes noise out of what they did in it.

Belongs here: adjusted estimates of means, proportions and ratios. Stays out: which covariate (`history.py`).

The adjusted mean is mean(y) - theta (mean(c) - mean of c over all arms), with one theta for all arms from covariances
within arms, so that the effect itself does not enter it. The mean of c over all arms is shared by the arms: it cancels
in a difference, and its variance is kept for quotients. That theta is itself estimated is part of the variance, as in
the analysis of covariance.

Source: A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data", WSDM 2013. For ratios, theta is applied to the linearised outcome (y - Rx) / mean(x).
"""

from __future__ import annotations

import numpy as np

from dmat.experiments.means import Estimates, mean_estimates
from dmat.experiments.moments import Table
from dmat.experiments.ratios import ratio_estimates
from dmat.experiments.special import Array

LEAST_PEOPLE, LEAST_OUTCOME = 100, 10.0


def has_covariate(table: Table) -> Array:
    """Which metrics have a covariate that varies, and enough in every arm to adjust by it.

    Below 100 people or a sum of 10 in an arm, what is adjusted could leave the range of the metric (a rate below zero).
    """
    is_enough = (table["n"] >= LEAST_PEOPLE) & (np.abs(table["y"]) >= LEAST_OUTCOME)
    return np.asarray((table["cc"] > 0).any(axis=1) & is_enough.all(axis=1))


def adjusted_means(table: Table) -> Estimates:
    """Means of `y`, adjusted for `c`."""
    return _adjust(table, mean_estimates(table), table.covariances("y", "c"))


def adjusted_ratios(table: Table) -> Estimates:
    """Ratios of `y` to `x`, adjusted for `c`."""
    raw = ratio_estimates(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        with_outcome = (table.covariances("y", "c") - raw.value * table.covariances("x", "c")) / table.means("x")
    return _adjust(table, raw, with_outcome)


def variance_reduction(table: Table) -> Array:
    """Share of the variance of `y` that the covariate explains, for each metric and arm."""
    before = mean_estimates(table).variance
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1 - adjusted_means(table).variance / before)


def _adjust(table: Table, raw: Estimates, with_outcome: Array) -> Estimates:
    n, c_variance = table["n"], np.nan_to_num(table.covariances("c", "c"))
    weights = np.maximum(n - 1, 0.0)
    spread = (weights * c_variance).sum(axis=1, keepdims=True)
    together = (weights * np.nan_to_num(with_outcome)).sum(axis=1, keepdims=True)
    freedom = np.maximum(weights.sum(axis=1, keepdims=True) - 1, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        theta = np.where(spread > 0, together / spread, 0.0)
        people = n.sum(axis=1, keepdims=True)
        away = table.means("c") - table["c"].sum(axis=1, keepdims=True) / people
        one = np.maximum(raw.variance * n - 2 * theta * with_outcome + theta**2 * c_variance, 0.0)
        one = one * (freedom + 1) / freedom  # one degree of freedom went into theta
        left = (weights * np.nan_to_num(one)).sum(axis=1, keepdims=True) / (freedom + 1)
        tilt = np.where(spread > 0, np.sqrt(left / spread), 0.0) * np.nan_to_num(away)
        lean = theta * np.nan_to_num(with_outcome - theta * c_variance) / people
        shared = theta**2 * (n * c_variance).sum(axis=1, keepdims=True) / people**2
        return Estimates(
            raw.value - theta * away, one / n, np.maximum(raw.df - 1, 1.0),
            np.broadcast_to(shared, n.shape), lean, tilt,
        )  # fmt: skip
