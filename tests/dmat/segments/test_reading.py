"""Under test: columns as they are read. Coded text is the text, reading ahead changes no answer."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from published_worlds import engine_of, first_builds, publish_world, workspace_settings
from rule_worlds import PEOPLE, make_world

from dmat.segments.coded_text import MOST_WORDS, coded_text
from dmat.segments.engine import Engine
from dmat.segments.limits import Limits, usual_limits
from dmat.segments.person_columns import Source
from dmat.segments.rules import EVERYBODY
from dmat.segments.snapshot import take_snapshot
from dmat.segments.warming import warm, warm_quietly
from dmat.settings import load_settings
from dmat.warehouse import Workspace


@pytest.fixture
def world_settings(tmp_path):
    world = make_world(3)
    settings = workspace_settings(tmp_path, world)
    publish_world(settings, world, first_builds(world), 1)
    return settings


def read(settings, sql):
    """The column of a table made by `sql`, coded, beside its plain values."""
    snapshot = take_snapshot(Workspace(settings))
    snapshot._connection = duckdb.connect()
    snapshot._connection.execute(f"create table texts as {sql}")
    column = coded_text(snapshot, "word", "texts")
    return column, [row[0] for row in snapshot.rows("select word from texts")]


def words_of(column):
    words = [None, *column.dictionary.texts.to_pylist()]
    return [words[code] for code in column.values]


@pytest.mark.parametrize("kinds", [1, 2, 40, 400, MOST_WORDS - 2])
@pytest.mark.parametrize("with_nothing", [True, False])
def test_coded_text_is_the_text_in_its_order(world_settings, kinds, with_nothing):
    value = f"'Wörd ' || (hash(i) % {kinds})"
    value = f"case when i % 7 > 0 then {value} end" if with_nothing else value
    column, plain = read(world_settings, f"select {value} as word from range(30000) as t(i)")
    assert words_of(column) == plain
    assert len(set(words_of(column))) == len(column.dictionary) - (not with_nothing)


@pytest.mark.parametrize("rows", [0, 5])
def test_of_an_empty_table_and_of_one_without_values_nothing_is_known(world_settings, rows):
    column, plain = read(world_settings, f"select null::varchar as word from range({rows}) as t(i)")
    assert words_of(column) == plain == [None] * rows


@pytest.mark.parametrize("value", ["'w' || i", "'w' || greatest(0, i - 24000)"])
def test_text_with_too_many_words_is_left_to_the_other_way(world_settings, value):
    column, _ = read(world_settings, f"select {value} as word from range(30000) as t(i)")
    assert column is None


def test_what_was_read_ahead_together_is_what_is_read_one_by_one(world_settings):
    ahead, alone = engine_of(world_settings), engine_of(world_settings)
    sources = [Source(PEOPLE, name) for name in ("country_code", "revenue_cents", "birthday")]
    ahead.preview(EVERYBODY)
    ahead._state.columns.read_ahead(sources)
    alone.preview(EVERYBODY)
    for source in sources:
        assert source in ahead._state.columns
        one, other = (engine._state.columns.column(source) for engine in (ahead, alone))
        assert np.array_equal(one.is_known(), other.is_known())
        assert np.array_equal(one.values[one.is_known()], other.values[other.is_known()])


def test_warming_reads_the_columns_of_the_fields_and_stops_at_half_of_the_memory(world_settings):
    engine = engine_of(world_settings)
    assert warm(engine) > 3
    assert warm(engine) == warm(engine)
    small = Engine(Workspace(world_settings), world_settings.clock, limits=Limits(columns=1), read=engine._read)
    assert warm(small) < warm(engine)


def test_columns_of_ten_million_people_have_more_room_and_those_of_a_million_no_less_than_usual():
    assert usual_limits(1_000_000) == Limits()
    assert usual_limits(10_000_000).columns == 600_000_000
    assert usual_limits(10_000_000).events == Limits().events


def test_before_anything_is_published_warming_waits_for_the_first_question(tmp_path):
    settings = load_settings(tmp_path / "empty")
    engine = Engine(Workspace(settings), settings.clock)
    warm_quietly(engine)
    assert engine.version == 0


def test_a_resident_process_reads_within_its_own_smaller_memory(world_settings):
    limit = "select current_setting('memory_limit')"
    resident, other = (Workspace(world_settings, is_resident=yes).cursor().execute(limit) for yes in (True, False))
    megabytes = resident.fetchone()[0]
    assert megabytes == "190.7 MiB"
    assert megabytes != other.fetchone()[0]
