"""Under test: the engine of arrays gives the people that SQL gives, for any rule, version and moment.

`DMAT_RULES=many` draws far more of all.
"""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_worlds import changed_world, engine_of, first_builds, publish_world, workspace_settings
from rule_worlds import CATALOGUE, OTHERS, make_world, rules

from dmat.segments.bitmaps import Bits
from dmat.segments.compiler import compile_rule
from dmat.segments.rules import InvalidRuleError, parse

MANY = os.environ.get("DMAT_RULES") == "many"
SEEDS = range(60 if MANY else 6)
PARSED_OTHERS = {key: parse(document) for key, document in OTHERS.items()}
drawn = settings(
    max_examples=4000 if MANY else 60,
    deadline=None,
    derandomize=not MANY,
    suppress_health_check=[*HealthCheck],
)
few = settings(drawn, max_examples=400 if MANY else 12)


@pytest.fixture(scope="module")
def engine_at(tmp_path_factory):
    """Gives the engine and the settings of a published world, kept for the module."""

    @cache
    def of(seed):
        world = make_world(seed)
        workspace = workspace_settings(tmp_path_factory.mktemp(f"world{seed}"), world)
        publish_world(workspace, world, first_builds(world), 1)
        return engine_of(workspace), workspace, world

    return of


def by_sql(engine, rule, now, zone):
    compiled = compile_rule(rule, CATALOGUE, now, zone, segments=PARSED_OTHERS)
    rows = engine.workspace.cursor().execute(compiled.sql, list(compiled.parameters)).fetchall()
    return sorted(row[0] for row in rows)


def by_engine(engine, rule):
    return engine.members(rule, PARSED_OTHERS).tolist()


@drawn
@given(document=rules, seed=st.sampled_from(SEEDS))
def test_the_engine_gives_the_people_that_sql_gives(engine_at, document, seed):
    engine, _, world = engine_at(seed)
    rule = parse(document)
    assert by_engine(engine, rule) == by_sql(engine, rule, world.now, world.zone)


@drawn
@given(
    document=rules,
    seed=st.sampled_from(SEEDS),
    hours=st.lists(st.sampled_from((0, 1, 5, 24, 31 * 24, -3, 366 * 24, 0.001)), min_size=1, max_size=4),
)
def test_looking_only_at_the_people_that_are_due_gives_what_looking_at_everybody_gives(
    engine_at, document, seed, hours
):
    engine, workspace, world = engine_at(seed)
    rule, now = parse(document), world.now
    try:
        for step in (0, *hours):
            now += timedelta(hours=step)
            workspace.clock.set(now)
            assert by_engine(engine, rule) == by_sql(engine, rule, now, world.zone)
    finally:
        workspace.clock.set(world.now)


@drawn
@given(document=rules, seed=st.sampled_from(SEEDS), part=st.sampled_from((0.0, 0.3, 0.999)))
def test_nobody_moves_before_the_next_flip(engine_at, document, seed, part):
    engine, _, world = engine_at(seed)
    rule = parse(document)
    engine.refresh(world.now)
    first = engine.next_flip({"asked": rule, **PARSED_OTHERS})
    if first is None:
        moments = [world.now + timedelta(days=800)]
    else:
        moments = [world.now + (first - world.now) * part - timedelta(microseconds=part > 0)]
    for moment in moments:
        assert by_sql(engine, rule, moment, world.zone) == by_sql(engine, rule, world.now, world.zone)


@few
@given(documents=st.lists(rules, min_size=1, max_size=4), seed=st.sampled_from(SEEDS), changes=st.integers(0, 1000))
def test_an_engine_that_moves_along_with_versions_answers_as_a_new_one(tmp_path_factory, documents, seed, changes):
    world = make_world(seed)
    builds = first_builds(world)
    workspace = workspace_settings(tmp_path_factory.mktemp("moving"), world)
    publish_world(workspace, world, builds, 1)
    engine, parsed = engine_of(workspace), [parse(document) for document in documents]
    for number in (1, 2, 3):
        for rule in parsed:
            assert by_engine(engine, rule) == by_sql(engine, rule, world.now, world.zone)
        world, builds = changed_world(changes + number, world, builds, number + 1)
        publish_world(workspace, world, builds, number + 1)


def test_a_rule_that_does_not_fit_is_refused_with_its_place(engine_at):
    engine, _, _ = engine_at(0)
    with pytest.raises(InvalidRuleError, match=r"where\.field"):
        engine.preview(parse({"version": 1, "where": {"field": "nonsense", "op": "is_true"}}))


def test_a_preview_counts_every_condition_and_its_sample_is_of_members(engine_at):
    engine, _, world = engine_at(1)
    rule = parse(
        {"version": 1, "where": {"any": [{"field": "is_member", "op": "is_true"}, {"not": {"segment": "loyal"}}]}}
    )
    found = engine.preview(rule, PARSED_OTHERS)
    assert found.everybody == len(world.tables["people.dim_people"])
    assert found.count == found.per_condition["where"] == len(by_sql(engine, rule, world.now, world.zone))
    assert found.per_condition["where.any[1]"] == found.everybody - found.per_condition["where.any[1].not"]
    assert set(found.sample) <= set(by_engine(engine, rule))
    assert len(set(found.sample)) == min(10, found.count)
    assert sum(found.by_country.values()) == found.count


def test_an_overlap_adds_up_to_its_segments(engine_at):
    engine, _, _ = engine_at(2)
    found = engine.overlap(PARSED_OTHERS, PARSED_OTHERS)
    for key, size in found.sizes.items():
        assert size == sum(each.count for each in found.intersections if key in each.keys)
    assert found.pairs["members", "loyal"] == found.sizes["members"]


def test_threads_that_ask_while_versions_come_get_right_answers(tmp_path):
    world, wrong = make_world(3), []
    builds = first_builds(world)
    workspace = workspace_settings(tmp_path, world)
    publish_world(workspace, world, builds, 1)
    engine = engine_of(workspace)
    document = {"version": 1, "where": {"event": "ordered", "did": True}}
    allowed = {len(by_sql(engine, parse(document), world.now, world.zone))}
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            found = engine.preview(parse(document))
            if found.count not in allowed:
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in (2, 3, 4):
        world, builds = changed_world(number, world, builds, number)
        ordered = {
            row["person_id"]
            for row in world.tables["shop.orders"]
            if row["ordered_at"] and row["status"] != "cancelled"
        }
        allowed.add(len(ordered & {row["person_id"] for row in world.tables["people.dim_people"]}))
        publish_world(workspace, world, builds, number)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert engine.version in (3, 4)


@given(st.lists(st.booleans(), max_size=200), st.randoms(use_true_random=False))
def test_bits_do_what_sets_do(flags, random):
    other = [random.random() < 0.5 for _ in flags]
    one, two = Bits.of(np.array(flags, bool)), Bits.of(np.array(other, bool))
    assert (one & two).flags().tolist() == [a and b for a, b in zip(flags, other, strict=True)]
    assert (one | two).flags().tolist() == [a or b for a, b in zip(flags, other, strict=True)]
    assert (~one).places().tolist() == [place for place, flag in enumerate(flags) if not flag]
    assert len(one.without(two)) == sum(a and not b for a, b in zip(flags, other, strict=True))
    assert one.patched(two.places(), np.zeros(len(two), bool), len(flags)) == one.without(two)
