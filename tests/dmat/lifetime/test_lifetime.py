"""Under test: models of repeat purchases and of their value, against published figures, integrals and known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, gamma

from dmat.errors import InvalidInputError
from dmat.lifetime.purchases import (
    MODELS,
    Fit,
    Histories,
    expected_purchases,
    fit_purchases,
    log_likelihood,
    probability_alive,
)
from dmat.lifetime.spend import SpendFit, expected_value, fit_spend

CDNOW = Fit("bg_nbd", 0.2426, 4.4136, 0.7929, 2.4259, -9582.4, 2357, True)
"""The fit of the CDNOW customers in Fader, Hardie and Lee (2005), in weeks."""
TRUTH = (0.6, 8.0, 0.8, 2.4)


def histories(*rows: tuple[float, float, float, float]) -> Histories:
    return Histories(*np.array(rows, np.float64).T)


def chance_of(x, recency, age, rate, stops, model):
    """Likelihood of a history for a known rate and chance to stop."""
    opportunities = x + 1 if model == "mbg_nbd" else x
    alive = (1 - stops) ** opportunities * rate**x * np.exp(-rate * age)
    stopped = stops * (1 - stops) ** (opportunities - 1) * rate**x * np.exp(-rate * recency)
    return alive, stopped if opportunities > 0 else 0.0 * stopped


def draw_customers(model: str, count: int, seed: int = 3) -> Histories:
    """Customers of known truth, in whole weeks, as cells."""
    r, alpha, a, b = TRUTH
    dice = np.random.default_rng(seed)
    rate, stops, age = dice.gamma(r, 1 / alpha, count), dice.beta(a, b, count), dice.uniform(10, 78, count)
    now, repeats, recency = np.zeros(count), np.zeros(count), np.zeros(count)
    alive = dice.random(count) >= stops if model == "mbg_nbd" else np.ones(count, bool)
    while alive.any():
        now = now + dice.exponential(1 / np.maximum(rate, 1e-300))
        alive &= now <= age
        repeats[alive] += 1
        recency[alive] = now[alive]
        alive &= dice.random(count) >= stops
    weeks = np.round(recency)
    cells, counts = np.unique(
        np.stack([repeats, weeks, np.maximum(np.round(age), weeks)]), axis=1, return_counts=True
    )  # fmt: skip
    return Histories(*cells, counts.astype(np.float64))


def test_the_published_customer_is_expected_to_buy_as_published():
    """Two repeat purchases, the last in week 30.43 of 38.86: 1.226 in the next 39 weeks."""
    assert expected_purchases(histories((2, 30.43, 38.86, 1)), CDNOW, 39.0)[0] == pytest.approx(1.226, abs=5e-4)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("row", [(0, 0, 20, 1), (1, 4, 20, 1), (4, 18, 20, 1)])
def test_the_likelihood_is_the_integral_over_all_customers(model, row):
    r, alpha, a, b = TRUTH
    x, recency, age, _ = row

    places, weights = np.polynomial.legendre.leggauss(400)
    places, weights = (places + 1) / 2, weights / 2
    rates = gamma.ppf(places, r, scale=1 / alpha)[:, None]
    stops = beta.ppf(places, a, b)[None, :]
    ways = sum(chance_of(x, recency, age, rates, stops, model))
    whole = weights @ ways @ weights
    assert np.exp(log_likelihood(histories(row), model, *TRUTH)) == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_expected_purchases_are_those_of_customers_with_such_a_history(model):
    r, alpha, a, b = TRUTH
    dice = np.random.default_rng(5)
    rate, stops = dice.gamma(r, 1 / alpha, 400_000), dice.beta(a, b, 400_000)
    alive, stopped = chance_of(2, 12.0, 20.0, rate, stops, model)
    coming = (1 - np.exp(-rate * stops * 26)) / stops
    fit, row = Fit(model, *TRUTH, 0, 0, True), histories((2, 12, 20, 1))
    assert expected_purchases(row, fit, 26.0)[0] == pytest.approx(
        (alive * coming).sum() / (alive + stopped).sum(), rel=0.02
    )
    assert probability_alive(row, fit)[0] == pytest.approx(alive.sum() / (alive + stopped).sum(), rel=0.02)


def test_who_never_came_back_is_alive_for_certain_only_where_nobody_stops_at_once():
    once = histories((0, 0, 60, 1))
    assert probability_alive(once, Fit("bg_nbd", *TRUTH, 0, 0, True))[0] == 1.0
    assert 0.1 < probability_alive(once, Fit("mbg_nbd", *TRUTH, 0, 0, True))[0] < 0.7


@pytest.mark.parametrize("model", MODELS)
def test_a_fit_finds_the_truth_of_customers_it_was_not_told(model):
    customers = draw_customers(model, 30_000)
    fit = fit_purchases(customers, model)
    assert fit.is_converged
    assert fit.customers == 30_000
    assert (fit.r, fit.alpha) == pytest.approx(TRUTH[:2], rel=0.1)
    assert fit.a / (fit.a + fit.b) == pytest.approx(TRUTH[2] / (TRUTH[2] + TRUTH[3]), rel=0.1)
    assert fit.log_likelihood >= log_likelihood(customers, model, *TRUTH)


def test_a_fit_does_not_depend_on_the_unit_of_time():
    weeks = draw_customers("mbg_nbd", 3_000)
    days = Histories(weeks.frequency, weeks.recency * 7, weeks.age * 7, weeks.customers)
    first, second = fit_purchases(weeks), fit_purchases(days)
    assert second.alpha == pytest.approx(first.alpha * 7, rel=1e-3)
    assert (second.r, second.a, second.b) == pytest.approx((first.r, first.a, first.b), rel=1e-3)


def test_orders_of_known_truth_give_their_parameters_back_and_means_are_drawn_together():
    dice = np.random.default_rng(11)
    count, p, q, scale = 20_000, 6.0, 4.0, 9_000.0
    orders = dice.integers(2, 6, count).astype(np.float64)
    rates = dice.gamma(q, 1 / scale, count)
    means = dice.gamma(p * orders, 1 / (rates * orders))
    fit = fit_spend(orders, means, np.ones(count))
    middle = fit.p * fit.gamma / (fit.q - 1)
    assert fit.q == pytest.approx(q, rel=0.08)
    assert middle == pytest.approx(p * scale / (q - 1), rel=0.02)
    low, high = expected_value(fit, np.array([2.0, 2.0]), np.array([middle / 3, middle * 3]))
    assert middle / 3 < low < middle < high < middle * 3


def test_without_an_expectation_no_value_is_made_up():
    fit = SpendFit(0.2, 0.5, 100.0, 0, 0, True)
    assert np.isnan(expected_value(fit, np.array([1.0]), np.array([500.0]))[0])


@pytest.mark.parametrize(
    ("rows", "field"),
    [(((1, 5, 4, 1),), "recency"), (((0, 2, 4, 1),), "recency"), (((-1, 0, 4, 1),), "frequency")],
)
def test_histories_that_cannot_be_are_refused_by_name(rows, field):
    with pytest.raises(InvalidInputError, match=field):
        histories(*rows)


def test_what_cannot_be_fitted_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="frequency"):
        fit_purchases(histories((0, 0, 5, 10)))
    with pytest.raises(InvalidInputError, match="model"):
        fit_purchases(histories((1, 2, 5, 10)), "pareto")
    with pytest.raises(InvalidInputError, match="mean_value"):
        fit_spend(np.ones(2), np.array([1.0, 0.0]), np.ones(2))
    with pytest.raises(InvalidInputError, match="horizon"):
        expected_purchases(histories((1, 2, 5, 10)), CDNOW, -1.0)
