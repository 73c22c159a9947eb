"""Under test: two proportions. Closed forms against exact arithmetic, and one verdict from p and both intervals."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmat.errors import InvalidInputError
from dmat.experiments import exact
from dmat.experiments.proportions import (
    log_two_sided,
    newcombe,
    pooled_z,
    score_difference,
    score_ratio,
    score_statistic,
    two_proportions,
    two_sided,
    wilson_bounds,
)


def exact_fisher(a: int, n_a: int, b: int, n_b: int) -> Fraction:
    weights = {
        x: math.comb(n_a, x) * math.comb(n_b, a + b - x) for x in range(max(0, a + b - n_b), min(a + b, n_a) + 1)
    }
    return Fraction(sum(w for w in weights.values() if w <= weights[a]), sum(weights.values()))


@pytest.mark.parametrize(
    "table",
    [(23, 123, 31, 122), (0, 10, 5, 10), (1, 3, 2, 3), (0, 500, 9, 480), (200, 400, 20, 380), (0, 600, 590, 600)],
)
def test_fishers_test_equals_integer_arithmetic_down_to_the_smallest_p(table: tuple[int, int, int, int]) -> None:
    expected = exact_fisher(*table)
    assert exact.fisher_p(*table) == pytest.approx(float(expected), rel=1e-10)


def test_fishers_test_has_a_logarithm_where_p_is_smaller_than_a_float() -> None:
    expected = exact_fisher(0, 900, 900, 900)
    assert float(expected) == 0 or float(expected) < 1e-300
    found = exact.fisher_log_p(0, 900, 900, 900)
    assert found == pytest.approx(math.log(expected.numerator) - math.log(expected.denominator), rel=1e-12)


@pytest.mark.parametrize(("hits", "n", "share"), [(3, 20, 0.5), (0, 12, 0.25), (700, 1000, 0.5), (9, 9, 0.1)])
def test_the_binomial_test_equals_integer_arithmetic(hits: int, n: int, share: float) -> None:
    p = Fraction(share)
    weights = [math.comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]
    expected = sum(w for w in weights if w <= weights[hits])
    assert exact.binomial_p(hits, n, share) == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize("z", [0.3, 1.96, 6.0, 15.0, 36.9])
def test_a_normal_p_is_right_down_to_1e_300(z: float) -> None:
    getcontext().prec = 50
    x, term, total = Decimal(z), Decimal(z), Decimal(z)
    if z < 7:  # series of the error function
        for k in range(1, 400):
            term *= x * x / (2 * k + 1)
            total += term
        pi = Decimal("3.14159265358979323846264338327950288419716939937510")
        expected = 1 - 2 * total * (-x * x / 2).exp() / (2 * pi).sqrt()
    else:  # continued fraction of Mills' ratio
        fraction = x
        for k in range(400, 0, -1):
            fraction = x + k / fraction
        pi = Decimal("3.14159265358979323846264338327950288419716939937510")
        expected = 2 * (-x * x / 2).exp() / (2 * pi).sqrt() / fraction
    assert two_sided(z) == pytest.approx(float(expected), rel=1e-11)
    assert log_two_sided(z) == pytest.approx(float(expected.ln()), rel=1e-12)


def test_a_statistic_beyond_floats_still_has_a_logarithm_of_p() -> None:
    assert two_sided(60.0) == 0
    assert log_two_sided(60.0) == pytest.approx(-60 * 60 / 2 - math.log(60 * math.sqrt(math.pi / 2)), abs=1e-3)


def test_the_requirements_mock_up_is_no_winner() -> None:
    clicks = two_proportions(23, 123, 31, 122)
    assert clicks.p_pooled == pytest.approx(0.205, abs=0.0005)
    opens = two_proportions(142, 500, 156, 500)
    assert opens.p_pooled == pytest.approx(0.333, abs=0.0005)


counts = st.tuples(st.integers(1, 400), st.integers(1, 400)).flatmap(
    lambda n: st.tuples(st.just(n[0]), st.integers(0, n[0]), st.just(n[1]), st.integers(0, n[1]))
)


@settings(max_examples=300, deadline=None)
@given(counts, st.sampled_from([1.0, 1.6448536, 1.9599640, 2.5758293, 5.0]))
def test_p_and_the_intervals_of_difference_and_ratio_always_agree(table: tuple[int, ...], k: float) -> None:
    n_a, a, n_b, b = (np.array([float(value)]) for value in table)
    rejects = abs(pooled_z(a, n_a, b, n_b)[0]) > k
    low, high = score_difference(a, n_a, b, n_b, np.array([k]))
    ratio_low, ratio_high = score_ratio(a, n_a, b, n_b, np.array([k]))
    if abs(abs(pooled_z(a, n_a, b, n_b)[0]) - k) > 1e-9:
        assert rejects == (low[0] > 0 or high[0] < 0)
        assert rejects == (ratio_low[0] > 1 or ratio_high[0] < 1)
    assert -1 <= low[0] <= b[0] / n_b[0] - a[0] / n_a[0] <= high[0] <= 1


@settings(max_examples=200, deadline=None)
@given(counts)
def test_the_score_at_a_limit_is_the_critical_value(table: tuple[int, ...]) -> None:
    n_a, a, n_b, b = (np.array([float(value)]) for value in table)
    low, high = score_difference(a, n_a, b, n_b, np.array([1.96]))
    if low[0] > -1:
        assert score_statistic(a, n_a, b, n_b, low)[0] == pytest.approx(1.96, abs=1e-6)
    if high[0] < 1:
        assert score_statistic(a, n_a, b, n_b, high)[0] == pytest.approx(-1.96, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(counts)
def test_exchanging_the_arms_turns_the_intervals_around(table: tuple[int, ...]) -> None:
    n_a, a, n_b, b = (np.array([float(value)]) for value in table)
    k = np.array([1.96])
    low, high = score_difference(a, n_a, b, n_b, k)
    back_low, back_high = score_difference(b, n_b, a, n_a, k)
    assert (low[0], high[0]) == pytest.approx((-back_high[0], -back_low[0]), abs=1e-9)
    ratio_low, ratio_high = score_ratio(a, n_a, b, n_b, k)
    back_low, back_high = score_ratio(b, n_b, a, n_a, k)
    if np.isfinite(ratio_high[0]) and np.isfinite(back_high[0]):
        assert (ratio_low[0] * back_high[0], ratio_high[0] * back_low[0]) == pytest.approx((1, 1), rel=1e-7)


def test_score_intervals_of_a_ratio_equal_those_of_another_library() -> None:
    """statsmodels inverts the same score test by a search of its own."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    for a, n_a, b, n_b in [(23, 123, 31, 122), (149, 2263, 203, 2033), (3, 40, 9, 35)]:
        given = [np.array([float(value)]) for value in (a, n_a, b, n_b)]
        theirs = confint_proportions_2indep(b, n_b, a, n_a, compare="ratio", method="score", correction=False)
        low, high = score_ratio(*given, np.array([1.959963984540054]))
        assert (low[0], high[0]) == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("table", [(23, 123, 31, 122), (3, 40, 9, 35), (1, 900, 8, 700)])
@pytest.mark.parametrize("delta", [-0.05, -0.037, 0.01, 0.17])
def test_the_score_of_a_difference_uses_the_likeliest_rates_with_that_difference(
    table: tuple[int, int, int, int], delta: float
) -> None:
    """The likeliest rate of A is searched on a grid of the likelihood itself."""
    a, n_a, b, n_b = table
    rates = np.linspace(max(0, -delta), min(1, 1 - delta), 2_000_003)[1:-1]
    likelihood = (
        a * np.log(rates) + (n_a - a) * np.log1p(-rates)
        + b * np.log(rates + delta) + (n_b - b) * np.log1p(-rates - delta)
    )  # fmt: skip
    rate = rates[np.argmax(likelihood)]
    variance = rate * (1 - rate) / n_a + (rate + delta) * (1 - rate - delta) / n_b
    expected = (b / n_b - a / n_a - delta) / math.sqrt(variance)
    found = score_statistic(*(np.array([float(value)]) for value in (*table, delta)))
    assert found[0] == pytest.approx(expected, rel=1e-4)


def test_nobody_who_did_it_in_either_arm_gives_wide_intervals_and_no_error() -> None:
    found = two_proportions(0, 50, 0, 60)
    assert found.p_pooled == 1
    assert found.p_fisher == 1
    assert found.score_difference[0] < 0 < found.score_difference[1]
    assert found.score_lift == (-1, math.inf)
    assert math.isinf(found.score_lift[1])


def test_wilsons_limits_stay_between_0_and_1_and_touch_them_only_at_the_ends() -> None:
    low, high = wilson_bounds(np.array([0.0, 5.0, 10.0]), np.array([10.0, 10.0, 10.0]), 1.96)
    assert low[0] == 0
    assert high[2] == 1
    assert 0 < low[1] < 0.5 < high[1] < 1


def test_newcombe_holds_where_wald_is_empty() -> None:
    assert newcombe(0, 20, 0, 20)[0] < 0 < newcombe(0, 20, 0, 20)[1]
    assert two_proportions(0, 20, 0, 20).wald == (0, 0)


def test_clopper_pearson_equals_published_limits() -> None:
    assert exact.clopper_pearson(0, 10) == pytest.approx((0, 0.3084971), abs=1e-7)
    assert exact.clopper_pearson(3, 10) == pytest.approx((0.06673951, 0.65245285), abs=1e-8)


@pytest.mark.parametrize("table", [(5, 4, 1, 2), (-1, 4, 1, 2), (0, 0, 1, 2)])
def test_hits_that_do_not_fit_are_refused_by_name(table: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidInputError, match="hits_a"):
        two_proportions(*table)
