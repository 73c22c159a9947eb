"""What the next value of a series should be, and how unusual the real one is.

Belongs here: a forecast with weekdays and a trend, its interval, the stated rate of false alarms. Stays out: where the
series comes from (`dmat/metrics`) and whom it concerns (`judging.py`).

A regression on season and trend is fitted to the last eight weeks, on a scale on which the noise is even: the square
root for counts and money (Anscombe 1948), the arcsine of the square root, weighted by the denominator, for rates
(Freeman and Tukey 1950). A new value is judged by the regression's own prediction interval (Student's t, Draper and
Smith, Applied Regression Analysis, 3rd ed., 3.1), which counts in that the fit itself is uncertain. So the rate of
false alarms is the chosen one as long as days differ by chance alone; days that hang together raise it (a positive
autocorrelation of 0.3 about doubles it at one in a thousand).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]
Scale = Literal["amount", "rate"]

WINDOW_SEASONS = 8
LEAST_SEASONS = 4
FREAK = 5.0  # residuals beyond so many standard deviations are left out of the fit: an outage must not hide the next
_ROUNDS = 12
_LEAST_SPREAD = 1e-9


@dataclass(frozen=True)
class Expected:
    """The forecast of one value.

    Attributes:
        value: what was to be expected, in the unit of the series.
        low, high: between them the value lies unless it is one of the stated false alarms.
        p_value: how often chance alone gives a value at least as far away, two-sided; None without an observation.
        observed: the value that came.
        used: how many values the forecast rests on.
    """

    value: float
    low: float
    high: float
    p_value: float | None
    observed: float | None
    used: int

    @property
    def is_high(self) -> bool:
        """Whether the observed value lies above the interval."""
        return self.observed is not None and self.observed > self.high

    @property
    def is_low(self) -> bool:
        """Whether the observed value lies below the interval."""
        return self.observed is not None and self.observed < self.low


def expect(
    history: Sequence[float | None],
    observed: float | None = None,
    *,
    scale: Scale = "amount",
    denominators: Sequence[float | None] | None = None,
    denominator: float | None = None,
    season: int = 7,
    false_alarm_rate: float = 0.001,
) -> Expected | None:
    """Forecast the value that follows `history` and judge `observed` by it.

    Args:
        history: (n,) values, oldest first, one a period without gaps; None where there is none.
        observed: the value that followed, if it is known.
        scale: `rate` for shares between 0 and 1, else `amount`.
        denominators: (n,) what each rate is a share of; its precision.
        denominator: the same of the observed rate.
        season: periods after which the pattern repeats (7 for days).
        false_alarm_rate: how often, per value, chance alone may fall outside the interval (0 < rate < 1).

    Returns:
        None when there are fewer than four seasons of values: not enough to say anything.

    Raises:
        ValueError: the rate is not between 0 and 1.
    """
    if not 0 < false_alarm_rate < 1:
        raise ValueError(f"false_alarm_rate is {false_alarm_rate}; allowed is more than 0 and less than 1")
    values = _tail(history, WINDOW_SEASONS * season)
    sizes = _tail(denominators, WINDOW_SEASONS * season) if denominators is not None else np.ones(len(values))
    known = np.isfinite(values) & np.isfinite(sizes) & (sizes > 0)
    if known.sum() < LEAST_SEASONS * season or len(np.unique(np.flatnonzero(known) % season)) < season:
        return None
    weights = sizes if scale == "rate" else np.ones(len(values))
    design = _design(len(values) + 1, season)
    fit = _fit(design[:-1], _to_even(values, scale), weights, known)
    size = float(denominator or np.median(weights[known])) if scale == "rate" else 1.0
    return _judge(fit, design[-1], size, observed, scale, false_alarm_rate)


@dataclass(frozen=True)
class _Fit:
    coefficients: Array
    inverse: Array
    spread: float
    freedom: int
    used: int


def _tail(series: Sequence[float | None], count: int) -> Array:
    return np.array([np.nan if value is None else float(value) for value in series[-count:]], dtype=np.float64)


def _design(count: int, season: int) -> Array:
    """One column a place in the season, and the trend; the last row is the value to be forecast."""
    places = np.eye(season)[np.arange(count) % season]
    trend = (np.arange(count) - (count - 1) / 2) / max(count, 1)
    return np.column_stack([places, trend])


def _fit(design: Array, even: Array, weights: Array, known: npt.NDArray[np.bool_]) -> _Fit:
    residuals = np.abs(even - design @ _middle(design, even, weights, known)) * np.sqrt(weights)
    spread = 1.4826 * float(np.median(residuals[known]))
    calm = known & ~(residuals > FREAK * max(spread, _LEAST_SPREAD))
    is_enough = calm.sum() > design.shape[1] + 1 and bool(design[calm].any(axis=0).all())
    return _fit_once(design, even, weights, calm if spread and is_enough else known)


def _middle(design: Array, even: Array, weights: Array, known: npt.NDArray[np.bool_]) -> Array:
    """Coefficients of least absolute deviations, by reweighting: freak days do not pull them."""
    root = np.sqrt(weights[known])
    left, right = design[known] * root[:, None], even[known] * root
    pull = np.ones(len(right))
    coefficients: Array = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        coefficients = np.linalg.lstsq(left * pull[:, None], right * pull, rcond=None)[0].astype(np.float64)
        pull = 1 / np.sqrt(np.maximum(np.abs(right - left @ coefficients), 1e-4))
    return coefficients


def _fit_once(design: Array, even: Array, weights: Array, used: npt.NDArray[np.bool_]) -> _Fit:
    root = np.sqrt(weights[used])
    left, right = design[used] * root[:, None], even[used] * root
    inverse: Array = np.linalg.pinv(left.T @ left).astype(np.float64)
    coefficients: Array = (inverse @ (left.T @ right)).astype(np.float64)
    freedom = max(1, int(used.sum()) - design.shape[1])
    spread = math.sqrt(float(np.sum((right - left @ coefficients) ** 2)) / freedom)
    return _Fit(coefficients, inverse, spread, freedom, int(used.sum()))


def _judge(fit: _Fit, row: Array, size: float, observed: float | None, scale: Scale, rate: float) -> Expected:
    centre = float(row @ fit.coefficients)
    # Where every value was the same there is no noise to judge by: a count is taken to vary as Poisson's does at least.
    spread = max(fit.spread, 0.5 if scale == "amount" else 0.5 / math.sqrt(max(size, 1.0)) * math.sqrt(size))
    error = spread * math.sqrt(1 / size + float(row @ fit.inverse @ row))
    reach = float(stats.t.isf(rate / 2, fit.freedom)) * error
    low, high = _from_even(centre - reach, scale), _from_even(centre + reach, scale)
    if observed is None:
        return Expected(_from_even(centre, scale), low, high, None, None, fit.used)
    distance = abs(float(_to_even(np.array([float(observed)]), scale)[0]) - centre) / error
    p_value = float(2 * stats.t.sf(distance, fit.freedom))
    return Expected(_from_even(centre, scale), low, high, p_value, float(observed), fit.used)


def _to_even(values: Array, scale: Scale) -> Array:
    if scale == "rate":
        return np.arcsin(np.sqrt(np.clip(values, 0.0, 1.0)))
    shifted: Array = np.sign(values) * np.sqrt(np.abs(values) + 0.375)
    return np.where(values == 0, math.sqrt(0.375), shifted)


def _from_even(value: float, scale: Scale) -> float:
    if scale == "rate":
        return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2
    if value >= 0:
        return max(0.0, value * value - 0.375)
    return -max(0.0, value * value - 0.375)
