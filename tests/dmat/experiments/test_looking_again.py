"""Under test: Bayesian statements, critical values of always-valid and group-sequential tests, families, power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmat.errors import InvalidInputError
from dmat.experiments import power, sequential
from dmat.experiments.bayes import beta_beliefs, chances, normal_beliefs
from dmat.experiments.multiple import adjust, levels
from dmat.experiments.proportions import two_sided


def chance_by_sum(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """P(B > A) for uniform priors as a finite sum (E. Miller, 2014), in exact integers."""
    from fractions import Fraction
    from math import comb

    a1, b1, a2, b2 = hits_a + 1, n_a - hits_a + 1, hits_b + 1, n_b - hits_b + 1
    total = Fraction(0)
    for i in range(a2):
        # B(a1 + i, b1 + b2) / ((b2 + i) B(1 + i, b2) B(a1, b1)) with whole numbers
        top = a1 * comb(a1 + b1 - 1, a1) * comb(b2 + i - 1, i)
        total += Fraction(top, (a1 + i) * comb(a1 + i + b1 + b2 - 1, a1 + i))
    return float(total)


@pytest.mark.parametrize("table", [(0, 4, 0, 4), (3, 20, 7, 25), (50, 300, 60, 310), (0, 500, 6, 400), (9, 10, 10, 10)])
def test_the_chance_to_be_better_equals_the_finite_sum(table: tuple[int, int, int, int]) -> None:
    a, n_a, b, n_b = table
    found = chances([a, b], [n_a, n_b])
    assert found.beats_control[0, 1] == pytest.approx(chance_by_sum(*table), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), min_size=2, max_size=6))
def test_chances_to_be_best_add_to_one_and_losses_differ_as_the_means(arms: list[tuple[int, float]]) -> None:
    n = np.array([[float(people) for people, _ in arms]])
    hits = np.floor(n * [share for _, share in arms])
    found = beta_beliefs(hits, n)
    means = (hits + 1) / (n + 2)
    assert found.best.sum() == pytest.approx(1, abs=1e-12)
    assert (found.loss >= -1e-15).all()
    assert found.loss[0] - found.loss[0, 0] == pytest.approx(means[0, 0] - means[0], abs=1e-8)


def test_arms_of_very_different_size_are_integrated_on_one_grid() -> None:
    found = chances([5, 50_000], [20, 1_000_000])
    assert found.beats_control[0, 1] == pytest.approx(chance_by_sum(5, 20, 50, 1000), abs=3e-3)
    assert found.best.sum() == pytest.approx(1)


def test_lower_is_better_turns_the_chances_around() -> None:
    hits, n = np.array([[30.0, 20.0, 25.0]]), np.array([[1000.0, 1000.0, 1000.0]])
    low = beta_beliefs(hits, n, sign=-1)
    mirrored = beta_beliefs(n - hits, n, sign=1)
    assert low.best == pytest.approx(mirrored.best, abs=1e-12)
    assert low.loss == pytest.approx(mirrored.loss, abs=1e-12)


def test_two_normal_means_equal_the_closed_form() -> None:
    a, b, spread = 1.0, 1.5, math.sqrt(0.05)
    found = normal_beliefs(np.array([[a, b]]), np.array([[0.04, 0.01]]))
    z = (b - a) / spread
    density, below = math.exp(-z * z / 2) / math.sqrt(2 * math.pi), 1 - two_sided(z) / 2
    assert found.beats_control[0, 1] == pytest.approx(below, abs=1e-12)
    assert found.loss[0, 0] == pytest.approx(spread * density + (b - a) * below, abs=1e-12)
    assert found.loss[0, 1] == pytest.approx(spread * density - (b - a) * (1 - below), abs=1e-12)


def test_means_that_are_not_known_have_no_chances() -> None:
    found = normal_beliefs(np.array([[1.0, np.nan], [1.0, 2.0]]), np.array([[0.1, 0.1], [0.1, 0.1]]))
    assert np.isnan(found.best[0]).all()
    assert found.best[1].sum() == pytest.approx(1)


def test_a_prior_that_quadrature_is_not_exact_for_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="prior"):
        chances([1, 2], [10, 10], (0.1, 0.1))


@pytest.mark.parametrize("progress", [0.01, 0.5, 1.0, 30.0])
@pytest.mark.parametrize("level", [0.05, 0.01, 0.0125])
def test_the_always_valid_p_equals_its_level_exactly_at_the_critical_value(progress: float, level: float) -> None:
    k = sequential.always_valid_k(progress, level, 0.05)
    assert math.exp(float(sequential.always_valid_log_p(k, progress, 0.05))) == pytest.approx(level, rel=1e-12)


def test_the_always_valid_p_is_the_mixture_likelihood_ratio() -> None:
    """Closed form of Johari et al. for pairs: the mixing variance is that at which rho is tuned."""
    n, planned, variance, difference = 400.0, 1000.0, 1.0, 0.17
    mixing = 2 * variance * sequential.rho(0.05, planned) ** 2
    z = difference / math.sqrt(2 * variance / n)
    found = math.exp(float(sequential.always_valid_log_p(z, n / planned, 0.05)))
    assert found == pytest.approx(sequential.msprt_p(difference, n, variance, mixing), rel=1e-12)


def test_before_any_information_an_always_valid_interval_is_without_limits() -> None:
    assert math.isinf(float(sequential.always_valid_k(0.0, 0.05)))
    assert float(sequential.always_valid_log_p(0.0, 0.0)) == 0


def test_a_single_look_at_the_end_has_the_fixed_critical_value() -> None:
    assert sequential.boundaries((1.0,))[0] == pytest.approx(1.959963984540054, abs=1e-10)


@pytest.mark.parametrize("spending", sequential.SPENDING)
def test_boundaries_spend_exactly_alpha(spending: str) -> None:
    fractions = (0.1, 0.35, 0.5, 0.9, 1.0)
    limits = sequential.boundaries(fractions, 0.05, spending)
    crossed = sequential.crossing_probability(fractions, limits)
    expected = np.diff(sequential.spent(np.array((1e-12, *fractions)), 0.05, spending))
    assert crossed[1:] == pytest.approx(expected[1:].tolist(), abs=1e-11)
    assert sum(crossed) == pytest.approx(0.05, abs=1e-10)


def test_both_conventions_of_obrien_fleming_are_named_and_differ() -> None:
    one_sided = sequential.boundaries((0.2, 1.0), 0.05, "obrien_fleming")
    two_sided_ = sequential.boundaries((0.2, 1.0), 0.05, "obrien_fleming_two_sided")
    assert one_sided[0] == pytest.approx(4.877, abs=5e-4)
    assert two_sided_[0] == pytest.approx(4.383, abs=5e-4)


def test_a_repeated_p_is_at_most_alpha_exactly_when_the_boundary_is_reached() -> None:
    fractions = (0.2, 0.4, 0.6)
    limit = sequential.boundaries(fractions)[-1]
    found = sequential.repeated_p(
        np.array([limit * 0.99999, limit, limit * 1.00001]), fractions, 0.05, "obrien_fleming"
    )
    assert found[0] > 0.05 > found[2]
    assert found[1] == pytest.approx(0.05, rel=1e-9)


def test_looks_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="look_fractions"):
        sequential.boundaries((0.5, 0.4))


p_values = st.lists(st.floats(1e-8, 1.0), min_size=1, max_size=9)


@settings(max_examples=300, deadline=None)
@given(p_values, st.sampled_from([0.01, 0.05, 0.2]))
def test_an_interval_at_holms_level_excludes_nothing_exactly_when_holm_rejects(p: list[float], alpha: float) -> None:
    values = np.array(p)
    tested = levels(values, alpha, "holm")
    rejected = adjust(values, "holm") <= alpha
    close = np.abs(adjust(values, "holm") - alpha) < 1e-12
    assert ((values <= tested) == rejected)[~close].all()


def test_comparisons_that_are_not_known_do_not_count_for_the_family() -> None:
    assert adjust([0.01, math.nan, 0.04], "holm")[[0, 2]] == pytest.approx([0.02, 0.04])
    assert levels(np.array([0.01, np.nan, 0.04]), 0.05, "holm")[[0, 2]] == pytest.approx([0.025, 0.05])


def test_a_sample_for_means_equals_the_textbook() -> None:
    """Cohen's d of 1, 80 %, two-sided 5 %: 16.71477 a group (R's `power.t.test`, whose search stops at 1e-4)."""
    assert power.exact_sample_size(0, 1, kind="mean", sd=1) == pytest.approx(16.71477, abs=1e-4)


def test_the_power_of_the_mock_up_is_24_percent_and_598_a_group_are_needed() -> None:
    a, b = 23 / 123, 31 / 122
    assert power.power_of(a, b - a, 122.5) == pytest.approx(0.24, abs=0.005)
    assert power.exact_sample_size(a, b - a) == pytest.approx(598, abs=0.5)


@pytest.mark.parametrize("inference", ["fixed", "always_valid", "group_sequential"])
@pytest.mark.parametrize("arms", [2, 5])
def test_size_power_and_detectable_difference_are_one_formula(inference: str, arms: int) -> None:
    size = power.exact_sample_size(0.1, 0.02, arms=arms, inference=inference)
    assert power.power_of(0.1, 0.02, size, arms=arms, inference=inference) == pytest.approx(0.8, abs=1e-9)
    assert power.detectable(0.1, size, arms=arms, inference=inference) == pytest.approx(0.02, abs=1e-9)


def test_watching_all_the_time_costs_more_people_than_one_look() -> None:
    sizes = [power.sample_size(0.1, 0.02, inference=how) for how in ("fixed", "group_sequential", "always_valid")]
    assert sizes == sorted(sizes)
    assert sizes[2] < 2.2 * sizes[0]


def test_a_test_that_is_too_small_for_anything_says_so() -> None:
    assert power.detectable(0.1, 3) is None
    assert "no difference could be found" in power.sentence(0.1, 6)
    assert power.sentence(0.1, 249).startswith("with 249 people in the test you can detect 13 points")


@pytest.mark.parametrize(
    ("field", "given_"),
    [
        ("mde", {"baseline": 0.9, "mde": 0.2}),
        ("alpha", {"baseline": 0.1, "mde": 0.1, "alpha": 0}),
        ("arms", {"baseline": 0.1, "mde": 0.1, "arms": 1}),
        ("sd", {"baseline": 0.1, "mde": 0.1, "kind": "mean"}),
        ("mde", {"baseline": 0.1, "mde": 0.0}),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_by_name(field: str, given_: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=f"^{field}"):
        power.sample_size(**given_)


def test_a_winner_at_low_power_overstates_as_simulation_shows() -> None:
    rng = np.random.default_rng(7)
    true = 1.285  # standard errors, at which the power is 25 %
    seen = rng.normal(true, 1, 400_000)
    wins = np.abs(seen) > 1.959964
    assert wins.mean() == pytest.approx(0.25, abs=0.005)
    assert power.exaggeration(float(wins.mean())) == pytest.approx(np.abs(seen[wins]).mean() / true, rel=0.01)
