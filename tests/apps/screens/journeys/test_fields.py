"""Under test: what was typed into the inspector becomes a value of the right kind, and nothing else can be changed."""

from __future__ import annotations

import pytest

from apps.screens.journeys import wording
from apps.screens.journeys.fields import fit_value, read_field, span_parts
from apps.screens.journeys.graph import explicit, ways_of
from apps.screens.journeys.judging import SETTINGS, fault_list, fault_of
from apps.screens.journeys.numbers import Numbers, on_way

WAIT = {"key": "a", "do": "wait", "for": "23h", "then": "end"}
BRANCH = {"key": "b", "do": "branch", "otherwise": "end", "cases": [{"go": "end", "when": {"kind": "all", "of": [
    {"kind": "value", "is": {"name": "total", "op": "one_of", "value": ["a"]}}]}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("step", "place", "typed", "value"),
    [
        (WAIT, "for#n", "5", "5h"), (WAIT, "for#u", "d", "23d"), (WAIT, "for#u", "years", "23h"),
        (WAIT, "for#n", "", None), (WAIT, "until_time", "", None), (WAIT, "weekday", "3", 3),
        (WAIT, "name", "A day later", "A day later"), ({"arms": [{"share": 0.5}]}, "arms.0.share", "30", 0.3),
        ({"data": {"points": 1}}, "data.points", "-5", -5), ({"trigger": {}}, "trigger.min_total_cents", "12.50", 1250),
        (BRANCH, "cases.0.when.of.0.is.value", "a, b", ["a", "b"]), ({"is": {}}, "is.value", "3.5", 3.5),
        ({"is": {}}, "is.value", "true", True), ({"is": {}}, "is.value", "007", "007"),
        ({"values": {}}, "values.discount_code", "TEN", "TEN"), ({"entry": {}}, "entry.one_at_a_time", False, False),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_a_value(step, place, typed, value):
    assert read_field(step, place, typed) == (True, place.partition("#")[0], value)


@pytest.mark.parametrize("place", ["steps", "steps.0.key.x", "__class__", "name.__dict__", "data..x", "values", "cases",
                                   "then", "goal", "arms.0.go", "a b", "x" * 400])  # fmt: skip
def test_other_places_cannot_be_changed(place):
    assert read_field({}, place, "x")[0] is False


def test_another_comparison_makes_the_value_fit():
    assert fit_value({"name": "n", "value": "a"}, "one_of")["value"] == ["a"]
    assert fit_value({"name": "n", "value": ["a", "b"]}, "equals")["value"] == "a"
    assert fit_value({"name": "n", "value": "x"}, "at_least")["value"] == 0


def test_spans_are_shown_as_number_and_unit():
    assert span_parts("23h") == ("23", "h")
    assert span_parts("") == ("", "d")


def test_a_fault_is_shown_at_its_step_in_words():
    keys = ["mail", "wait"]
    fault = fault_of("steps[0].template", "it is empty (allowed: a text, 1 to 100 characters)", keys)
    assert (fault.at, fault.what) == ("mail", "Message is missing.")
    assert fault_of("trigger.event", "there is no event 'x'", keys).at == ""
    assert fault_of("goal", "it has no goal", keys, is_blocking=False).at == SETTINGS
    found = fault_list([("goal", "none", False), ("steps[1]", "wrong", True), ("steps[1]", "wrong", True)], keys)
    assert [each.is_blocking for each in found] == [True, False]


@pytest.mark.parametrize(
    ("step", "title"),
    [
        ({"do": "wait", "for": "12h", "until_time": "09:00"}, "Wait 12 hours, then until 09:00"),
        ({"do": "wait", "until_time": "09:00", "weekday": 1}, "Wait until Monday, 09:00"),
        ({"do": "wait", "for": "3d", "until_event": {"event": "ordered"}}, "Until ordered, at most 3 days"),
        ({"do": "send", "channel": "sms", "template": "last-call"}, "Last call"),
        ({"do": "send", "channel": "sms", "template": ""}, "No message"),
        ({"do": "goal", "name": "Bought"}, "Bought"),
    ],
)
def test_a_step_says_what_it_does(step, title):
    assert wording.title_of(step) == title


def test_ways_and_starts_have_words():
    document = explicit({"steps": [BRANCH]})
    assert [wording.way_words(BRANCH, way) for way in ways_of(document["steps"][0])] == [
        "total is one of a",
        "all others",
    ]
    assert wording.trigger_words({"kind": "cart_abandoned", "after": "1h", "min_total_cents": 5000}) == (
        "A cart worth 50.00 or more is left for 1 hour"
    )
    assert wording.trigger_words({"kind": "date", "field": "birthday", "days_before": 3, "at": "09:00"}) == (
        "3 days before the birthday, at 09:00"
    )


def test_how_many_went_along_a_way_is_told_only_where_it_is_known():
    plan = explicit({"steps": [
        {"key": "a", "do": "wait", "for": "1d"},
        {"key": "b", "do": "branch", "otherwise": "d",
         "cases": [{"when": {"kind": "score", "at_least": 1}, "go": "c"}]},
        {"key": "c", "do": "goal"}, {"key": "d", "do": "goal"},
    ]})  # fmt: skip
    numbers = Numbers(came={"a": 9, "b": 8, "c": 3, "d": 7}, statuses={"waiting": 1, "completed": 8})
    told = {(step["key"], way.place): on_way(plan, step["key"], way, numbers)
            for step in plan["steps"] for way in ways_of(step)}  # fmt: skip
    assert told == {("a", "then"): 8, ("b", "cases.0.go"): 3, ("b", "otherwise"): None, ("c", "then"): None,
                    ("d", "then"): None}  # fmt: skip
    assert (numbers.entered, numbers.inside, numbers.ended) == (9, 1, 8)
