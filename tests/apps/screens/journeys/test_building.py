"""Under test: the view model of the canvas, without a browser: half-done journeys, undo, drafts, saving."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from journey_worlds import DOCUMENT

from apps.screens.journeys import changing
from apps.screens.journeys.building import Building
from apps.screens.journeys.changes import changes
from apps.screens.journeys.graph import compact, explicit, step_of, ways_from
from apps.screens.journeys.judging import SETTINGS, Fault, Judged, fault_list
from apps.screens.journeys.offering import STEPS, TRIGGERS, blank_plan, trigger_kind
from dmat.errors import ConflictError
from dmat.journeys.definition import as_document, find_faults, parse_definition

NOW = datetime(2026, 11, 20, 14, 5)
BY = "ana@example.com"


class FakeAsked:
    """Says what the document itself lacks."""

    def look(self, plan, serial):
        document = compact(plan)
        keys = [step["key"] for step in document["steps"]]
        return Judged(serial, fault_list(((each.field, each.problem, True) for each in find_faults(document)), keys))


@dataclass
class Draft:
    document: dict
    updated_at: datetime


@dataclass
class Saved:
    key: str
    version: int


@dataclass
class FakeKept:
    """Keeps one journey."""

    drafts: dict[str, Draft] = field(default_factory=dict)
    saved: list[Any] = field(default_factory=list)
    acted: list[Any] = field(default_factory=list)
    error: Exception | None = None

    def save(self, key, plan, by, version):
        if self.error:
            raise self.error
        parse_definition(compact(plan))
        self.saved.append((key, version))
        return Saved(key or "made", (version or 0) + 1)

    def act(self, name, key, by, words=""):
        self.acted.append((name, key))
        return Saved(key, 1)

    def keep_draft(self, user, key, plan, version):
        self.drafts[key] = Draft(plan, NOW)
        return self.drafts[key]

    def drop_draft(self, user, key):
        self.drafts.pop(key, None)


@pytest.fixture
def kept():
    return FakeKept()


def building(kept, plan=None, key="cart", version=1):
    made = Building(FakeAsked(), kept, BY, plan or explicit(as_document(parse_definition(DOCUMENT))), key, version)
    made.debounce = 0
    return made


def go(*steps):
    async def all_of_them():
        for step in steps:
            await step

    asyncio.run(all_of_them())


class FakeScreen:
    """A screen with a view model, as far as clicks need one."""

    def __init__(self, model):
        self.model = model


def click(model, name, value=None):
    go(changing.change(FakeScreen(model), name, value))


def test_a_journey_to_begin_with_says_what_it_lacks(kept):
    model = building(kept, blank_plan(), "", None)
    go(model.refresh(0))
    assert {(fault.at, fault.what) for fault in model.judged.blocking} == {
        (SETTINGS, "Name is missing."), ("email", "Message is missing.")
    }  # fmt: skip
    assert kept.drafts == {}


def test_a_step_is_put_into_the_way_that_was_chosen_and_is_shown(kept):
    model = building(kept)
    click(model, "add-at", "mail|then")
    assert model.adding == ("mail", "then")
    click(model, "add", "wait")
    assert (model.adding, model.chosen) == (None, "wait")
    assert kept.drafts["cart"].document == model.plan
    assert model.drafted_at == NOW


@pytest.mark.parametrize("kind", [each.kind for each in STEPS])
def test_every_step_that_is_offered_can_be_put_in(kept, kind):
    model = building(kept)
    click(model, "add-at", "mail|then")
    click(model, "add", kind)
    assert model.chosen != SETTINGS
    assert ways_from(model.plan, "mail")[0].to == model.chosen


def test_a_place_that_is_not_there_is_nothing(kept):
    model = building(kept)
    click(model, "add-at", "nobody|then")
    assert model.adding is None
    click(model, "add", "wait")
    assert model.is_changed is False


def test_undo_and_redo_lead_back_and_forth(kept):
    model = building(kept)
    before = model.plan
    click(model, "remove", "a-day")
    assert model.told == "The step is gone. Undo brings it back."
    after = model.plan
    click(model, "undo")
    assert (model.plan, model.can_redo, model.is_changed) == (before, True, False)
    click(model, "redo")
    assert (model.plan, model.can_undo) == (after, True)


def test_what_goes_with_a_branch_is_said(kept):
    model = building(kept)
    click(model, "remove", "opened|cases.0.go")
    assert "1 more that only it led to" in model.told


def test_a_step_is_moved_by_two_clicks(kept):
    model = building(kept)
    click(model, "move", "mail")
    assert model.moving == "mail"
    click(model, "add-at", "until|then")
    assert (model.moving, model.chosen) == ("", "mail")
    assert ways_from(model.plan, "until")[0].to == "mail"


def test_a_field_of_a_step_and_one_of_the_journey_are_changed(kept):
    model = building(kept)
    model.choose("a-day")
    click(model, "set", {"of": "for#n", "value": "5"})
    click(model, "set", {"of": "/name", "value": "Carts"})
    click(model, "set", {"of": "__class__", "value": "x"})
    assert step_of(model.plan, "a-day")["for"] == "5h"
    assert model.plan["name"] == "Carts"


def test_questions_of_a_branch_are_changed_by_clicks(kept):
    model = building(kept)
    model.choose("opened")
    click(model, "question", "add|0")
    click(model, "question-kind", {"of": "0|2", "value": "segment"})
    click(model, "set", {"of": "cases.0.when.of.2.segment", "value": "vip"})
    click(model, "question", {"of": "not|0|2", "value": "who not"})
    click(model, "group", {"of": "0", "value": "any"})
    when = step_of(model.plan, "opened")["cases"][0]["when"]
    assert (when["kind"], when["of"][2]) == ("any", {"kind": "not", "of": {"kind": "segment", "segment": "vip"}})
    assert model.judged.faults == ()


def test_waits_starts_ends_and_who_may_come_are_changed_by_clicks(kept):
    model = building(kept)
    model.choose("a-day")
    click(model, "wait-kind", "event")
    assert [way.place for way in ways_from(model.plan, "a-day")] == ["then", "on_timeout"]
    click(model, "where", "until_event.where|+")
    click(model, "op", {"of": "until_event.where.0", "value": "one_of"})
    assert step_of(model.plan, "a-day")["until_event"]["where"][0]["value"] == []
    click(model, "where", "until_event.where|0")
    click(model, "exit", "segment:vip")
    click(model, "exit", "0")
    click(model, "exit", "0")
    assert model.plan["exit_when"] == [{"left_segment": "vip"}]
    click(model, "entry-segment", {"of": "segments", "value": "vip"})
    click(model, "again", "after")
    assert model.plan["entry"] == {"segments": ["vip"], "again": "after", "cool_down": "30d"}
    click(model, "again", "never")
    assert "cool_down" not in model.plan["entry"]
    for kind in TRIGGERS:
        click(model, "trigger-kind", kind)
        assert trigger_kind(model.plan["trigger"]) == kind
        assert model.plan["trigger"]["kind"] == ("schedule" if kind == "moment" else kind)


def test_values_of_a_message_come_and_go(kept):
    model = building(kept)
    model.choose("mail")
    click(model, "value", "Discount Code!")
    click(model, "set", {"of": "values.discount_code", "value": "TEN"})
    assert step_of(model.plan, "mail")["values"] == {"discount_code": "TEN"}
    click(model, "value", "discount_code")
    assert step_of(model.plan, "mail")["values"] == {}


def test_a_way_that_would_lead_back_is_refused_in_words(kept):
    model = building(kept)
    model.choose("arms")
    click(model, "lead", {"of": "arms.0.go", "value": "mail"})
    assert model.problem.startswith("This way would lead back")


def test_it_is_saved_as_a_new_version_and_switched_on(kept):
    model = building(kept)
    click(model, "remove", "a-day")
    go(model.start())
    assert kept.saved == [("cart", 1)]
    assert kept.acted == [("start", "cart")]
    assert (model.version, model.is_changed, kept.drafts) == (1, False, {})


def test_what_somebody_else_changed_meanwhile_is_said(kept):
    kept.error = ConflictError("journey cart is at version 3 already, not 1")
    model = building(kept)
    click(model, "remove", "a-day")
    go(model.save())
    assert model.problem == "Journey cart is at version 3 already, not 1."


def test_a_draft_of_another_version_is_not_gone_on_with(kept):
    model = building(kept)
    assert model.resume({"steps": []}, 7, NOW) is False
    assert model.resume(model.plan | {"name": "Other"}, 1, NOW) is True
    assert model.is_changed is True


def test_a_fault_is_at_its_step():
    judged = Judged(1, (Fault("mail", "Message is missing."), Fault(SETTINGS, "It has no goal.", False)))
    assert [each.what for each in judged.at("mail")] == ["Message is missing."]
    assert len(judged.blocking) == 1


def test_what_differs_between_versions_is_said_in_words():
    before = as_document(parse_definition(DOCUMENT))
    steps = [step for step in DOCUMENT["steps"] if step["key"] != "task"]
    branch = {**DOCUMENT["steps"][2], "cases": [DOCUMENT["steps"][2]["cases"][0] | {"go": "until"}]}
    changed = [branch if s["key"] == "opened" else {**s, "for": "2d"} if s["key"] == "a-day" else s for s in steps]
    after = as_document(parse_definition(DOCUMENT | {"steps": changed, "name": "Carts", "goal": {"event": "ordered"}}))
    told = {(each.kind, each.what): each.how for each in changes(before, after)}
    assert told[("changed", "Wait 2 days")] == ("how long: 23h → 2d",)
    assert ("gone", "Task") in told
    assert told[("changed", "Name")] == ("Cart recovery → Carts",)
    assert told[("changed", "Branch")] == (
        "leads to “Until visited, page contains tent, at most 1 day” instead of “Task”",
    )
    assert changes(before, before) == []


def test_a_score_is_asked_for_as_at_least_or_as_over_also_when_it_is_turned_round(kept):
    model = building(kept, explicit(as_document(parse_definition(DOCUMENT))), "cart", 1)
    model.choose("opened")
    click(model, "question-kind", {"of": "0|0", "value": "score"})
    click(model, "bound", {"of": "0|0", "value": "over"})
    click(model, "set", {"of": "cases.0.when.of.0.over", "value": "60.5"})
    assert model.step["cases"][0]["when"]["of"][0] == {"kind": "score", "over": 60.5}
    click(model, "question", {"of": "not|0|0", "value": "who not"})
    click(model, "bound", {"of": "0|0", "value": "at_least"})
    assert model.step["cases"][0]["when"]["of"][0] == {"kind": "not", "of": {"kind": "score", "at_least": 60.5}}
    click(model, "bound", {"of": "0|0", "value": "about"})
    assert model.judged.blocking == ()
