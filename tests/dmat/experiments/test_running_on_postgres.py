"""Under test: a test on the step of a campaign from the split to the roll-out and another winner, on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from campaign_world import ANN, BOB, make_campaign_world
from sending_fixtures import create_database
from tested_campaigns import MORE_PEOPLE, make_tested

from dmat.errors import ConflictError
from dmat.experiments.moments import Moments
from dmat.experiments.observed import observe
from dmat.experiments.results import Observed
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


def look(tested, watch=observe):
    world = tested.world
    return Runner(world.settings, world.store, world.desk.workspace, watch).look()


def proven(_store, _workspace, experiment):
    none = Moments.of_proportion(5_000, 0)
    moments = {
        arm: {"click": Moments.of_proportion(5_000, hits), "unsubscribe": none, "complaint": none}
        for arm, hits in (("a", 200), ("b", 400))
    }
    return Observed({"a": 5_000, "b": 5_000}, moments, experiment.looks + 1, 1.0)


def test_a_test_is_split_watched_decided_rolled_out_and_decided_anew(tested):
    number = tested.add_test(tested.draft())
    tested.start(1)
    inside = tested.variants()
    assert set(inside) == {"a", "b"}
    assert look(tested).count == 0
    assert observe(tested.world.store, tested.world.desk.workspace, tested.tests.get(number)).assigned == dict(inside)
    tested.tests.pause(number, ANN, "wrong link")
    tested.clock.advance(timedelta(minutes=5))
    tested.tests.resume(number, ANN)
    assert look(tested, proven).decided == {number: "b"}
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
