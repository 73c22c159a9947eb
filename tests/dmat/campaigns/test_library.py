"""Under test: a campaign goes only where it may from where it stands, with the yes of a second person where needed."""

from __future__ import annotations

import pytest
from campaign_world import ANN, BOB, document_of, plan_of

from dmat.campaigns.audience import campaign_audience, step_audience
from dmat.campaigns.drafts import DRAFTS
from dmat.campaigns.library import Wanted
from dmat.campaigns.plan import parse_plan
from dmat.errors import ConflictError, InUseError, InvalidInputError, NotFoundError, NotPermittedError
from dmat.messages.library import Templates
from dmat.store.workspace_values import read_audit


def make(world, **changes):
    return world.library.create(name="Sale", by=ANN, plan=plan_of(**changes)).campaign_id


def test_a_small_campaign_is_scheduled_without_a_second_person(campaign_world):
    number = make(campaign_world)
    assert campaign_world.library.submit(number, ANN).status == "scheduled"


def test_a_large_campaign_waits_for_a_second_person_who_is_not_its_author(campaign_world):
    library, number = campaign_world.library, make(campaign_world, approval={"from_recipients": 6})
    assert library.submit(number, ANN).status == "in_review"
    with pytest.raises(NotPermittedError):
        library.approve(number, ANN)
    assert library.approve(number, BOB, "go").status == "scheduled"
    assert [(d.decision, d.recipients, d.decided_by) for d in library.decisions(number)] == [("approved", 6, BOB)]


def test_a_large_campaign_cannot_be_started_past_its_review(campaign_world):
    number = make(campaign_world, approval={"from_recipients": 1})
    for way in (campaign_world.library.start, campaign_world.library.schedule):
        with pytest.raises(ConflictError, match="second person"):
            way(number, ANN)


def test_who_submitted_a_plan_of_somebody_else_cannot_approve_it_either(campaign_world):
    number = make(campaign_world, approval={"from_recipients": 1})
    campaign_world.library.submit(number, BOB)
    with pytest.raises(NotPermittedError):
        campaign_world.library.approve(number, BOB)


def test_a_plan_changed_after_its_approval_needs_it_again(campaign_world):
    library, number = campaign_world.library, make(campaign_world, approval={"from_recipients": 1})
    library.submit(number, ANN)
    library.approve(number, BOB)
    changed = library.update(number, by=ANN, plan=plan_of(approval={"from_recipients": 1}, objective="sell more"))
    assert (changed.status, changed.version) == ("draft", 2)
    assert library.submit(number, ANN).status == "in_review"


def test_a_plan_cannot_raise_the_workspace_limit_of_approval(campaign_world):
    campaign_world.settings.approval_recipients = 6
    number = make(campaign_world, approval={"from_recipients": 1_000_000})
    assert campaign_world.library.submit(number, ANN).status == "in_review"


def test_a_refusal_says_why_and_makes_it_a_draft_again(campaign_world):
    library, number = campaign_world.library, make(campaign_world, approval={"from_recipients": 1})
    library.submit(number, ANN)
    with pytest.raises(InvalidInputError):
        library.refuse(number, BOB, " ")
    refused = library.refuse(number, BOB, "the price is wrong")
    assert (refused.status, refused.status_reason) == ("draft", "the price is wrong")


def test_what_runs_is_changed_only_while_it_is_paused(campaign_world):
    library, number = campaign_world.library, make(campaign_world)
    library.start(number, ANN)
    with pytest.raises(ConflictError, match="pause it first"):
        library.update(number, by=ANN, plan=plan_of(objective="other"))
    library.pause(number, ANN, "wrong price")
    library.update(number, by=ANN, plan=plan_of(objective="other"))
    resumed = library.resume(number, ANN)
    assert (resumed.status, resumed.running_version) == ("running", 2)


@pytest.mark.parametrize("status", ["finish", "pause"])
def test_a_draft_can_neither_finish_nor_pause(campaign_world, status):
    with pytest.raises(ConflictError, match="draft"):
        getattr(campaign_world.library, status)(make(campaign_world), ANN)


def test_what_was_cancelled_never_runs_again(campaign_world):
    library, number = campaign_world.library, make(campaign_world)
    library.start(number, ANN)
    library.cancel(number, ANN, "no stock")
    with pytest.raises(ConflictError):
        library.resume(number, ANN)


def test_of_two_changes_on_the_same_version_the_second_is_refused(campaign_world):
    number = make(campaign_world)
    campaign_world.library.update(number, by=ANN, plan=plan_of(objective="one"), expected_version=1)
    with pytest.raises(ConflictError, match="version 2"):
        campaign_world.library.update(number, by=BOB, plan=plan_of(objective="two"), expected_version=1)


def test_a_segment_in_use_cannot_be_deleted_until_the_campaign_is_over(campaign_world):
    number = make(campaign_world)
    with pytest.raises(InUseError, match="campaign Sale"):
        campaign_world.desk.library.delete("germans", ANN)
    campaign_world.library.cancel(number, ANN)
    campaign_world.desk.library.delete("germans", ANN)
    with pytest.raises(NotFoundError):
        campaign_world.desk.library.get("germans")


def test_a_segment_that_does_not_exist_is_refused_at_once(campaign_world):
    with pytest.raises(InvalidInputError, match="martians"):
        make(campaign_world, audience={"segments": ["martians"]})


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"steps": []}, "steps"),
        ({"audience": {}}, "audience.segments"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        (
            {"steps": [{"key": "a", "channel": "email", "template": "cart_recovery", "at": "2020-01-01T00:00:00Z"}]},
            "steps[0].at",
        ),
        ({"steps": [{"key": "a", "channel": "email", "template": "nothing"}]}, "steps[0].template"),
        ({"steps": [{"key": "a", "channel": "sms", "template": "cart_recovery"}]}, "steps[0].template"),
    ],
)
def test_a_plan_that_could_not_run_is_a_draft_but_cannot_be_submitted(campaign_world, changes, place):
    number = make(campaign_world, **changes)
    with pytest.raises(InvalidInputError) as refused:
        campaign_world.library.submit(number, ANN)
    assert refused.value.field == place


def test_a_copy_is_a_draft_of_its_own(campaign_world):
    number = make(campaign_world)
    campaign_world.library.start(number, ANN)
    copy = campaign_world.library.duplicate(number, BOB)
    assert (copy.status, copy.name, copy.plan) == ("draft", "Sale (copy)", plan_of())


def test_only_a_draft_is_deleted(campaign_world):
    number, running = make(campaign_world), make(campaign_world)
    campaign_world.library.start(running, ANN)
    campaign_world.library.delete(number, ANN)
    with pytest.raises(ConflictError):
        campaign_world.library.delete(running, ANN)
    assert [found.campaign_id for found in campaign_world.library.list()] == [running]


def test_every_step_of_a_campaign_is_in_the_audit_trail(campaign_world):
    number = make(campaign_world)
    campaign_world.library.submit(number, ANN)
    campaign_world.library.start(number, BOB)
    campaign_world.library.pause(number, ANN, "wait")
    lines = [(line["action"], line["actor"]) for line in read_audit(campaign_world.store) if line["subject"] == "1"]
    assert lines[:4] == [
        ("campaign paused", ANN), ("campaign running", BOB), ("campaign scheduled", ANN), ("campaign created", ANN),
    ]  # fmt: skip


def test_what_an_editor_holds_is_kept_though_it_is_not_whole(campaign_world):
    store, now = campaign_world.store, campaign_world.settings.clock.now()
    DRAFTS.save(store, ANN, 0, {"steps": [{"key": "?"}]}, now)
    DRAFTS.save(store, ANN, 0, {"steps": []}, now)
    assert DRAFTS.load(store, ANN, 0).document == {"steps": []}
    assert DRAFTS.load(store, BOB, 0) is None
    DRAFTS.drop(store, ANN, 0)
    assert DRAFTS.load(store, ANN, 0) is None


def test_campaigns_are_found_by_words_channels_and_status(campaign_world):
    make(campaign_world)
    assert len(campaign_world.library.list(Wanted(text="sale", channel="email", statuses=("draft",)))) == 1
    assert campaign_world.library.list(Wanted(channel="sms")) == []


def test_exclusions_are_taken_away_and_a_step_may_be_for_fewer(campaign_world):
    step = {"key": "a", "channel": "email", "template": "x", "audience": {"exclude": ["buyers"]}}
    plan = parse_plan(
        document_of(audience={"segments": ["germans", "austrians"], "exclude": ["austrians"]}, steps=[step])
    )
    audience = campaign_audience(campaign_world.desk, plan)
    people = [int(number) % 1000 for number in audience]
    assert people == [1, 3, 5, 7, 9, 11]
    assert [int(n) % 1000 for n in step_audience(campaign_world.desk, plan.steps[0], audience)] == [1, 3, 5]


def test_a_template_that_asks_about_a_segment_which_is_not_there_is_named_before_the_start(campaign_world):
    text = {"variables": [], "locales": {"": {"text": "{% if in_segment('no-such') %}A{% endif %} Reply STOP"}}}
    Templates(campaign_world.store, campaign_world.settings.clock).create(
        name="Asks", key="asks", channel="sms", kind="text", content=text, by=ANN
    )
    number = make(campaign_world, steps=[{"key": "text", "channel": "sms", "template": "asks"}])
    with pytest.raises(InvalidInputError, match="'no-such', which does not exist") as refused:
        campaign_world.library.submit(number, ANN)
    assert refused.value.field == "steps[0].template"
