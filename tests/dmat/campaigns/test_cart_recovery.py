"""Under test: which carts become messages. An hour old: yes; ordered since: taken back; twice gives once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import duckdb
import pytest
from sending_fixtures import NOON, make_settings

from dmat.campaigns.cart_recovery import PROGRAMME, plan
from dmat.ledger.entries import counts_by_state, list_entries

HOUR = timedelta(hours=1)
TABLES = """
    create schema commerce; create schema people; create schema consent;
    create table commerce.fct_carts (cart_id varchar, person_id bigint, contact_email varchar,
        last_touched_at timestamp, total_cents bigint, currency_code varchar, recovery_url varchar, status varchar);
    create table commerce.fct_cart_lines (cart_id varchar, line_number integer, product_id varchar, title varchar,
        quantity integer, unit_price_cents bigint, image_url varchar);
    create table people.dim_people (person_id bigint, first_name varchar, country_code varchar, time_zone varchar);
    create table consent.person_channel_consent (person_id bigint, channel varchar, purpose varchar, is_granted boolean,
        decided_at timestamp, source varchar, evidence varchar);
"""


class Published:
    """A published warehouse in memory; `cart` adds a cart and its person."""

    def __init__(self, settings):
        self.settings = settings
        self.connection = duckdb.connect()
        self.connection.execute(TABLES)

    def rows(self, query, parameters=()):
        found = self.connection.execute(query, list(parameters))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def cart(self, number, age=2 * HOUR, person=None, email="", status="open"):
        person = number if person is None else person or None
        email = email or f"Person{number}@Example.com"
        url = f"https://shop.example/c/{number}"
        cart = [f"cart-{number}", person, email, NOON - age, 4100, "EUR", url, status]
        self.connection.execute("insert into commerce.fct_carts values (?, ?, ?, ?, ?, ?, ?, ?)", cart)
        line = [f"cart-{number}", 1, "p1", "Mug", 2, 2050, "https://shop.example/mug.png"]
        self.connection.execute("insert into commerce.fct_cart_lines values (?, ?, ?, ?, ?, ?, ?)", line)
        self.connection.execute(
            "insert into people.dim_people select ?, 'Ann', 'DE', 'Europe/Berlin'"
            " where not exists (from people.dim_people where person_id = ?)", [person, person],
        )  # fmt: skip
        consent = [person, "email", "marketing", True, NOON - timedelta(days=9), "shopify", ""]
        self.connection.execute("insert into consent.person_channel_consent values (?, ?, ?, ?, ?, ?, ?)", consent)

    def order(self, number):
        self.connection.execute(f"update commerce.fct_carts set status = 'ordered' where cart_id = 'cart-{number}'")


@pytest.fixture
def published(settings):
    return Published(settings)


@pytest.mark.parametrize(("age", "is_planned"), [
    (timedelta(minutes=59), False), (HOUR, True), (47 * HOUR, True), (48 * HOUR, False), (90 * HOUR, False),
])  # fmt: skip
def test_a_cart_is_planned_from_one_hour_to_two_days_after_it_was_left(store, published, age, is_planned):
    published.cart(1, age)
    assert plan(store, published, NOON).planned_count == is_planned


def test_a_plan_knows_what_the_message_will_say(store, published):
    published.cart(1)
    plan(store, published, NOON)
    [entry] = list_entries(store)
    assert (entry.address, entry.occurrence, entry.person_id) == ("person1@example.com", "cart-1", 1)
    assert entry.context["products"] == [
        {"product_id": "p1", "title": "Mug", "quantity": 2, "unit_price_cents": 2050,
         "image_url": "https://shop.example/mug.png"},
    ]  # fmt: skip
    assert (entry.context["total_cents"], entry.context["time_zone"]) == (4100, "Europe/Berlin")
    assert entry.expires_at == NOON - 2 * HOUR + 48 * HOUR


def test_planning_twice_plans_nothing_twice(store, published):
    for number in range(1, 6):
        published.cart(number)
    assert plan(store, published, NOON).planned_count == 5
    again = plan(store, published, NOON + HOUR)
    assert (again.planned_count, again.known_before_count, again.carts_count) == (0, 5, 5)
    assert sum(counts_by_state(store).values()) == 5


def test_a_cart_keeps_its_one_message_when_its_person_is_merged_with_another(store, published):
    published.cart(1)
    plan(store, published, NOON)
    published.connection.execute("update commerce.fct_carts set person_id = 77")
    assert plan(store, published, NOON).planned_count == 0


def test_a_cart_that_was_ordered_meanwhile_is_taken_back(store, published):
    published.cart(1)
    published.cart(2)
    plan(store, published, NOON)
    published.order(1)
    assert plan(store, published, NOON).withdrawn_count == 1
    states = {entry.occurrence: (entry.state, entry.reason) for entry in list_entries(store)}
    assert states == {"cart-1": ("expired", "the cart was ordered"), "cart-2": ("planned", "")}
    assert plan(store, published, NOON).withdrawn_count == 0


def test_people_who_share_an_address_get_one_message(store, published):
    published.cart(1, 3 * HOUR, email="family@example.com")
    published.cart(2, 2 * HOUR, email="Family@example.com")
    report = plan(store, published, NOON)
    assert (report.planned_count, report.shared_address_count) == (1, 1)
    states = {entry.person_id: entry.state for entry in list_entries(store)}
    assert states == {2: "planned", 1: "suppressed"}
    published.cart(3, 2 * HOUR, email="family@example.com")
    assert plan(store, published, NOON).shared_address_count == 1
    assert Counter(entry.state for entry in list_entries(store)) == {"planned": 1, "suppressed": 2}


def test_a_cart_of_nobody_is_counted_and_left(store, published):
    published.cart(1, person=0)
    report = plan(store, published, NOON)
    assert (report.carts_count, report.without_person_count, report.planned_count) == (1, 1, 0)


def test_about_the_asked_share_is_held_out_and_marked_so(home, store):
    published = Published(make_settings(home).model_copy(update={"holdout_share": 0.3}))
    for number in range(1, 201):
        published.cart(number)
    report = plan(store, published, NOON)
    held = sum(entry.is_holdout for entry in list_entries(store, programme=PROGRAMME, limit=1000))
    assert report.planned_count == 200
    assert held == report.holdout_count
    assert 35 <= held <= 85


def test_consent_that_was_withdrawn_after_planning_reaches_the_store(store, published):
    published.cart(1)
    plan(store, published, NOON)
    published.connection.execute("update consent.person_channel_consent set is_granted = false, decided_at = ?", [NOON])
    plan(store, published, NOON)
    from dmat.consent.permission import find_permissions

    with store.read() as connection:
        assert not find_permissions(connection, [1], "email")[1].is_granted


def test_the_report_adds_up(store, published):
    published.cart(1)
    published.cart(2, email="x@example.com")
    published.cart(3, email="x@example.com")
    published.cart(4, person=0)
    plan(store, published, NOON)
    published.cart(5)
    r = plan(store, published, datetime(2026, 3, 4, 12, 30))
    assert r.carts_count == r.planned_count + r.shared_address_count + r.known_before_count + r.without_person_count
    assert replace(r, planned_count=1) == r
