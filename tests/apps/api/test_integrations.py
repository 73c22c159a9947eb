"""Under test: the doors to shops and the CRM - who may, pages, wrong input, the webhook's second address."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest
from contract_tables import publish_marts
from doors import signed_in
from fastapi.testclient import TestClient
from segment_world import NOW, ROLES

from apps.api.app import create_app
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.users import create_user

SECRET = "hush"


@pytest.fixture
def doors(tmp_path):
    settings = load_settings(tmp_path / "home", shopify_webhook_secret=SECRET)
    settings.clock.set(NOW)
    order = {"order_id": "shopify:1", "source": "shopify", "person_id": 1, "ordered_at": NOW - timedelta(hours=1),
             "status": "paid", "net_cents": 1000, "currency_code": "EUR"}  # fmt: skip
    publish_marts(settings, {
        "commerce.fct_orders": [order], "commerce.fct_order_lines": [], "commerce.dim_products": [],
        "people.person_contacts": [], "people.dim_people": [{"person_id": 1, "email": "ann@shop.example"}],
        "engagement.fct_message_events": [], "engagement.fct_form_submissions": [], "engagement.fct_visits": [],
    })  # fmt: skip
    store = open_store(settings)
    for role in ROLES:
        create_user(store, f"{role}@shop.example", "a long enough secret", role)
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        client.settings = settings
        yield client
    store.close()


@pytest.fixture
def marketer(doors):
    return signed_in(doors, "marketer")


def test_orders_and_activity_are_answered_with_moments_and_cents(marketer):
    [order] = marketer.get("/api/integrations/shopify/orders").json()["orders"]
    at = f"{(NOW - timedelta(hours=1)).isoformat()}Z"
    assert (order["order_id"], order["ordered_at"], order["net_cents"], order["lines"]) == ("shopify:1", at, 1000, [])
    found = marketer.get("/api/integrations/crm/contact-activity", params={"email": "ann@shop.example"}).json()
    assert [(each["kind"], each["occurred_at"]) for each in found["activity"]] == [("ordered", at)]
    assert found["next_after"] is None
    later = marketer.get("/api/integrations/shopify/orders", params={"since": f"{NOW.isoformat()}Z"}).json()
    assert later == {"orders": [], "next_after": None}
    assert marketer.get("/api/integrations/woocommerce/customers").json() == {"customers": [], "next_after": None}
    assert marketer.get("/api/integrations/shopify/products").json() == {"products": [], "next_after": None}


@pytest.mark.parametrize(("path", "field"), [
    ("magento/orders", "shop"), ("shopify/orders?since=soon", "since"), ("shopify/orders?limit=501", "limit"),
    ("shopify/orders?after=x", "after"), ("crm/contact-activity?since=2026", "since"),
])  # fmt: skip
def test_wrong_input_names_its_field(marketer, path, field):
    answer = marketer.get(f"/api/integrations/{path}")
    assert answer.status_code == 422
    [fault] = answer.json()["faults"]
    assert fault["path"] == field
    assert fault["allowed"] or "2026-03-15" in fault["what"]


def test_people_are_shown_to_those_who_may_see_them(doors):
    assert doors.get("/api/integrations/shopify/orders").status_code == 401
    assert signed_in(doors, "analyst").get("/api/integrations/crm/contact-activity").status_code == 403


def test_the_crm_is_read_when_somebody_asks_and_one_is_connected(marketer):
    path = "/api/integrations/crm/sync-contacts"
    assert marketer.get(path).status_code == 404
    refused = marketer.post(path)
    assert (refused.status_code, "DMAT_HUBSPOT_URL" in refused.json()["detail"]) == (409, True)
    marketer.settings.hubspot_url = "https://hubspot.example"
    asked = marketer.post(path)
    assert (asked.status_code, asked.json()["crms"], asked.json()["done_at"]) == (202, ["hubspot"], None)
    assert marketer.get(path).json() == asked.json()


def test_a_shop_may_post_to_the_second_address_too_and_only_signed(doors):
    body = b'{"id": 1}'
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {"x-shopify-topic": "orders/create", "content-type": "application/json"}
    path = "/api/integrations/shopify/webhook"
    assert doors.post(path, content=body, headers=headers).status_code == 401
    taken = doors.post(path, content=body, headers={**headers, "x-shopify-hmac-sha256": signature})
    assert taken.status_code == 200, taken.text
    assert doors.post("/api/integrations/magento/webhook", content=body).status_code == 422
