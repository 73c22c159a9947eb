"""Under test: the analysis of a test, its health, its words, and the decision by rule."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmat.errors import InvalidInputError
from dmat.experiments import words
from dmat.experiments.analysis import Analysis, Arm, Design, Observed, analyse, breakdown
from dmat.experiments.bandit import allocate, weighted_mean
from dmat.experiments.decide import Rule, decide
from dmat.experiments.health import sample_ratio
from dmat.experiments.metrics import METRICS, Metric, find_metric
from dmat.experiments.moments import Moments

P = Moments.of_proportion
TWO = (Arm("a", "A"), Arm("b", "B"))
INFERENCES = ("fixed", "always_valid", "group_sequential")


def two(a: tuple[int, int], b: tuple[int, int], metric: str = "click", **plan: object) -> tuple[Design, Analysis]:
    """A test of two arms: (hits, people) each."""
    design = Design(TWO, "a", metric, **({"inference": "fixed"} | plan))
    seen = Observed({"a": a[1], "b": b[1]}, {"a": {metric: P(a[1], a[0])}, "b": {metric: P(b[1], b[0])}})
    return design, analyse(design, seen)


def test_the_requirements_mock_up_has_no_winner_and_says_how_many_more_people_it_takes() -> None:
    _, found = two((23, 123), (31, 122))
    clicks = found.comparison("b")
    assert clicks.p == pytest.approx(0.205, abs=5e-4)
    assert not clicks.is_significant
    assert clicks.probability_better == pytest.approx(0.896, abs=5e-4)
    assert found.current_power == pytest.approx(0.24, abs=0.005)
    assert "B is ahead of A by 6.7 points" in found.sentence
    assert "could still be chance" in found.sentence
    assert "No winner yet: about 475 more people per arm would settle it." in found.sentence
    assert "95 %" not in found.sentence.replace("95 % interval", "")


def test_the_requirements_second_example_is_chance_as_well() -> None:
    design, found = two((142, 500), (156, 500), "open_human")
    assert found.comparison("b").p == pytest.approx(0.333, abs=5e-4)
    assert decide(design, found, Rule(at_deadline="keep_control", metric_reason="a newsletter"), True).kind == "none"


def test_watched_all_along_the_mock_up_needs_more_people_than_for_one_look() -> None:
    _, found = two((23, 123), (31, 122), inference="always_valid", planned_n_per_arm=600)
    assert found.people_needed_at_once == 477
    assert found.people_needed_per_arm is not None
    assert found.people_needed_per_arm > 900
    assert "about 475 more people per arm would settle it in one look at the end" in found.sentence


counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=150, deadline=None)
@given(st.lists(counts, min_size=2, max_size=4), st.sampled_from(INFERENCES))
def test_p_difference_and_lift_give_one_verdict_for_rates(arms: list[tuple[int, int]], inference: str) -> None:
    keys = [chr(ord("a") + at) for at in range(len(arms))]
    design = Design(tuple(Arm(key) for key in keys), "a", "click", inference=inference)
    seen = Observed(
        {key: n for key, (_, n) in zip(keys, arms, strict=True)},
        {key: {"click": P(n, hits)} for key, (hits, n) in zip(keys, arms, strict=True)},
    )
    for one in analyse(design, seen).comparisons:
        assert one.is_significant == (one.low > 0 or one.high < 0)
        assert one.is_significant == (one.lift_low > 0 or one.lift_high < 0)
        assert one.is_significant == (one.p <= one.level)
        assert one.is_significant == (one.p_adjusted <= design.alpha) or one.p_adjusted == pytest.approx(0.05)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(INFERENCES), st.sampled_from(["mean", "ratio"]), st.booleans())
def test_p_difference_and_lift_give_one_verdict_for_means(seed: int, inference: str, kind: str, has_past: bool) -> None:
    rng = np.random.default_rng(seed)
    metric = Metric("spend", "spend", kind, unit="cents")
    design = Design(TWO, "a", "spend", inference=inference, extra_metrics=(metric,), planned_n_per_arm=60)
    moments = {}
    for key, scale in (("a", 1.0), ("b", rng.choice([0.5, 1.0, 1.6]))):
        n = int(rng.integers(5, 120))
        x = rng.poisson(1, n) + 1.0
        moments[key] = {
            "spend": Moments.of_values(x * rng.gamma(1, scale, n), x, rng.gamma(1, 1, n) if has_past else None)
        }
    one = analyse(design, Observed({"a": 60, "b": 60}, moments)).comparison("b")
    assert one.is_significant == (one.low > 0 or one.high < 0)
    assert one.is_significant == (one.lift_low > 0 or one.lift_high < 0)


def test_small_counts_are_tested_exactly() -> None:
    _, found = two((0, 30), (5, 30))
    one = found.comparison("b")
    assert one.method == "exact"
    assert one.p == pytest.approx(0.0522, abs=5e-4)
    assert not one.is_significant
    assert one.low <= 0


def test_five_arms_are_one_family_by_name() -> None:
    arms = tuple(Arm(key) for key in "abcde")
    hits = {"a": 100, "b": 134, "c": 130, "d": 100, "e": 99}
    seen = Observed(dict.fromkeys("abcde", 1000), {key: {"click": P(1000, count)} for key, count in hits.items()})
    found = analyse(Design(arms, "a", "click", inference="fixed"), seen)
    assert found.family == "Holm over the 4 comparisons with A on clicked"
    one = found.comparison("b")
    assert one.p < 0.05 < one.p_adjusted
    assert not one.is_significant
    assert one.low < 0 < one.high
    assert sum(found.arm(key).probability_best for key in "abcde") == pytest.approx(1)


def test_nothing_seen_is_an_answer() -> None:
    design = Design(TWO, "a", "click")
    found = analyse(design, Observed({}, {}))
    assert "Not enough data" in found.sentence
    assert found.comparison("b").p is None
    assert decide(design, found, Rule(), False).kind == "wait"
    assert decide(design, found, Rule(), True).kind == "ask"


def test_other_names_of_a_metric_mean_the_same_metric() -> None:
    _, found = two((10, 100), (12, 100), "ctr")
    assert found.primary == "click"
    assert find_metric("read_rate") is METRICS["read"]
    with pytest.raises(InvalidInputError, match="metric"):
        find_metric("happiness")


def test_a_guardrail_that_is_harmed_keeps_an_arm_from_winning() -> None:
    design = Design(TWO, "a", "click", ("unsubscribe",), inference="fixed")
    seen = Observed(
        {"a": 5000, "b": 5000},
        {
            "a": {"click": P(5000, 200), "unsubscribe": P(5000, 10)},
            "b": {"click": P(5000, 300), "unsubscribe": P(5000, 60)},
        },
    )
    found = analyse(design, seen)
    assert [verdict.kind for verdict in found.guardrails] == ["worse"]
    decided = decide(design, found, Rule(), True)
    assert decided.kind == "chosen"
    assert decided.arm == "a"
    assert "worse than A on unsubscribed" in decided.reason


def test_a_guardrail_is_safe_only_when_harm_beyond_the_margin_is_excluded() -> None:
    design = Design(TWO, "a", "click", ("complaint",), inference="fixed", guardrail_margin=0.2)
    for n, kind in ((1_000, "unclear"), (1_000_000, "safe")):
        moments = {key: {"click": P(n, n // 10), "complaint": P(n, n // 100)} for key in "ab"}
        assert analyse(design, Observed({"a": n, "b": n}, moments)).guardrails[0].kind == kind


@pytest.mark.parametrize(
    ("counts_", "level"), [((5000, 5000), "ok"), ((44700, 45489), "warn"), ((821588, 815482), "block"), ((3, 9), "ok")]
)
def test_a_sample_ratio_warns_below_one_percent_and_blocks_below_one_in_a_thousand(
    counts_: tuple[int, int], level: str
) -> None:
    assert sample_ratio(counts_, (1, 1)).level == level


def test_a_sample_ratio_far_off_still_has_a_p() -> None:
    assert 0 < sample_ratio((60_000, 40_000), (1, 1)).p < 1e-300 or sample_ratio((60_000, 40_000), (1, 1)).p == 0
    assert 0 < sample_ratio((51_800, 48_200), (1, 1)).p < 1e-28


def test_an_unhealthy_test_is_not_decided() -> None:
    design = Design(TWO, "a", "click", inference="fixed")
    seen = Observed({"a": 5000, "b": 4000}, {"a": {"click": P(5000, 100)}, "b": {"click": P(4000, 300)}})
    found = analyse(design, seen)
    assert found.health_level == "block"
    assert found.sentence.startswith("Do not use this result")
    decided = decide(design, found, Rule(), True)
    assert decided.kind == "blocked"
    assert decided.arm is None


def test_people_in_two_arms_and_early_conversions_are_found() -> None:
    design = Design(TWO, "a", "click")
    moments = {key: {"click": P(1000, 50)} for key in "ab"}
    found = analyse(design, Observed({"a": 1000, "b": 1000}, moments, crossovers=40, early_conversions=60))
    levels = {finding.check: finding.level for finding in found.health}
    assert levels["crossover"] == "block"
    assert levels["early_conversions"] == "warn"


def test_unequal_chances_of_a_bandit_are_no_fault_of_the_sample_ratio() -> None:
    design = Design(TWO, "a", "click")
    seen = Observed({"a": 300, "b": 700}, {key: {"click": P(300, 20)} for key in "ab"})
    assert analyse(design, seen).health_level == "block"
    assert analyse(design, replace(seen, expected={"a": 310.0, "b": 690.0})).health_level != "block"


def test_a_winner_on_opens_alone_asks_a_human_unless_somebody_said_why() -> None:
    design, found = two((200, 2000), (300, 2000), "open_human")
    asked = decide(design, found, Rule(), True)
    assert (asked.kind, asked.arm) == ("ask", "b")
    assert "opens alone" in asked.reason
    told = decide(design, found, Rule(metric_reason="the subject is all that differs"), True)
    assert told.kind == "winner"
    assert "opens alone" in told.reason
    assert "the subject is all that differs" in told.reason


def test_a_proven_winner_is_decided_before_the_end_and_a_human_is_asked_when_the_rule_says_so() -> None:
    design, found = two((100, 2000), (200, 2000), inference="always_valid")
    assert decide(design, found, Rule(), False).kind == "winner"
    assert decide(design, found, Rule(auto=False), False).kind == "ask"
    assert decide(design, found, Rule(min_per_arm=3000), False).kind == "wait"


@pytest.mark.parametrize(
    ("at_deadline", "kind", "arm"), [("choose_best", "chosen", "b"), ("keep_control", "none", "a"), ("ask", "ask", "b")]
)
def test_without_a_winner_the_deadline_decides_and_never_calls_it_proven(at_deadline: str, kind: str, arm: str) -> None:
    design, found = two((23, 123), (31, 122))
    assert decide(design, found, Rule(at_deadline=at_deadline), False).kind == "wait"
    decided = decide(design, found, Rule(at_deadline=at_deadline), True)
    assert (decided.kind, decided.arm, decided.is_proven) == (kind, arm, False)
    if kind == "chosen":
        assert "chosen, not proven" in decided.reason


def test_a_loss_too_small_to_care_about_ends_a_test_as_chosen_not_proven() -> None:
    design, found = two((1000, 10_000), (1005, 10_000))
    assert decide(design, found, Rule(), False).kind == "wait"
    decided = decide(design, found, Rule(caring_threshold=0.005), False)
    assert decided.kind == "chosen"
    assert "chosen, not proven" in decided.reason


def test_a_control_that_beats_all_others_wins() -> None:
    design, found = two((300, 2000), (200, 2000))
    decided = decide(design, found, Rule(), True)
    assert (decided.kind, decided.arm, decided.is_proven) == ("winner", "a", True)


def test_segments_are_exploratory_and_one_family() -> None:
    design = Design(TWO, "a", "click", inference="fixed")
    groups = {
        f"group {at}": Observed({"a": 500, "b": 500}, {"a": {"click": P(500, 50)}, "b": {"click": P(500, hits)}})
        for at, hits in enumerate((72, 50, 51, 49, 50, 52))
    }
    alone = analyse(design, groups["group 0"]).comparison("b")
    found = breakdown(design, groups)
    assert alone.is_significant
    assert not found["group 0"].comparison("b").is_significant
    assert all(part.is_exploratory and "Exploratory" in part.sentence for part in found.values())


def test_a_bandit_gives_more_to_the_better_arm_and_a_floor_to_each() -> None:
    start = allocate({"a": P(5, 1), "b": P(5, 0)}, "experiment:1:batch:0")
    assert dict(start) == {"a": 0.5, "b": 0.5}
    later = allocate({"a": P(500, 30), "b": P(500, 60)}, "experiment:1:batch:1")
    assert sum(later.values()) == pytest.approx(1)
    assert later["b"] > 0.9
    assert later["a"] >= 0.05


def test_a_bandit_draws_the_same_arm_for_the_same_person_and_logs_the_chance() -> None:
    shares = allocate({"a": P(100, 10), "b": P(100, 12), "c": P(100, 11)}, "experiment:1:batch:2")
    drawn = shares.draw(range(20_000))
    assert drawn == shares.draw(range(20_000))
    for arm, share in shares.items():
        assert np.mean([one == arm for one, _ in drawn]) == pytest.approx(share, abs=0.015)
    assert all(chance == shares[arm] for arm, chance in drawn)


def test_means_weighted_by_chances_are_right_where_plain_means_are_not() -> None:
    """People of a good day (rate 0.5) had a chance of 0.2, those of a bad day (0.1) of 0.8; as many came on each."""
    rng = np.random.default_rng(8)
    n = 40_000
    chance = np.where(np.arange(n) < n // 2, 0.2, 0.8)
    outcome = rng.random(n) < np.where(np.arange(n) < n // 2, 0.5, 0.1)
    taken = rng.random(n) < chance
    mean, error = weighted_mean(outcome[taken].astype(float), chance[taken], n)
    assert abs(mean - 0.3) < 4 * error
    assert abs(outcome[taken].mean() - 0.3) > 0.08


@pytest.mark.parametrize(("people", "said"), [(7, "7"), (477, "475"), (3688, "3,700"), (12_345, "12,500")])
def test_estimates_of_people_are_said_as_estimates(people: int, said: str) -> None:
    assert words.about(people) == said


@pytest.mark.parametrize(
    ("field", "plan"),
    [
        ("control", {"control": "z"}), ("arms", {"arms": (Arm("a"),)}), ("alpha", {"alpha": 1.0}),
        ("metric", {"primary": "joy"}), ("inference", {"inference": "peeking"}), ("family", {"family": "mine"}),
    ],
)  # fmt: skip
def test_a_design_that_cannot_be_is_refused_by_name(field: str, plan: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match=f"^{field}"):
        Design(**({"arms": TWO, "control": "a", "primary": "click"} | plan))


def test_moments_that_do_not_fit_are_refused_by_name() -> None:
    design = Design(TWO, "a", "click")
    with pytest.raises(InvalidInputError, match="moments"):
        analyse(design, Observed({}, {"z": {"click": P(10, 1)}}))
    with pytest.raises(InvalidInputError, match="click counts people"):
        analyse(design, Observed({}, {"a": {"click": Moments(10, 15, 30)}}))


def test_importing_the_statistics_loads_neither_scipy_nor_statsmodels_nor_pandas() -> None:
    code = (
        "import sys, dmat.experiments, dmat.experiments.analysis, dmat.experiments.decide, dmat.experiments.power;"
        "print([m for m in ('scipy', 'statsmodels', 'pandas', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("inference", INFERENCES)
def test_few_people_who_all_did_the_same_give_an_answer_and_no_certainty(inference: str) -> None:
    spend = Metric("spend", "spend", "mean", unit="cents")
    design = Design(TWO, "a", "spend", inference=inference, extra_metrics=(spend,))
    found = analyse(design, Observed({"a": 2, "b": 2}, {key: {"spend": Moments(2, 0, 0)} for key in "ab"}))
    one = found.comparison("b")
    assert not one.is_significant
    assert one.difference == 0
    assert one.low <= 0 <= one.high
    assert "level" in found.sentence


@pytest.mark.parametrize(("people", "hits", "is_adjusted"), [(90, 30, False), (2_000, 9, False), (2_000, 200, True)])
def test_a_rate_is_adjusted_by_the_past_only_where_there_is_enough_of_it(
    people: int, hits: int, is_adjusted: bool
) -> None:
    clicked = (np.arange(people) < hits).astype(float)
    past = {"a": clicked, "b": clicked + 1}
    moments = {arm: {"click": Moments.of_values(clicked, c=before)} for arm, before in past.items()}
    found = analyse(Design(TWO, "a", "click", inference="fixed"), Observed({"a": people, "b": people}, moments))
    assert (found.arm("b").rate != pytest.approx(hits / people)) == is_adjusted


def test_limits_that_are_not_known_are_no_numbers() -> None:
    _, found = two((0, 9), (1, 15), inference="always_valid")
    assert "inf" not in found.sentence
