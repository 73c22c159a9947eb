"""Under test: a rule reads as a sentence that says what it does, and "why" agrees with who is in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_oracle import members
from rule_worlds import CATALOGUE, OTHERS, PEOPLE, create_tables, make_world, rules

from dmat.errors import NotFoundError
from dmat.segments.rules import parse
from dmat.segments.why import explain, known_words
from dmat.segments.words import sentence

WORLD = make_world(4, people=8)
RULES = {key: parse(document) for key, document in OTHERS.items()}


class Published:
    """Enough of a workspace to ask queries of one world."""

    def __init__(self):
        self.connection = duckdb.connect()
        create_tables(self.connection.execute, WORLD, "?")

    def cursor(self):
        return self.connection.cursor()


@pytest.fixture(scope="module")
def workspace():
    return Published()


def said(node, **rule):
    return sentence(parse({"where": node, **rule}), CATALOGUE)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"all": []}, "Everybody."),
        ({"any": []}, "Nobody."),
        ({"field": "country_code", "op": "in_region", "value": ["dach"]}, "People whose country code is in DACH."),
        (
            {"field": "seen_at", "op": "not_within_last", "value": {"amount": 1, "unit": "months"}},
            "People whose seen at is not within the last 1 month.",
        ),
        (
            {"event": "ordered", "did": False, "window": {"last": {"amount": 90, "unit": "days"}}},
            "People who never placed an order within the last 90 days.",
        ),
        (
            {"event": "ordered", "measure": "count", "op": "at_least", "value": 3},
            "People who placed an order at least 3 times.",
        ),
        (
            {
                "event": "ordered",
                "measure": "sum",
                "property": "net",
                "op": "greater_than",
                "value": 1500,
                "currency": "eur",
            },
            "People whose total of net of the times they placed an order is more than 1,500 EUR.",
        ),
        (
            {
                "sequence": [{"event": "visited"}],
                "without": {"event": "ordered", "within": {"amount": 4, "unit": "hours"}},
            },
            "People who visited the site, and after that within 4 hours never placed an order.",
        ),
        (
            {
                "all": [
                    {"field": "is_member", "op": "is_true"},
                    {"not": {"segment": "vip"}},
                    {"any": [{"sample": 10}, {"field": "seen_at", "op": "on", "value": "2026-03-01"}]},
                ]
            },
            "People whose is member is true and not those who are in the segment “vip” and "
            "(who are in a random sample of 10 % or whose seen at is on 1 March 2026).",
        ),
    ],
)
def test_a_rule_reads_as_a_sentence(node, words):
    assert said(node) == words


def test_the_persons_time_zone_is_said():
    assert said({"all": []}, time_zone="person") == "Everybody."
    node = {"field": "seen_at", "op": "today"}
    assert said(node, time_zone="person") == "People whose seen at is today. Days are those of each person's time zone."


def test_countries_are_called_by_their_names_where_these_are_known():
    named = replace(CATALOGUE, countries={"DE": "Germany", "GB": "United Kingdom"})
    rule = parse({"where": {"field": "country_code", "op": "one_of", "value": ["de", "GB", "XX"]}})
    assert sentence(rule, named) == "People whose country code is one of Germany, United Kingdom or XX."
    assert known_words(named.fields["country_code"], "GB", named) == "United Kingdom"


def test_a_unit_that_only_repeats_the_label_is_left_out():
    orders = replace(CATALOGUE.fields["orders_count"], label="Orders", unit="orders")
    staff = replace(orders, label="Company size", unit="employees")
    node = {"field": "orders_count", "op": "at_least", "value": 3}
    said_with = {each.label: sentence(parse({"where": node}), replace(CATALOGUE, fields={"orders_count": each}))
                 for each in (orders, staff)}  # fmt: skip
    assert said_with == {"Orders": "People whose number of orders is at least 3.",
                         "Company size": "People whose company size is at least 3 employees."}  # fmt: skip


def test_names_and_values_that_nobody_knows_can_still_be_read():
    odd = {"field": "gone", "op": "odd", "value": "x"}
    day = {"field": "seen_at", "op": "on", "value": "soon"}
    bounds = {"field": "orders_count", "op": "between", "value": []}
    node = {"all": [odd, {"event": "gone", "did": True}, day, bounds]}
    assert "“gone” odd “x”" in said(node)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(document=rules, number=st.integers(0, 7))
def test_why_agrees_with_who_is_in(document, number):
    workspace = Published.shared
    person = WORLD.tables[PEOPLE][number]["person_id"]
    found = explain(workspace, parse(document), CATALOGUE, person, WORLD.now, WORLD.zone, RULES)
    assert found.is_true == (person in members(document, CATALOGUE, WORLD, OTHERS))


Published.shared = Published()


def test_why_says_each_clause_with_what_is_known_of_the_person(workspace):
    workspace.connection.execute(
        "insert into people.dim_people (person_id, country_code, is_member) values (5000, 'AT', null)"
    )
    workspace.connection.execute(
        "insert into shop.orders (person_id, ordered_at, status, net_cents, currency_code)"
        " values (5000, timestamp '2026-02-01 10:30', 'paid', 12345, 'EUR'),"
        " (5000, timestamp '2026-02-03', 'paid', 5, 'EUR')"
    )
    node = {
        "all": [
            {"field": "country_code", "op": "one_of", "value": ["DE"]},
            {"field": "is_member", "op": "is_false"},
            {"field": "has_email_consent", "op": "is_not_granted"},
            {"not": {"event": "ordered", "did": True}},
            {"event": "ordered", "measure": "max", "property": "net", "op": "at_least", "value": 100},
            {"event": "ordered", "measure": "first", "property": "status", "op": "equals", "value": "paid"},
            {"event": "visited", "did": False},
        ]
    }
    now = datetime(2026, 3, 1)
    found = explain(workspace, parse({"where": node}), CATALOGUE, 5000, now)
    leaves = [child.children[0] if child.children else child for child in found.children]
    assert [(leaf.is_true, leaf.value) for leaf in leaves] == [
        (False, "AT"), (False, "unknown"), (True, "never asked"), (True, "last on 3 February 2026, 00:00 UTC"),
        (True, "123.45"), (True, "paid"), (True, "never"),
    ]  # fmt: skip
    assert [child.is_true for child in found.children] == [False, False, True, False, True, True, True]
    assert found.path == "where"
    assert found.children[3].path == "where.all[3]"
    assert not found.is_true


def test_why_of_nobody_is_not_found(workspace):
    with pytest.raises(NotFoundError):
        explain(workspace, parse({"where": {"all": []}}), CATALOGUE, 123456, datetime(2026, 3, 1))
