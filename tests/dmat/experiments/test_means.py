"""Under test: means, ratios, covariates, relative lift, quantiles, equivalence, two-by-two, increments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmat.errors import InvalidInputError
from dmat.experiments.cuped import adjusted_means, adjusted_ratios, variance_reduction
from dmat.experiments.equivalence import equivalent_means, equivalent_proportions
from dmat.experiments.factorial import two_by_two
from dmat.experiments.incremental import increment
from dmat.experiments.means import mean_estimates, t_two_sided, welch
from dmat.experiments.moments import Moments, Table
from dmat.experiments.quantiles import compare_quantiles, quantile
from dmat.experiments.ratios import ratio_estimates
from dmat.experiments.relative import fieller

# extra sleep of ten patients under two drugs (W. S. Gosset, Biometrika 6, 1908), R's `sleep`
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def table_of(*arms: Moments) -> Table:
    keys = [str(at) for at in range(len(arms))]
    return Table.of({key: {"m": arm} for key, arm in zip(keys, arms, strict=True)}, keys, ("m",))


def test_welch_equals_the_example_of_r() -> None:
    found = welch(Moments.of_values(DRUG_1), Moments.of_values(DRUG_2))
    assert found.t == pytest.approx(1.860813, abs=1e-6)
    assert found.df == pytest.approx(17.776, abs=1e-3)
    assert found.p == pytest.approx(0.07939414, abs=1e-8)
    assert (found.low, found.high) == pytest.approx((-0.2054832, 3.3654832), abs=1e-7)


def test_sums_of_parts_give_the_same_as_all_at_once() -> None:
    whole = Moments.of_values(DRUG_2, x=DRUG_1, c=DRUG_1)
    parts = Moments.of_values(DRUG_2[:4], DRUG_1[:4], DRUG_1[:4]) + Moments.of_values(
        DRUG_2[4:], DRUG_1[4:], DRUG_1[4:]
    )
    for name in ("n", "y", "yy", "x", "xx", "xy", "c", "cc", "yc", "xc"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name))


@pytest.mark.parametrize("t", [2.0, 40.0, 1e6, 1e50, 1e99])
def test_a_t_with_three_degrees_of_freedom_is_right_down_to_1e_297(t: float) -> None:
    """Closed form: p = 1 - 2/pi (atan u + u / (1 + u^2)), u = t / sqrt 3; far out 4 / (3 pi u^3) (1 - 6 / (5 u^2))."""
    u = t / math.sqrt(3)
    near = 1 - 2 / math.pi * (math.atan(u) + u / (1 + u * u))
    far = 4 / (3 * math.pi * u**3) * (1 - 6 / (5 * u * u))
    assert float(t_two_sided(t, 3.0)) == pytest.approx(near if t < 10 else far, rel=1e-9 if t != 40 else 1e-5)


def test_a_ratio_has_the_variance_of_the_linearised_outcome() -> None:
    rng = np.random.default_rng(1)
    x = rng.poisson(3, 500) + 1.0
    y = x * rng.gamma(2, 3, 500)
    found = ratio_estimates(table_of(Moments.of_values(y, x)))
    ratio = y.sum() / x.sum()
    by_hand = np.var((y - ratio * x) / x.mean(), ddof=1) / 500
    assert found.value[0, 0] == pytest.approx(ratio)
    assert found.variance[0, 0] == pytest.approx(by_hand, rel=1e-9)


def test_cuped_equals_the_regression_on_arm_and_covariate() -> None:
    """The adjusted difference and its standard error are those of ordinary least squares, when variances are alike."""
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    c = rng.gamma(2, 5, 4000)
    arm = np.repeat([0.0, 1.0], 2000)
    y = 3 + 0.8 * c + 0.5 * arm + rng.normal(0, 2, 4000)
    fit = sm.OLS(y, sm.add_constant(np.column_stack([arm, c]))).fit()
    found = adjusted_means(table_of(*(Moments.of_values(y[arm == a], c=c[arm == a]) for a in (0, 1))))
    error = math.sqrt(found.variance.sum() + (found.tilt[0, 1] - found.tilt[0, 0]) ** 2)
    assert found.value[0, 1] - found.value[0, 0] == pytest.approx(fit.params[1], rel=1e-9)
    assert error == pytest.approx(fit.bse[1], rel=1e-3)


def test_cuped_takes_out_the_share_that_the_covariate_explains() -> None:
    rng = np.random.default_rng(3)
    arms = []
    for _ in range(2):
        c = rng.normal(10, 2, 20_000)
        arms.append(Moments.of_values(c + rng.normal(0, 2, 20_000), c=c))
    assert variance_reduction(table_of(*arms))[0] == pytest.approx([0.5, 0.5], abs=0.02)


def test_an_adjusted_ratio_with_one_order_each_is_the_adjusted_mean() -> None:
    rng = np.random.default_rng(4)
    arms = [(rng.normal(5, 1, 300), rng.normal(2, 1, 300)) for _ in range(2)]
    means = adjusted_means(table_of(*(Moments.of_values(y, c=c) for y, c in arms)))
    ratios = adjusted_ratios(table_of(*(Moments.of_values(y, np.ones(300), c) for y, c in arms)))
    assert ratios.value == pytest.approx(means.value, rel=1e-9)
    assert ratios.variance == pytest.approx(means.variance, rel=1e-9)


positive = st.floats(0.01, 1000)


@settings(max_examples=500, deadline=None)
@given(positive, positive, st.floats(1e-4, 200), st.floats(1e-4, 200), st.floats(0.5, 6))
def test_a_lift_excludes_nothing_exactly_when_the_difference_does(
    a: float, b: float, error_a: float, error_b: float, k: float
) -> None:
    low, high = fieller(*(np.array([value]) for value in (a, error_a**2, b, error_b**2, k)))
    statistic = abs(b - a) / math.hypot(error_a, error_b)
    if abs(statistic - k) > 1e-6:
        assert (statistic > k) == (low[0] > 1 or high[0] < 1)
    assert low[0] <= b / a <= high[0]


def test_a_lift_over_a_control_that_is_not_above_zero_is_not_a_number() -> None:
    low, high = fieller(*(np.array([value]) for value in (-1.0, 0.1, 2.0, 0.1, 2.0)))
    assert math.isnan(low[0])
    assert math.isnan(high[0])


def test_a_lift_over_a_control_that_may_be_zero_has_no_upper_limit() -> None:
    low, high = fieller(*(np.array([value]) for value in (0.5, 1.0, 9.0, 0.5, 1.96)))
    assert low[0] > 1
    assert math.isinf(high[0])


def test_the_interval_of_a_median_lies_between_its_order_statistics() -> None:
    """For 20 values and the median, ranks 6 and 15 cover with 95.9 %, ranks 7 and 14 with 88.5 %."""
    found = quantile(np.arange(1.0, 21.0))
    assert found.value == 10.5
    assert 6 <= found.low <= 7
    assert 14 <= found.high <= 15
    assert found.low + found.high == pytest.approx(21)


def test_quantiles_of_two_arms_are_compared_with_one_verdict() -> None:
    rng = np.random.default_rng(6)
    same = compare_quantiles(rng.gamma(2, 10, 800), rng.gamma(2, 10, 800))
    apart = compare_quantiles(rng.gamma(2, 10, 800), rng.gamma(2, 15, 800), 0.75)
    assert same.low < 0 < same.high
    assert same.lift_low < 0 < same.lift_high
    assert apart.low > 0
    assert apart.lift_low > 0
    assert apart.p < 0.05


def test_too_few_people_for_a_quantile_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="people on each side"):
        quantile(np.arange(20.0), 0.9)


def test_two_rates_are_equivalent_exactly_when_their_90_percent_interval_lies_within_the_margins() -> None:
    for hits in range(80, 140, 3):
        found = equivalent_proportions(Moments.of_proportion(1000, 100), Moments.of_proportion(1000, hits), 0.03)
        assert found.is_equivalent == (found.low > -0.03 and found.high < 0.03)
        assert found.is_not_worse == (found.low > -0.03)


def test_not_significant_is_not_equivalent() -> None:
    few = equivalent_means(Moments.of_values(DRUG_1), Moments.of_values(DRUG_1), margin=0.5)
    assert not few.is_equivalent
    many = Moments(1000, 750, 4000)
    assert equivalent_means(many, many, margin=0.5).is_equivalent


def test_two_by_two_finds_effects_and_interaction_of_means_known_by_hand() -> None:
    """Cells 10, 12, 15, 21: effects (15 + 21 - 10 - 12) / 2 = 7, (12 + 21 - 10 - 15) / 2 = 4, interaction 4."""
    means = {(0, 0): 10.0, (0, 1): 12.0, (1, 0): 15.0, (1, 1): 21.0}
    found = two_by_two({cell: Moments(100, 100 * m, 99 * 4 + 100 * m * m) for cell, m in means.items()})
    assert found.first.value == pytest.approx(7)
    assert found.second.value == pytest.approx(4)
    assert found.interaction.value == pytest.approx(4)
    assert found.first.standard_error == pytest.approx(math.sqrt(4 * 4 / 100) / 2)
    assert found.interaction.df == pytest.approx(396)
    assert "do not simply add up" in found.sentence


def test_two_by_two_needs_all_four_cells() -> None:
    with pytest.raises(InvalidInputError, match="all four"):
        two_by_two({(0, 0): Moments(10, 1, 1)})


def test_an_increment_is_counted_over_all_who_were_drawn() -> None:
    held_out, treated = Moments.of_proportion(5_000, 100), Moments.of_proportion(95_000, 2_850)
    found = increment(held_out, treated)
    assert found.per_person == pytest.approx(0.01)
    assert found.total == pytest.approx(950)
    assert found.total_low == pytest.approx(found.low * 95_000)
    assert found.lift == pytest.approx(0.5)
    assert found.lift_low > 0
    assert found.low > 0


def test_a_mean_of_too_few_people_has_no_variance_and_is_refused_by_welch() -> None:
    assert math.isnan(mean_estimates(table_of(Moments(1, 5, 25))).variance[0, 0])
    with pytest.raises(InvalidInputError, match="2 or more"):
        welch(Moments(1, 5, 25), Moments(9, 5, 25))


@pytest.mark.parametrize(
    "bad", [{"n": -1, "y": 0, "yy": 0}, {"n": 2, "y": math.nan, "yy": 0}, {"n": 2, "y": 1, "yy": -1}]
)
def test_sums_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match="moments"):
        Moments(**bad)
