"""Under test: the order of a pass, what is owed after a failure, and that one failing part never stops the others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dmat.clock import Clock
from dmat.errors import NotPublishedError, PermanentError, VendorUnavailableError
from dmat_pipelines.health import Health
from dmat_pipelines.micro_batch import Built, MicroBatch, Parts

NOW = datetime(2026, 6, 1, 12)


class World:
    """Parts that write down that they were called, with counts that a test sets."""

    def __init__(self, path: Path) -> None:
        self.calls: list[str] = []
        self.counts = {"apply": 0, "shop": 0, "land": 0, "export": 0, "plan": 0}
        self.errors: dict[str, Exception] = {}
        self.arrivals: list[datetime] = []
        self.is_free = True
        self.noted: list[str] = []
        self.clock = Clock(path / "clock.json")
        self.clock.set(NOW)
        self.health = Health(path / "run" / "stream.json")

    def call(self, name: str) -> int:
        self.calls.append(name)
        if name in self.errors:
            raise self.errors[name]
        return self.counts.get(name, 0)

    def build(self) -> Built:
        self.call("build")
        return Built({("operations", "home_daily"): 3}, 7, 0.1)

    def batch(self, **parts) -> MicroBatch:
        made = Parts(
            is_free=lambda: self.is_free,
            apply_events=lambda: self.call("apply"),
            capture_shop=lambda run_id: self.call("shop"),
            waiting_since=lambda: self.arrivals,
            land_events=lambda run_id: self.call("land"),
            export_ledger=lambda run_id: self.call("export"),
            build_hot=self.build,
            plan=lambda: self.call("plan"),
            report=lambda built: self.calls.append("report"),
        )
        note = lambda part, error: self.noted.append(part)  # noqa: E731
        return MicroBatch(self.clock, replace(made, **parts), self.health, 3600, note)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_pass_goes_from_events_to_published_tables_to_plans(world):
    world.batch().run()
    assert world.calls == ["apply", "shop", "land", "export", "build", "report", "plan"]


def test_nothing_new_builds_nothing(world):
    batch = world.batch()
    batch.run()
    world.calls.clear()
    assert not batch.run().did_anything
    assert world.calls == ["apply", "land", "export"]


@pytest.mark.parametrize("part", ["land", "export"])
def test_anything_that_lands_is_built_and_published(world, part):
    batch = world.batch()
    batch.run()
    world.counts[part] = 1
    world.calls.clear()
    assert batch.run().built.version == 7
    assert "build" in world.calls


def test_the_shop_is_looked_at_only_when_due(world):
    batch = world.batch()
    batch.run()
    batch.run()
    assert world.calls.count("shop") == 1


def test_events_that_wait_go_before_the_shop_but_not_for_ever(world):
    batch = world.batch()
    assert batch._may_look(10.0, events_wait=True)  # the first look is never put off
    batch._shop_at = 100.0
    assert not batch._may_look(99.0, events_wait=False)
    assert batch._may_look(100.0, events_wait=False)
    assert not batch._may_look(100.0, events_wait=True)
    assert batch._may_look(100.0 + batch.shop_seconds, events_wait=True)


def test_what_was_landed_but_not_built_stays_owed(world):
    batch = world.batch()
    world.errors["build"] = VendorUnavailableError("later")
    batch.run()
    assert batch.is_owed
    del world.errors["build"]
    world.health.failures.clear()
    assert batch.run().built is not None
    assert not batch.is_owed


def test_one_part_that_fails_does_not_stop_the_others(world):
    world.errors = {"shop": VendorUnavailableError("down"), "apply": ValueError("a defect")}
    done = world.batch().run()
    assert done.built is not None
    assert world.calls[-1] == "plan"
    assert world.noted == ["apply events", "look at the shop"]


def test_a_part_that_failed_waits_before_it_is_tried_again(world):
    world.errors["land"] = PermanentError("bad")
    batch = world.batch()
    batch.run()
    batch.run()
    assert world.calls.count("land") == 1
    world.health.failures["land events"].try_again_at = 0
    batch.run()
    assert world.calls.count("land") == 2
    assert world.noted == ["land events"]  # the same failure is news once
    assert world.health.failures["land events"].times_count == 2


def test_while_a_long_build_holds_the_warehouse_events_still_reach_the_ledger(world):
    world.is_free = False
    world.batch().run()
    assert world.calls == ["apply"]


def test_before_the_first_tables_nothing_is_due_and_nothing_fails(world):
    world.errors["plan"] = NotPublishedError("nothing yet")
    assert world.batch().run().planned_count == 0
    assert world.health.failures == {}


def test_latency_is_real_seconds_also_on_a_clock_that_runs_fast(world):
    world.clock.set(NOW, speed=60)
    world.arrivals = [NOW - timedelta(minutes=2)]
    world.counts["land"] = 1
    (latency,) = world.batch().run().latencies
    assert 2.0 <= latency < 60.0
    assert world.health.figures()["latency_p50_seconds"] == round(latency, 3)


def test_the_status_file_names_what_fails_and_since_when(world):
    world.errors["shop"] = VendorUnavailableError("down")
    world.batch().run()
    world.health.write()
    written = json.loads(world.health.path.read_text())
    assert written["state"] == "failing"
    assert written["failures"]["look at the shop"]["error"] == "VendorUnavailableError: down"
    assert written["failures"]["look at the shop"]["is_transient"] is True


def test_who_entered_a_segment_is_built_into_the_tables_by_the_next_pass(world):
    moved = [3, 0, 0]
    batch = world.batch(evaluate_segments=lambda run_id: moved.pop(0))
    assert batch.run().moved_count == 3
    world.calls.clear()
    assert batch.run().built is not None
    assert batch.run().built is None


def test_segments_are_looked_at_in_each_pass_because_time_alone_moves_people(world):
    looked = []
    batch = world.batch(evaluate_segments=lambda run_id: looked.append(run_id) or 0)
    batch.run()
    assert not batch.run().did_anything
    assert len(looked) == 2


def test_before_the_first_tables_nobody_is_in_a_segment_and_nothing_fails(world):
    def evaluate(run_id):
        raise NotPublishedError("no")

    assert world.batch(evaluate_segments=evaluate).run().moved_count == 0
    assert world.noted == []
