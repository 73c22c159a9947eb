"""Under test: a step with a test is split once; the rest waits, gets the winner once, and the campaign waits for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from campaign_world import ANN, BOB, document_of
from segment_world import NOW
from tested_campaigns import MORE_PEOPLE

from dmat.campaigns.finishing import incomplete_because
from dmat.campaigns.overrides import overrides_of
from dmat.campaigns.plan import parse_plan
from dmat.campaigns.step_runs import read_runs
from dmat.errors import ConflictError
from dmat.experiments.records import read_assignments


def test_a_fifth_is_planned_in_two_arms_and_the_rest_waits(tested):
    tested.add_test(tested.draft())
    tested.start(1)
    counts = tested.variants()
    assert set(counts) == {"a", "b"}
    assert 55 <= counts.total() <= 110
    assert min(counts.values()) >= 20
    assert tested.run().state == "testing"
    assert tested.run().audience_count == MORE_PEOPLE


def test_looking_again_and_again_plans_nobody_else_and_finishes_nothing(tested):
    tested.add_test(tested.draft())
    tested.start(1)
    before = tested.variants()
    for _ in range(3):
        tested.clock.advance(timedelta(hours=20))
        tested.look()
    assert tested.variants() == before
    assert tested.world.library.get(1).status == "running"


def test_the_declared_winner_goes_to_the_rest_and_everybody_has_one_message(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    in_test = tested.variants()
    tested.tests.declare_winner(number, "b", BOB, "the other offer ends today")
    tested.look()
    after = tested.variants()
    assert after == in_test | {"b-rest": MORE_PEOPLE - in_test.total()}
    assert len({row.person_id for row in tested.ledger()}) == MORE_PEOPLE
    assert tested.run().state == "planned"
    decision = tested.tests.decision(number)
    assert (decision.kind, decision.arm, decision.decided_by) == ("manual", "b", BOB)


def test_the_roll_out_says_what_the_winning_arm_said(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(number, "b", BOB, "better")
    subjects = [overrides_of(tested.world.store, "campaign:1", 1, "mail", key).subject for key in ("a", "b", "b-rest")]
    assert subjects == ["", "Only today", "Only today"]


def test_the_people_in_the_test_are_those_that_figures_are_made_of(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(number, "a", BOB, "better")
    tested.look()
    with tested.world.store.read() as connection:
        found = read_assignments(connection, number)
    given = {each.arm: set(each.ids.tolist()) for each in found}
    planned = {key: {row.person_id for row in tested.ledger() if row.variant == key} for key in ("a", "b")}
    assert given == planned


def test_held_out_people_are_in_no_arm(tested):
    number = tested.add_test(tested.draft(holdout={"share": 0.3}), test_share=0.5)
    tested.start(1)
    tested.tests.declare_winner(number, "a", BOB, "better")
    tested.look()
    held = [row for row in tested.ledger() if row.is_holdout]
    assert len(held) > 80
    assert {row.variant for row in held} == {""}
    with tested.world.store.read() as connection:
        people = {person for each in read_assignments(connection, number) for person in each.ids.tolist()}
    assert people.isdisjoint(row.person_id for row in held)
    assert len(tested.ledger()) == MORE_PEOPLE


def test_who_is_held_out_of_everything_is_in_no_arm_and_gets_nothing(tested):
    tested.world.settings.global_holdout_share = 0.25
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(number, "a", BOB, "better")
    tested.look()
    alone = [row for row in tested.ledger() if row.reason == "global holdout"]
    assert 60 <= len(alone) <= 140
    assert {(row.state, row.variant) for row in alone} == {("suppressed", "")}
    assert len(tested.ledger()) == MORE_PEOPLE


def test_people_who_share_an_address_get_one_message_across_test_and_rest(tested):
    from segment_world import change_world

    change_world(tested.world.settings, "update people.dim_people set email = 'all@example.com' where city = 'Paris'")
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(number, "b", BOB, "better")
    tested.look()
    planned = [row for row in tested.ledger() if row.state == "planned"]
    assert len(planned) == 1
    assert len(tested.ledger()) == MORE_PEOPLE


def test_stopped_without_a_winner_nobody_else_gets_it_and_the_account_adds_up(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    in_test = tested.variants().total()
    tested.tests.stop(number, BOB, "wrong price")
    tested.look()
    refused = [row for row in tested.ledger() if row.state == "suppressed"]
    assert len(refused) == MORE_PEOPLE - in_test
    assert {row.reason for row in refused} == {"the test was stopped before it was decided: wrong price"}
    with tested.world.store.read() as connection:
        runs = read_runs(connection, 1)
    missing = [why for why in incomplete_because(tested.world.store, tested.world.library.get(1), runs)
               if "no message" in why]  # fmt: skip
    assert missing == []


def test_stopped_with_an_arm_for_the_rest_it_goes_to_the_rest(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.stop(number, BOB, "no time", rest="a")
    tested.look()
    assert tested.variants()["a-rest"] > 200
    assert tested.tests.get(number).status == "stopped"


def test_a_winner_named_before_the_step_begins_goes_to_everybody(tested):
    number = tested.add_test(tested.draft())
    tested.tests.declare_winner(number, "b", BOB, "we know already")
    tested.start(1)
    assert tested.variants() == {"b-rest": MORE_PEOPLE}


def test_stopped_before_the_step_begins_with_an_arm_for_all_everybody_gets_that_arm(tested):
    number = tested.add_test(tested.draft())
    tested.tests.stop(number, BOB, "no time", rest="b")
    tested.start(1)
    assert tested.variants() == {"b-rest": MORE_PEOPLE}


def test_a_test_stopped_before_the_step_begins_changes_nothing(tested):
    number = tested.add_test(tested.draft())
    tested.tests.stop(number, BOB, "not now")
    tested.start(1)
    assert tested.variants() == {"": MORE_PEOPLE}


def test_a_sample_takes_so_many_people_an_arm_and_no_more(tested):
    tested.add_test(tested.draft(), sample_per_arm=30, test_share=1)
    tested.start(1)
    assert tested.variants().total() == 60


def test_two_tests_of_a_group_share_nobody(tested):
    steps = [{"key": key, "channel": "email", "template": "cart_recovery"} for key in ("mail", "other")]
    campaign = tested.draft(steps=steps)
    first = tested.add_test(campaign, test_share=0.5, exclusion_group="spring")
    second = tested.add_test(campaign, test_share=0.5, exclusion_group="spring", step="other")
    third = tested.add_test(campaign, False, test_share=0.1, exclusion_group="spring", step="other")
    tested.start(1)
    with tested.world.store.read() as connection:
        people = [
            {person for each in read_assignments(connection, number) for person in each.ids.tolist()}
            for number in (first, second)
        ]
    assert people[0].isdisjoint(people[1])
    assert len(people[0] | people[1]) == MORE_PEOPLE
    with pytest.raises(ConflictError, match="has begun"):
        tested.tests.start(third, ANN)


def test_each_arm_of_a_test_of_times_has_its_time_and_the_rest_waits_for_the_winners_next(tested):
    arms = [{"key": key, "share": 0.5, "overrides": {"time": time}} for key, time in (("a", "14:00"), ("b", "18:00"))]
    step = {"key": "mail", "channel": "email", "template": "cart_recovery", "day": 1, "time": "09:00"}
    number = tested.add_test(tested.draft(steps=[step]), kind="send_time", arms=arms)
    tested.start(1)
    tested.clock.set(NOW.replace(hour=14))
    tested.look()
    times = {row.variant: row.not_before for row in tested.ledger()}
    assert times == {"a": NOW.replace(hour=14), "b": NOW.replace(hour=18)}
    assert tested.tests.get(number).deadline_at == NOW.replace(hour=22)
    tested.clock.set(NOW.replace(hour=23))
    tested.tests.declare_winner(number, "a", BOB, "better")
    tested.look()
    rest = {row.not_before for row in tested.ledger() if row.variant == "a-rest"}
    assert rest == {NOW.replace(hour=14) + timedelta(days=1)}


def test_an_arm_of_a_test_of_frequency_gets_its_steps_and_no_others(tested):
    steps = [{"key": key, "channel": "email", "template": "cart_recovery"} for key in ("one", "two")]
    arms = [{"key": "a", "share": 0.5, "overrides": {"steps": ["one"]}},
            {"key": "b", "share": 0.5, "overrides": {"steps": ["one", "two"]}}]  # fmt: skip
    tested.add_test(tested.draft(steps=steps), kind="frequency", arms=arms, step="", test_share=0.5)
    tested.start(1)
    got = {
        step: {(row.variant, row.state) for row in tested.ledger(step)} for step in ("one", "two")
    }  # fmt: skip
    assert got["one"] == {("a", "planned"), ("b", "planned"), ("", "planned")}
    assert got["two"] == {("a", "suppressed"), ("b", "planned"), ("", "suppressed")}
    arm_of = {step: {row.person_id: row.variant for row in tested.ledger(step)} for step in ("one", "two")}
    assert arm_of["one"] == arm_of["two"]
    assert tested.run("two").state == "planned"


def test_a_later_step_follows_the_winner_of_a_test_of_frequency(tested):
    late = {"key": "two", "channel": "email", "template": "cart_recovery", "at": str(NOW + timedelta(days=2))}
    steps = [{"key": "one", "channel": "email", "template": "cart_recovery"}, late]
    arms = [{"key": "a", "share": 0.5, "overrides": {"steps": ["one"]}},
            {"key": "b", "share": 0.5, "overrides": {"steps": ["one", "two"]}}]  # fmt: skip
    number = tested.add_test(tested.draft(steps=steps), kind="frequency", arms=arms, step="", test_share=1)
    tested.start(1)
    tested.tests.declare_winner(number, "a", BOB, "fewer people left")
    tested.clock.advance(timedelta(days=2))
    tested.look()
    assert {(row.state, row.reason) for row in tested.ledger("two")} == {
        ("suppressed", "the test decided against this step: a won")
    }


def test_a_tested_step_stays_in_the_plan(tested):
    tested.add_test(tested.draft())
    other = [{"key": "else", "channel": "email", "template": "cart_recovery"}]
    with pytest.raises(ConflictError, match="step mail is tested by test 1"):
        tested.world.library.update(1, by=ANN, plan=parse_plan(document_of(steps=other)))


def test_a_paused_test_lets_nothing_leave_and_its_clock_stands_still(tested):
    from dmat.campaigns.gate import make_gate
    from dmat.ledger.entries import list_entries

    number = tested.add_test(tested.draft())
    tested.start(1)
    deadline = tested.tests.get(number).deadline_at
    tested.tests.pause(number, BOB, "wrong link")
    entry = list_entries(tested.world.store, programme="campaign:1", limit=1)[0]
    with tested.world.store.write() as connection:
        verdict = make_gate(tested.world.settings)(connection, [entry], NOW)[entry.message_id]
    assert (verdict.state, "the step is paused (wrong link)" in verdict.reason) == ("planned", True)
    tested.clock.advance(timedelta(hours=3))
    tested.tests.resume(number, BOB)
    assert tested.tests.get(number).deadline_at == deadline + timedelta(hours=3)


def test_the_gate_lets_nobody_through_who_is_held_out_of_everything(tested):
    from dmat.campaigns.gate import make_gate
    from dmat.campaigns.holdout import is_held_out_of_all
    from dmat.ledger.entries import list_entries

    tested.start(tested.draft())
    tested.world.settings.global_holdout_share = 0.25
    entries = list_entries(tested.world.store, programme="campaign:1", limit=1_000)
    with tested.world.store.write() as connection:
        verdicts = make_gate(tested.world.settings)(connection, entries, NOW)
    alone = {e.message_id for e in entries if is_held_out_of_all(tested.world.settings, e.person_id)}
    refused = {number for number, verdict in verdicts.items() if verdict.reason == "global holdout"}
    assert refused == alone
    assert len(alone) > 60
    tested.world.settings.global_holdout_period = "2027"
    other = {e.message_id for e in entries if is_held_out_of_all(tested.world.settings, e.person_id)}
    assert other != alone


def test_a_test_of_an_approved_campaign_asks_for_a_new_yes(tested):
    number = tested.draft(approval={"from_recipients": 1}, starts_at=str(NOW + timedelta(days=1)))
    library = tested.world.library
    library.submit(number, ANN)
    library.approve(number, BOB)
    tested.add_test(number)
    found = library.get(number)
    assert (found.status, "its arms need a yes as well" in found.status_reason) == ("draft", True)
    library.submit(number, ANN)
    assert library.get(number).status == "in_review"


def test_a_running_approved_campaign_takes_no_test(tested):
    late = {"key": "mail", "channel": "email", "template": "cart_recovery", "at": str(NOW + timedelta(days=1))}
    number = tested.draft(approval={"from_recipients": 1}, starts_at=str(NOW), steps=[late])
    library = tested.world.library
    library.submit(number, ANN)
    library.approve(number, BOB)
    library.start(number, ANN)
    with pytest.raises(ConflictError, match="approved without this test"):
        tested.add_test(number)


def test_a_test_that_ends_after_its_campaign_is_refused(tested):
    from dmat.errors import InvalidInputError

    number = tested.draft(ends_at=str(NOW + timedelta(hours=3)))
    with pytest.raises(InvalidInputError, match="nobody would get the winner"):
        tested.add_test(number)


def test_the_time_of_the_campaign_over_the_waiting_get_nothing_and_the_account_adds_up(tested):
    from dmat.experiments.running import TestRunner as Tests

    number = tested.add_test(tested.draft(ends_at=str(NOW + timedelta(hours=6))), rule={"auto": False})
    tested.start(1)
    tested.clock.advance(timedelta(hours=6))
    world = tested.world
    Tests(world.settings, world.store, world.desk.workspace).look()
    tested.look()
    assert tested.tests.get(number).status == "stopped"
    assert len(tested.ledger()) == MORE_PEOPLE


def test_a_person_in_the_time_of_their_own_gets_the_rest_at_the_next_such_time(tested):
    step = {
        "key": "mail",
        "channel": "email",
        "template": "cart_recovery",
        "day": 1,
        "time": "18:00",
        "clock": "person",
    }
    number = tested.add_test(tested.draft(steps=[step]))
    tested.start(1)
    tested.look()
    assert {row.not_before for row in tested.ledger()} == {NOW.replace(hour=17)}  # Paris is an hour ahead
    tested.clock.set(NOW.replace(hour=20))
    tested.tests.declare_winner(number, "a", BOB, "better")
    tested.look()
    rest = {row.not_before for row in tested.ledger() if row.variant == "a-rest"}
    assert rest == {NOW.replace(hour=17) + timedelta(days=1)}
