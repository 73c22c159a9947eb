"""Under test: a pass over all segments. Each entry and leaving is written once, with its cause, whatever happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dmat.clock import Clock
from dmat.segments.bitmaps import Bits, PersonIndex
from dmat.segments.catalogue import Catalogue, Field
from dmat.segments.library import Library
from dmat.segments.membership import bits_of
from dmat.segments.rules import parse, walk
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat.warehouse import Workspace, publish, writer, writer_lock
from dmat_pipelines.decide import segment_log, segments
from dmat_pipelines.decide.segments import SegmentPass

NOON = datetime(2026, 3, 4, 12)
ORDERS = Field("orders_count", "Orders", "number", "Shop", "people.dim_people", "orders_count")
CATALOGUE = Catalogue({"orders_count": ORDERS}, {})


class World:
    """People with a number of orders each; a rule asks for at least so many. Negative values fail."""

    def __init__(self) -> None:
        self.people: dict[int, int] = {}
        self.flip_at: datetime | None = None
        self.published = 1


class WorldAnswers:
    """Answers from the world as it was when it was last refreshed."""

    def __init__(self, world: World, version_of) -> None:
        self.world, self.version_of = world, version_of
        self.index = PersonIndex(np.empty(0, np.int64))
        self.version = 0

    def refresh(self, now: datetime) -> None:
        self.version = self.version_of()
        self.index.add(np.array(sorted(self.world.people), np.int64))

    def bits(self, rule, rules, frozen=()) -> Bits:
        least = next((node.value for _, node in walk(rule) if hasattr(node, "value")), 0)
        if least < 0:
            raise ValueError("this rule cannot be answered")
        return bits_of([person for person, orders in self.world.people.items() if orders >= least], self.index)

    def next_flip(self, rules) -> datetime | None:
        return self.world.flip_at


class House:
    """A workspace with people, its library, and passes that begin anew whenever a test wants."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store, self.world = settings, store, World()
        self.view = Workspace(settings)
        self.library = Library(store, settings.clock, lambda: CATALOGUE)
        self.current = self.new_pass()

    def new_pass(self) -> SegmentPass:
        version_of = lambda: self.view.version.number  # noqa: E731
        return SegmentPass(self.settings, self.store, self.view, lambda: WorldAnswers(self.world, version_of))

    def publish(self, **people: int) -> None:
        self.world.people = {int(name[1:]): orders for name, orders in people.items()}
        with writer(self.settings) as connection:
            connection.execute("create schema if not exists people")
            connection.execute("create or replace table people.dim_people (person_id bigint)")
            connection.execute("create table if not exists people.person_merges"
                               " (merged_person_id bigint, surviving_person_id bigint)")  # fmt: skip
            connection.executemany("insert into people.dim_people values (?)", [[p] for p in self.world.people])
        with writer_lock(self.settings):
            publish(self.settings)

    def make(self, name: str, at_least: int, kind: str = "dynamic") -> None:
        self.library.create(name=name, rule=orders(at_least), by="ann", kind=kind)

    def run(self):
        return self.current.run("run")

    def log(self) -> list[tuple]:
        with writer(self.settings) as connection:
            segment_log.create_log(connection)
            return connection.execute(
                "select segment_key, person_id, change, cause, rule_version from raw.segment_changes"
                " order by change_number"
            ).fetchall()


def orders(at_least: int):
    return parse({"where": {"all": [{"field": "orders_count", "op": "at_least", "value": at_least}]}})


@pytest.fixture
def house(tmp_path: Path) -> House:
    settings = load_settings(tmp_path / "home")
    settings.clock.set(NOON)
    return House(settings, open_store(settings))


def test_without_a_segment_nothing_is_looked_at(house, monkeypatch):
    monkeypatch.setattr(segments, "current_version", lambda _: pytest.fail("looked at the warehouse"))
    assert house.run().moved_count == 0


def test_people_enter_by_the_rule_then_move_by_data_and_leave_by_a_changed_rule(house):
    house.publish(p1=5, p2=1)
    house.make("VIP", 5)
    assert house.run().entered == {"vip": 1}
    house.publish(p1=0, p2=6, p3=7)
    house.run()
    house.library.update("vip", by="ann", rule=orders(7))
    house.run()
    assert house.log() == [
        ("vip", 1, "entered", "rule", 1), ("vip", 1, "left", "data", 1), ("vip", 2, "entered", "data", 1),
        ("vip", 3, "entered", "data", 1), ("vip", 2, "left", "rule", 2),
    ]  # fmt: skip


def test_what_moves_while_the_data_stand_still_was_moved_by_time(house):
    house.publish(p1=5)
    house.make("VIP", 5)
    house.world.flip_at = NOON + timedelta(minutes=10)
    house.run()
    house.world.people = {1: 0}
    house.settings.clock.advance(timedelta(minutes=9))
    assert house.run().moved_count == 0
    house.settings.clock.advance(timedelta(minutes=2))
    assert house.run().left == {"vip": 1}
    assert house.log()[-1] == ("vip", 1, "left", "time", 1)


def test_nothing_new_looks_at_nothing(house):
    house.publish(p1=5)
    house.make("VIP", 5)
    house.run()
    house.world.people = {}
    assert house.run().moved_count == 0
    assert len(house.log()) == 1


def test_a_new_process_goes_on_from_what_is_written(house):
    house.publish(p1=5, p2=5)
    house.make("VIP", 5)
    house.run()
    house.publish(p2=5, p3=5)
    house.current = house.new_pass()
    report = house.run()
    assert (report.entered, report.left, report.sizes) == ({"vip": 1}, {"vip": 1}, {"vip": 2})
    house.current = house.new_pass()
    assert house.run().moved_count == 0


def test_killed_between_looking_and_writing_the_same_changes_come_once_after_the_restart(house, monkeypatch):
    house.publish(p1=5, p2=5)
    house.make("VIP", 5)
    house.make("All", 0)
    real = segment_log._append

    def die_at_the_second(connection, moves, change, people, number, stamp):
        if moves.key == "vip" and change == "entered":
            raise KeyboardInterrupt
        return real(connection, moves, change, people, number, stamp)

    monkeypatch.setattr(segment_log, "_append", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        house.run()
    assert house.log() == []
    monkeypatch.setattr(segment_log, "_append", real)
    house.current = house.new_pass()
    house.run()
    house.current = house.new_pass()
    house.run()
    assert sorted(house.log()) == [
        ("all", 1, "entered", "rule", 1), ("all", 2, "entered", "rule", 1),
        ("vip", 1, "entered", "rule", 1), ("vip", 2, "entered", "rule", 1),
    ]  # fmt: skip


def test_killed_after_writing_before_telling_the_store_nothing_comes_twice(house, monkeypatch):
    house.publish(p1=5)
    house.make("VIP", 5)
    monkeypatch.setattr(segments, "write_done", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        house.run()
    monkeypatch.undo()
    house.current = house.new_pass()
    house.run()
    assert len(house.log()) == 1
    assert house.library.get("vip").evaluation.size == 1


def test_two_processes_that_take_turns_write_each_move_once(house):
    house.publish(p1=5)
    house.make("VIP", 5)
    other = house.new_pass()
    house.run()
    house.publish(p1=0)
    other.run("other")
    house.publish(p1=5)  # for this process nothing has changed, but the log has grown
    house.run()
    other.run("other")
    assert [line[2] for line in house.log()] == ["entered", "left", "entered"]


def test_a_segment_that_fails_keeps_its_members_and_stops_no_other(house):
    house.publish(p1=5)
    house.make("VIP", 5)
    house.make("All", 0)
    house.run()
    house.library.update("vip", by="ann", rule=orders(-1))
    house.publish(p1=5, p2=0)
    report = house.run()
    assert list(report.errors) == ["vip"]
    assert report.entered == {"all": 1}
    failed = house.library.get("vip").evaluation
    assert "cannot be answered" in failed.error
    assert failed.size == 1
    house.library.update("vip", by="ann", rule=orders(5))
    house.run()
    assert house.library.get("vip").evaluation.error == ""
    assert [line for line in house.log() if line[0] == "vip"] == [("vip", 1, "entered", "rule", 1)]


def test_a_static_segment_is_filled_once(house):
    house.publish(p1=5)
    house.make("Frozen", 5, kind="static")
    house.run()
    house.publish(p1=0, p2=9)
    house.run()
    house.current = house.new_pass()
    house.run()
    assert house.log() == [("frozen", 1, "entered", "freeze", 1)]


def test_an_empty_static_segment_stays_empty(house):
    house.publish(p1=1)
    house.make("Frozen", 5, kind="static")
    house.run()
    house.publish(p1=9)
    house.current = house.new_pass()
    house.run()
    assert house.log() == []


def test_a_static_segment_with_a_new_rule_is_filled_anew(house):
    house.publish(p1=5, p2=9)
    house.make("Frozen", 5, kind="static")
    house.run()
    house.library.update("frozen", by="ann", rule=orders(9))
    house.run()
    assert house.log()[-1] == ("frozen", 1, "left", "freeze", 2)


def test_a_merged_person_of_a_static_segment_is_followed(house):
    house.publish(p1=5)
    house.make("Frozen", 5, kind="static")
    house.run()
    with writer(house.settings) as connection:
        connection.execute("insert into people.person_merges values (1, 7)")
    house.publish(p7=0)
    house.run()
    assert house.log()[1:] == [("frozen", 1, "left", "data", 1), ("frozen", 7, "entered", "data", 1)]
    house.publish(p7=0)
    assert house.run().moved_count == 0


def test_everybody_leaves_what_is_archived_or_deleted_and_comes_back_when_it_does(house):
    house.publish(p1=5)
    house.make("VIP", 5)
    house.run()
    house.library.archive("vip", "ann")
    assert house.run().left == {"vip": 1}
    house.library.restore("vip", "ann")
    assert house.run().entered == {"vip": 1}
    house.library.delete("vip", "ann")
    house.run()
    assert [line[2] for line in house.log()] == ["entered", "left", "entered", "left"]
    assert house.run().moved_count == 0


def test_changes_carry_when_they_became_true_when_they_were_written_and_gapless_numbers(house):
    house.publish(p1=5, p2=5)
    house.make("VIP", 5)
    house.run()
    with writer(house.settings) as connection:
        rows = connection.execute(
            "select change_number, valid_at, recorded_at, _run_id from raw.segment_changes order by 1"
        ).fetchall()
    assert rows == [(1, NOON, NOON, "run"), (2, NOON, NOON, "run")]


def test_sizes_are_in_the_store_for_the_screens(house):
    house.publish(p1=5, p2=5)
    house.make("VIP", 5)
    house.run()
    evaluation = house.library.get("vip").evaluation
    assert (evaluation.size, evaluation.rule_version, evaluation.data_version) == (2, 1, 1)
    assert evaluation.evaluated_at == Clock(house.settings.clock.path).now()


def test_when_nobody_moved_the_core_file_is_left_to_others(house):
    house.publish(p1=5)
    house.make("VIP", 5)
    house.run()
    house.publish(p1=6)
    house.run()
    house.publish(p1=7)
    with writer_lock(house.settings):
        assert house.run().moved_count == 0
