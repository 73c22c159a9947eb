"""Means of two groups: Welch's test, and estimates with variance and degrees of freedom for all that follows.

Belongs here: estimates of means from moments and Welch's comparison. Stays out: ratios (`ratios.py`), covariates
(`cuped.py`), proportions (`proportions.py`).

Sources: B. L. Welch, "The generalization of Student's problem", Biometrika 34 (1947) 28-35; degrees of freedom of
F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110-114.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.moments import Moments, Table
from dmat.experiments.special import Array, Floats, Places, ndtri, stdtr, stdtrit


@dataclass(frozen=True)
class Estimates:
    """An estimate for each metric and arm, with the variance of the part that is its own, and degrees of freedom.

    Adjusted estimates (CUPED) are not independent of one another. The variance of arm i is
    variance_i + 2 lean_i + shared + tilt_i^2, the covariance of i and j is lean_i + lean_j + shared + tilt_i tilt_j.
    """

    value: Array
    variance: Array
    df: Array
    shared: Array
    lean: Array
    tilt: Array

    @staticmethod
    def independent(value: Array, variance: Array, df: Array) -> Estimates:
        """Estimates of arms that have nothing in common."""
        none = np.zeros_like(value)
        return Estimates(value, variance, df, none, none, none)

    @property
    def whole(self) -> Array:
        """Variance of each estimate alone."""
        return np.asarray(self.variance + 2 * self.lean + self.shared + self.tilt**2)

    def together(self, one: slice, others: Places) -> Array:
        """Covariance of one arm with each of the others."""
        lean, tilt = self.lean, self.tilt
        return np.asarray(lean[:, one] + lean[:, others] + self.shared[:, others] + tilt[:, one] * tilt[:, others])


def mean_estimates(table: Table) -> Estimates:
    """Means of `y` with s^2 / n; nan with fewer than two people."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = table.covariances("y", "y") / table["n"]
    value = table.means("y")
    return Estimates.independent(value, variance, table["n"] - 1)


def welch_df(variance_a: Array, df_a: Array, variance_b: Array, df_b: Array) -> Array:
    """Satterthwaite's degrees of freedom of a difference; at least 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        df = (variance_a + variance_b) ** 2 / (variance_a**2 / df_a + variance_b**2 / df_b)
    return np.asarray(np.where(np.isfinite(df), np.maximum(df, 1.0), np.maximum(np.minimum(df_a, df_b), 1.0)))


def t_two_sided(t: Floats, df: Floats) -> Array:
    """Two-sided p of Student's t; right down to 1e-300."""
    return np.asarray(2 * stdtr(df, -np.abs(t)))


def t_critical(alpha: Floats, df: Floats) -> Array:
    """Critical value of |t| at a two-sided level."""
    return np.asarray(-stdtrit(df, np.asarray(alpha) / 2))


def z_critical(alpha: Floats) -> Array:
    """Critical value of |z| at a two-sided level."""
    return np.asarray(-ndtri(np.asarray(alpha) / 2))


@dataclass(frozen=True, slots=True)
class Welch:
    """B less A, as R's `t.test` with unequal variances."""

    mean_a: float
    mean_b: float
    difference: float
    standard_error: float
    df: float
    t: float
    p: float
    low: float
    high: float


def welch(a: Moments, b: Moments, alpha: float = 0.05) -> Welch:
    """Compare two means.

    Raises:
        InvalidInputError: fewer than two people in an arm, or no variance at all.
    """
    for arm, moments in (("a", a), ("b", b)):
        if moments.n < 2:
            raise InvalidInputError(arm, f"{moments.n} people", "2 or more")
    found = mean_estimates(Table.of({"a": {"m": a}, "b": {"m": b}}, ("a", "b"), ("m",)))
    value, variance = found.value[0], found.variance[0]
    if variance.sum() <= 0:
        raise InvalidInputError("moments", "nobody differs from anybody", "some variance")
    df = float(welch_df(variance[0], found.df[0, 0], variance[1], found.df[0, 1]))
    error = float(np.sqrt(variance.sum()))
    difference = float(value[1] - value[0])
    half = float(t_critical(alpha, df)) * error
    return Welch(
        float(value[0]), float(value[1]), difference, error, df, difference / error,
        float(t_two_sided(difference / error, df)), difference - half, difference + half,
    )  # fmt: skip
