"""Under test: what conditions mean where it could be otherwise - unknown values, days in zones, windows, sequences.

Each case is a person or two and one rule; the drawn rules of `test_rules_on_databases.py` cover the rest.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import pytest
from rule_worlds import CATALOGUE, COLUMNS, PEOPLE, World, create_tables

from dmat.segments.compiler import compile_rule
from dmat.segments.moments import anniversaries_between, day_start, local_day, shift, shift_day
from dmat.segments.operators import OPERATORS
from dmat.segments.rules import parse
from dmat.segments.tree import Duration

NOW = datetime(2026, 3, 10, 12)


def row(table, values):
    return {**dict.fromkeys(COLUMNS[table]), **values}


def ask(node, people=({},), orders=(), visits=(), now=NOW, zone="UTC", time_zone="workspace", segments=None):
    """Numbers of the people found; people are numbered from 1, events are of person 1 unless they say otherwise."""
    tables = {
        PEOPLE: [row(PEOPLE, {"person_id": n, **values}) for n, values in enumerate(people, 1)],
        "shop.orders": [row("shop.orders", {"person_id": 1, **values}) for values in orders]
        or [row("shop.orders", {})],
        "site.visits": [row("site.visits", {"person_id": 1, "is_machine": False, **values}) for values in visits]
        or [row("site.visits", {})],
        "scores.person_scores": [row("scores.person_scores", {})],
    }
    connection = duckdb.connect()
    create_tables(connection.execute, World(tables, now, zone), "?")
    rule = parse({"time_zone": time_zone, "where": node})
    query = compile_rule(rule, CATALOGUE, now, zone, segments=segments)
    return sorted(found[0] for found in connection.execute(query.sql, list(query.parameters)).fetchall())


def days(amount, unit="days"):
    return {"amount": amount, "unit": unit}


# -- unknown values --------------------------------------------------------------------------------------------------

VALUES = {
    "text": "x", "texts": ["x"], "number": 0, "numbers": [-1, 1], "day": "2026-01-01",
    "days": ["2026-01-01", "2026-02-01"], "duration": days(5), "countries": ["DE"],
    "regions": ["dach"], "nothing": None,
}  # fmt: skip
FIELDS = {
    "text": "name", "number": "orders_count", "score": "score", "money": "revenue_cents", "boolean": "is_member",
    "consent": "has_email_consent", "date": "seen_at", "list": "tags", "geography": "country_code",
    "prediction": "churn",
}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "operator"), [(type_, operator) for type_, table in OPERATORS.items() for operator in table],
    ids=lambda part: getattr(part, "key", part),
)  # fmt: skip
def test_of_an_unknown_value_positive_operators_are_false_and_negative_ones_true(type_, operator):
    node = {"field": FIELDS[type_], "op": operator.key}
    if VALUES[operator.value] is not None:
        node["value"] = VALUES[operator.value]
    assert ask(node) == ([1] if operator.is_negative_of else [])
    assert ask({"not": node}) == ([] if operator.is_negative_of else [1])


def test_no_events_count_as_none_and_sum_to_nothing_but_have_no_average():
    for measure, op, value, found in [
        ("count", "less_than", 1, [1]), ("sum", "equals", 0, [1]), ("distinct", "at_most", 0, [1]),
        ("avg", "at_most", 100, []), ("min", "is_unknown", None, [1]), ("max", "not_equals", 5, [1]),
        ("first", "is_known", None, []),
    ]:  # fmt: skip
        node = {"event": "ordered", "measure": measure, "op": op}
        node |= {} if measure == "count" else {"property": "net"}
        node |= {} if value is None else {"value": value}
        assert ask(node) == found, measure


def test_amounts_in_another_currency_are_unknown_when_a_currency_is_named():
    people = ({"revenue_cents": 5000, "currency_code": "EUR"}, {"revenue_cents": 5000, "currency_code": "USD"})
    node = {"field": "revenue_cents", "op": "at_least", "value": 50}
    assert ask(node, people) == [1, 2]
    assert ask({**node, "currency": "eur"}, people) == [1]
    assert ask({"field": "revenue_cents", "op": "not_equals", "value": 50, "currency": "EUR"}, people) == [2]


def test_not_a_number_is_unknown():
    assert ask({"field": "score", "op": "at_least", "value": 0}, [{"score": float("nan")}, {"score": 1.0}]) == [2]


def test_an_average_is_compared_exactly():
    orders = [{"net_cents": cents, "ordered_at": NOW} for cents in (100, 100, 101)]
    node = {"event": "ordered", "measure": "avg", "property": "net", "value": 1}
    assert ask({**node, "op": "greater_than"}, orders=orders) == [1]
    assert ask({**node, "op": "at_most"}, orders=orders) == []


def test_wildcards_are_ordinary_letters():
    people = [{"name": "100%"}, {"name": "1000"}, {"name": "a_b"}, {"name": "axb"}]
    assert ask({"field": "name", "op": "contains", "value": "0%"}, people) == [1]
    assert ask({"field": "name", "op": "starts_with", "value": "A_"}, people) == [3]


# -- time ------------------------------------------------------------------------------------------------------------


def test_a_window_of_days_is_an_exact_span_that_ends_now():
    moments = [
        NOW,
        NOW - timedelta(days=60),
        NOW - timedelta(days=60) + timedelta(seconds=1),
        NOW + timedelta(seconds=1),
    ]
    people = [{"seen_at": moment} for moment in moments]
    assert ask({"field": "seen_at", "op": "within_last", "value": days(60)}, people) == [1, 3]
    assert ask({"field": "seen_at", "op": "within_next", "value": days(1)}, people) == [4]


def test_a_day_of_23_hours_is_still_one_day():
    start, end = datetime(2026, 3, 28, 23), datetime(2026, 3, 29, 22)
    people = [{"seen_at": moment} for moment in (start - timedelta(seconds=1), start, end - timedelta(seconds=1), end)]
    node = {"field": "seen_at", "op": "on", "value": "2026-03-29"}
    assert ask(node, people, zone="Europe/Berlin") == [2, 3]


def test_a_day_begins_where_the_clock_skips_midnight():
    assert day_start(date(2026, 9, 6), "America/Santiago") == datetime(2026, 9, 6, 4)
    assert local_day(datetime(2026, 9, 6, 3, 59), "America/Santiago") == date(2026, 9, 5)


def test_today_is_that_of_the_person_or_of_the_workspace():
    seen = datetime(2026, 3, 9, 12)  # 10 March in Auckland, 9 March in New York
    people = [{"seen_at": seen, "time_zone": zone} for zone in ("Pacific/Auckland", "America/New_York", None)]
    now = datetime(2026, 3, 9, 13)
    node = {"field": "seen_at", "op": "on", "value": "2026-03-10"}
    assert ask(node, people, now=now, zone="UTC") == []
    assert ask(node, people, now=now, zone="UTC", time_zone="person") == [1]
    assert ask(node, people, now=now, zone="Pacific/Auckland", time_zone="person") == [1, 3]


def test_a_zone_that_nobody_knows_is_that_of_the_workspace():
    people = [{"seen_at": NOW, "time_zone": "Mars/Olympus"}]
    assert ask({"field": "seen_at", "op": "today"}, people, time_zone="person") == [1]
    assert ask({"field": "seen_at", "op": "anniversary_this_month"}, people, time_zone="person") == [1]


def test_a_birthday_on_the_29th_of_february_falls_on_the_28th_of_other_years():
    people = [{"birthday": date(1992, 2, 29)}]
    node = {"field": "birthday", "op": "anniversary_within_next", "value": days(1)}
    assert ask(node, people, now=datetime(2027, 2, 27, 12)) == [1]
    assert ask(node, people, now=datetime(2027, 3, 1, 12)) == []
    assert ask(node, people, now=datetime(2028, 2, 27, 12)) == []
    assert ask(node, people, now=datetime(2028, 2, 28, 12)) == [1]


def test_birthdays_are_found_across_the_end_of_the_year():
    people = [{"birthday": date(1990, 1, 2)}, {"birthday": date(1990, 12, 31)}, {"birthday": date(1990, 1, 9)}]
    node = {"field": "birthday", "op": "anniversary_within_next", "value": days(7)}
    assert ask(node, people, now=datetime(2026, 12, 30, 12)) == [1, 2]
    assert anniversaries_between(date(2026, 12, 30), date(2027, 1, 6)) == ((1230, 1231), (101, 106))


def test_a_month_back_from_the_31st_is_the_last_day():
    month = Duration(amount=1, unit="months")
    assert shift(datetime(2026, 3, 31, 5), month, -1) == datetime(2026, 2, 28, 5)
    assert shift_day(date(2028, 2, 29), Duration(amount=1, unit="years"), -1) == date(2027, 2, 28)


# -- events and sequences --------------------------------------------------------------------------------------------


def at(hours):
    return NOW - timedelta(hours=hours)


def test_machines_count_only_when_asked_for():
    visits = [{"visited_at": NOW, "is_machine": True}]
    assert ask({"event": "visited", "did": True}, visits=visits) == []
    machines = [{"property": "is_machine", "op": "is_true"}]
    assert ask({"event": "visited", "did": True, "where": machines}, visits=visits) == [1]


def test_all_conditions_on_an_event_must_hold_for_the_same_one():
    orders = [
        {"ordered_at": NOW, "status": "paid", "net_cents": 100},
        {"ordered_at": NOW, "status": "refunded", "net_cents": 900},
    ]
    where = [{"property": "status", "op": "equals", "value": "paid"}, {"property": "net", "op": "at_least", "value": 9}]
    assert ask({"event": "ordered", "did": True, "where": where}, orders=orders) == []


def test_a_window_of_days_includes_its_last_day():
    node = {"event": "ordered", "did": True, "window": {"from": "2026-03-09", "to": "2026-03-10"}}
    assert ask(node, orders=[{"ordered_at": datetime(2026, 3, 10, 23, 59)}]) == [1]
    assert ask(node, orders=[{"ordered_at": datetime(2026, 3, 11)}]) == []


THEN = {"sequence": [{"event": "visited"}, {"event": "ordered", "within": days(2)}]}


@pytest.mark.parametrize(("ordered", "found"), [(61, []), (60, []), (59, [1]), (12, [1]), (11, [])])
def test_a_step_comes_later_than_the_one_before_and_soon_enough(ordered, found):
    assert ask(THEN, visits=[{"visited_at": at(60)}], orders=[{"ordered_at": at(ordered)}]) == found


def test_of_many_visits_any_may_be_the_one_before_the_order():
    visits = [{"visited_at": at(hours)} for hours in (200, 20, 1)]
    assert ask(THEN, visits=visits, orders=[{"ordered_at": at(10)}]) == [1]


def test_what_must_not_come_between_is_looked_for_between_first_and_last():
    node = {"sequence": [{"event": "ordered"}, {"event": "ordered"}], "without": {"event": "visited"}}
    orders = [{"ordered_at": at(50)}, {"ordered_at": at(10)}]
    assert ask(node, orders=orders, visits=[{"visited_at": at(20)}]) == []
    assert ask(node, orders=orders, visits=[{"visited_at": at(50)}, {"visited_at": at(5)}]) == [1]


def test_what_must_not_follow_in_a_time_is_answered_when_the_time_is_over():
    node = {"sequence": [{"event": "visited"}], "without": {"event": "ordered", "within": days(1)}}
    assert ask(node, visits=[{"visited_at": at(23)}]) == []
    assert ask(node, visits=[{"visited_at": at(24)}]) == [1]
    assert ask(node, visits=[{"visited_at": at(30)}], orders=[{"ordered_at": at(20)}]) == []
    assert ask(node, visits=[{"visited_at": at(30)}], orders=[{"ordered_at": at(5)}]) == [1]


def test_without_a_time_nothing_may_ever_follow():
    node = {"sequence": [{"event": "visited"}], "without": {"event": "ordered"}}
    assert ask(node, visits=[{"visited_at": at(1)}]) == [1]
    assert ask(node, visits=[{"visited_at": at(30)}], orders=[{"ordered_at": at(1)}]) == []


def test_a_sample_is_the_same_people_every_time_and_grows_with_its_share():
    people = [{} for _ in range(400)]
    small, large = (set(ask({"sample": share, "salt": "spring"}, people)) for share in (10, 30))
    assert small < large
    assert 15 <= len(small) <= 65
    assert small != set(ask({"sample": 10, "salt": "autumn"}, people))
    assert ask({"sample": 100}, people[:3]) == [1, 2, 3]
    assert ask({"sample": 0}, people[:3]) == []


def test_another_segment_keeps_its_own_time_zone():
    people = [{"seen_at": datetime(2026, 3, 9, 12), "time_zone": "Pacific/Auckland"}]
    on = {"field": "seen_at", "op": "on", "value": "2026-03-10"}
    other = {"there": parse({"time_zone": "person", "where": on})}
    assert ask({"all": [{"segment": "there"}, {"not": on}]}, people, segments=other) == [1]
