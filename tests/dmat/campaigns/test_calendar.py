"""Under test: the calendar finds whom two campaigns write to on the same day, and moves only what may be moved."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from campaign_world import ANN, document_of, plan_of
from segment_world import NOW

from dmat.campaigns.calendar import conflicts, entries, fatigue, move_step
from dmat.campaigns.running import Runner
from dmat.errors import ConflictError, NotFoundError

TODAY = NOW.date()


def make(world, name="Sale", **changes):
    changes.setdefault("starts_at", str(NOW))
    return world.library.create(name=name, by=ANN, plan=plan_of(**changes)).campaign_id


def shown(world, days=30):
    return entries(world.library, TODAY, TODAY + timedelta(days=days))


def mail(key="mail", **changes):
    return {"key": key, "channel": "email", "template": "cart_recovery"} | changes


def test_steps_stand_on_their_days_in_the_time_zone_of_the_plan(campaign_world):
    make(campaign_world, time_zone="Asia/Tokyo", steps=[mail(day=2, time="00:30"), mail("now")])
    assert [(entry.step, entry.day) for entry in shown(campaign_world)] == [
        ("now", date(2026, 3, 4)), ("mail", date(2026, 3, 5)),
    ]  # fmt: skip


def test_two_campaigns_to_the_same_people_on_one_day_are_a_conflict(campaign_world):
    make(campaign_world), make(campaign_world, name="News", audience={"segments": ["germans", "buyers"]})
    [found] = conflicts(campaign_world.library, campaign_world.desk, shown(campaign_world))
    assert (found.people, found.share) == (6, 1.0)
    assert "the same audience" in found.words


def test_different_people_are_no_conflict(campaign_world):
    make(campaign_world), make(campaign_world, name="News", audience={"segments": ["austrians"]})
    assert conflicts(campaign_world.library, campaign_world.desk, shown(campaign_world)) == []


def test_who_gets_three_messages_a_day_and_who_reaches_the_cap_is_counted(campaign_world):
    make(campaign_world, steps=[mail("a"), mail("b"), mail("c"), mail("d", day=3)])
    make(campaign_world, name="News", audience={"segments": ["austrians"]})
    found = fatigue(campaign_world.library, campaign_world.desk, shown(campaign_world))
    assert [(each.day - TODAY, each.days, each.people, each.share) for each in found] == [
        (timedelta(0), 1, 6, 0.5), (timedelta(days=2), 7, 6, 0.5),
    ]  # fmt: skip
    assert found[0].words == "50% get 3 or more messages that day"


def test_a_step_is_moved_and_moved_back(campaign_world):
    number = make(campaign_world, steps=[mail(day=2, time="09:00")])
    to = datetime(2026, 3, 8, 15)
    assert move_step(campaign_world.library, number, "mail", to, ANN).plan.steps[0].at == to
    assert [entry.due_at for entry in shown(campaign_world)] == [to]


def test_a_step_in_the_time_of_people_stays_so_when_it_is_moved(campaign_world):
    number = make(campaign_world, steps=[mail(day=2, time="09:00", clock="person")])
    [step] = move_step(campaign_world.library, number, "mail", datetime(2026, 3, 8, 15), ANN).plan.steps
    assert (step.day, step.time, step.clock) == (5, "15:00", "person")


def test_a_step_is_not_moved_into_the_past_nor_before_its_campaign(campaign_world):
    number = make(campaign_world, steps=[mail(day=2, time="09:00")])
    before = campaign_world.library.get(number).plan.steps
    with pytest.raises(ConflictError, match="into the past"):
        move_step(campaign_world.library, number, "mail", NOW - timedelta(days=5), ANN)
    later = make(campaign_world, name="Later", starts_at=NOW + timedelta(days=3), steps=[mail(day=2, time="09:00")])
    with pytest.raises(ConflictError, match="starts later"):
        move_step(campaign_world.library, later, "mail", NOW + timedelta(days=1), ANN)
    assert campaign_world.library.get(number).plan.steps == before


def test_what_has_begun_cannot_be_moved(campaign_world):
    number = campaign_world.start(document_of())
    Runner(campaign_world.settings, campaign_world.store, campaign_world.desk, campaign_world.library).look()
    campaign_world.library.pause(number, ANN)
    with pytest.raises(ConflictError):
        move_step(campaign_world.library, number, "mail", NOW + timedelta(days=1), ANN)
    with pytest.raises(NotFoundError):
        move_step(campaign_world.library, number, "other", NOW, ANN)
