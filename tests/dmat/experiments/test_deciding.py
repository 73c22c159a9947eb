"""Under test: what a person decides about a test, with what was known then; and another winner afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from campaign_world import ANN, BOB
from tested_campaigns import MORE_PEOPLE

from dmat.campaigns import planning
from dmat.campaigns.addressing import read_addressed
from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.carrying_over import carry_over
from dmat.experiments.running import TestRunner as Runner
from dmat.experiments.snapshots import list_snapshots, read
from dmat.ledger.entries import ACCEPTED, CLAIMED, HANDED_OVER
from dmat.ledger.post import Move, move
from dmat.store.tables import ledger_entries


@pytest.fixture
def number(tested):
    """A test that a person decided for b; the others are planned with it, and nothing has left."""
    found = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(found, "b", BOB, "the brand")
    tested.look()
    return found


def look(tested):
    return Runner(tested.world.settings, tested.world.store, tested.world.desk.workspace).look()


def send(tested, variant, count):
    """So many messages of a variant leave."""
    table, now = ledger_entries.c, tested.clock.now()
    with tested.world.store.write() as connection:
        query = sa.select(table.message_id).where(table.variant == variant, table.state == "planned").limit(count)
        ids = list(connection.execute(query).scalars())
        for state in (CLAIMED, HANDED_OVER, ACCEPTED):
            move(connection, [Move(each, state, "") for each in ids], now)
    return set(ids)


def test_a_decision_by_hand_keeps_the_figures_of_that_moment(tested, number):
    decision = tested.tests.decision(number)
    [kept] = list_snapshots(tested.world.store, number)
    assert (kept["snapshot_id"], kept["taken_by"]) == (decision.snapshot_id, BOB)
    assert read(tested.world.store, decision.snapshot_id).observed.assigned == {
        arm: tested.variants()[arm] for arm in "ab"
    }
    assert decision.figures["assigned"] == {arm: tested.variants()[arm] for arm in "ab"}


def test_who_has_not_been_sent_to_gets_the_other_winner_and_who_has_keeps_the_first(tested, number):
    rest, sent = tested.variants()["b-rest"], send(tested, "b-rest", 100)
    tested.tests.override(number, "a", ANN, "the offer of b is over")
    assert (tested.variants()["b-rest"], tested.variants()["a-rest"]) == (100, rest - 100)
    with tested.world.store.read() as connection:
        table = ledger_entries.c
        states = connection.execute(sa.select(table.message_id).where(table.variant == "b-rest")).scalars()
        assert set(states) == sent
    assert sum(tested.variants().values()) == MORE_PEOPLE
    found, decision = tested.tests.get(number), tested.tests.decision(number)
    assert (found.status, found.winner) == ("decided", "a")
    assert (decision.kind, decision.arm, decision.decided_by) == ("manual", "a", ANN)


def test_the_log_says_who_decided_otherwise_and_what_was_decided_before(tested, number):
    first = tested.tests.decision(number)
    tested.tests.override(number, "a", ANN, "the offer of b is over")
    line = next(line for line in tested.tests.log(number) if line.kind == "overridden")
    assert (line.actor, line.words) == (ANN, "a instead of b: the offer of b is over")
    assert line.detail["before"] == "b"
    assert line.detail["reason"] == "the brand"
    assert line.detail["snapshot_id"] == first.snapshot_id != tested.tests.decision(number).snapshot_id


def test_who_is_not_planned_yet_is_planned_with_the_new_winner(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(number, "b", BOB, "the brand")
    tested.tests.override(number, "a", ANN, "the offer of b is over")
    tested.look()
    assert tested.variants()["b-rest"] == 0
    assert tested.variants()["a-rest"] > 0
    look(tested)
    assert tested.tests.get(number).status == "rolled_out"


def test_what_a_planner_wrote_meanwhile_with_the_former_winner_is_carried_over_before_the_test_ends(
    tested, monkeypatch
):
    number = tested.add_test(tested.draft())
    tested.start(1)
    tested.tests.declare_winner(number, "b", BOB, "the brand")

    def meanwhile(*given):
        for batch in read_addressed(*given):
            if tested.tests.get(number).winner == "b":
                tested.tests.override(number, "a", ANN, "the offer of b is over")
            yield batch

    monkeypatch.setattr(planning, "read_addressed", meanwhile)
    tested.look()
    assert tested.variants()["b-rest"] > 0
    tested.look()
    look(tested)
    look(tested)
    assert tested.variants()["b-rest"] == 0
    assert tested.tests.get(number).status == "rolled_out"


def test_carrying_over_twice_does_nothing_twice(tested, number):
    tested.tests.override(number, "a", ANN, "the offer of b is over")
    before = tested.ledger()
    assert carry_over(tested.world.store, number, tested.clock.now()) == 0
    assert tested.ledger() == before


def test_a_test_that_was_rolled_out_can_be_decided_anew_as_long_as_somebody_waits(tested, number):
    look(tested)
    assert tested.tests.get(number).status == "rolled_out"
    tested.tests.override(number, "a", ANN, "the offer of b is over")
    look(tested)
    assert tested.tests.get(number).status == "rolled_out"
    send(tested, "a-rest", MORE_PEOPLE)
    with pytest.raises(ConflictError, match="nobody waits any more"):
        tested.tests.override(number, "b", ANN, "after all")


def test_a_change_of_mind_needs_a_reason_and_another_arm(tested, number):
    with pytest.raises(InvalidInputError, match="reason"):
        tested.tests.override(number, "a", ANN, " ")
    with pytest.raises(InvalidInputError, match="arm"):
        tested.tests.override(number, "z", ANN, "so")
    with pytest.raises(ConflictError, match="winner already"):
        tested.tests.override(number, "b", ANN, "so")


def test_what_is_not_decided_is_not_decided_anew(tested):
    number = tested.add_test(tested.draft())
    with pytest.raises(ConflictError, match="only a decided one"):
        tested.tests.override(number, "a", ANN, "so")
    tested.clock.advance(timedelta(minutes=1))
    tested.tests.stop(number, ANN, "wrong price")
    with pytest.raises(ConflictError, match="only a decided one"):
        tested.tests.override(number, "a", ANN, "so")
