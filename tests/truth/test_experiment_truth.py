"""What is true of invented people is found by the statistics as often as they promise, and nothing else is.

Fast: a few hundred tests, with limits of four standard errors around the promise. `DMAT_TRUTH=full` runs the full size
(2,000 A/A tests and more, 20,000 looks) against the promises themselves: A/A 4.5-5.5 %, coverage 94.5-95.5 %, families
and always-valid at most 5.5 and 5 %. Repetitions are chosen so that the promise can be told from its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from promised_shares import FULL, assert_at_most, assert_share

from dmat.experiments import sequential
from dmat.experiments.analysis import Arm, Design, Observed, analyse
from dmat.experiments.bayes import beta_beliefs
from dmat.experiments.comparing import Found, Look, compare_estimates, compare_proportions
from dmat.experiments.cuped import adjusted_means, adjusted_ratios
from dmat.experiments.decide import Rule, decide
from dmat.experiments.factorial import two_by_two
from dmat.experiments.means import mean_estimates, welch_df
from dmat.experiments.moments import NAMES, Moments, Table
from dmat.experiments.proportions import newcombe, pooled_z, score_statistic, wilson_bounds
from dmat.experiments.quantiles import compare_quantiles, quantile
from dmat.experiments.ratios import ratio_estimates
from dmat.experiments.special import Array

TESTS = 40_000 if FULL else 2_000
PATHS, LOOKS = (2_000, 20_000) if FULL else (60, 3_000)


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(20260301 + seed)


def fixed(arms: int, tests: int) -> Look:
    return Look("fixed", 0.05, np.ones((tests, arms)), np.ones((tests, arms - 1)))


def table(y: Array, x: Array | None = None, c: Array | None = None) -> Table:
    """Moments of tests x arms x people."""
    x = np.zeros_like(y) if x is None else x
    c = np.zeros_like(y) if c is None else c
    parts = {"y": y, "x": x, "c": c}
    sums = {"n": np.full(y.shape[:2], float(y.shape[2]))} | {name: part.sum(axis=2) for name, part in parts.items()}
    for name in NAMES[1:]:
        if len(name) == 2:
            sums[name] = np.einsum("tap,tap->ta", parts[name[0]], parts[name[1]])
    return Table(sums)


def rates(tests: int, people: list[int], shares: list[float], seed: int) -> tuple[Table, Found]:
    hits = random(seed).binomial(people, shares, (tests, len(people))).astype(float)
    n = np.tile(np.array(people, float), (tests, 1))
    sums = {name: np.zeros_like(n) for name in NAMES} | {"n": n, "y": hits, "yy": hits}
    return Table(sums), compare_proportions(Table(sums), 0, fixed(len(people), tests), ["holm"] * tests)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_test_of_two_equal_rates_finds_a_difference_in_five_percent(share: float) -> None:
    _, found = rates(TESTS, [2000, 2000], [share, share], 1)
    assert_share(float(found.is_significant.mean()), 0.05, TESTS)


KINDS = ["mean", "ratio", "cuped", "cuped_ratio"]


@cache
def outcomes(kind: str, effect: float, tests: int) -> Found:
    """Tests of two arms with 400 people each; B's outcome is `effect` times that of A."""
    parts, rng = [], random(2)
    for _ in range(0, tests, 1000):
        shape = (min(tests, 1000), 2, 400)
        past, x = rng.normal(5, 1.5, shape), rng.poisson(2, shape) + 1.0
        if kind == "mean":
            made = mean_estimates(table((rng.random(shape) < 0.6) * rng.gamma(4, 2, shape) * scale(effect)))
        elif kind == "ratio":
            made = ratio_estimates(table(x * rng.gamma(4, 2, shape) * scale(effect), x))
        elif kind == "cuped":
            made = adjusted_means(table((past + rng.normal(3, 1, shape)) * scale(effect), None, past))
        else:
            made = adjusted_ratios(table(x * (past + rng.normal(3, 1, shape)) * scale(effect), x, past))
        parts.append(compare_estimates(made, 0, fixed(2, shape[0]), ["holm"] * shape[0]))
    return Found(*(np.concatenate([getattr(part, name) for part in parts]) for name in Found.__dataclass_fields__))


def scale(effect: float) -> Array:
    return np.array([1.0, effect])[None, :, None]


TRUE = {"mean": 4.8, "ratio": 8.0, "cuped": 8.0, "cuped_ratio": 8.0}


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_of_two_equal_means_or_ratios_finds_a_difference_in_five_percent(kind: str) -> None:
    tests = TESTS // 2
    assert_share(float(outcomes(kind, 1.0, tests).is_significant.mean()), 0.05, tests)


def covers(low: Array, high: Array, true: float) -> float:
    return float(((low <= true) & (true <= high)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_means_and_lifts_cover_the_truth_in_95_percent(kind: str) -> None:
    tests = TESTS // 2
    found = outcomes(kind, 1.1, tests)
    assert_share(covers(found.low, found.high, TRUE[kind] * 0.1), 0.95, tests)
    assert_share(covers(found.lift_low, found.lift_high, 0.1), 0.95, tests)
    assert_share(covers(found.arm_low[:, 0], found.arm_high[:, 0], TRUE[kind]), 0.95, tests)


@pytest.mark.parametrize(("people", "shares"), [([1000, 1000], [0.1, 0.13]), ([3000, 1000], [0.04, 0.05])])
def test_intervals_of_rates_and_lifts_cover_the_truth_in_95_percent(people: list[int], shares: list[float]) -> None:
    seen, found = rates(TESTS, people, shares, 3)
    assert_share(covers(found.low, found.high, shares[1] - shares[0]), 0.95, TESTS)
    assert_share(covers(found.lift_low, found.lift_high, shares[1] / shares[0] - 1), 0.95, TESTS)
    limits = np.array([newcombe(*row) for row in np.stack([seen["y"], seen["n"]], axis=2).reshape(TESTS, 4)[:10_000]])
    assert_share(covers(limits[:, 0], limits[:, 1], shares[1] - shares[0]), 0.95, len(limits))


def test_the_interval_of_a_single_rate_covers_the_truth_in_95_percent_over_rates() -> None:
    """At one rate the coverage of any interval of a count swings by a point, so each test has a rate of its own."""
    rng = random(14)
    true = rng.uniform(0.02, 0.4, TESTS)
    low, high = wilson_bounds(rng.binomial(1500, true).astype(float), np.full(TESTS, 1500.0), 1.959963984540054)
    assert_share(float(((low <= true) & (true <= high)).mean()), 0.95, TESTS)


def test_intervals_of_quantiles_cover_the_truth_in_95_percent() -> None:
    tests, rng = (20_000 if FULL else 300), random(4)
    median, ninth = 1.6783469900166612, 3.8897201698674291  # of gamma(2)
    inside = np.zeros(4)
    for _ in range(tests):
        a, b = rng.gamma(2, 1, 400), rng.gamma(2, 1.2, 400)
        found, tail = compare_quantiles(a, b), quantile(a, 0.9)
        inside += (
            found.a.low <= median <= found.a.high, tail.low <= ninth <= tail.high,
            found.low <= median * 0.2 <= found.high, found.lift_low <= 0.2 <= found.lift_high,
        )  # fmt: skip
    for share in inside / tests:
        assert_share(float(share), 0.95, tests)


def test_intervals_of_factorial_effects_cover_the_truth_in_95_percent() -> None:
    tests, rng = TESTS // 4, random(5)
    inside = np.zeros(3)
    for _ in range(tests):
        cells = {(i, j): Moments.of_values(rng.normal(i + 2 * j + i * j, 1 + i, 60)) for i in (0, 1) for j in (0, 1)}
        found = two_by_two(cells)
        pairs = ((found.first, 1.5), (found.second, 2.5), (found.interaction, 1.0))
        inside += [effect.low <= true <= effect.high for effect, true in pairs]
    for share in inside / tests:
        assert_share(float(share), 0.95, tests, 0.0075)


def test_credible_intervals_and_chances_are_calibrated_when_rates_come_from_the_prior() -> None:
    """Of tests in which B is better with a chance of 0.7 to 0.8 by our figures, B is better in that many."""
    tests, rng = 20_000 if FULL else 4_000, random(6)
    true = rng.beta(1, 1, (tests, 2))
    n = np.full((tests, 2), 80.0)
    chance = beta_beliefs(rng.binomial(80, true).astype(float), n).beats_control[:, 1]
    is_better = true[:, 1] > true[:, 0]
    for low in (0.1, 0.3, 0.5, 0.7):
        chosen = (chance >= low) & (chance < low + 0.2)
        slack = 4 * math.sqrt(0.25 / chosen.sum())
        assert abs(is_better[chosen].mean() - chance[chosen].mean()) < slack


@pytest.mark.parametrize("share", [0.03, 0.3])
def test_five_arms_without_a_difference_give_a_finding_in_at_most_five_percent_of_families(share: float) -> None:
    _, found = rates(TESTS, [2000] * 5, [share] * 5, 7)
    assert_at_most(float(found.is_significant.any(axis=1).mean()), 0.05, TESTS)


def test_the_planned_number_of_people_finds_the_planned_difference_with_the_planned_power() -> None:
    from dmat.experiments.power import sample_size

    people = sample_size(0.1, 0.03)
    _, found = rates(TESTS, [people, people], [0.1, 0.13], 8)
    assert_share(float(found.is_significant.mean()), 0.8, TESTS, 0.01)


def paths_that_err(
    draw: Callable[[], tuple[Array, Array]], statistic: Callable[[Array, Array, Array], Array], planned: int
) -> float:
    """Share of tests whose always-valid interval excludes the truth at any of the looks, one after each pair."""
    n = np.arange(1.0, LOOKS + 1)
    limit = sequential.always_valid_k(n / planned, 0.05)
    return sum(bool((np.abs(statistic(*draw(), n)) > limit).any()) for _ in range(PATHS)) / PATHS


def of_rates(delta: float) -> Callable[[Array, Array, Array], Array]:
    def statistic(a: Array, b: Array, n: Array) -> Array:
        hits_a, hits_b = np.cumsum(a), np.cumsum(b)
        if delta == 0:
            return pooled_z(hits_a, n, hits_b, n)
        return score_statistic(hits_a, n, hits_b, n, np.full_like(n, delta))

    return statistic


def of_means(a: Array, b: Array, n: Array) -> Array:
    """Welch's t as the analysis uses it for always-valid inference."""
    from dmat.experiments.comparing import self_normalised

    means = [np.cumsum(part) / n for part in (a, b)]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = [
            np.maximum(np.cumsum(part * part) / n - mean**2, 0) / (n - 1)
            for part, mean in zip((a, b), means, strict=True)
        ]
        t = (means[1] - means[0]) / np.sqrt(spread[0] + spread[1])
        return np.nan_to_num(self_normalised(np.nan_to_num(t), welch_df(spread[0], n - 1, spread[1], n - 1)))


@pytest.mark.parametrize("planned", [500, 10_000])
@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.5, 0.5), (0.01, 0.01), (0.05, 0.08)])
def test_an_always_valid_interval_of_rates_errs_in_at_most_five_percent_however_often_one_looks(
    a: float, b: float, planned: int
) -> None:
    rng = random(9)

    def draw() -> tuple[Array, Array]:
        return (rng.random(LOOKS) < a).astype(float), (rng.random(LOOKS) < b).astype(float)

    assert_at_most(paths_that_err(draw, of_rates(round(b - a, 9)), planned), 0.05, PATHS)


@pytest.mark.parametrize("kind", ["normal", "skewed", "rare"])
def test_an_always_valid_interval_of_means_errs_in_at_most_five_percent_however_often_one_looks(kind: str) -> None:
    rng = random(10)

    def one() -> Array:
        if kind == "normal":
            return rng.normal(3, 1, LOOKS)
        spent = rng.lognormal(3, 1, LOOKS)
        return spent if kind == "skewed" else spent * (rng.random(LOOKS) < 0.02)

    assert_at_most(paths_that_err(lambda: (one(), one()), of_means, 1_000), 0.05, PATHS)


def test_ten_looks_at_p_below_five_percent_err_four_times_as_often_and_always_valid_does_not() -> None:
    """The trap itself: stopping at the first p < 0.05, or at a chance of 90 %, in ten looks."""
    tests, looks = (20_000 if FULL else 2_000), 10
    rng = random(11)
    hits = rng.binomial(200, 0.1, (tests, looks, 2)).cumsum(axis=1).astype(float)
    n = np.tile(np.arange(200.0, 2001, 200)[None, :], (tests, 1))
    z = np.abs(pooled_z(hits[..., 0], n, hits[..., 1], n))
    peeked = float((z > 1.959964).any(axis=1).mean())
    valid = float((z > sequential.always_valid_k(n / 2000, 0.05)).any(axis=1).mean())
    limits = np.array(sequential.boundaries(tuple(np.arange(1, 11) / 10)))
    planned = float((z > limits).any(axis=1).mean())
    print(f"ten looks: fixed {peeked:.3f}, always valid {valid:.3f}, group-sequential {planned:.3f}")
    assert peeked > 0.17
    assert_at_most(valid, 0.05, tests)
    assert_share(planned, 0.05, tests)


def test_a_family_of_five_arms_watched_daily_errs_in_at_most_five_percent() -> None:
    tests, days, a_day, planned = (8_000 if FULL else 500), 14, 150, 2000
    hits = random(12).binomial(a_day, 0.08, (days, tests, 5)).cumsum(axis=0).astype(float)
    errs = np.zeros(tests, dtype=bool)
    for day in range(days):
        n = np.full((tests, 5), a_day * (day + 1.0))
        sums = {name: np.zeros_like(n) for name in NAMES} | {"n": n, "y": hits[day], "yy": hits[day]}
        look = Look("always_valid", 0.05, n / planned, n[:, 1:] / planned)
        errs |= compare_proportions(Table(sums), 0, look, ["holm"] * tests).is_significant.any(axis=1)
    assert_at_most(float(errs.mean()), 0.05, tests)


def test_wrong_winners_are_rare_and_those_that_are_chosen_say_that_they_are_not_proven() -> None:
    """A true lift of 10 to 12.5 % in B, 1,000 people an arm: who is called the winner at the deadline?"""
    tests = 2_000 if FULL else 100
    rng = random(13)
    design = Design((Arm("a"), Arm("b")), "a", "click", inference="fixed")
    proven = {"a": 0, "b": 0}
    chosen = {"a": 0, "b": 0}
    for _ in range(tests):
        hits = rng.binomial(1000, [0.1, 0.125])
        moments = {key: {"click": Moments.of_proportion(1000, int(hits[at]))} for at, key in enumerate("ab")}
        verdict = decide(design, analyse(design, Observed({"a": 1000, "b": 1000}, moments)), Rule(), True)
        (proven if verdict.is_proven else chosen)[verdict.arm] += 1
        assert verdict.is_proven == (verdict.kind == "winner")
    print(f"of {tests:,}: proven {proven}, chosen {chosen}")
    assert proven["a"] / tests < 0.005
    assert (proven["b"] + chosen["b"]) / tests > 0.93
