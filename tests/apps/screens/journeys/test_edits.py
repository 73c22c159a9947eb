"""Under test: whatever is put in, taken out, moved or led elsewhere, the journey still hangs together; layout of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_worlds import DOCUMENT

from apps.screens.journeys import edits, offering
from apps.screens.journeys.drawing import HEIGHT, draw
from apps.screens.journeys.graph import (
    START,
    compact,
    explicit,
    in_order,
    leading_to,
    loose,
    open_to,
    reached,
    step_of,
    ways_from,
    ways_of,
)
from dmat.errors import InvalidInputError, NotFoundError
from dmat.journeys.definition import as_document, definition_hash, find_faults, parse_definition
from dmat.journeys.playbook import list_playbooks
from dmat.journeys.steps import END

ADDABLE = [each.kind for each in offering.STEPS]


def plan(document=None):
    return explicit(document or as_document(parse_definition(DOCUMENT)))


def to(made, key, place="then"):
    return next(way.to for way in ways_from(made, key) if way.place == place)


def filled(made):
    """The same with what a new step lacks, so that it is whole."""
    for step in made["steps"]:
        if step["do"] == "send" and not step["template"]:
            step["template"] = "newsletter"
        if step["do"] == "create_task":
            step["data"] = {"title": "Call"}
        if step["do"] in ("add_tag", "remove_tag"):
            step["data"] = {"tag": "vip"}
        if step["do"] == "set_value":
            step["data"] = {"name": "shop", "value": "Paris"}
    return made


@pytest.mark.parametrize("playbook", list_playbooks(), ids=lambda each: each.key)
def test_a_definition_comes_back_as_it_was_from_its_explicit_form(playbook):
    document = as_document(playbook.definition)
    again = parse_definition(compact(explicit(document)))
    assert explicit(as_document(again)) == explicit(document)
    assert definition_hash(parse_definition(compact(explicit(as_document(again))))) == definition_hash(again)


def test_a_goal_that_is_as_by_default_is_a_goal_too():
    made = plan(as_document(parse_definition({**DOCUMENT, "goal": {"event": "ordered", "days": 7}})))
    assert made["goal"] == {"event": "ordered", "days": 7}
    assert "goal" not in plan()


def test_what_is_put_into_a_way_leads_to_what_came_there_before():
    made = edits.insert(plan(), "mail", "then", offering.new_step(plan(), "wait"))
    assert to(made, "mail") == "wait"
    assert to(made, "wait") == "a-day"


def test_what_is_put_behind_the_start_is_what_people_begin_with():
    made = edits.insert(plan(), START, START, offering.new_step(plan(), "goal"))
    assert to(made, START, START) == "goal"
    assert to(made, "goal") == "mail"
    assert parse_definition(compact(made)).steps[0].key == "goal"


def test_a_branch_that_is_put_in_leads_to_the_same_step_on_every_way():
    made = edits.insert(plan(), "mail", "then", offering.new_step(plan(), "branch"))
    assert {way.to for way in ways_from(made, "branch")} == {"a-day"}
    parse_definition(compact(made))


def test_who_came_to_a_step_that_is_gone_goes_on_behind_it():
    made = edits.remove(plan(), "a-day")
    assert to(made, "mail") == "opened"
    assert step_of(made, "a-day") is None


def test_a_branch_is_gone_with_what_only_it_led_to():
    made = edits.remove(plan(), "opened", keep="cases.0.go")
    assert to(made, "a-day") == "task"
    assert step_of(made, "sms") is None


def test_without_its_first_step_a_journey_begins_with_the_next():
    assert to(edits.remove(plan(), "mail"), START, START) == "a-day"


def test_the_last_step_that_is_there_can_go_too_and_the_fault_is_told():
    single = explicit({**DOCUMENT, "steps": [DOCUMENT["steps"][0]]})
    made = edits.remove(single, "mail")
    assert made["steps"] == []
    assert [fault.field for fault in find_faults(compact(made))] == ["steps"]


def test_a_step_is_taken_elsewhere_with_all_that_it_says():
    made = edits.move(plan(), "mail", "until", "then")
    assert (to(made, START, START), to(made, "until"), to(made, "mail")) == ("a-day", "mail", "reached")
    assert step_of(made, "mail")["template"] == "newsletter"


def test_a_step_with_several_ways_stays_where_it_is():
    with pytest.raises(InvalidInputError, match="several ways"):
        edits.move(plan(), "opened", "mail", "then")


def test_a_step_once_more_has_a_key_that_no_version_had():
    made, key = edits.duplicated(plan(), "mail", {"mail-2"})
    assert key == "mail-3"
    assert (to(made, "mail"), to(made, key)) == (key, "a-day")


def test_no_way_leads_back():
    with pytest.raises(InvalidInputError, match="lead back"):
        edits.lead(plan(), "arms", "arms.0.go", "mail")
    assert "mail" not in open_to(plan(), "arms")
    assert leading_to(plan(), "a-day") == {"mail", "a-day"}


def test_a_way_led_elsewhere_takes_out_what_nothing_leads_to_any_more():
    made = edits.lead(plan(), "arms", "arms.0.go", END)
    assert step_of(made, "last") is None


def test_cases_and_arms_come_and_go_and_some_stay():
    made = edits.with_case(plan(), "opened", {"kind": "score", "at_least": 1})
    assert [way.to for way in ways_from(made, "opened")] == ["task", "sms", "sms"]
    raised = edits.raised_case(made, "opened", 1)
    assert [way.to for way in ways_from(raised, "opened")] == ["sms", "task", "sms"]
    one = edits.without_case(edits.without_case(made, "opened", 1), "opened", 0)
    assert len(step_of(one, "opened")["cases"]) == 1
    three = edits.with_arm(plan(), "arms")
    assert [arm["share"] for arm in step_of(three, "arms")["arms"]] == [0.34, 0.33, 0.33]
    two = edits.without_arm(edits.without_arm(three, "arms", 2), "arms", 1)
    assert [arm["key"] for arm in step_of(two, "arms")["arms"]] == ["a", "b"]


def test_questions_are_put_together_turned_round_and_taken_away():
    made = edits.with_question(plan(), "opened", 0, {"kind": "score", "at_least": 5})
    turned = edits.negated(made, "opened", 0, 2)
    assert step_of(turned, "opened")["cases"][0]["when"]["of"][2]["kind"] == "not"
    assert edits.negated(turned, "opened", 0, 2) == made
    less = edits.without_question(edits.without_question(made, "opened", 0, 2), "opened", 0, 1)
    assert compact(less)["steps"][2]["cases"][0]["when"]["kind"] == "reacted"


def test_a_step_that_is_not_offered_is_named():
    with pytest.raises(NotFoundError, match="teleport"):
        offering.new_step(plan(), "teleport")


@st.composite
def edited(draw_one):
    """A journey after some edits at random places."""
    made = plan()
    for _ in range(draw_one(st.integers(1, 8))):
        places = [(key, way.place) for key in [START, *reached(made)] for way in ways_from(made, key)]
        key, place = draw_one(st.sampled_from(sorted(places)))
        what = draw_one(st.sampled_from(["insert", "insert", "remove", "lead", "move"]))
        others = sorted(reached(made) - {key})
        if what == "insert":
            made = edits.insert(made, key, place, offering.new_step(made, draw_one(st.sampled_from(ADDABLE))))
        elif what == "remove" and len(made["steps"]) > 1 and key:
            made = edits.remove(made, key)
        elif what == "lead":
            made = edits.lead(made, key, place, draw_one(st.sampled_from([*open_to(made, key), END]))) if key else made
        elif what == "move" and others:
            step = draw_one(st.sampled_from(others))
            made = edits.move(made, step, key, place) if edits.can_move(step_of(made, step)) else made
    return made


@settings(max_examples=60, deadline=None)
@given(edited())
def test_after_any_edits_it_is_still_a_whole_journey(made):
    if not made["steps"]:
        return
    for step in made["steps"]:  # a branch may ask about a message that is gone: that fault is told on the step
        if step["do"] == "branch":
            step["cases"] = [case | {"when": {"kind": "score", "at_least": 1}} for case in step["cases"]]
    definition = parse_definition(compact(filled(made)))
    assert {step.key for step in definition.steps} == reached(made)
    assert explicit(as_document(definition))["trigger"] == made["trigger"]


@settings(max_examples=60, deadline=None)
@given(edited())
def test_no_two_steps_are_drawn_over_each_other_and_ways_lead_down(made):
    drawing = draw(made)
    nodes = drawing.nodes
    for number, one in enumerate(nodes):
        assert one.x >= 0
        assert one.x + one.width <= drawing.width
        assert one.y + one.height <= drawing.height
        for other in nodes[:number]:
            apart = one.x >= other.x + other.width or other.x >= one.x + one.width
            assert apart or one.y >= other.y + other.height or other.y >= one.y + one.height
    tops = {node.key: node.y for node in nodes if not node.is_end}
    for line in drawing.lines:
        if line.way.to != END:
            assert tops[line.way.to] > tops[line.source] + HEIGHT
        assert line.plus[1] > tops[line.source] + HEIGHT
    assert len(drawing.lines) == sum(len(ways_of(step)) for step in made["steps"]) + 1


def test_steps_stand_behind_those_that_lead_to_them():
    keys = [step["key"] for step in in_order(plan())]
    for step in plan()["steps"]:
        for way in ways_of(step):
            assert way.to == END or keys.index(way.to) > keys.index(step["key"])


def test_templates_see_nothing_where_nothing_is():
    found = loose({"a": [{"b": 1.0}]})
    assert found["c"] is None
    assert found["a"][0]["b"] == 1
