"""Arms against the control, for many metrics at once: statistic, p, level within the family, and both intervals.

Belongs here: one pass over arrays of metrics x arms. Stays out: objects and words (`analysis.py`).

Every kind of inference works on the same statistic and differs by its critical value only. Proportions use the score
statistic (pooled z at no difference), means and ratios Welch's t; the interval of the difference and that of the lift
are both inverted from that statistic with the same critical value, so their verdicts and that of p are one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmat.experiments import sequential
from dmat.experiments.exact import fisher_p
from dmat.experiments.means import Estimates, t_critical, t_two_sided, welch_df, z_critical
from dmat.experiments.moments import Table
from dmat.experiments.multiple import levels
from dmat.experiments.proportions import pooled_z, score_difference, score_ratio, wilson_bounds
from dmat.experiments.relative import fieller
from dmat.experiments.results import Inference
from dmat.experiments.special import Array, Places, ndtr, ndtri

FEW = 5.0  # expected people in the smallest cell below which an exact test is asked as well


@dataclass(frozen=True)
class Look:
    """How one look is judged: the inference, its level, and how far the test has come.

    `progress` is information so far over information planned, for each arm; `between` the same for each comparison.
    """

    inference: Inference
    alpha: float
    progress: Array
    between: Array
    fractions: tuple[float, ...] = (1.0,)
    spending: str = "obrien_fleming"

    def p(self, statistic: Array, df: Array | None) -> Array:
        """Two-sided p of z (`df` None) or t, metrics x comparisons."""
        if self.inference == "fixed":
            return 2 * np.asarray(ndtr(-np.abs(statistic))) if df is None else t_two_sided(statistic, df)
        if self.inference == "always_valid":
            z = statistic if df is None else self_normalised(statistic, df)
            return np.asarray(np.exp(sequential.always_valid_log_p(z, self.between, self.alpha)))
        z = statistic if df is None else np.asarray(ndtri(np.clip(t_two_sided(statistic, df) / 2, 1e-300, 0.5)))
        return sequential.repeated_p(np.nan_to_num(z), self.fractions, self.alpha, self.spending) + 0 * statistic

    def k(self, level: Array, df: Array | None, progress: Array | None = None) -> Array:
        """Critical value of |z| or |t| at a level, in the shape of `level`."""
        if self.inference == "fixed":
            return z_critical(level) if df is None else t_critical(level, df)
        if self.inference == "always_valid":
            so_far = self.between if progress is None else progress
            k = sequential.always_valid_k(so_far, level, self.alpha)
            return k if df is None else _from_self_normalised(k, df)
        k = sequential.repeated_k(level, self.fractions, self.alpha, self.spending)
        return k if df is None else t_critical(2 * np.asarray(ndtr(-k)), df)


def self_normalised(t: Array, df: Array) -> Array:
    """t with the variance taken around no difference: bounded by sqrt(df + 1), so few people never look certain."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt((df + 1) * t * t / (df + t * t)))


def _from_self_normalised(k: Array, df: Array) -> Array:
    room = df + 1 - k * k
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(room > 0, np.sqrt(df * k * k / np.where(room > 0, room, 1.0)), np.inf))


@dataclass(frozen=True)
class Found:
    """Metrics x comparisons (arms other than the control, in order), and metrics x arms for single arms."""

    value: Array
    arm_low: Array
    arm_high: Array
    arm_error: Array
    difference: Array
    low: Array
    high: Array
    lift: Array
    lift_low: Array
    lift_high: Array
    p: Array
    level: Array
    is_exact: Places

    @property
    def is_significant(self) -> Places:
        """Whether the family rejects "no difference"."""
        return np.asarray(self.p <= self.level)


def compare_proportions(table: Table, control: int, look: Look, family: list[str]) -> Found:
    """People who did it among people in the arm; rows of `family` name how each metric's levels are chosen."""
    hits, n = table["y"], table["n"]
    a, others = _split(control, hits.shape[1])
    value = table.means("y")
    hits_b, n_b = hits[:, others], n[:, others]
    hits_a, n_a = np.broadcast_to(hits[:, a], hits_b.shape), np.broadcast_to(n[:, a], n_b.shape)
    z = pooled_z(hits_a, n_a, hits_b, n_b)
    p = look.p(z, None)
    few = _is_few(hits_a, n_a, hits_b, n_b) if look.inference == "fixed" else np.zeros(p.shape, bool)
    for at in zip(*np.nonzero(few), strict=True):
        exact = fisher_p(int(hits_a[at]), int(n_a[at]), int(hits_b[at]), int(n_b[at]))
        p[at] = max(p[at], exact)
    level = _levels(p, look.alpha, family)
    k = look.k(level, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = score_difference(hits_a, n_a, hits_b, n_b, k)
        ratio_low, ratio_high = score_ratio(hits_a, n_a, hits_b, n_b, k)
        lift = value[:, others] / value[:, a] - 1
    arm_k = look.k(np.full(hits.shape, look.alpha), None, look.progress)
    arm_low, arm_high = wilson_bounds(hits, n, arm_k)
    with np.errstate(invalid="ignore", divide="ignore"):
        arm_error = np.sqrt(value * (1 - value) / n)
    return _agreeing(
        Found(
            value, arm_low, arm_high, arm_error, value[:, others] - value[:, a], low, high,
            np.where(np.isfinite(lift), lift, np.nan), ratio_low - 1, ratio_high - 1, p, level, few,
        )
    )  # fmt: skip


def compare_estimates(found: Estimates, control: int, look: Look, family: list[str]) -> Found:
    """Means, ratios and adjusted estimates."""
    a, others = _split(control, found.value.shape[1])
    value, variance, df = found.value, found.variance, found.df
    apart = variance[:, a] + variance[:, others] + (found.tilt[:, a] - found.tilt[:, others]) ** 2
    whole = found.whole
    freedom = welch_df(variance[:, a] + 0 * apart, df[:, a] + 0 * apart, variance[:, others], df[:, others])
    difference = value[:, others] - value[:, a]
    error = np.sqrt(apart)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(error > 0, difference / error, np.where(difference == 0, 0.0, np.nan))
        p = look.p(t, freedom)
        level = _levels(p, look.alpha, family)
        k = look.k(level, freedom)
        half = np.where(np.isnan(t), np.nan, _times(k, error))
        lift = np.where(value[:, a] > 0, difference / value[:, a], np.nan)
        low, high = fieller(
            value[:, a] + 0 * apart, whole[:, a] + 0 * apart, value[:, others], whole[:, others], k,
            found.together(a, others),
        )  # fmt: skip
        arm_error = np.sqrt(whole)
        arm_half = _times(look.k(np.full(value.shape, look.alpha), np.maximum(df, 1.0), look.progress), arm_error)
    return _agreeing(
        Found(
            value, value - arm_half, value + arm_half, arm_error, difference, difference - half,
            difference + half, lift, low - 1, high - 1, p, level, np.zeros(p.shape, bool),
        )
    )  # fmt: skip


def _times(k: Array, error: Array) -> Array:
    """Half a width; without limit before there is information, also where nobody differs yet."""
    return np.asarray(np.where(np.isinf(k) & ~np.isnan(error), np.inf, np.where(np.isinf(k), 0.0, k) * error))


def _split(control: int, arms: int) -> tuple[slice, Places]:
    return slice(control, control + 1), np.array([arm for arm in range(arms) if arm != control])


def _is_few(hits_a: Array, n_a: Array, hits_b: Array, n_b: Array) -> Places:
    """Whether an expected cell is below `FEW`, with people in both arms."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (hits_a + hits_b) / (n_a + n_b)
        least = np.minimum(n_a, n_b) * np.minimum(share, 1 - share)
    return np.asarray((least < FEW) & (n_a > 0) & (n_b > 0))


def _levels(p: Array, alpha: float, family: list[str]) -> Array:
    """Levels of all metrics; metrics of one family kind together."""
    result = np.empty(p.shape)
    for kind in set(family):
        rows = np.array([name == kind for name in family])
        result[rows] = levels(p[rows], alpha, kind)
    return result


def _agreeing(found: Found) -> Found:
    """Where the last digit of an interval (or an exact test) would say otherwise than p, the interval is moved to zero.

    An exact test that does not reject widens the interval to contain zero; its coverage only grows by that.
    """
    yes = found.is_significant
    tiny = np.finfo(float).tiny

    def moved(low: Array, high: Array, sign: Array) -> tuple[Array, Array]:
        lower = np.where(yes & (sign > 0), np.maximum(low, tiny), np.where(yes, low, np.minimum(low, 0.0)))
        upper = np.where(yes & (sign < 0), np.minimum(high, -tiny), np.where(yes, high, np.maximum(high, 0.0)))
        return lower, upper

    low, high = moved(found.low, found.high, np.sign(found.difference))
    lift_low, lift_high = moved(found.lift_low, found.lift_high, np.sign(found.difference))
    values = {name: getattr(found, name) for name in Found.__dataclass_fields__}
    return Found(**(values | {"low": low, "high": high, "lift_low": lift_low, "lift_high": lift_high}))
