"""Under test: the moment at which time alone moved somebody is found to the microsecond, however late one looks."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_worlds import engine_of, first_builds, publish_world, workspace_settings
from rule_worlds import OTHERS, make_world, rules

from dmat.segments.rules import parse

MANY = os.environ.get("DMAT_RULES") == "many"
PARSED_OTHERS = {key: parse(document) for key, document in OTHERS.items()}
drawn = settings(
    max_examples=3000 if MANY else 80, deadline=None, derandomize=not MANY, suppress_health_check=[*HealthCheck]
)
TICK = np.timedelta64(1, "us")


@pytest.fixture(scope="module")
def engine_at(tmp_path_factory):
    @cache
    def of(seed):
        world = make_world(seed)
        workspace = workspace_settings(tmp_path_factory.mktemp(f"world{seed}"), world)
        publish_world(workspace, world, first_builds(world), 1)
        return engine_of(workspace), world

    return of


def members(engine, rule, moment):
    engine.refresh(moment)
    return set(engine.index.ids[engine.bits(rule, PARSED_OTHERS).places()].tolist())


@drawn
@given(document=rules, seed=st.integers(0, 5), days=st.sampled_from((0.01, 1, 9, 40, 400)))
def test_a_moment_that_is_found_is_one_at_which_the_answer_changed(engine_at, document, seed, days):
    engine, world = engine_at(seed)
    rule, now = parse(document), world.now + timedelta(days=days)
    before, after = members(engine, rule, world.now), members(engine, rule, now)
    moved = np.array(sorted(before ^ after), np.int64)
    engine.refresh(now)
    for person, moment in zip(moved.tolist(), engine.turned(rule, moved, world.now, PARSED_OTHERS), strict=True):
        if np.isnat(moment):
            continue
        assert np.datetime64(world.now) < moment <= np.datetime64(now)
        assert (person in members(engine, rule, moment.item())) == (person in after)
        assert (person in members(engine, rule, (moment - TICK).item())) != (person in after)


@pytest.mark.parametrize(
    "where",
    [
        {"event": "ordered", "did": True, "window": {"last": {"amount": 30, "unit": "days"}}},
        {"event": "ordered", "did": True, "window": {"last": {"amount": 2, "unit": "months"}}},
        {"event": "visited", "did": False, "window": {"between": [{"amount": 9, "unit": "weeks"},
                                                                  {"amount": 12, "unit": "hours"}]}},
        {"not": {"any": [{"segment": "inner"}, {"event": "visited", "measure": "count", "op": "at_least", "value": 2,
                                               "window": {"last": {"amount": 20, "unit": "days"}}}]}},
    ],
)  # fmt: skip
def test_of_the_usual_windows_the_moment_is_found_for_everybody(engine_at, where):
    inner = parse({"where": {"event": "ordered", "did": True, "window": {"last": {"amount": 5, "unit": "days"}}}})
    others = {"inner": inner}
    count = 0
    for seed in range(6):
        engine, world = engine_at(seed)
        rule, now = parse({"where": where}), world.now + timedelta(days=33)
        engine.refresh(world.now)
        before = engine.bits(rule, others)
        engine.refresh(now)
        moved = engine.index.ids[(before ^ engine.bits(rule, others)).places()]
        found = engine.turned(rule, moved, world.now, others)
        count += len(found)
        assert not np.isnat(found).any()
    assert count > 3
