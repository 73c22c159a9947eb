"""Under test: what the monitor says: "proven" and "chance to be best" are two statements, and neither is overstated.

The first figures are those of the requirement's own mock-up, which calls 23 of 123 against 31 of 122 a winner.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from apps.screens.experiments import telling
from apps.screens.experiments.bands import Point, bands, hour_label, point_of, rounded_up, summary_of
from apps.screens.experiments.judging import in_the_making
from apps.screens.experiments.standing import plain, standing_of
from apps.screens.experiments.suggesting import suggest
from apps.screens.experiments.verdicts import verdict_words
from apps.screens.experiments.wording import chance_of, difference_of, relative_of, span_of, value_of
from dmat.experiments.analysis import analyse
from dmat.experiments.moments import Moments
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.records import Decision, LogLine
from dmat.experiments.results import Observed
from dmat.experiments.snapshots import design_of

NOW = datetime(2026, 11, 20, 14, 5)
PLAN = parse_test_plan(
    {
        "name": "Sale", "kind": "subject", "campaign_id": 7, "step": "mail", "duration_hours": 4, "test_share": 0.2,
        "arms": [{"key": "a", "name": "Friendly", "share": 0.5},
                 {"key": "b", "name": "Saving", "share": 0.5, "overrides": {"subject": "Save"}}],
    }
)  # fmt: skip


def seen(people, clicks, unsubscribed=(0, 0), plan=PLAN):
    """An analysis of so many people and clicks in each arm."""
    arms = plan.arm_keys
    moments = {
        arm: {
            "click": Moments.of_proportion(people[at], clicks[at]),
            "unsubscribe": Moments.of_proportion(people[at], unsubscribed[at]),
            "complaint": Moments.of_proportion(people[at], 0),
        }
        for at, arm in enumerate(arms)
    }
    return analyse(design_of(plan), Observed(dict(zip(arms, people, strict=True)), moments))


def running(**changes):
    card = vars(in_the_making(PLAN, 1, NOW)) | {"status": "running"} | changes
    return type(in_the_making(PLAN, 1, NOW))(**card)


def decision(kind="winner", arm="b", reason="B is better"):
    return Decision(kind, arm, reason, None, "", NOW, "ana@example.com")


MOCK_UP = ((123, 122), (23, 31))


def test_the_mock_up_of_the_requirement_has_no_winner_yet_and_says_what_would_settle_it():
    headline = telling.headline_of(running(), seen(*MOCK_UP), None)
    assert headline.title == "No winner yet."
    assert "Saving is ahead of Friendly by 6.7 points" in headline.words
    assert "can still be chance" in headline.words
    assert "About 475 more people per variant" in headline.words
    assert "95" not in headline.words


def test_proven_and_chance_to_be_best_are_two_statements():
    analysis = seen(*MOCK_UP)
    proven, bet = telling.is_proven(analysis), telling.best_bet(analysis)
    assert proven.answer == "Not yet"
    assert "still includes none at all" in proven.words
    assert bet.answer == "Saving, 90%"
    assert "a bet, not a proof" in bet.words
    rows = telling.rows_of(analysis, "click", PLAN)
    assert [row.chance_words for row in rows] == ["10%", "90%"]
    assert [row.is_proven for row in rows] == [False, False]
    assert rows[1].difference == "+6.7 points"
    assert rows[0].is_control


def test_small_tests_are_said_to_exaggerate_and_large_ones_are_not():
    assert "exaggerate" in telling.caution_of(seen(*MOCK_UP))
    assert telling.caution_of(seen((5000, 5000), (300, 420))) == ""


def test_a_difference_that_is_proven_is_told_with_both_rates():
    analysis = seen((5000, 5000), (300, 420))
    headline = telling.headline_of(running(), analysis, None)
    assert headline.title == "Saving is better."
    assert headline.tone == "success"
    assert "click rate of 8.4%" in headline.words
    assert telling.is_proven(analysis).answer == "Yes"
    assert telling.rows_of(analysis, "click", PLAN)[1].is_proven


def test_when_all_others_are_proven_to_be_worse_the_first_stays():
    headline = telling.headline_of(running(), seen((5000, 5000), (420, 300)), None)
    assert headline.title == "Friendly is the best."
    assert telling.is_proven(seen((5000, 5000), (420, 300))).tone == "danger"


def test_people_who_are_not_split_as_planned_take_every_verdict_away():
    analysis = seen((820, 1180), (61, 140))
    headline = telling.headline_of(running(), analysis, None)
    assert headline.title == "Do not trust these figures."
    assert "820 and 1,180 people have the variants where 1,000 and 1,000 were planned" in headline.words
    assert telling.is_proven(analysis).answer == "Cannot be said"
    assert telling.best_bet(analysis).answer == "Choose nothing"
    assert not any(row.is_proven for row in telling.rows_of(analysis, "click", PLAN))
    assert verdict_words(analysis).startswith("Do not trust these figures.")
    assert telling.health_of(analysis) == []


def test_before_anybody_is_in_it_nothing_is_said():
    analysis = seen((0, 0), (0, 0))
    assert telling.headline_of(running(), analysis, None).title == "No figures yet."
    assert telling.is_proven(analysis).answer == "Too early"
    assert telling.best_bet(analysis).answer == "Too early"
    assert verdict_words(analysis) == "There is nothing to compare yet."


@pytest.mark.parametrize(
    ("kind", "title"),
    [("winner", "Saving won."), ("chosen", "Saving was chosen; it is not proven to be better."),
     ("manual", "Saving was chosen by hand."), ("stopped", "Stopped without a winner.")],
)  # fmt: skip
def test_a_decision_says_whether_it_was_proven_chosen_or_made_by_hand(kind, title):
    arm = "" if kind == "stopped" else "b"
    assert telling.headline_of(running(status="decided"), None, decision(kind, arm)).title == title


def test_a_guardrail_that_got_worse_comes_first_with_its_rates():
    guards = telling.guards_of(seen((4000, 4000), (300, 310), (8, 60)))
    assert guards[0].tone == "danger"
    assert guards[0].title == "Unsubscribe rate got worse"
    assert "Saving 1.5% against 0.20%" in guards[0].words
    assert guards[1].title.startswith("Complaint rate")


def test_the_list_says_how_each_test_stands():
    assert standing_of(in_the_making(PLAN, 1, NOW)) == "Not started yet."
    assert standing_of(running()) == "Waits for its message to leave."
    assert standing_of(running(), 245, "Saving is ahead.") == "Saving is ahead."
    assert standing_of(running(status="paused", status_reason="a wrong price")) == "Paused: a wrong price."
    over = running(status="decided", winner="b")
    assert standing_of(over, decision=decision("manual", "b", "The sale ends")) == (
        "Saving was chosen by hand. The sale ends."
    )
    assert standing_of(running(status="stopped", status_reason="sold out")) == "Sold out."


def test_reasons_lose_their_brackets_of_statistics_and_keep_the_others():
    said = "B is ahead (95 % interval -13.1 to +26.3 points, p = 0.945). It is cheap (half the price)."
    assert plain(said) == "B is ahead. It is cheap (half the price)."


def test_after_a_winner_the_next_thing_is_tried_and_after_none_something_bolder_or_more_people():
    over = running(status="decided", winner="b")
    after = suggest(over, decision(), seen((5000, 5000), (300, 420)))
    assert after.title == "Call to action"
    assert "campaign=7" in after.link
    again = suggest(over, decision("chosen"), seen(*MOCK_UP))
    assert again.title == "The same again, on more people"
    assert again.link == "/experiments?again=1"
    bolder = suggest(over, decision("chosen"), seen((5000, 5000), (300, 301)))
    assert bolder.title == "Something bolder"
    softer = suggest(over, decision(), seen((4000, 4000), (300, 450), (8, 60)))
    assert softer.title == "A softer version of the same"
    assert suggest(running(), None, seen(*MOCK_UP)) is None


def test_lines_of_the_log_are_sentences():
    assert telling.log_words(LogLine(NOW, "ana", "running", "draft -> running", {})) == "Started."
    assert telling.log_words(LogLine(NOW, "ana", "paused", "wrong price", {})) == "Paused: Wrong price."


def test_an_interval_without_limits_is_told_as_too_early_and_drawn_within_the_chart():
    analysis = seen(*MOCK_UP)
    inf = float("inf")
    arms = tuple(replace(arm, low=-inf, high=inf) for arm in analysis.arms)
    early = replace(
        analysis, arms=arms, comparisons=tuple(replace(c, low=-inf, high=inf) for c in analysis.comparisons)
    )
    assert telling.is_proven(early).answer == "Too early"
    row = telling.rows_of(early, "click", PLAN)[1]
    assert (row.start, row.end) == (0, 100)
    assert row.between == "no limit to no limit"
    points = [point_of(1, early, "click"), point_of(2, early, "click")]
    json.dumps(bands(points, {"a": "A", "b": "B"}, "click", ""), allow_nan=False)


# -- the chart -----------------------------------------------------------------------------------------------------


def test_bands_are_as_wide_as_the_intervals_and_never_flatten_the_lines():
    points = [point_of(1, seen((20, 20), (4, 6)), "click"), point_of(2, seen(*MOCK_UP), "click")]
    names = {"a": "Friendly", "b": "Saving"}
    options = bands(points, names, "click", "what it shows")
    drawn = {each["name"]: each["data"] for each in options["series"]}
    low, high = points[1].arms["b"][1] * 100, points[1].arms["b"][2] * 100
    assert drawn["b from"][1] == pytest.approx(low, abs=1e-3)
    assert drawn["b to"][1] == pytest.approx(min(high, options["yAxis"]["max"]) - low, abs=1e-3)
    assert options["yAxis"]["max"] >= max(drawn["Saving"])
    assert max(drawn["b from"][0] + drawn["b to"][0], 0) <= options["yAxis"]["max"] + 1e-6
    assert summary_of(points, names, "click") == "Click rate after 2 h: Friendly 18.70%, Saving 25.41%."


def test_a_course_without_figures_is_drawn_as_nothing():
    assert bands([Point(1, {})], {"a": "A"}, "click", "")["yAxis"]["max"] > 0
    assert summary_of([], {}, "click") == "Click rate: no figures yet."


@pytest.mark.parametrize(("top", "end"), [(11.4, 12), (46, 60), (0.31, 0.32), (100, 100), (7, 8)])
def test_an_axis_ends_with_a_round_number(top, end):
    assert rounded_up(top) == pytest.approx(end)


@pytest.mark.parametrize(
    ("hours", "label"), [(0.5, "30 min"), (1.9167, "1:55 h"), (5, "5 h"), (30, "30 h"), (84, "3.5 d")]
)
def test_moments_of_a_test_have_short_labels(hours, label):
    assert hour_label(hours) == label


# -- words ---------------------------------------------------------------------------------------------------------


def test_chances_never_claim_to_be_certain():
    assert chance_of(0.9999999) == "above 99%"
    assert chance_of(0.0) == "below 1%"
    assert chance_of(0.896) == "90%"
    assert chance_of(None) == "–"


def test_small_rates_keep_their_digits_and_money_is_money():
    assert value_of("unsubscribe", 0.0004) == "0.04%"
    assert value_of("click", 0.187) == "18.7%"
    assert value_of("revenue", 412, "EUR") == "€4.12"
    assert difference_of("click", -0.01) == "−1.0 point"
    assert difference_of("revenue", -40, "EUR") == "−€0.40"
    assert relative_of(0.36) == "+36%"
    assert relative_of(float("inf")) == "–"


def test_lengths_of_time_are_told_in_the_largest_fitting_unit():
    assert [span_of(each) for each in (1, 4, 48, 72, 168, 672, None)] == [
        "1 hour", "4 hours", "2 days", "3 days", "1 week", "4 weeks", "no limit",
    ]  # fmt: skip


@pytest.mark.parametrize("inference", ["fixed", "group_sequential"])
def test_a_test_that_is_judged_at_its_end_proves_nothing_before(inference):
    plan = PLAN.model_copy(update={"inference": inference})
    analysis = seen((1_000, 1_000), (100, 200), plan=plan)
    test = running()
    assert telling.is_preview(test, analysis)
    assert telling.headline_of(test, analysis, None).title == "Not judged yet."
    assert telling.is_proven(analysis, preview=True).answer == "Not judged yet"
    assert not any(row.is_proven for row in telling.rows_of(analysis, "click", plan, preview=True))
    assert telling.rows_of(analysis, "click", plan)[1].is_proven
    assert not telling.is_preview(running(status="deciding"), analysis)
    assert verdict_words(analysis, preview=True) == (
        "Saving is ahead of Friendly by 10.0 points so far. It is judged at its planned time; nothing counts as proven"
        " before."
    )
    assert not telling.is_preview(test, seen((1_000, 1_000), (100, 200)))
