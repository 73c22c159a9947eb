"""Under test: forecasts cover what comes as often as they say, and say no where there is nothing to go on."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from dmat.errors import InvalidInputError
from dmat.segments.forecast import forecast_size


def history(sizes) -> pd.DataFrame:
    first = date(2026, 1, 1)
    return pd.DataFrame({"day": [first + timedelta(days=n) for n in range(len(sizes))], "members_count": sizes})


def walk(seed: int, days: int, drift: float = 2.0) -> np.ndarray:
    return 1000 + np.cumsum(np.random.default_rng(seed).normal(drift, 5, days)).round()


def test_a_short_history_gives_no_forecast_but_a_reason():
    found = forecast_size(history(walk(1, 13)))
    assert (found.method, found.days) == ("none", ())
    assert "13 days" in found.reason


def test_a_size_that_never_changed_gives_no_forecast():
    assert "not changed" in forecast_size(history([50] * 60)).reason


@pytest.mark.parametrize(("days", "method"), [
    (20, "drift"), (35, "exponential smoothing"), (90, "exponential smoothing with a weekly pattern"),
])  # fmt: skip
def test_the_method_follows_from_the_length_of_the_history_and_is_named(days, method):
    found = forecast_size(history(walk(2, days)), days=10)
    assert found.method == method
    assert [expected.day for expected in found.days] == [date(2026, 1, 1) + timedelta(days=days + n) for n in range(10)]
    assert all(expected.low <= expected.size <= expected.high for expected in found.days)


@pytest.mark.parametrize("days", [21, 120])
def test_the_interval_holds_what_comes_about_as_often_as_it_says(days):
    held = 0
    for seed in range(60):
        sizes = walk(seed, days + 7)
        last = forecast_size(history(sizes[:days]), days=7, confidence=0.8).days[-1]
        held += last.low <= sizes[days + 6] <= last.high
    assert 0.65 <= held / 60 <= 0.95


def test_a_weekly_pattern_is_carried_on():
    pattern = np.tile([0, 0, 0, 0, 0, 40, 40], 10) + 500 + np.random.default_rng(3).normal(0, 2, 70)
    expected = forecast_size(history(pattern.round()), days=7).days
    assert min(expected[5].size, expected[6].size) > max(day.size for day in expected[:5]) + 20


def test_no_forecast_is_below_nobody_or_above_everybody():
    falling = forecast_size(history(np.linspace(200, 5, 60).round()), days=60)
    rising = forecast_size(history(np.linspace(5, 200, 60).round()), days=60, everybody=210)
    assert min(day.low for day in falling.days) >= 0
    assert max(day.high for day in rising.days) <= 210


@pytest.mark.parametrize(("days", "confidence"), [(0, 0.8), (366, 0.8), (30, 0.2), (30, 1.0)])
def test_what_cannot_be_answered_is_refused_with_what_is_allowed(days, confidence):
    with pytest.raises(InvalidInputError, match="allowed"):
        forecast_size(history(walk(1, 60)), days=days, confidence=confidence)
