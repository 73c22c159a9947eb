"""Under test: the forecast knows weekdays, keeps its rate of false alarms, sees drops, says when it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from dmat.alerts.forecast import expect

WEEK = 1 + 0.5 * np.sin(2 * np.pi * np.arange(57) / 7)


def _counts(rng, mean):
    return rng.poisson(mean * WEEK).astype(float)


def _false_alarms(series, rate, count):
    found = [expect(values[:-1], values[-1], false_alarm_rate=rate) for values in (series() for _ in range(count))]
    return sum(each.is_low or each.is_high for each in found) / count


@pytest.mark.parametrize("mean", [3, 40, 900])
def test_chance_alone_alarms_no_more_often_than_stated(mean):
    rng = np.random.default_rng(mean)
    assert _false_alarms(lambda: _counts(rng, mean), 0.02, 600) <= 0.035


def test_noisy_days_alarm_no_more_often_than_stated():
    rng = np.random.default_rng(7)
    rate = _false_alarms(lambda: rng.negative_binomial(20, 20 / (20 + 300 * WEEK)).astype(float), 0.02, 600)
    assert 0.005 <= rate <= 0.04


def test_a_quiet_weekday_is_no_drop_and_a_busy_one_no_rise():
    history = [float(value) for value in np.tile([100, 102, 98, 101, 99, 20, 10], 8)]
    monday = expect(history, 101.0)
    assert monday.value == pytest.approx(100, rel=0.05)
    assert (monday.is_low, monday.is_high) == (False, False)
    assert expect(history[:-1], 10.0).is_low is False
    assert expect(history, 10.0).is_low


def test_growth_is_followed():
    history = [float(value) for value in np.linspace(100, 212, 56)]
    assert expect(history).value == pytest.approx(214, rel=0.02)


def test_a_drop_by_half_is_seen():
    rng = np.random.default_rng(3)
    found = [expect(list(each[:-1]), each[-1] / 2) for each in (_counts(rng, 200) for _ in range(50))]
    assert sum(each.is_low for each in found) == 50
    assert max(each.p_value for each in found) < 0.001


def test_an_outage_in_the_past_does_not_hide_the_next():
    rng = np.random.default_rng(5)
    values = list(_counts(rng, 400))
    values[20] = values[35] = 0.0
    assert expect(values[:-1], values[-1] / 2).is_low


def test_rates_with_few_people_behind_them_may_vary_more():
    rng = np.random.default_rng(9)
    sizes = rng.integers(200, 2000, 57).astype(float)
    rates = rng.binomial(sizes.astype(int), 0.2) / sizes
    known = {"scale": "rate", "denominators": list(sizes[:-1])}
    few = expect(list(rates[:-1]), 0.35, denominator=20.0, **known)
    many = expect(list(rates[:-1]), 0.35, denominator=2000.0, **known)
    assert not few.is_high
    assert many.is_high
    assert many.value == pytest.approx(0.2, abs=0.02)


def test_too_little_history_says_nothing():
    assert expect([5.0] * 27, 5.0) is None
    assert expect([None] * 50, 5.0) is None


def test_days_without_a_value_are_no_zeros():
    values = [None if day % 11 == 0 else 100.0 for day in range(56)]
    assert expect(values).value == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0])
def test_a_rate_of_false_alarms_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        expect([1.0] * 56, 1.0, false_alarm_rate=rate)
