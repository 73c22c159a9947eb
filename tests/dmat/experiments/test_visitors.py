"""Under test: visitors of tested pages in the store, and their way to the warehouse, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON

from dmat.experiments.exporting import (
    mark_experiments_exported,
    mark_visitors_exported,
    unexported_experiments,
    unexported_visitors,
)
from dmat.experiments.library import open_library
from dmat.experiments.observed import Place, count_hits, count_people, count_visitors
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.visitors import give_arms, note_clicked, note_completed, note_seen, read_page_tests
from dmat.store.experiment_tables import experiments

MARKETER = "ann@shop.example"
PAGE = {
    "name": "Headline", "kind": "landing_page", "page": "/sale/*", "primary": "form_completion", "duration_hours": 72,
    "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
}  # fmt: skip


@pytest.fixture
def tested_page(both_settings, both_stores):
    """A test of pages that runs."""
    library = open_library(both_settings, both_stores)
    library.start(library.create(parse_test_plan(PAGE), MARKETER).experiment_id, MARKETER)
    with both_stores.read() as connection:
        [found] = read_page_tests(connection)
    return found


def test_each_thing_that_a_visitor_does_is_written_once(both_stores, tested_page):
    with both_stores.write() as connection:
        assert [note_seen(connection, tested_page, "1.1", "/sale/tents", NOON) for _ in range(2)] == [True, False]
        assert [note_clicked(connection, tested_page, "1.1", NOON) for _ in range(2)] == [True, False]
        later = NOON + timedelta(hours=1)
        assert note_completed(connection, [tested_page], "1.1", "trial", later) == [tested_page.experiment_id]
        assert note_completed(connection, [tested_page], "1.1", "trial", later) == []
        assert note_completed(connection, [tested_page], "2.2", "trial", later) == []  # never saw the page
    with both_stores.read() as connection:
        people, sums = count_visitors(connection, tested_page.experiment_id, ("a", "b"))
        [given] = give_arms(connection, [tested_page], "1.1", "/sale/boots")
    assert people == {given.arm: 1, "ab".replace(given.arm, ""): 0}
    assert (sums[given.arm]["click"].y, sums[given.arm]["form_completion"].y) == (1, 1)


def test_what_was_exported_comes_again_only_when_it_changed(both_stores, tested_page):
    [plan] = unexported_experiments(both_stores, 10)
    assert (plan["experiment_id"], plan["counts_everybody"], plan["programme"]) == (
        tested_page.experiment_id,
        False,
        "",
    )
    assert [(arm["key"], arm["is_control"]) for arm in plan["arms"]] == [("a", True), ("b", False)]
    mark_experiments_exported(both_stores, [plan])
    assert unexported_experiments(both_stores, 10) == []
    with both_stores.write() as connection:
        note_seen(connection, tested_page, "1.1", "/sale/tents", NOON)
    [row] = unexported_visitors(both_stores, 10)
    with both_stores.write() as connection:  # meanwhile something happens
        note_clicked(connection, tested_page, "1.1", NOON)
    mark_visitors_exported(both_stores, [row])
    [again] = unexported_visitors(both_stores, 10)
    assert (row["clicked_at"], again["clicked_at"]) == (None, NOON)
    mark_visitors_exported(both_stores, [again])
    assert unexported_visitors(both_stores, 10) == []


def test_a_draft_is_not_exported(both_settings, both_stores):
    open_library(both_settings, both_stores).create(parse_test_plan(PAGE), MARKETER)
    assert unexported_experiments(both_stores, 10) == []
    with both_stores.read() as connection:
        assert read_page_tests(connection) == []
        assert connection.execute(sa.select(experiments.c.status)).scalar_one() == "draft"


@pytest.mark.parametrize("steps", [("one",), ("one", "two")])
def test_counting_people_without_messages_gives_nobody(both_stores, steps):
    place = Place("campaign:1", steps, ("a", "b"), ("accepted",))
    with both_stores.read() as connection:
        assert count_people(connection, place) == ({"a": 0, "b": 0}, {"a": 0, "b": 0})
        assert count_hits(connection, place, ("opened_human", "opened_machine")) == {}
