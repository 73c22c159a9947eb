"""Under test: "twice gives once" of raw tables, figures that go up and down, refusals, and cursors."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import pytest

from dmat.errors import InvalidInputError
from dmat.landing import Outcome, Record, Refusal, land, last_cursor, move_cursor, write_outcome

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


def test_the_cursor_of_a_resource_is_the_last_one_that_was_written(connection):
    assert last_cursor(connection, "shop", "orders") == ""
    for cursor in ("one", "two"):
        move_cursor(connection, "shop", "orders", cursor, "r1", NOW)
    assert last_cursor(connection, "shop", "orders") == "two"
    assert last_cursor(connection, "shop", "customers") == ""
