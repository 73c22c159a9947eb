"""How large a segment will be: a forecast with an interval, or a plain no where the history is too short.

Belongs here: choosing the method by the length of the history, and saying which it was. Stays out: reading the history
(`history.py`).

| days of history | method | why |
|---|---|---|
| fewer than 14 | none | two points make a line, not a forecast |
| 14 to 27 | drift: last size plus mean daily change; the interval grows with time | too short for a weekly pattern |
| 28 and more | exponential smoothing, damped trend, weekly pattern from 42 days on (statsmodels ETSModel) | |

Sizes are never below 0 nor, if given, above everybody. A forecast says what happens if things go on as before: a new
campaign, a changed rule or a new source are not in it; days before the newest version of the rule are left out.
Source of the drift interval: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.5.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dmat.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

LEAST_DAYS, SMOOTHED_FROM, WEEKLY_FROM = 14, 28, 42
LONGEST_DAYS = 365
MOST_HISTORY = 730
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """The size expected at the end of a day, with the bounds between which it is with the given probability."""

    day: date
    size: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What is expected, by which method; without days when there is no honest answer, with the reason in words."""

    method: str
    days: tuple[Expected, ...] = ()
    confidence: float = 0.8
    reason: str = ""


def forecast_size(
    history: pd.DataFrame, days: int = 30, confidence: float = 0.8, everybody: int | None = None
) -> Forecast:
    """Forecast the size of a segment.

    Args:
        history: what `history.growth` gives: a row a day without gaps, the newest last, with day and members_count.
        days: how many days ahead, 1 to 365.
        confidence: probability of the interval, between 0.5 and 0.99.
        everybody: how many people there are; no segment is larger.

    Raises:
        InvalidInputError: days or confidence out of range.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInputError("days", f"{days} days cannot be forecast", f"1 to {LONGEST_DAYS}")
    if not 0.5 <= confidence <= 0.99:
        raise InvalidInputError("confidence", f"{confidence:g} is no useful probability", "0.5 to 0.99")
    sizes = np.asarray(history["members_count"], np.float64)[-MOST_HISTORY:]
    if len(sizes) < LEAST_DAYS:
        return Forecast("none", confidence=confidence, reason=f"{len(sizes)} days of history, {LEAST_DAYS} are needed")
    if np.ptp(sizes) == 0:
        return Forecast("none", confidence=confidence, reason=f"the size has not changed in {len(sizes)} days")
    method, (middle, low, high) = _choose(sizes, days, confidence)
    top = float(everybody) if everybody is not None else np.inf
    last = _as_date(history["day"].iloc[-1])
    bounded = [np.clip(values, 0.0, top) for values in (middle, low, high)]
    expected = tuple(
        Expected(last + timedelta(days=ahead + 1), float(size), float(lowest), float(highest))
        for ahead, (size, lowest, highest) in enumerate(zip(*bounded, strict=True))
    )
    return Forecast(method, expected, confidence)


def _as_date(value: Any) -> date:
    found: date = value.date() if hasattr(value, "date") else value
    return found


def _choose(sizes: Numbers, days: int, confidence: float) -> tuple[str, tuple[Numbers, Numbers, Numbers]]:
    if len(sizes) >= SMOOTHED_FROM:
        is_weekly = len(sizes) >= WEEKLY_FROM
        found = _smooth(sizes, days, confidence, is_weekly)
        if found is not None:
            return "exponential smoothing" + (" with a weekly pattern" if is_weekly else ""), found
    return "drift", _drift(sizes, days, confidence)


def _drift(sizes: Numbers, days: int, confidence: float) -> tuple[Numbers, Numbers, Numbers]:
    from scipy.stats import norm

    changes, ahead = np.diff(sizes), np.arange(1, days + 1, dtype=np.float64)
    middle = sizes[-1] + changes.mean() * ahead
    spread = changes.std(ddof=1) * np.sqrt(ahead * (1 + ahead / len(changes)))
    reach = float(norm.ppf(0.5 + confidence / 2)) * spread
    return middle, middle - reach, middle + reach


def _smooth(sizes: Numbers, days: int, confidence: float, is_weekly: bool) -> tuple[Numbers, Numbers, Numbers] | None:
    """None where the fit does not settle; the plainer method answers then."""
    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    season = {"seasonal": "add", "seasonal_periods": 7} if is_weekly else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = ETSModel(pd.Series(sizes), error="add", trend="add", damped_trend=True, **season).fit(disp=False)
            summary = fitted.get_prediction(start=len(sizes), end=len(sizes) + days - 1).summary_frame(
                alpha=1 - confidence
            )
        except (ValueError, np.linalg.LinAlgError, FloatingPointError):
            return None
    columns = tuple(np.asarray(summary[name], np.float64) for name in ("mean", "pi_lower", "pi_upper"))
    return (columns[0], columns[1], columns[2]) if all(np.isfinite(column).all() for column in columns) else None
