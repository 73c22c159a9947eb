"""Under test: one pass over all segments says who entered and who left, why, and goes on after a restart."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pytest
from published_worlds import changed_world, engine_of, first_builds, publish_world, workspace_settings
from rule_worlds import CATALOGUE, OTHERS, make_world

from dmat.consent.suppression import Suppression, lift, suppress
from dmat.segments.compiler import compile_rule
from dmat.segments.engine import Engine
from dmat.segments.passes import Passes
from dmat.segments.rules import EVERYBODY, parse, rule_hash
from dmat.store import open_store
from dmat.warehouse import Workspace

RULES = {
    **{key: parse(document) for key, document in OTHERS.items()},
    "recent": parse({"where": {"event": "ordered", "did": True, "window": {"last": {"amount": 30, "unit": "days"}}}}),
    "quiet": parse({"where": {"event": "visited", "did": False, "window": {"last": {"amount": 14, "unit": "days"}}}}),
    "rich": parse({"where": {"field": "revenue_cents", "op": "at_least", "value": 10}}),
}


def members_by_sql(workspace, key, now, zone):
    compiled = compile_rule(RULES[key], CATALOGUE, now, zone, segments=RULES)
    rows = Workspace(workspace).cursor().execute(compiled.sql, list(compiled.parameters)).fetchall()
    return {row[0] for row in rows}


def follow(members, result):
    """What was true before with the changes of a pass."""
    return {
        key: (known - set(result.changes[key].left.tolist())) | set(result.changes[key].entered.tolist())
        if key in result.changes
        else known
        for key, known in members.items()
    }


@pytest.mark.parametrize("seed", range(6))
def test_entered_and_left_add_up_to_who_is_in_over_versions_and_time(tmp_path, seed):
    world = make_world(seed)
    builds, workspace, now = first_builds(world), workspace_settings(tmp_path, world), world.now
    publish_world(workspace, world, builds, 1)
    passes = Passes(engine_of(workspace))
    members = follow({key: set() for key in RULES}, passes.run(RULES, now=now))
    for number in (2, 3, 4):
        now += timedelta(days=number)
        if number != 3:
            world, builds = changed_world(seed + number, world, builds, number)
            publish_world(workspace, world, builds, number)
        result = passes.run(RULES, now=now)
        members = follow(members, result)
        for key in RULES:
            assert members[key] == members_by_sql(workspace, key, now, world.zone)
            assert result.sizes[key] == len(members[key])
        if number == 3:
            by_data = [change.entered_by_data.any() | change.left_by_data.any() for change in result.changes.values()]
            assert not any(by_data)


def test_a_pass_after_a_restart_goes_on_from_what_was_written_down(tmp_path):
    world = make_world(1)
    workspace = workspace_settings(tmp_path, world)
    publish_world(workspace, world, first_builds(world), 1)
    first = Passes(engine_of(workspace)).run(RULES, now=world.now)
    written = {key: change.entered for key, change in first.changes.items()}
    hashes = {key: rule_hash(rule) for key, rule in RULES.items()}
    assert Passes(engine_of(workspace), written, hashes).run(RULES, now=world.now).changes == {}


def test_a_changed_rule_is_told_from_changed_data(tmp_path):
    world = make_world(2)
    workspace = workspace_settings(tmp_path, world)
    publish_world(workspace, world, first_builds(world), 1)
    passes = Passes(engine_of(workspace))
    passes.run(RULES, now=world.now)
    result = passes.run({**RULES, "rich": EVERYBODY}, now=world.now)
    assert set(result.changes) == {"rich"}
    assert result.changes["rich"].is_new_rule
    assert result.sizes["rich"] == len(world.tables["people.dim_people"])


@pytest.fixture
def reachable_people(tmp_path):
    """Four people: with consent and address, without address, without consent, and with an address twice as loud."""
    world = make_world(0)
    workspace = workspace_settings(tmp_path, world)
    publish_world(workspace, world, first_builds(world), 1)
    with duckdb.connect(str(workspace.warehouse_dir / "serving" / "v1.duckdb")) as connection:
        connection.execute("drop table people.dim_people")
        connection.execute(
            "create table people.dim_people as select * from (values (1, 'a@x.io', null, 1), (2, null, '+491', 1),"
            " (3, 'c@x.io', null, 1), (4, ' D@X.io', null, 1)) as p(person_id, email, phone, _build)"
        )
        connection.execute("create schema consent")
        connection.execute(
            "create table consent.person_channel_consent as select * from (values (1, 'email', true),"
            " (2, 'email', true), (3, 'email', false), (4, 'email', true), (2, 'sms', true))"
            " as c(person_id, channel, is_granted),"
            " (values ('marketing', 1)) as rest(purpose, _build)"
        )
    return workspace


def reached(engine):
    found = {channel: engine.reachable(EVERYBODY, channel).tolist() for channel in ("email", "sms", "push")}
    assert {channel: len(people) for channel, people in found.items() if people} == engine.preview(EVERYBODY).reachable
    return {channel: people for channel, people in found.items() if people}


def test_reachable_is_who_agreed_has_an_address_and_is_not_suppressed(reachable_people):
    store = open_store(reachable_people)
    engine = Engine(Workspace(reachable_people), reachable_people.clock, store, read=lambda workspace: CATALOGUE)
    now = reachable_people.clock.now()
    assert reached(engine) == {"email": [1, 4], "sms": [2]}
    with store.write() as connection:
        suppress(connection, [Suppression("d@x.io", "email", "bounced")], now)
    assert reached(engine)["email"] == [1]
    lift(store, "d@x.io", "email", now + timedelta(seconds=1))
    assert reached(engine)["email"] == [1, 4]
    with store.write() as connection:
        suppress(connection, [Suppression("a@x.io", "email", "erased")], now + timedelta(seconds=2))
    assert reached(engine)["email"] == [4]
    store.close()


def test_events_of_a_table_without_builds_are_read_again_only_when_they_changed(tmp_path):
    world = make_world(4)
    workspace = workspace_settings(tmp_path, world)
    builds = {table: numbers for table, numbers in first_builds(world).items() if table != "shop.orders"}
    publish_world(workspace, world, builds, 1)
    engine, rule = engine_of(workspace), RULES["recent"]
    before = engine.members(rule)
    held = engine._now().arrays.events(CATALOGUE.events["ordered"])
    publish_world(workspace, world, builds, 2)
    assert np.array_equal(engine.members(rule), before)
    assert engine._now().arrays.events(CATALOGUE.events["ordered"]) is held
    world.tables["shop.orders"].clear()
    world.tables["shop.orders"].append(dict.fromkeys(make_world(4).tables["shop.orders"][0]))
    publish_world(workspace, world, builds, 3)
    assert engine.members(rule).tolist() == []
