"""Under test: the view model of the composer, without a browser: half-done plans, undo, drafts, saving, submitting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from apps.screens.campaigns.answering import split
from apps.screens.campaigns.checklist import items_of
from apps.screens.campaigns.composing import Composing, Found, placed
from apps.screens.campaigns.edits import added_step, in_order, moved_step
from apps.screens.campaigns.fields import read_place, read_step_place
from dmat.campaigns.plan import as_document, parse_plan
from dmat.campaigns.records import Campaign
from dmat.errors import ConflictError

NOW = datetime(2026, 11, 20, 14, 5)
BY = "ana@example.com"
PLAN = parse_plan(
    {
        "audience": {"segments": ["vip"]},
        "steps": [{"key": "mail", "channel": "email", "template": "sale", "day": 1, "time": "10:00"}],
    }
)
CAMPAIGN = Campaign(7, "Sale", "", "", (), BY, "draft", "", 2, None, None, None, NOW, BY, NOW, BY, PLAN, BY)


class FakeAsked:
    """Finds what the plan's own shape says, and estimates nobody."""

    def look(self, document, serial):
        return Found(serial, tuple(split(document)[1]))

    def parse(self, document):
        return parse_plan(document)


@dataclass
class Draft:
    document: dict
    updated_at: datetime


class FakeKept:
    """Keeps one campaign."""

    def __init__(self):
        self.drafts, self.saved, self.acts, self.error = {}, [], [], None

    def update(self, campaign_id, **values):
        if self.error:
            raise self.error
        self.saved.append(values)
        return replace(CAMPAIGN, version=3, name=values["name"], plan=values["plan"])

    def act(self, name, campaign_id, by, words=""):
        if self.error:
            raise self.error
        self.acts.append((name, words))
        return replace(CAMPAIGN, status="scheduled")

    def keep_draft(self, user, campaign_id, document, version):
        self.drafts[campaign_id] = Draft(document, NOW)
        return self.drafts[campaign_id]

    def drop_draft(self, user, campaign_id):
        self.drafts.pop(campaign_id, None)


@pytest.fixture
def kept():
    return FakeKept()


@pytest.fixture
def model(kept):
    made = Composing(FakeAsked(), kept, BY, CAMPAIGN)
    made.debounce = 0
    return made


def test_a_value_beyond_its_limits_is_told_them():
    [found] = split({"steps": [as_document(PLAN)["steps"][0] | {"day": 400}]})[1]
    assert (found.place, found.what) == ("steps[0].day", "400 is too large (allowed: 1 to 366)")


def test_a_step_that_is_not_finished_is_kept_in_the_draft_and_named_as_what_blocks(model, kept):
    asyncio.run(model.add_step("sms"))
    assert kept.drafts[7].document["plan"]["steps"][1]["channel"] == "sms"
    assert [finding.place for finding in model.found.blocking] == ["steps[1]"]
    assert "needs a template" in model.found.blocking[0].what
    assert not asyncio.run(model.save())
    assert "SMS" in model.problem
    assert kept.saved == []


def test_undo_brings_a_removed_step_back(model):
    asyncio.run(model.remove_step("mail"))
    assert model.steps == []
    assert model.can_undo
    asyncio.run(model.undo())
    assert [step["key"] for step in model.steps] == ["mail"]
    assert not model.is_changed


def test_choosing_everybody_lets_go_of_segments_and_a_segment_of_everybody(model):
    asyncio.run(model.choose_everybody(True))
    assert model.plan["audience"]["segments"] == []
    asyncio.run(model.choose_segment("vip"))
    assert model.plan["audience"]["is_everybody"] is False
    asyncio.run(model.choose_segment("staff", "exclude"))
    asyncio.run(model.choose_segment("staff", "exclude"))
    assert model.plan["audience"]["exclude"] == []


def test_nobody_is_held_out_only_with_a_reason(model, kept):
    asyncio.run(model.set("holdout", {"share": 0.0, "reason": ""}))
    assert [finding.place for finding in model.found.blocking] == ["holdout"]
    asyncio.run(model.set("holdout.reason", "a legal notice"))
    assert model.found.blocking == ()
    assert asyncio.run(model.save())
    assert kept.saved[0]["plan"].holdout.share == 0


def test_submitting_saves_first_what_was_not_saved(model, kept):
    asyncio.run(model.set("objective", "Sell"))
    assert asyncio.run(model.act("submit", "please look"))
    assert kept.saved[0]["plan"].objective == "Sell"
    assert kept.acts == [("submit", "please look")]
    assert model.campaign.status == "scheduled"


def test_a_refused_submission_says_why(model, kept):
    kept.error = ConflictError("campaign 7 is running: pause it first")
    assert not asyncio.run(model.act("submit"))
    assert model.problem == "Campaign 7 is running: pause it first."


def test_a_campaign_without_a_name_is_not_saved(model, kept):
    asyncio.run(model.rename("  "))
    assert not asyncio.run(model.save())
    assert kept.saved == []


def test_two_steps_change_places_and_each_place_keeps_its_day_and_time():
    steps = [{"key": "a", "day": 1, "time": "10:00"}, {"key": "b", "day": 3, "time": "18:00"}]
    moved = moved_step(steps, "b", -1)
    assert [(step["key"], step["day"], step["time"]) for step in moved] == [("b", 1, "10:00"), ("a", 3, "18:00")]
    assert moved_step(steps, "a", -1) == steps


def test_steps_stand_in_the_order_of_time_also_one_with_a_moment():
    steps = [{"key": "late", "day": 5, "time": "09:00"}, {"key": "fixed", "at": "2026-11-22T08:00:00"},
             {"key": "first", "day": 1, "time": "09:00"}]  # fmt: skip
    assert [step["key"] for step in in_order(steps, "2026-11-20T08:00:00")] == ["first", "fixed", "late"]


def test_a_new_step_comes_two_days_after_the_last_and_has_a_key_of_its_own():
    steps, key = added_step([{"key": "email-1", "day": 3}], "email")
    assert key == "email-2"
    assert steps[-1]["day"] == 5
    assert added_step([], "banner")[0][0]["banner"]["place"] == "top"


def test_a_plan_with_several_faults_names_each_and_still_counts_the_rest():
    document = as_document(PLAN)
    document["steps"] += [{"key": "x", "channel": "sms"}, {"key": "y", "channel": "push", "day": 0}]
    document["holdout"] = {"share": 0, "reason": ""}
    plan, findings = split(document)
    assert [step.key for step in plan.steps] == ["mail"]
    assert {finding.place.split(".")[0] for finding in findings} == {"steps[1]", "steps[2]", "holdout"}


def test_what_blocks_stands_under_its_item_of_the_checklist():
    document = as_document(PLAN) | {"steps": [{"key": "x", "channel": "sms"}]}
    items = {item.key: item for item in items_of(document, Found(1, tuple(split(document)[1])))}
    assert not items["content"].is_done
    assert items["audience"].is_done


def test_a_place_is_told_by_the_name_of_its_step():
    assert placed("steps[0].template", [{"key": "a", "name": "Announcement"}]) == "Announcement, template"
    assert placed("steps[4].template", []) == "Steps[4], template"
    assert placed("audience.segments", []) == "Audience, segments"


def test_what_is_typed_becomes_a_value_and_unknown_places_are_refused():
    zone = ZoneInfo("Europe/Berlin")
    assert read_place("starts_at", "2026-11-24T09:00", zone) == (True, "2026-11-24T08:00:00")
    assert read_place("starts_at", "", zone) == (True, None)
    assert read_place("budget_cents", "1,250.50", zone) == (True, 125_050)
    assert read_place("holdout.share", "5", zone) == (True, 0.05)
    assert read_place("steps", "[]", zone) == (False, None)
    assert read_step_place("day", "3") == 3
    assert read_step_place("day", "soon") is None
