"""Under test: "twice gives once" of raw tables, figures that go up and down, refusals, and cursors."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import pytest

from dmat.errors import InvalidInputError
from dmat.landing import OUTCOMES_KEPT, Outcome, Record, Refusal, land, last_cursor, move_cursor, write_outcome

NOW = datetime(2026, 6, 1, 12)


@pytest.fixture
def connection():
    return duckdb.connect()


def record(key, value, minutes=0):
    return Record(key, NOW + timedelta(minutes=minutes), {"value": value})


def rows(connection):
    query = "select record_id, payload->>'value' from raw.shop_orders order by _loaded_at, rowid"
    return connection.execute(query).fetchall()


def newest(connection):
    return connection.execute(
        "select payload->>'value' from raw.shop_orders order by record_updated_at desc, _loaded_at desc limit 1"
    ).fetchone()[0]


def test_landing_the_same_records_twice_keeps_them_once(connection):
    batch = [record("a", 1), record("b", 2)]
    assert land(connection, "shop_orders", batch, "r1", NOW) == (2, 0)
    assert land(connection, "shop_orders", batch, "r2", NOW) == (0, 2)
    assert rows(connection) == [("a", "1"), ("b", "2")]


def test_the_order_of_keys_in_a_payload_makes_no_difference(connection):
    land(connection, "shop_orders", [Record("a", NOW, {"x": 1, "y": 2})], "r1", NOW)
    assert land(connection, "shop_orders", [Record("a", NOW, {"y": 2, "x": 1})], "r2", NOW) == (0, 1)


def test_a_record_that_changed_is_a_new_row_and_the_old_one_stays(connection):
    land(connection, "shop_orders", [record("a", 1)], "r1", NOW)
    assert land(connection, "shop_orders", [record("a", 2, minutes=5)], "r2", NOW) == (1, 0)
    assert len(rows(connection)) == 2


def test_a_record_twice_in_one_batch_is_kept_once_and_the_later_one_counts(connection):
    assert land(connection, "shop_orders", [record("a", 1), record("a", 2)], "r1", NOW) == (1, 1)
    assert rows(connection) == [("a", "2")]


def test_a_figure_that_goes_up_and_down_again_ends_where_the_vendor_says(connection):
    for step, value in enumerate([10, 11, 10]):
        land(connection, "shop_orders", [record("post", value)], f"r{step}", NOW + timedelta(hours=step))
    assert newest(connection) == "10"
    assert land(connection, "shop_orders", [record("post", 10)], "r4", NOW + timedelta(hours=4)) == (0, 1)


def test_an_older_state_that_comes_late_is_not_written_again_and_does_not_win(connection):
    land(connection, "shop_orders", [record("a", 1), record("a", 2, minutes=5)], "r1", NOW)
    later = NOW + timedelta(hours=1)
    assert land(connection, "shop_orders", [record("a", 1)], "r2", later) == (0, 1)
    assert newest(connection) == "2"


def test_what_is_loaded_later_never_lies_before_what_was_loaded_earlier(connection):
    """Tables take what is not older than their newest row, so a clock that is set back must not hide rows from them."""
    land(connection, "shop_orders", [record("a", 1)], "r1", NOW)
    land(connection, "shop_orders", [record("b", 1)], "r2", NOW - timedelta(hours=2))
    assert connection.execute("select distinct _loaded_at from raw.shop_orders").fetchall() == [(NOW,)]


def test_nothing_to_land_still_makes_the_table(connection):
    assert land(connection, "shop_orders", [], "r1", NOW) == (0, 0)
    assert rows(connection) == []


def test_a_table_name_cannot_carry_sql(connection):
    with pytest.raises(InvalidInputError):
        land(connection, "x; drop schema raw", [], "r1", NOW)


def test_what_was_refused_is_written_once_with_its_reason(connection):
    for run in ("r1", "r2"):
        refusals = [Refusal("9", "id is missing", '{"a": 1}'), Refusal("9", "id is missing", '{"a": 1}')]
        write_outcome(connection, Outcome("shop", "orders", run, NOW, fetched_count=2, refusals=refusals), NOW)
    found = connection.execute("select record_id, reason, run_id from raw.capture_refusals").fetchall()
    assert found == [("9", "id is missing", "r1")]
    counts = connection.execute("select run_id, refused_count from raw.capture_outcomes order by run_id").fetchall()
    assert counts == [("r1", 2), ("r2", 2)]


def written(connection):
    return connection.execute(
        "select resource, run_id, finished_at, kept_count, error, runs_count from raw.capture_outcomes"
        " order by resource, finished_at"
    ).fetchall()


def look(connection, run, minutes, resource="orders", **more):
    at = NOW + timedelta(minutes=minutes)
    write_outcome(connection, Outcome("shop", resource, run, at, **more), at)
    return at


def test_runs_in_a_row_that_bring_nothing_share_a_row_that_says_when_the_last_one_ended(connection):
    looks = [look(connection, f"r{n}", n, fetched_count=3, unchanged_count=3) for n in range(1, 5)]
    look(connection, "other", 9, resource="customers")
    assert written(connection) == [
        ("customers", "other", NOW + timedelta(minutes=9), 0, "", 1),
        ("orders", "r4", looks[-1], 0, "", 4),
    ]


def test_every_run_that_brings_or_refuses_something_or_ends_otherwise_keeps_its_own_row(connection):
    look(connection, "idle", 1)
    look(connection, "news", 2, fetched_count=1, kept_count=1)
    look(connection, "refused", 3, fetched_count=1, refusals=[Refusal("9", "id is missing")])
    look(connection, "the same refused", 4, fetched_count=1, refusals=[Refusal("9", "id is missing")])
    look(connection, "and again", 5, fetched_count=1, refusals=[Refusal("9", "id is missing")])
    look(connection, "down", 6, error="down")
    look(connection, "still down", 7, error="down")
    look(connection, "up", 8)
    found = [(run, count) for _, run, _, _, _, count in written(connection)]
    assert found == [("idle", 1), ("news", 1), ("refused", 1), ("and again", 2), ("still down", 2), ("up", 1)]
    assert sum(count for _, count in found) == 8, "each run is written or counted"


def test_old_outcomes_go_but_the_last_success_stays(connection):
    look(connection, "first", 0, fetched_count=1, kept_count=1)
    look(connection, "second", 1, fetched_count=1, kept_count=1)
    look(connection, "down", 2, error="down")
    later = round(OUTCOMES_KEPT / timedelta(minutes=1)) + 60
    look(connection, "other error", later, error="refused")
    assert [row[1] for row in written(connection)] == ["second", "down", "other error"]
    look(connection, "works", later + 1)
    look(connection, "works and brings", later + 2, fetched_count=1, kept_count=1)
    assert [row[1] for row in written(connection)] == ["other error", "works", "works and brings"]


def test_outcomes_of_an_older_workspace_count_as_one_run_each(connection):
    connection.execute("create schema raw")
    connection.execute(
        "create table raw.capture_outcomes (source varchar, resource varchar, run_id varchar, started_at timestamp,"
        " finished_at timestamp, fetched_count bigint, kept_count bigint, unchanged_count bigint,"
        ' refused_count bigint, "cursor" varchar, error varchar)'
    )
    connection.execute(
        "insert into raw.capture_outcomes values ('shop', 'orders', 'old', ?, ?, 0, 0, 0, 0, '', '')", [NOW, NOW]
    )
    look(connection, "new", 1)
    assert [(row[1], row[-1]) for row in written(connection)] == [("new", 2)]


def test_the_cursor_of_a_resource_is_the_last_one_that_was_written(connection):
    assert last_cursor(connection, "shop", "orders") == ""
    for cursor in ("one", "two"):
        move_cursor(connection, "shop", "orders", cursor, "r1", NOW)
    assert last_cursor(connection, "shop", "orders") == "two"
    assert last_cursor(connection, "shop", "customers") == ""
