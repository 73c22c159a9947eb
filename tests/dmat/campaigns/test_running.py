"""Under test: who was frozen is planned once, whatever happens in between; nobody is lost and nobody gets two."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from campaign_world import ANN, document_of, plan_of
from segment_world import NOW, change_world, number_of

from dmat.campaigns import planning
from dmat.campaigns.holdout import is_held_out
from dmat.campaigns.running import Runner
from dmat.campaigns.step_runs import pack_people, read_runs, unpack_people
from dmat.ledger.entries import list_entries
from dmat.ledger.post import Move, move
from dmat.messages.codes import create_pool
from dmat.messages.library import Templates
from dmat.store.tables import ledger_entries


@pytest.fixture
def runner(campaign_world):
    return Runner(campaign_world.settings, campaign_world.store, campaign_world.desk, campaign_world.library)


def entries(world, number=1):
    return list_entries(world.store, programme=f"campaign:{number}", limit=100)


def people(world, number=1):
    return sorted(entry.person_id % 1000 for entry in entries(world, number))


def runs(world, number=1):
    with world.store.read() as connection:
        return {run.step: run for run in read_runs(connection, number)}


def step(**changes):
    return {"key": "mail", "channel": "email", "template": "cart_recovery"} | changes


def test_everybody_of_the_audience_is_planned_with_their_frozen_values(campaign_world, runner):
    campaign_world.start(document_of())
    assert runner.look().messages == 6
    first = next(entry for entry in entries(campaign_world) if entry.person_id == number_of(1))
    assert (first.address, first.state, first.template) == ("person1@example.com", "planned", "cart_recovery")
    assert first.context == {"first_name": "Person1", "country_code": "DE", "time_zone": "Europe/Berlin"}


def test_a_webhook_calls_for_everybody_of_the_audience_whatever_addresses_they_have(campaign_world, runner):
    change_world(campaign_world.settings, "update people.dim_people set email = 'one@shop.example', phone = null")
    Templates(campaign_world.store, campaign_world.settings.clock).create(
        name="Hook", channel="webhook", kind="json", by=ANN, content={"locales": {"": {"body": '{"id": 1}'}}}
    )
    campaign_world.start(document_of(steps=[step(channel="webhook", template="hook")]))
    assert runner.look().messages == 6
    found = {entry.person_id: (entry.address, entry.state) for entry in entries(campaign_world)}
    assert found == {number_of(n): (f"person:{number_of(n)}", "planned") for n in (1, 3, 5, 7, 9, 11)}


def test_looking_twice_plans_nobody_twice(campaign_world, runner):
    campaign_world.start(document_of())
    runner.look()
    assert runner.look().count == 0
    assert people(campaign_world) == [1, 3, 5, 7, 9, 11]


def test_a_scheduled_campaign_starts_at_its_time_and_not_before(campaign_world, runner):
    number = campaign_world.library.create(name="Sale", by=ANN, plan=plan_of(starts_at=str(NOW + timedelta(hours=1))))
    campaign_world.library.submit(number.campaign_id, ANN)
    assert runner.look().count == 0
    campaign_world.settings.clock.set(NOW + timedelta(hours=1))
    assert runner.look().started == [1]
    assert len(entries(campaign_world)) == 6


def test_a_campaign_that_outgrew_its_approval_becomes_a_draft_with_the_reason(campaign_world, runner):
    plan = plan_of(starts_at=str(NOW + timedelta(hours=1)), approval={"from_recipients": 7})
    number = campaign_world.library.create(name="Sale", by=ANN, plan=plan).campaign_id
    campaign_world.library.submit(number, ANN)
    change_world(campaign_world.settings, "update people.dim_people set country_code = 'DE'")
    campaign_world.settings.clock.set(NOW + timedelta(hours=1))
    runner.look()
    found = campaign_world.library.get(number)
    assert found.status == "draft"
    assert "second person" in found.status_reason


def test_a_step_is_planned_when_it_is_due(campaign_world, runner):
    later = step(key="later", at=str(NOW + timedelta(days=1)))
    campaign_world.start(document_of(steps=[step(), later]))
    runner.look()
    assert {key: run.state for key, run in runs(campaign_world).items()} == {"mail": "planned", "later": "waiting"}
    campaign_world.settings.clock.set(NOW + timedelta(days=1))
    runner.look()
    assert Counter(entry.step for entry in entries(campaign_world)) == {"mail": 6, "later": 6}


def test_killed_in_the_middle_it_goes_on_with_the_people_that_were_frozen(campaign_world, runner, monkeypatch):
    monkeypatch.setattr(planning, "PEOPLE_AT_ONCE", 2)
    real, calls = planning.plan_ready, []

    def die_at_the_third_list(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    campaign_world.start(document_of())
    with monkeypatch.context() as killed:
        killed.setattr(planning, "plan_ready", die_at_the_third_list)
        with pytest.raises(KeyboardInterrupt):
            runner.look()
    assert len(entries(campaign_world)) == 4
    change_world(
        campaign_world.settings, "update people.dim_people set country_code = 'AT'"
    )  # the segment is empty now
    Runner(campaign_world.settings, campaign_world.store, campaign_world.desk, campaign_world.library).look()
    assert people(campaign_world) == [1, 3, 5, 7, 9, 11]
    assert runs(campaign_world)["mail"].counts == {
        "given": 6, "planned": 6, "held_out": 0, "suppressed": 0, "known_before": 0,
    }  # fmt: skip


def test_who_shares_an_address_gets_one_message_also_when_planning_was_interrupted(campaign_world, runner, monkeypatch):
    monkeypatch.setattr(planning, "PEOPLE_AT_ONCE", 1)
    change_world(campaign_world.settings, "update people.dim_people set email = ' Both@Example.com'")
    campaign_world.start(document_of())
    runner.look()
    found = Counter((entry.state, entry.reason) for entry in entries(campaign_world))
    assert found == {("planned", ""): 1, ("suppressed", "somebody who shares the address gets this message"): 5}


def test_who_has_no_address_is_in_the_ledger_with_that_reason(campaign_world, runner):
    change_world(campaign_world.settings, f"update people.dim_people set email = null where person_id = {number_of(1)}")
    campaign_world.start(document_of())
    runner.look()
    [without] = [entry for entry in entries(campaign_world) if entry.state == "suppressed"]
    assert (without.person_id, without.reason) == (number_of(1), "there is no address for this channel")


def test_the_same_people_are_held_out_from_every_step_and_by_the_rule_of_the_hold_out(campaign_world, runner):
    steps = [step(key=key) for key in ("one", "two")]
    campaign_world.start(document_of(steps=steps, holdout={"share": 0.5}, audience={"is_everybody": True}))
    runner.look()
    held = {
        key: {e.person_id for e in entries(campaign_world) if e.step == key and e.is_holdout} for key in ("one", "two")
    }
    assert held["one"] == held["two"] == {n for n in map(number_of, range(1, 13)) if is_held_out("campaign:1", n, 0.5)}


def test_variants_share_the_people_and_each_person_has_one(campaign_world, runner):
    variants = [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5, "subject": "Other"}]
    campaign_world.start(document_of(steps=[step(variants=variants)], audience={"is_everybody": True}))
    runner.look()
    found = Counter(entry.variant for entry in entries(campaign_world))
    assert set(found) == {"a", "b"}
    assert sum(found.values()) == 12


def test_in_the_own_time_of_a_person_the_message_waits_for_it(campaign_world, runner):
    change_world(
        campaign_world.settings,
        f"update people.dim_people set time_zone = 'America/New_York' where person_id = {number_of(1)}",
        f"update people.dim_people set time_zone = 'Asia/Tokyo' where person_id = {number_of(3)}",
    )
    campaign_world.start(document_of(starts_at=str(NOW), steps=[step(day=1, time="16:00", clock="person")]))
    campaign_world.settings.clock.set(NOW)
    runner.look()
    waits = {entry.person_id % 1000: entry.not_before for entry in entries(campaign_world)}
    assert waits[1] == datetime(2026, 3, 4, 21)  # 16:00 in New York
    assert waits[3] == NOW  # 16:00 in Tokyo was before the start
    assert waits[5] == datetime(2026, 3, 4, 15)  # 16:00 in Berlin


def test_while_it_is_paused_nothing_is_planned(campaign_world, runner):
    number = campaign_world.start(document_of())
    campaign_world.library.pause(number, ANN)
    assert (runner.look().count, entries(campaign_world)) == (0, [])
    campaign_world.library.resume(number, ANN)
    assert runner.look().messages == 6


def test_a_cancelled_campaign_sends_nothing_of_what_was_planned(campaign_world, runner):
    number = campaign_world.start(document_of())
    runner.look()
    campaign_world.library.cancel(number, ANN, "no stock")
    assert {(entry.state, entry.reason) for entry in entries(campaign_world)} == {("expired", "cancelled: no stock")}


def test_it_is_finished_only_when_the_states_add_up_to_the_audience(campaign_world, runner):
    number = campaign_world.start(document_of())
    runner.look()
    assert campaign_world.library.get(number).status == "running"
    end_messages(campaign_world, "suppressed", leave=1)
    runner.look()
    assert campaign_world.library.get(number).status == "running"
    end_messages(campaign_world, "expired", leave=0)
    assert runner.look().finished == [number]
    assert campaign_world.library.get(number).status == "finished"


def end_messages(world, state, leave):
    with world.store.write() as connection:
        ids = (
            connection.execute(sa.select(ledger_entries.c.message_id).where(ledger_entries.c.state == "planned"))
            .scalars()
            .all()
        )
        move(connection, [Move(each, state, "a test") for each in ids[: len(ids) - leave]], NOW)


def test_what_nobody_knows_makes_it_incomplete_by_name(campaign_world, runner):
    number = campaign_world.start(document_of())
    runner.look()
    end_messages(campaign_world, "expired", leave=1)
    [open_one] = [entry for entry in entries(campaign_world) if entry.state == "planned"]
    with campaign_world.store.write() as connection:
        for state in ("claimed", "handed_over", "ambiguous"):
            move(connection, [Move(open_one.message_id, state, "the connection broke")], NOW)
    runner.look()
    assert campaign_world.library.get(number).status == "running"  # evidence may still come
    campaign_world.settings.clock.set(NOW + timedelta(days=4))
    runner.look()
    found = campaign_world.library.get(number)
    assert (found.status, found.status_reason) == (
        "incomplete", "step mail: of 1 messages nobody knows whether they left",
    )  # fmt: skip


def test_what_would_wait_beyond_the_end_of_its_step_ends_there(campaign_world, runner):
    number = campaign_world.start(document_of(steps=[step(expires_after_hours=2)]))
    runner.look()
    campaign_world.settings.clock.set(NOW + timedelta(hours=3))
    runner.look()
    assert {entry.state for entry in entries(campaign_world)} == {"expired"}
    assert campaign_world.library.get(number).status == "finished"


def test_a_step_that_fails_stops_no_other_and_is_tried_again_on_resume(campaign_world, runner):
    with campaign_world.store.write() as connection:
        create_pool(connection, "spring", "Spring", ANN, NOW)
    steps = [step(), step(key="codes", code_pool="spring")]
    number = campaign_world.start(document_of(steps=steps))
    look = runner.look()
    assert list(look.failed) == ["campaign 1 step codes"]
    assert runs(campaign_world)["codes"].state == "failed"
    assert runs(campaign_world)["mail"].state == "planned"
    end_messages(campaign_world, "expired", leave=0)
    runner.look()
    assert campaign_world.library.get(number).status == "incomplete"
    campaign_world.library.resume(number, ANN)
    assert runs(campaign_world)["codes"].state == "frozen"


def test_frozen_people_are_the_same_after_packing():
    numbers = sorted({number_of(n) for n in (1, 2, 3, 900)} | {7})
    assert unpack_people(pack_people(planning.np.array(numbers, "int64"))).tolist() == numbers


def make_template(world, **variables):
    declared = [{"name": name, **facts} for name, facts in variables.items()]
    content = {"variables": declared, "locales": {"": {"subject": "Hello", "body": "<p>Hello</p>"}}}
    Templates(world.store, world.settings.clock).create(
        name="Sale", key="sale", channel="email", kind="html", content=content, by=ANN
    )


def test_the_values_that_a_template_declares_are_frozen_with_the_language_of_the_country(campaign_world, runner):
    make_template(
        campaign_world,
        spent={"type": "money", "source": "revenue_cents"},
        job={"type": "text", "source": "industry", "fallback": "your"},
    )
    campaign_world.start(document_of(steps=[step(template="sale")]))
    runner.look()
    first = next(entry for entry in entries(campaign_world) if entry.person_id == number_of(1))
    assert (first.context["spent"], first.context["spent_currency"], first.context["job"]) == (10_000, "EUR", "Finance")
    assert (first.template_version, first.locale) == (1, "de-DE")


def test_every_person_gets_a_code_of_their_own_and_who_is_held_out_none(campaign_world, runner):
    make_template(campaign_world, code={"type": "text", "source": "code", "fallback": ""})
    with campaign_world.store.write() as connection:
        create_pool(connection, "spring", "Spring", ANN, NOW, pattern="SPRING-######")
    held = {"holdout": {"share": 0.3}, "audience": {"is_everybody": True}}
    campaign_world.start(document_of(steps=[step(template="sale", code_pool="spring")], **held))
    runner.look()
    codes = {entry.is_holdout: [] for entry in entries(campaign_world)}
    for entry in entries(campaign_world):
        codes[entry.is_holdout].append(entry.context.get("code"))
    assert len(set(codes[False])) == len(codes[False]) > 0
    assert None not in codes[False]
    assert set(codes.get(True, [None])) == {None}
