"""Under test: tests that run are decided by their rule, once, and whatever dies in between nobody gets two messages."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from campaign_world import ANN, BOB
from killed_tests import EVEN, LOPSIDED, PROVEN, DiedError, die_at_each_point, dying_at, look, people_of
from tested_campaigns import FRENCH, MORE_PEOPLE

from dmat.campaigns import planning
from dmat.errors import ConflictError, DmatError
from dmat.experiments.assign import in_test
from dmat.experiments.records import read_assignments, salt_of, waves_of
from dmat.experiments.snapshots import list_snapshots
from dmat.store.experiment_tables import experiment_decisions


def running(tested, **changes):
    number = tested.add_test(tested.draft(), **changes)
    tested.start(1)
    return number


def test_a_proven_winner_is_decided_before_the_end_and_goes_to_the_rest(tested):
    number = running(tested)
    assert look(tested).decided == {number: "b"}
    found = tested.tests.get(number)
    assert (found.status, found.winner) == ("decided", "b")
    tested.look()
    assert tested.variants()["b-rest"] == MORE_PEOPLE - found.verdict["assigned"].get("none", 0) - sum(
        tested.variants()[arm] for arm in ("a", "b")
    )
    look(tested)
    assert tested.tests.get(number).status == "rolled_out"


def test_without_a_proof_it_waits_and_at_the_end_the_better_one_is_chosen_not_proven(tested):
    number = running(tested)
    assert look(tested, EVEN).count == 0
    assert tested.tests.get(number).verdict["kind"] == "wait"
    tested.clock.advance(timedelta(hours=4))
    assert look(tested, EVEN).decided == {number: "b"}
    decision = tested.tests.decision(number)
    assert decision.kind == "chosen"
    assert "chosen, not proven" in decision.reason


def test_a_decision_keeps_the_figures_that_it_was_made_from(tested):
    number = running(tested)
    look(tested)
    [kept] = list_snapshots(tested.world.store, number)
    assert kept["snapshot_id"] == tested.tests.decision(number).snapshot_id


def test_with_fixed_inference_nothing_is_concluded_before_the_end(tested):
    number = running(tested, inference="fixed")
    assert look(tested).count == 0
    said = tested.tests.get(number).verdict["sentence"]
    assert "ahead of" in said
    assert "more than chance" not in said
    assert "nothing counts as proven before" in said
    tested.clock.advance(timedelta(hours=4))
    assert look(tested).decided == {number: "b"}


def test_without_automatic_sending_a_person_is_asked_and_the_rest_waits(tested):
    number = running(tested, rule={"auto": False})
    assert number in look(tested).asked
    assert tested.tests.get(number).status == "deciding"
    tested.look()
    assert set(tested.variants()) == {"a", "b"}
    tested.tests.declare_winner(number, "a", BOB, "it fits the brand")
    tested.look()
    assert tested.variants()["a-rest"] > 0


def test_a_lopsided_split_is_never_decided_by_itself(tested):
    number = running(tested)
    assert look(tested, LOPSIDED).count == 0
    tested.clock.advance(timedelta(hours=5))
    assert number in look(tested, LOPSIDED).asked
    assert "not healthy" in tested.tests.get(number).status_reason


def test_a_paused_test_is_not_decided(tested):
    number = running(tested)
    tested.tests.pause(number, ANN, "wrong link")
    assert look(tested).count == 0


def test_who_decides_second_is_told_what_was_decided(tested):
    number = running(tested)
    look(tested)
    with pytest.raises(ConflictError, match="winner b"):
        tested.tests.declare_winner(number, "a", BOB, "no, a")


def test_a_cancelled_campaign_stops_its_test(tested):
    number = running(tested)
    tested.world.library.cancel(1, ANN, "no stock")
    look(tested)
    found = tested.tests.get(number)
    assert (found.status, found.status_reason) == ("stopped", "its campaign is cancelled")


def test_a_bandit_shares_out_each_wave_by_what_was_seen_and_writes_the_chances_down(tested):
    number = running(tested, allocation="bandit", waves=4, test_share=1, duration_hours=8, rule={"min_per_arm": 10**6})
    first = tested.variants().total()
    for _ in range(3):
        tested.clock.advance(timedelta(hours=2))
        look(tested, {"a": (500, 20), "b": (500, 60)})
        tested.look()
    with tested.world.store.read() as connection:
        waves = waves_of(connection, number)
    assert [wave.wave for wave in waves] == [0, 1, 2, 3]
    assert waves[0].propensities == {"a": 0.5, "b": 0.5}
    assert waves[1].propensities["b"] > 0.8
    assert sum(waves[1].propensities.values()) == pytest.approx(1)
    assert tested.variants().total() == MORE_PEOPLE > first
    assert tested.run().state == "planned"


# -- whatever dies in between ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_committed", [False, True], ids=["before-commit", "after-commit"])
def test_killed_at_any_point_everybody_has_one_message_in_the_end(tested, monkeypatch, is_committed):
    assert die_at_each_point(tested, monkeypatch, is_committed) >= 10


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_in_whatever_order_each_person_gets_at_most_one_message(tested, monkeypatch, seed):
    monkeypatch.setattr(planning, "PEOPLE_AT_ONCE", 100)
    chance = random.Random(seed)
    number = tested.add_test(tested.draft(), test_share=chance.choice([0.1, 0.5, 1.0]))
    tested.world.library.start(1, ANN)
    tests, library = tested.tests, tested.world.library
    doings = {
        "look": lambda: tested.look(),
        "look at tests": lambda: look(tested, chance.choice([EVEN, EVEN, PROVEN])),
        "time passes": lambda: tested.clock.advance(timedelta(minutes=chance.randint(1, 90))),
        "pause test": lambda: tests.pause(number, ANN, "wait"),
        "resume test": lambda: tests.resume(number, ANN),
        "pause campaign": lambda: library.pause(1, ANN, "wait"),
        "resume campaign": lambda: library.resume(1, ANN),
        "declare": lambda: tests.declare_winner(number, chance.choice("ab"), BOB, "so") if chance.random() < 0.2 else 0,
        "stop": lambda: tests.stop(number, BOB, "so", chance.choice(["", "a"])) if chance.random() < 0.1 else 0,
    }
    names = ["look"] * 4 + ["look at tests"] * 2 + list(doings)
    died = 0
    for _ in range(25):
        with (
            dying_at(monkeypatch, chance.randint(1, 3), chance.random() < 0.5) as count,
            suppress(DiedError, DmatError),
        ):
            doings[chance.choice(names)]()
        died += count["died"]
        found = people_of(tested, 1)
        assert len(found) == len({person for person, _ in found})
    assert died > 0
    _finish(tested, number)
    found = people_of(tested, 1)
    assert len(found) == len({person for person, _ in found}) == MORE_PEOPLE
    with tested.world.store.read() as connection:
        decided = connection.execute(sa.select(sa.func.count()).select_from(experiment_decisions)).scalar_one()
        given = {each.arm: set(each.ids.tolist()) for each in read_assignments(connection, number)}
    assert decided == 1
    for arm, people in given.items():
        assert {person for person, variant in found if variant == arm} == people


def _finish(tested, number):
    """Whatever stands still goes on, and somebody decides."""
    if tested.world.library.get(1).status == "paused":
        tested.world.library.resume(1, ANN)
    if tested.tests.get(number).status == "paused":
        tested.tests.resume(number, ANN)
    tested.look()
    if tested.tests.get(number).is_live:
        tested.tests.declare_winner(number, "a", BOB, "at last")
    tested.look()


def test_the_same_people_are_chosen_after_a_restart(tested):
    number = running(tested)
    people = np.arange(FRENCH, FRENCH + MORE_PEOPLE)
    expected = set(people[in_test(salt_of(number), people, 0.2)].tolist())
    assert {row.person_id for row in tested.ledger()} == expected
