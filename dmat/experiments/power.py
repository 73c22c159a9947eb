"""Before the start: how many people a test needs, what it can find, and how long it takes.

Belongs here: sample size, power and the smallest difference that can be found. Stays out: history (`history.py`).

Proportions as R's `power.prop.test` (normal approximation, unstrict), means as `power.t.test` (non-central t), and
Cohen's h as `pwr.2p.test`. Several arms are each compared with the control at alpha / (arms - 1). Watching all the
time (always-valid) or at looks costs more people: the critical value at the planned end takes the place of the normal
quantile. Sources: J. L. Fleiss, "Statistical Methods for Rates and Proportions" (1981) ch. 3; J. Cohen, "Statistical
Power Analysis" (1988); A. Gelman and J. Carlin, Perspectives on Psychological Science 9 (2014) for the exaggeration.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments import sequential
from dmat.experiments.special import nct_sf, ndtr, ndtri, stdtrit

Kind = Literal["proportion", "mean", "ratio"]
MOST = 1e12
_T_BELOW = 5_000_000  # degrees of freedom from which t is normal to nine digits and more


def sample_size(
    baseline: float, mde: float, alpha: float = 0.05, power: float = 0.8, arms: int = 2, kind: Kind = "proportion",
    sd: float | None = None, inference: str = "fixed",
) -> int:  # fmt: skip
    """People per arm needed to find a difference of `mde` (in units of the metric: 0.02 is two points).

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    return math.ceil(exact_sample_size(baseline, mde, alpha, power, arms, kind, sd, inference) - 1e-9)


def exact_sample_size(
    baseline: float, mde: float, alpha: float = 0.05, power: float = 0.8, arms: int = 2, kind: Kind = "proportion",
    sd: float | None = None, inference: str = "fixed",
) -> float:  # fmt: skip
    """The same before rounding up."""
    _check(baseline, mde, alpha, power, arms, kind, sd)

    def enough(n: float) -> float:
        return power_of(baseline, mde, n, alpha, arms, kind, sd, inference) - power

    if power_of(baseline, mde, 2.0, alpha, arms, kind, sd, inference) >= power:
        return 2.0
    if enough(MOST) < 0:
        raise InvalidInputError("mde", f"{mde} needs more than {MOST:.0e} people", "a larger difference")
    return math.exp(_bisect(lambda log_n: enough(math.exp(log_n)), math.log(2.0), math.log(MOST)))


def power_of(
    baseline: float, mde: float, n_per_arm: float, alpha: float = 0.05, arms: int = 2, kind: Kind = "proportion",
    sd: float | None = None, inference: str = "fixed",
) -> float:  # fmt: skip
    """Chance that a true difference of `mde` is found with `n_per_arm` people in each arm."""
    _check(baseline, mde, alpha, 0.5, arms, kind, sd)
    level = alpha / (arms - 1)
    if kind == "proportion":
        return _power_of_proportions(baseline, baseline + mde, n_per_arm, critical(level, inference))
    return _power_of_means(abs(mde) / float(sd or math.nan), n_per_arm, level, inference)


def detectable(
    baseline: float, n_per_arm: float, alpha: float = 0.05, power: float = 0.8, arms: int = 2,
    kind: Kind = "proportion", sd: float | None = None, inference: str = "fixed", direction: str = "up",
) -> float | None:  # fmt: skip
    """The smallest difference that is found with the given power; None when even the largest one would not be.

    A number above 0, in the `direction` "up" or "down" from the baseline.
    """
    if direction not in ("up", "down"):
        raise InvalidInputError("direction", repr(direction), "up, down")
    if not n_per_arm >= 2:
        return None
    sign = 1 if direction == "up" else -1
    _check(baseline, 0.0, alpha, power, arms, kind, sd)
    most = 1e6 * float(sd or 0) if kind != "proportion" else (1 - baseline if sign > 0 else baseline)

    def enough(difference: float) -> float:
        return power_of(baseline, sign * difference, n_per_arm, alpha, arms, kind, sd, inference) - power

    if most <= 0 or enough(most * (1 - 1e-12)) < 0:
        return None
    return _bisect(enough, 0.0, most * (1 - 1e-12))


def critical(level: float, inference: str = "fixed") -> float:
    """Critical value of |z| at the planned end of a test: fixed, always-valid, or group-sequential with five looks."""
    if inference == "fixed":
        return float(-ndtri(level / 2))
    if inference == "always_valid":
        return float(sequential.always_valid_k(1.0, level, level))
    if inference == "group_sequential":
        return sequential.boundaries((0.2, 0.4, 0.6, 0.8, 1.0), level)[-1]
    raise InvalidInputError("inference", repr(inference), "always_valid, fixed, group_sequential")


def needed(
    difference: float, one_variance_null: float, one_variance: float, k_at: Callable[[float], float], power: float
) -> float | None:
    """People per arm until a difference of two arms is significant with the given power; None beyond a billion.

    `one_variance_null` and `one_variance` are sums over both arms of the variance of one person, under no difference
    and as it is; `k_at` gives the critical value for so many people per arm.
    """
    reach = float(ndtri(power)) * math.sqrt(one_variance)

    def enough(log_n: float) -> float:
        n = math.exp(log_n)
        return abs(difference) * math.sqrt(n) - k_at(n) * math.sqrt(one_variance_null) - reach

    low, high = 0.0, math.log(1e9)
    if difference == 0 or not enough(high) > 0:
        return None
    return math.exp(_bisect(enough, low, high)) if enough(low) < 0 else 1.0


def cohen_h(p1: float, p2: float) -> float:
    """Cohen's h, 2 (asin sqrt p2 - asin sqrt p1)."""
    return 2 * (math.asin(math.sqrt(p2)) - math.asin(math.sqrt(p1)))


def sample_size_by_h(p1: float, p2: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """People per arm by the arcsine approximation (`pwr.2p.test`)."""
    h, k = abs(cohen_h(p1, p2)), float(-ndtri(alpha / 2))

    def enough(log_n: float) -> float:
        shift = h * math.exp(log_n / 2) / math.sqrt(2)
        return float(ndtr(shift - k) + ndtr(-shift - k)) - power

    return math.exp(_bisect(enough, math.log(2.0), math.log(MOST)))


def exaggeration(power: float, alpha: float = 0.05) -> float:
    """By how much a significant result overstates the true difference on average, at this power (type M error)."""
    if not alpha < power < 1:
        return math.inf if power <= alpha else 1.0
    k = float(-ndtri(alpha / 2))
    true = _bisect(lambda shift: float(ndtr(shift - k) + ndtr(-shift - k)) - power, 0.0, 50.0)
    up, down = float(ndtr(true - k)), float(ndtr(-true - k))
    total = (true * up + _density(k - true)) + (-true * down + _density(k + true))
    return total / (true * (up + down))


def duration_hours(n_per_arm: int, arms: int, people_per_hour: float) -> float | None:
    """Hours until all arms have their people; None when nobody comes."""
    return n_per_arm * arms / people_per_hour if people_per_hour > 0 else None


def sentence(
    baseline: float, people: int, alpha: float = 0.05, power: float = 0.8, arms: int = 2, kind: Kind = "proportion",
    sd: float | None = None, inference: str = "fixed",
) -> str:  # fmt: skip
    """What a test with so many people in all arms together can find, in words."""
    found = detectable(baseline, people / arms, alpha, power, arms, kind, sd, inference)
    start = f"with {people:,} people in the test"
    if found is None:
        return f"{start} no difference could be found with a power of {power:.0%}"
    if kind == "proportion":
        amount = f"{found * 100:.2g} points" if found < 0.1 else f"{found * 100:.0f} points"
        return f"{start} you can detect {amount} ({baseline:.1%} against {baseline + found:.1%})"
    share = f" ({found / baseline:.0%} of the mean)" if baseline > 0 else ""
    return f"{start} you can detect a difference of {found:,.4g}{share}"


def _density(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _power_of_proportions(p1: float, p2: float, n: float, k: float) -> float:
    """R's formula (`strict = FALSE`): the other side is left out."""
    together = (p1 + p2) * (1 - (p1 + p2) / 2)
    apart = p1 * (1 - p1) + p2 * (1 - p2)
    if apart <= 0:
        return 1.0 if p1 != p2 else 0.0
    return float(ndtr((math.sqrt(n) * abs(p1 - p2) - k * math.sqrt(together)) / math.sqrt(apart)))


def _power_of_means(effect: float, n: float, level: float, inference: str) -> float:
    df = max(2 * (n - 1), 1e-7)
    shift = effect * math.sqrt(n / 2)
    if inference != "fixed" or df > _T_BELOW:
        return float(ndtr(shift - critical(level, inference)))
    limit = float(-stdtrit(df, level / 2))
    found = nct_sf(df, shift, limit)
    return found if math.isfinite(found) and 0 < found < 1 else float(ndtr(shift - limit))


def _bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is zero."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def _check(baseline: float, mde: float, alpha: float, power: float, arms: int, kind: str, sd: float | None) -> None:
    for field, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise InvalidInputError(field, str(value), "above 0 and below 1")
    if arms < 2:
        raise InvalidInputError("arms", str(arms), "2 or more")
    if kind not in ("proportion", "mean", "ratio"):
        raise InvalidInputError("kind", repr(kind), "proportion, mean, ratio")
    if kind == "proportion" and not (0 <= baseline <= 1 and 0 <= baseline + mde <= 1):
        raise InvalidInputError("mde", f"{baseline} and {baseline + mde}", "rates from 0 to 1")
    if kind != "proportion" and not (sd is not None and sd > 0 and np.isfinite(sd)):
        raise InvalidInputError("sd", str(sd), "the standard deviation among people, above 0")
