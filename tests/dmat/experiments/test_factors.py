"""Under test: two things tested at once: each effect and how they go together, by the test's inference, in words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dmat.experiments.factorial import two_by_two
from dmat.experiments.factors import TOO_EARLY, Factors, factors_of, levels_of
from dmat.experiments.moments import Moments
from dmat.experiments.plan import TestPlan, parse_test_plan
from dmat.experiments.results import Observed
from dmat.experiments.snapshots import design_of

ARMS = [
    {"key": key, "share": 0.25, "levels": {"Subject": subject, "Picture": picture}}
    for key, subject, picture in (
        ("a", "News", "Sea"), ("b", "Sale", "Sea"), ("c", "News", "Hills"), ("d", "Sale", "Hills"),
    )
]  # fmt: skip


def plan_of(**changes: Any) -> TestPlan:
    document = {
        "name": "Both", "kind": "factorial", "campaign_id": 1, "step": "mail", "duration_hours": 48, "arms": ARMS,
        "primary": "click", "guardrails": ["unsubscribe"], "inference": "fixed", "sample_per_arm": 2_000,
    }  # fmt: skip
    return parse_test_plan(document | changes)


def seen(plan: TestPlan, clicks: tuple[int, ...], people: int = 2_000) -> tuple[Factors, ...]:
    """Clicks of the arms a to d among so many people each; nobody unsubscribes."""
    moments = {
        arm: {"click": Moments.of_proportion(people, hits), "unsubscribe": Moments.of_proportion(people, 0)}
        for arm, hits in zip("abcd", clicks, strict=True)
    }
    return factors_of(plan, design_of(plan), Observed(dict.fromkeys("abcd", people), moments))


def test_the_levels_of_the_control_come_first_whatever_the_order_of_the_arms() -> None:
    levels = levels_of(plan_of(control="d"))
    assert levels is not None
    assert levels.levels == (("Sale", "News"), ("Hills", "Sea"))
    assert levels.arms == {(0, 0): "d", (1, 0): "c", (0, 1): "b", (1, 1): "a"}


def test_effects_are_means_over_both_levels_of_the_other_factor() -> None:
    """Rates 10, 14, 11 and 15 %: the subject does 4 points with either picture, the picture 1, together no more."""
    found = seen(plan_of(), (200, 280, 220, 300))[0]
    values = [found.effect(part).value for part in ("first", "second", "interaction")]  # type: ignore[union-attr]
    assert values == pytest.approx([0.04, 0.01, 0.0])
    subject, picture, both = found.effects
    assert (subject.factor, subject.before, subject.after) == ("Subject", "News", "Sale")
    assert (subject.is_significant, subject.is_better) == (True, True)
    assert not picture.is_significant
    assert not both.is_significant


def test_with_fixed_inference_intervals_and_p_are_those_of_the_textbook() -> None:
    found = seen(plan_of(), (200, 280, 220, 300))[0]
    cells = {(0, 0): 200, (1, 0): 280, (0, 1): 220, (1, 1): 300}
    wanted = two_by_two({cell: Moments.of_proportion(2_000, hits) for cell, hits in cells.items()})
    for part, effect in (("first", wanted.first), ("second", wanted.second), ("interaction", wanted.interaction)):
        told = found.effect(part)  # type: ignore[arg-type]
        assert told is not None
        assert (told.low, told.high, told.p) == pytest.approx((effect.low, effect.high, effect.p))


def test_watched_all_along_an_effect_takes_more_to_be_proven() -> None:
    """p of the picture is 0.03 in one look at the end; looked at whenever one likes that proves nothing."""
    clicks = (200, 280, 235, 310)
    once, always = seen(plan_of(), clicks)[0].effects[1], seen(plan_of(inference="always_valid"), clicks)[0].effects[1]
    assert once.is_significant
    assert not always.is_significant
    assert always.low < 0 < once.low
    assert always.p > 0.05 > once.p


def test_words_say_the_effect_its_interval_and_whether_that_is_chance() -> None:
    subject, picture, both = seen(plan_of(), (200, 280, 220, 300))[0].effects
    assert subject.sentence.startswith(
        "Subject: “Sale” instead of “News” changes “clicked” by +4.0 points (between +2.6 points and +5.4"
    )
    assert subject.sentence.endswith("on average over Picture; more than chance would do.")
    assert picture.sentence.endswith("this could still be chance.")
    assert "no sign that one works otherwise with the other" in both.sentence


def test_two_that_only_work_together_are_told_so() -> None:
    both = seen(plan_of(), (200, 200, 200, 400))[0].effect("interaction")
    assert both is not None
    assert both.value == pytest.approx(0.1)
    assert both.is_significant
    assert "do not simply add up, so judge the four combinations" in both.sentence


@pytest.mark.parametrize(("clicks", "people"), [((0, 0, 0, 0), 2_000), ((0, 0, 0, 0), 0), ((1, 0, 1, 0), 1)])
def test_before_there_is_enough_it_says_so_and_gives_no_effects(clicks: tuple[int, ...], people: int) -> None:
    found = seen(plan_of(), clicks, people)[0]
    assert (found.effects, found.sentence) == ((), TOO_EARLY)


def test_very_early_always_valid_intervals_have_no_limits_and_say_so() -> None:
    found = seen(plan_of(inference="always_valid"), (1, 0, 1, 2), 3)[0].effects[0]
    assert math.isinf(found.high)
    assert not found.is_significant
    assert "no limit" in found.sentence


def test_each_guardrail_has_its_effects_and_other_plans_have_none() -> None:
    assert [each.metric for each in seen(plan_of(), (200, 280, 220, 300))] == ["click", "unsubscribe"]
    plain = plan_of(kind="custom")
    assert factors_of(plain, design_of(plain), Observed({}, {})) == ()


def test_of_a_ratio_the_effect_is_one_of_ratios_not_of_means() -> None:
    """Revenue an order: 10.00 in each cell, of one or two orders a person; a mean a person would differ."""
    plan = plan_of(primary="order_value", guardrails=[])
    rng = [0.9, 1.1] * 50
    moments = {
        arm: {"order_value": Moments.of_values([1_000 * orders * each for each in rng], [orders] * 100)}
        for arm, orders in zip("abcd", (1, 2, 1, 2), strict=True)
    }
    found = factors_of(plan, design_of(plan), Observed(dict.fromkeys("abcd", 100), moments))[0]
    assert [each.value for each in found.effects] == pytest.approx([0, 0, 0], abs=1e-9)
