"""Under test: a test on the step of a campaign from the split to the roll-out and another winner, on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from campaign_world import ANN, BOB, make_campaign_world
from killed_tests import EVEN, die_at_each_point, look
from sending_fixtures import create_database
from tested_campaigns import MORE_PEOPLE, make_tested

from dmat.errors import ConflictError
from dmat.experiments.observed import observe
from dmat.experiments.records import waves_of
from dmat.experiments.running import TestRunner as Runner
from dmat.experiments.snapshots import list_snapshots
from dmat.store.tables import ledger_entries

pytestmark = pytest.mark.postgres


@pytest.fixture
def tested(world, postgres_server):
    settings = world.model_copy(update={"store_url": create_database(postgres_server)})
    made = make_campaign_world(settings)
    assert made.store.engine.dialect.name == "postgresql"
    yield make_tested(made)
    made.store.close()


def look_at_what_happened(tested):
    world = tested.world
    return Runner(world.settings, world.store, world.desk.workspace).look()


def test_a_test_is_split_watched_decided_rolled_out_and_decided_anew(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    inside = tested.variants()
    assert set(inside) == {"a", "b"}
    assert look_at_what_happened(tested).count == 0
    assert observe(tested.world.store, tested.world.desk.workspace, tested.tests.get(number)).assigned == dict(inside)
    tested.tests.pause(number, ANN, "wrong link")
    tested.clock.advance(timedelta(minutes=5))
    tested.tests.resume(number, ANN)
    assert look(tested).decided == {number: "b"}
    with pytest.raises(ConflictError, match="winner b"):
        tested.tests.declare_winner(number, "a", BOB, "no, a")
    tested.look()
    look(tested)
    assert tested.tests.get(number).status == "rolled_out"
    tested.clock.advance(timedelta(minutes=5))
    tested.tests.override(number, "a", BOB, "the offer of b is over")
    look(tested)
    rest = MORE_PEOPLE - sum(inside.values())
    assert tested.variants() == inside + type(inside)({"a-rest": rest})
    with tested.world.store.read() as connection:
        people = connection.execute(sa.select(sa.func.count(sa.distinct(ledger_entries.c.person_id)))).scalar_one()
    assert people == MORE_PEOPLE
    assert [kept["taken_by"] for kept in list_snapshots(tested.world.store, number)] == [BOB, "tests"]
    assert tested.tests.decision(number).arm == "a"


def test_at_the_deadline_the_better_one_is_chosen_not_proven_and_goes_to_the_rest(tested):
    number = tested.add_test(tested.draft(), inference="fixed")
    tested.start(1)
    assert look(tested, EVEN).count == 0
    assert tested.tests.get(number).status == "running"
    tested.clock.advance(timedelta(hours=4))
    assert look(tested, EVEN).decided == {number: "b"}
    tested.look()
    look(tested, EVEN)
    decision = tested.tests.decision(number)
    assert (tested.tests.get(number).status, decision.kind) == ("rolled_out", "chosen")
    assert "chosen, not proven" in decision.reason
    assert tested.variants().total() == MORE_PEOPLE


def test_a_bandit_shares_out_its_waves_and_writes_the_chances_down(tested):
    number = tested.add_test(
        tested.draft(), allocation="bandit", waves=2, test_share=1, duration_hours=4, rule={"min_per_arm": 10**6}
    )
    tested.start(1)
    first = tested.variants().total()
    tested.clock.advance(timedelta(hours=2))
    look(tested, {"a": (500, 20), "b": (500, 60)})
    tested.look()
    with tested.world.store.read() as connection:
        even, learnt = (wave.propensities for wave in waves_of(connection, number))
    assert even == {"a": 0.5, "b": 0.5}
    assert learnt["b"] > 0.8
    assert tested.variants().total() == MORE_PEOPLE > first


@pytest.mark.parametrize("is_committed", [False, True], ids=["before-commit", "after-commit"])
def test_killed_at_any_point_everybody_has_one_message_in_the_end(tested, monkeypatch, is_committed):
    assert die_at_each_point(tested, monkeypatch, is_committed) >= 10
