"""Under test: a workspace with nothing, or with one source only, builds; landing twice gives once; ids are for ever."""

from __future__ import annotations

from datetime import timedelta

from dmat.warehouse import writer
from dmat_pipelines.conform.hot import Runner
from dmat_pipelines.conform.runner import build


def query(settings, sql):
    with writer(settings) as connection:
        return connection.execute(sql).fetchall()


def test_a_workspace_without_any_source_builds(tmp_path, new_home):
    assert build(new_home(tmp_path)).require_ok().is_ok


def test_outcomes_written_before_runs_were_counted_are_one_run_each(tmp_path, new_home):
    settings = new_home(tmp_path)
    with writer(settings) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.capture_outcomes (source varchar, resource varchar, run_id varchar,"
            " started_at timestamp, finished_at timestamp, fetched_count bigint, kept_count bigint,"
            ' unchanged_count bigint, refused_count bigint, "cursor" varchar, error varchar)'
        )
        connection.execute(
            "insert into raw.capture_outcomes values ('shopify', 'orders', 'old', now(), now(), 1, 1, 0, 0, '', '')"
        )
    build(settings, select=["capture_runs", "source_freshness"], exclude_tests=True).require_ok()
    assert query(settings, "select run_id, runs_count from operations.capture_runs") == [("old", 1)]
    assert query(settings, "select last_run_id, refused_count from operations.source_freshness") == [("old", 0)]


def test_a_workspace_with_imported_orders_only_builds_and_reconciles(tmp_path, new_home, raw, land):
    settings = new_home(tmp_path)
    rows = raw.only(raw.first_day(), ["import_orders"])
    assert land(settings, rows, "one") == (5, 0)
    assert land(settings, rows, "two") == (0, 5)
    build(settings).require_ok()
    sums = "select kind, sum(amount_cents)::int from commerce.fct_order_lines group by 1 order by 1"
    assert query(settings, sums) == [
        ("adjustment", -1106206), ("cancellation", -510), ("sale", 1543), ("shipping_or_fee", 400),
    ]  # fmt: skip
    assert query(settings, "select orders_count, revenue_cents from people.dim_people") == [(1, 1420)]


def test_an_id_survives_a_build_from_scratch_after_an_older_contact_was_added(tmp_path, new_home, raw, land):
    settings = new_home(tmp_path)
    land(settings, {"shopify_customers": [raw.customer(1, "ana@x.example", "Ana", "Silva")]}, "one")
    build(settings, ["+dim_people"], exclude_tests=True).require_ok()
    before = query(settings, "select person_id from people.dim_people")
    settings.clock.advance(timedelta(hours=1))
    older = raw.crm_contact(11, "ana@x.example", "Ana", "Silva", raw.at(2), created=raw.at(1).replace(year=2019))
    land(settings, {"hubspot_contacts": [older]}, "two")
    build(settings, ["+dim_people"], full_refresh=True, exclude_tests=True).require_ok()
    assert query(settings, "select person_id from people.dim_people") == before


def test_a_customer_who_becomes_known_later_gets_the_orders_and_carts_placed_before(tmp_path, new_home, raw, land):
    settings = new_home(tmp_path)
    land(settings, {"shopify_abandoned_checkouts": [raw.checkout("c1", 9, raw.at(5), (1, 1, "5.00"))]}, "one")
    build(settings, ["+fct_carts"], exclude_tests=True).require_ok()
    assert query(settings, "select contact_email from commerce.fct_carts") == [(None,)]
    settings.clock.advance(timedelta(hours=1))
    land(settings, {"shopify_customers": [raw.customer(9, "nia@x.example", "Nia", "Ray")]}, "two")
    build(settings, ["+fct_carts"], exclude_tests=True).require_ok()
    assert query(settings, "select contact_email from commerce.fct_carts") == [("nia@x.example",)]


def test_a_guest_whose_order_was_given_a_customer_is_forgotten_by_a_build_from_scratch(tmp_path, new_home, raw, land):
    settings = new_home(tmp_path)
    guest = raw.order(1, None, raw.at(4), "20.00", (2, 1, "20.00"), email="guest@y.example")
    land(settings, {"shopify_orders": [guest]}, "one")
    build(settings, ["+dim_people"], exclude_tests=True).require_ok()
    settings.clock.advance(timedelta(hours=1))
    known = raw.order(1, 5, raw.at(4), "20.00", (2, 1, "20.00"), email="guest@y.example", updated=raw.at(5))
    customer = raw.customer(5, "guest@y.example", "Gus", "Ray")
    land(settings, {"shopify_orders": [known], "shopify_customers": [customer]}, "two")
    build(settings, ["+dim_people"], full_refresh=True).require_ok()
    assert query(settings, "select contact_key from people.person_contacts") == [("shopify:5",)]
    assert query(settings, "select full_name, orders_count from people.dim_people") == [("Gus Ray", 1)]


def test_an_order_and_a_cart_left_without_lines_have_none(tmp_path, new_home, raw, land):
    settings = new_home(tmp_path)
    first = {
        "shopify_abandoned_checkouts": [raw.checkout("c1", 9, raw.at(3), (1, 1, "5.00"))],
        "shopify_orders": [raw.order(1, 9, raw.at(3), "20.00", (2, 1, "20.00"))],
    }
    land(settings, first, "one")
    build(settings, ["+tag:hot"], exclude_tests=True).require_ok()
    lines = "select (select count(*) from commerce.fct_cart_lines), (select count(*) from commerce.fct_order_lines)"
    assert query(settings, lines) == [(1, 1)]
    settings.clock.advance(timedelta(hours=1))
    emptied = {
        "shopify_abandoned_checkouts": [raw.checkout("c1", 9, raw.at(3), updated=raw.at(4))],
        "shopify_orders": [raw.order(1, 9, raw.at(3), "20.00", updated=raw.at(4))],
    }
    land(settings, emptied, "two")
    Runner(settings).build_hot()
    assert query(settings, lines) == [(0, 0)]


def test_visits_get_their_person_when_an_order_says_whose_browser_it_is(tmp_path, new_home, raw, land):
    settings = new_home(tmp_path)
    visits = [raw.visit(1, "70.1", raw.at(2), "google", "cpc"), raw.visit(2, "70.2", raw.at(2), "google", "cpc")]
    land(settings, {"ga4_sessions": visits, "shopify_customers": [raw.customer(9, "nia@x.example", "Nia", "Ray")]}, "1")
    build(settings, ["+tag:hot"], exclude_tests=True).require_ok()
    known = "select client_id, person_id is not null, channel from engagement.fct_visits order by client_id"
    assert query(settings, known) == [("70.1", False, "paid_search"), ("70.2", False, "paid_search")]
    settings.clock.advance(timedelta(hours=1))
    order = raw.order(1, 9, raw.at(3), "20.00", (2, 1, "20.00"), client="70.1")
    land(settings, {"shopify_orders": [order]}, "2")
    Runner(settings).build_hot()
    assert query(settings, known) == [("70.1", True, "paid_search"), ("70.2", False, "paid_search")]


def test_rows_that_land_at_the_moment_of_the_newest_known_ones_are_taken(tmp_path, new_home, raw, land):
    """On a clock that stands still all rows land at one moment, before a build and after it."""
    settings = new_home(tmp_path)
    build(settings, ["+tag:hot", "+fct_message_events"], exclude_tests=True).require_ok()
    runner = Runner(settings)
    for number in range(1, 4):
        event = raw.mail_event(number, "open", f"p{number}@x.example", raw.at(3))
        land(
            settings,
            {"delivery_events": [event], "ga4_sessions": [raw.visit(number, "70.1", raw.at(2), "a", "b")]},
            "r",
        )
        runner.build_hot()
        assert query(settings, "select count(*) from engagement.fct_message_events") == [(number,)]
        assert query(settings, "select count(*) from engagement.fct_visits") == [(number,)]
        assert query(settings, "select sum(messages_opened_human_count) from operations.home_daily") == [(number,)]
