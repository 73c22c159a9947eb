"""Under test: when a pass looks, and which moment it writes for whom time moved, with the engine of arrays."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from dmat.segments.catalogue import Catalogue, EventType, Field
from dmat.segments.engine import Engine
from dmat.segments.library import Library
from dmat.segments.rules import parse
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.warehouse import Workspace, publish, writer, writer_lock
from dmat_pipelines.decide import segments
from dmat_pipelines.decide.segments import SegmentPass

NOON = datetime(2026, 3, 4, 12)
CATALOGUE = Catalogue(
    {"person_id": Field("person_id", "Number", "number", "Person", "people.dim_people", "person_id")},
    {"ordered": EventType("ordered", "Ordered", "Shop", "commerce.fct_orders", "ordered_at")},
    version=1,
)
LAST_HOUR = parse({"where": {"event": "ordered", "did": True, "window": {"last": {"amount": 1, "unit": "hours"}}}})
SECOND = timedelta(seconds=1)


class Shop:
    """A workspace in which people order; its passes are made anew whenever a test wants."""

    def __init__(self, home: Path) -> None:
        self.settings = load_settings(home)
        self.settings.clock.set(NOON)
        self.store, self.view = open_store(self.settings), Workspace(self.settings)
        self.library = Library(self.store, self.settings.clock, lambda: CATALOGUE)
        self.restart()

    def restart(self) -> None:
        engine = lambda: Engine(self.view, self.settings.clock, read=lambda _: CATALOGUE)  # noqa: E731
        self.resident = SegmentPass(self.settings, self.store, self.view, engine)

    def order(self, *orders: tuple[int, datetime]) -> None:
        with writer(self.settings) as connection:
            for statement in (
                "create schema if not exists people",
                "create schema if not exists commerce",
                "create table if not exists people.dim_people (person_id bigint, _build bigint)",
                "create table if not exists commerce.fct_orders"
                " (person_id bigint, ordered_at timestamp, _build bigint)",
            ):
                connection.execute(statement)
            for person, at in orders:
                build = connection.execute("select count(*) from commerce.fct_orders").fetchone()[0]
                connection.execute("insert into commerce.fct_orders values (?, ?, ?)", [person, at, build])
                connection.execute(
                    "insert into people.dim_people select ?, ?"
                    " where ? not in (select person_id from people.dim_people)",
                    [person, build, person],
                )
        with writer_lock(self.settings):
            publish(self.settings)

    def run_at(self, moment: datetime):
        self.settings.clock.set(moment)
        return self.resident.run("run")

    def log(self) -> list[tuple]:
        with writer(self.settings) as connection:
            return connection.execute(
                "select person_id, change, cause, valid_at, recorded_at from raw.segment_changes order by change_number"
            ).fetchall()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "home")
    made.library.create(name="Just ordered", rule=LAST_HOUR, by="ann")
    made.order((1, NOON - timedelta(minutes=40)), (2, NOON - timedelta(minutes=10)), (3, NOON))
    made.run_at(NOON)
    return made


def test_a_window_that_closes_is_written_by_the_first_pass_at_or_after_that_moment(shop):
    closes = NOON + timedelta(minutes=20)
    assert shop.run_at(closes - SECOND).moved_count == 0
    assert shop.run_at(closes).left == {"just-ordered": 1}
    assert shop.log()[-1] == (1, "left", "time", closes, closes)


def test_until_the_next_window_closes_nobody_is_looked_at(shop, monkeypatch):
    monkeypatch.setattr(SegmentPass, "_look", lambda *_: pytest.fail("looked"))
    for minute in range(20):
        shop.run_at(NOON + timedelta(minutes=minute))
    monkeypatch.undo()
    assert shop.run_at(NOON + timedelta(minutes=20)).moved_count == 1


def test_passes_every_minute_write_each_closing_within_that_minute(shop):
    for minute in range(1, 70):
        shop.run_at(NOON + timedelta(minutes=minute, seconds=7))
    left = [line for line in shop.log() if line[1] == "left"]
    assert [line[3] for line in left] == [NOON + timedelta(minutes=minutes) for minutes in (20, 50, 60)]
    assert all(valid <= recorded <= valid + timedelta(seconds=60) for *_, valid, recorded in left)


def test_the_stream_cannot_be_told_to_pause_for_more_than_a_minute(tmp_path):
    assert load_settings(tmp_path, stream_seconds=60).stream_seconds == 60
    with pytest.raises(ValidationError, match="stream_seconds"):
        load_settings(tmp_path, stream_seconds=61)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_after_a_downtime_each_leaving_has_its_own_moment(shop, is_restarted):
    if is_restarted:
        shop.restart()
    late = NOON + timedelta(hours=5)
    assert shop.run_at(late).left == {"just-ordered": 3}
    assert shop.log()[3:] == [
        (person, "left", "time", NOON + timedelta(minutes=minutes), late)
        for person, minutes in ((1, 20), (2, 50), (3, 60))
    ]


def test_who_new_data_moved_moves_when_they_are_seen_and_others_at_their_own_moment(shop):
    late = NOON + timedelta(minutes=30)
    shop.settings.clock.set(late)
    shop.order((4, late))
    shop.run_at(late)
    assert shop.log()[3:] == [
        (1, "left", "time", NOON + timedelta(minutes=20), late),
        (4, "entered", "data", late, late),
    ]


def test_after_a_restart_with_newer_data_what_moved_has_the_moment_of_the_look(shop):
    late = NOON + timedelta(minutes=30)
    shop.settings.clock.set(late)
    shop.order((4, late))
    shop.restart()
    shop.run_at(late)
    assert {line[2:4] for line in shop.log()[3:]} == {("data", late)}


def test_one_rule_that_fails_is_told_apart_from_the_others_of_the_same_pass(shop, monkeypatch):
    shop.library.create(name="Other", rule=LAST_HOUR, by="ann")
    real = segments.Engine.bits

    def bits(engine, rule, rules=None, frozen=()):
        if rule is rules["other"]:
            raise ValueError("this rule cannot be answered")
        return real(engine, rule, rules, frozen)

    monkeypatch.setattr(segments.Engine, "bits", bits)
    monkeypatch.setattr(segments.Engine, "bits_of_all", lambda *_: (_ for _ in ()).throw(ValueError("some rule")))
    report = shop.run_at(NOON + timedelta(minutes=20))
    assert list(report.errors) == ["other"]
    assert report.left == {"just-ordered": 1}


def test_all_rules_are_asked_in_one_go(shop, monkeypatch):
    monkeypatch.setattr(segments.Engine, "bits", lambda *_: pytest.fail("asked one by one"))
    assert shop.run_at(NOON + timedelta(minutes=20)).moved_count == 1
