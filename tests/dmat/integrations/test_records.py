"""Under test: records of one source and what contacts did, page by page, on tables as their contracts describe them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from contract_tables import publish_marts

from dmat.errors import InvalidInputError
from dmat.integrations.records import list_activity, list_customers, list_orders, list_products
from dmat.warehouse import Workspace

NOON = datetime(2026, 3, 4, 12)
ANN, BOB = 1, 2


def order(number, source="shopify", person=ANN, hours=0, **more):
    return {
        "order_id": f"{source}:{number}", "source": source, "source_order_id": str(number), "person_id": person,
        "ordered_at": NOON + timedelta(hours=hours), "status": "paid", "net_cents": 1000, "currency_code": "EUR", **more
    }  # fmt: skip


@pytest.fixture
def view(settings):
    event = {"provider": "sendgrid", "person_id": ANN, "channel": "email", "campaign": "campaign:1", "step": "first"}
    publish_marts(settings, {
        "commerce.fct_orders": [
            order(1, hours=1), order(2, hours=0), order(3, hours=1, person=BOB), order(4, hours=5, status="cancelled"),
            order(5, source="woocommerce"),
        ],
        "commerce.fct_order_lines": [
            {"order_id": "shopify:1", "line_number": n, "title": title, "quantity": 1}
            for n, title in ((2, "Mug"), (1, "Tea"))
        ],
        "commerce.dim_products": [
            {"product_id": f"{source}:{n}", "source": source, "title": "Tea"}
            for source, n in (("shopify", 2), ("shopify", 1), ("woocommerce", 1))
        ],
        "people.person_contacts": [
            {"contact_key": "shopify:9", "source": "shopify", "person_id": ANN, "email": "ann@shop.example"},
            {"contact_key": "hubspot:7", "source": "hubspot", "person_id": ANN, "email": "ann@shop.example"},
        ],
        "people.dim_people": [
            {"person_id": ANN, "email": "ann@shop.example", "orders_count": 3},
            {"person_id": BOB, "email": "bob@shop.example"},
        ],
        "engagement.fct_message_events": [
            {**event, "event_key": "a", "event_type": "opened", "is_machine": True, "occurred_at": NOON},
            {**event, "event_key": "b", "event_type": "clicked", "is_machine": False, "occurred_at": NOON},
            {**event, "event_key": "c", "event_type": "accepted", "is_machine": False, "occurred_at": NOON},
        ],
        "engagement.fct_form_submissions": [
            {"submission_id": "f", "form_name": "Demo", "person_id": BOB, "submitted_at": NOON + timedelta(hours=3)}
        ],
        "engagement.fct_visits": [
            {"visit_id": "v", "person_id": ANN, "channel": "search", "landing_page": "/", "started_at": NOON},
            {"visit_id": "w", "person_id": None, "channel": "search", "started_at": NOON},
        ],
    })  # fmt: skip
    return Workspace(settings)


def pages(read, name):
    """The names of every page, asked for one after the other."""
    found, after = [], ""
    while True:
        page = read(after)
        found.append([row[name] for row in page.rows])
        after = page.next_after
        if not after:
            return found


def test_orders_of_one_shop_come_oldest_first_with_their_lines_and_no_page_repeats_or_leaves_out(view):
    every = pages(lambda after: list_orders(view, "shopify", after=after, limit=2), "order_id")
    assert every == [["shopify:2", "shopify:1"], ["shopify:3", "shopify:4"], []]
    [_, one] = list_orders(view, "shopify", limit=2).rows
    assert [line["title"] for line in one["lines"]] == ["Tea", "Mug"]
    later = list_orders(view, "shopify", since=NOON + timedelta(hours=2)).rows
    assert [row["order_id"] for row in later] == ["shopify:4"]


def test_products_and_customers_are_those_of_the_shop(view):
    assert pages(lambda after: list_products(view, "shopify", after, 1), "product_id") == [
        ["shopify:1"], ["shopify:2"], []
    ]  # fmt: skip
    [customer] = list_customers(view, "shopify").rows
    assert (customer["email"], customer["person_id"], customer["orders_count"]) == ("ann@shop.example", ANN, 3)
    assert list_customers(view, "woocommerce").rows == []


def test_what_contacts_did_leaves_machines_out_and_names_them_as_the_crm_does(view):
    every = pages(lambda after: list_activity(view, NOON, after=after, limit=2), "activity_id")
    assert every == [
        ["message:b", "order:shopify:2"], ["order:woocommerce:5", "visit:v"], ["order:shopify:1", "order:shopify:3"],
        ["form:f"],
    ]  # fmt: skip
    clicked, *_ = list_activity(view, NOON).rows
    assert (clicked["kind"], clicked["campaign"], clicked["crm_contacts"]) == ("clicked", "campaign:1", ["hubspot:7"])
    assert {row["person_id"] for row in list_activity(view, NOON, email=" BOB@shop.example").rows} == {BOB}
    assert list_activity(view, NOON + timedelta(days=1)).rows == []


@pytest.mark.parametrize("after", ["x", "2026-03-04", "|a", "2026-03-04T12:00:00+01:00|a"])
def test_a_page_that_no_page_named_is_refused(view, after):
    with pytest.raises(InvalidInputError, match="after"):
        list_orders(view, "shopify", after=after)
