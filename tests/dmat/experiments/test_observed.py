"""Under test: what is seen of a test, live and from the tables, over time, and kept for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from campaign_world import ANN
from segment_world import NOW, change_world

from dmat.errors import InvalidInputError, NotFoundError
from dmat.experiments import snapshots
from dmat.experiments.analysis import analyse
from dmat.experiments.course import course
from dmat.experiments.moments import Moments
from dmat.experiments.observed import observe
from dmat.experiments.records import ROLLED_OUT, find_experiment
from dmat.ledger.counters import Mark, count_marks
from dmat.ledger.post import Move, move
from dmat.store.experiment_tables import experiment_snapshots
from dmat.store.tables import ledger_entries
from dmat.warehouse import Workspace

MOMENTS = """
    create schema experiments;
    create table experiments.daily_moments (
        experiment_id bigint, arm varchar, metric varchar, moment_date date, people_count bigint, outcome_sum bigint,
        outcome_squared_sum double, covariate_sum double, covariate_squared_sum double, product_sum double,
        base_sum double, base_squared_sum double, base_product_sum double
    );
"""


def day(metric, arm, people, total, squares, on="2026-03-04", covariate=(0, 0, 0)):
    sums = ", ".join(str(value) for value in covariate)
    return (f"insert into experiments.daily_moments values (1, '{arm}', '{metric}', '{on}', {people}, {total}, "
            f"{squares}, {sums}, 0, 0, 0)")  # fmt: skip


class Seen:
    """A test that runs, of which the messages of the first people of each arm have left."""

    def __init__(self, tested, *guardrails):
        self.tested, self.store = tested, tested.world.store
        self.number = tested.add_test(tested.draft(), guardrails=list(guardrails))
        tested.start(1)
        self.workspace = Workspace(tested.world.settings)

    @property
    def experiment(self):
        with self.store.read() as connection:
            return find_experiment(connection, self.number)

    def messages(self, arm):
        query = sa.select(ledger_entries.c.message_id).where(ledger_entries.c.variant == arm)
        with self.store.read() as connection:
            return list(connection.execute(query.order_by(ledger_entries.c.message_id)).scalars())

    def send(self, arm, count, at=NOW):
        ids = self.messages(arm)[:count]
        with self.store.write() as connection:
            for state in ("claimed", "handed_over", "accepted"):
                move(connection, [Move(each, state, "a test") for each in ids], at)
        return ids

    def mark(self, ids, kind, at=NOW):
        with self.store.write() as connection:
            count_marks(connection, [Mark(each, kind, at) for each in ids], at)

    def observe(self):
        return observe(self.store, self.workspace, self.experiment)


@pytest.fixture
def seen(tested):
    return Seen(tested, "unsubscribe")


def test_people_count_from_when_their_message_passed_the_gate(seen):
    sizes = {arm: len(seen.messages(arm)) for arm in ("a", "b")}
    seen.send("a", 5)
    with seen.store.write() as connection:
        move(connection, [Move(each, "suppressed", "no consent") for each in seen.messages("b")[:3]], NOW)
    found = seen.observe()
    assert found.assigned == sizes
    assert found.settled == {"a": 5, "b": 0}
    assert {arm: found.moments[arm]["click"].n for arm in ("a", "b")} == {"a": 5, "b": 0}


def test_a_person_counts_once_and_machines_only_in_raw_opens(tested):
    seen = Seen(tested, "open_raw", "open_human")
    ids = seen.send("a", 4)
    for _ in range(2):
        seen.mark(ids[:1], "opened_human")
        seen.mark(ids[:3], "opened_machine")
        seen.mark(ids[:2], "clicked_human")
    sums = seen.observe().moments["a"]
    assert {key: sums[key].y for key in ("open_human", "open_raw", "click")} == {
        "open_human": 1, "open_raw": 3, "click": 2,
    }  # fmt: skip


def test_the_roll_out_of_the_winner_is_in_no_figure(seen):
    before = seen.observe().assigned
    seen.tested.tests.declare_winner(seen.number, "b", ANN, "it is better")
    seen.tested.look()
    assert "b-rest" in seen.tested.variants()
    assert seen.observe().assigned == before


def test_orders_come_from_the_tables_and_are_none_before_there_are_any(seen):
    seen.send("a", 2)
    assert seen.observe().moments["a"]["revenue"] == Moments(0, 0, 0)
    change_world(seen.tested.world.settings, *MOMENTS.split(";")[:-1], day("revenue", "a", 2, 700, 250_000),
                 day("revenue", "a", 0, 300, 50_000, "2026-03-05"))  # fmt: skip
    found = seen.observe().moments["a"]["revenue"]
    assert (found.n, found.y, found.yy) == (2, 1000, 300_000)


def test_what_people_did_before_is_used_once_the_tables_say_the_same(seen):
    seen.mark(seen.send("a", 3)[:1], "clicked_human")
    seen.send("b", 2)
    old = [day("click", "a", 3, 0, 0, covariate=(4, 10, 2)), day("click", "b", 2, 0, 0, covariate=(1, 1, 0))]
    change_world(seen.tested.world.settings, *MOMENTS.split(";")[:-1], *old)
    assert seen.observe().moments["a"]["click"] == Moments.of_proportion(3, 1)
    change_world(seen.tested.world.settings, day("click", "a", 0, 1, 1, "2026-03-05", covariate=(0, 0, 1)))
    assert seen.observe().moments["a"]["click"] == Moments(3, 1, 1, c=4, cc=10, yc=3)


def test_hours_count_from_the_first_people_until_the_decision(seen):
    seen.tested.clock.advance(timedelta(hours=3))
    assert seen.observe().elapsed_hours == pytest.approx(3)
    seen.tested.tests.declare_winner(seen.number, "a", ANN, "it is better")
    seen.tested.clock.advance(timedelta(hours=9))
    assert seen.observe().elapsed_hours == pytest.approx(3)


def test_the_course_grows_and_ends_at_what_is_seen_now(seen):
    assert seen.experiment.status != ROLLED_OUT
    first = seen.send("a", 3)
    seen.mark(first[:1], "clicked_human", NOW + timedelta(minutes=5))
    seen.tested.clock.set(NOW + timedelta(hours=2))
    more = seen.send("a", 5, NOW + timedelta(hours=2))[3:]
    seen.mark(more[:1], "clicked_human", NOW + timedelta(hours=2, minutes=1))
    seen.tested.clock.set(NOW + timedelta(hours=4))
    points = course(seen.store, seen.workspace, seen.experiment)
    clicks = [(point.moments["a"]["click"].n, point.moments["a"]["click"].y) for point in points]
    assert clicks == [(3, 1), (5, 2), (5, 2)]
    assert [point.at for point in points] == sorted(point.at for point in points)
    assert points[-1].moments["a"]["click"] == seen.observe().moments["a"]["click"]
    assert len(course(seen.store, seen.workspace, seen.experiment, points=2)) == 2


def test_there_is_no_course_before_anybody_is_in_the_test(tested):
    number = tested.add_test(tested.draft())
    with tested.world.store.read() as connection:
        experiment = find_experiment(connection, number)
    assert course(tested.world.store, Workspace(tested.world.settings), experiment) == ()


def test_a_snapshot_gives_the_same_result_for_ever(seen):
    seen.mark(seen.send("a", 30)[:9], "clicked_human")
    seen.mark(seen.send("b", 30)[:3], "clicked_human")
    taken = snapshots.take(seen.store, seen.workspace, seen.experiment, because="a look", by=ANN)
    seen.mark(seen.messages("b")[:25], "clicked_human")  # later
    again = snapshots.read(seen.store, taken.snapshot_id)
    assert again == taken
    assert analyse(again.design, again.observed) == analyse(taken.design, taken.observed)
    assert again.observed.moments["b"]["click"].y == 3
    [card] = snapshots.list_snapshots(seen.store, seen.number)
    assert (card["snapshot_id"], card["because"], card["taken_by"]) == (taken.snapshot_id, "a look", ANN)


def test_a_snapshot_that_was_changed_is_refused(seen):
    taken = snapshots.take(seen.store, seen.workspace, seen.experiment)
    with seen.store.write() as connection:
        document = connection.execute(sa.select(experiment_snapshots.c.document)).scalar_one()
        document["observed"]["moments"]["a"]["click"]["y"] = 40
        connection.execute(sa.update(experiment_snapshots).values(document=document))
    with pytest.raises(InvalidInputError, match="changed after it was taken"):
        snapshots.read(seen.store, taken.snapshot_id)
    with pytest.raises(NotFoundError):
        snapshots.read(seen.store, "none")
