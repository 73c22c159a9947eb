"""Under test: the list of tests, what was learned, and what so many people can find out before the start."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from apps.context import Pulse
from apps.screens.experiments.judging import in_the_making
from apps.screens.experiments.listing import Known, ListState, lesson_of, list_tests
from apps.screens.experiments.patterns import document_of, pattern_of
from apps.screens.experiments.powering import Usual, calculate, people_of, rough, sentences_of, usual_from
from apps.screens.experiments.previewing import changes_of
from apps.screens.home.needs import Waiting, list_needs
from dmat.experiments.history import Baseline
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.records import Decision

NOW = datetime(2026, 11, 20, 14, 5)


def a_test(number=1, name="Sale", **changes):
    plan = parse_test_plan(
        {
            "name": name, "kind": "subject", "campaign_id": 7, "step": "mail", "duration_hours": 4, "test_share": 0.2,
            "arms": [{"key": "a", "name": "Friendly", "share": 0.5},
                     {"key": "b", "share": 0.5, "overrides": {"subject": "Only today"}}],
        }
    )  # fmt: skip
    made = in_the_making(plan, number, NOW)
    return type(made)(**(vars(made) | changes))


def test_the_list_is_narrowed_by_status_and_by_words_of_variants_and_campaign():
    tests = [a_test(1), a_test(2, "Other", status="running", deadline_at=NOW + timedelta(hours=2))]
    names = {7: "Winter news"}

    def found(**narrowed):
        return [row.test.experiment_id for row in list_tests(tests, {}, names, ListState(**narrowed), NOW).rows]

    assert found() == [1, 2]
    assert found(status="running") == [2]
    assert found(search="only TODAY winter") == [1, 2]
    assert found(search="other") == [2]
    assert found(search="summer") == []


def test_a_row_says_what_is_compared_how_it_stands_and_how_much_time_is_left():
    running = a_test(2, status="running", deadline_at=NOW + timedelta(hours=2))
    known = {2: Known(245, "B is ahead.")}
    listed = list_tests([running], known, {7: "Winter news"}, ListState(), NOW)
    row = listed.rows[0]
    assert row.arms == (("A", "Friendly"), ("B", "“Only today”"))
    assert (row.people, row.says, row.left) == (245, "B is ahead.", timedelta(hours=2))
    assert row.campaign == "Winter news"


def test_tests_that_wait_for_a_decision_are_told_first_whatever_the_list_is_narrowed_to():
    deciding = a_test(3, status="deciding", verdict={"reason": "The test is over without a winner."})
    listed = list_tests([a_test(1), deciding], {}, {}, ListState(status="draft"), NOW)
    assert [row.test.experiment_id for row in listed.rows] == [1]
    assert [row.says for row in listed.waiting] == ["The test is over without a winner."]


def test_what_was_learned_is_what_somebody_wrote_down_or_else_the_reason_of_the_decision():
    decision = Decision("manual", "b", "The sale ends", None, "", NOW, "ana@example.com")
    over = a_test(4, status="decided", winner="b")
    assert lesson_of(over, decision, "").says == "The sale ends"
    assert lesson_of(over, decision, "").winner == "B"
    assert lesson_of(a_test(4, status="decided", learning="Naming the day works"), decision, "").says == (
        "Naming the day works"
    )


def test_home_tells_of_tests_that_wait_for_a_decision_and_of_those_that_ended():
    waiting = Waiting(deciding=((3, "Sale", "Choose."),), finished=((4, "News", "B won."),))
    needs = list_needs(None, None, Pulse(None), NOW, waiting)
    assert [(need.what, need.link) for need in needs[:2]] == [
        ("Sale waits for your decision", "/experiments?id=3"), ("News is decided", "/experiments?id=4"),
    ]  # fmt: skip
    assert [need.tone for need in needs[:2]] == ["warning", "success"]


# -- before the start ----------------------------------------------------------------------------------------------


def test_people_of_the_test_are_a_share_of_the_audience_and_at_most_the_sample():
    document = document_of(pattern_of("subject"))
    assert people_of(document, 1247) == (249, 124)
    assert people_of(document | {"sample_per_arm": 50}, 1247) == (100, 50)
    assert people_of(document | {"sample_per_arm": 50}, None) == (100, 50)
    assert people_of(document, None) == (None, None)


def test_the_mock_up_of_the_requirement_is_told_that_its_test_is_small():
    document = document_of(pattern_of("subject")) | {"mde": 0.067, "inference": "fixed"}
    found = calculate(document, Usual(0.187, None, ""), 124)
    assert found.chance < 0.3
    assert 550 < found.needed < 650
    assert 0.13 < found.detectable < 0.17
    said = sentences_of(document, found, 249, 124, 1247)
    assert said[0].startswith("With 249 people in the test, 124 per variant, you can find a difference of")
    assert "each variant needs about" in said[1]
    assert said[2] == f"Put {2 * found.needed / 1247:.0%} of the audience into the test to be able to find it."


def test_an_audience_that_is_too_small_is_told_what_to_do_instead():
    document = document_of(pattern_of("subject"))
    found = calculate(document, rough("click"), 10)
    assert "compare versions that differ more" in sentences_of(document, found, 20, 10, 104)[-1]


def test_a_test_with_enough_people_is_told_so():
    document = document_of(pattern_of("subject")) | {"mde": 0.05}
    found = calculate(document, Usual(0.2, None, ""), 20_000)
    assert found.chance > 0.99
    assert sentences_of(document, found, 40_000, 20_000, 200_000)[1].endswith(": enough.")


def test_a_measure_where_less_is_better_looks_for_a_smaller_value():
    document = document_of(pattern_of("frequency")) | {"primary": "unsubscribe"}
    found = calculate(document, Usual(0.02, None, ""), 20_000)
    assert 0 < found.detectable < 0.02
    said = sentences_of(document, found, 40_000, 20_000, None)[0]
    assert "2.0% against 1." in said


def test_a_test_shorter_than_people_take_to_react_is_told_to_run_longer():
    document = document_of(pattern_of("subject")) | {"duration_hours": 4}
    found = calculate(document, Usual(0.2, None, ""), 500)
    assert "within 9 hours" in sentences_of(document, found, 1000, 500, 5000, 8.2)[-1]
    assert "Nine of ten" not in " ".join(sentences_of(document | {"duration_hours": 24}, found, 1000, 500, 5000, 8.2))


def test_where_a_usual_value_comes_from_is_said():
    found = Baseline("click", 1247, 0.187, 0.39, 0.6, 8.0, 0.0, NOW - timedelta(days=90), NOW)
    assert usual_from(found, "of these people").basis == (
        "From the last messages of these people in the last 90 days: 1,247 people."
    )
    assert "rough value" in rough("click").basis


def test_money_without_a_history_promises_nothing():
    document = document_of(pattern_of("subject")) | {"primary": "revenue"}
    found = calculate(document, rough("revenue"), 500)
    assert (found.needed, found.detectable, found.chance) == (None, None, None)
    assert sentences_of(document, found, 1000, 500, 5000) == ()


def test_a_difference_that_no_rate_can_have_is_left_out_instead_of_failing():
    document = document_of(pattern_of("subject")) | {"mde": 0.9}
    assert calculate(document, Usual(0.3, None, ""), 500).needed is None


@pytest.mark.parametrize(
    ("given", "words"),
    [({"subject": "Now"}, "“Now”"), ({"template": "t", "time": "18:00"}, "template Sale mail, at 18:00"),
     ({"steps": ["mail", "text"]}, "2 messages: Announcement, text"), ({}, "")],
)  # fmt: skip
def test_what_a_variant_changes_is_told_by_name(given, words):
    assert changes_of(given, {"t": "Sale mail"}, {"mail": "Announcement"}) == words
