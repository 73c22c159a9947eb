"""Under test: use case 7 at the API: the requirement's tiers and offers, with its points, percentages and validities.

The mails of the triggers (birthday, anniversary, win-back, VIP) are journeys and have tests of their own.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from lead_world import LEAD_NOON

from apps.api.app import create_app
from dmat.loyalty.earning import earn_from_orders
from dmat.loyalty.ledger import out_of_balance
from dmat.loyalty.offers import redeem_from_orders
from dmat.loyalty.tiers import update_tiers
from dmat.store.tokens import create_token

OFFERS = {
    "anniversary": {"name": "20 % off your favourites", "kind": "percent", "value": 20, "valid_days": 30},
    "birthday": {"name": "15 % and a free gift", "kind": "percent", "value": 15, "valid_days": 31},
    "vip": {"name": "Early access", "kind": "early_access", "tiers": ["platinum"], "valid_days": 1},
}
SPENT = {1: 50_000, 2: 100_000, 3: 500_000, 4: 99_999}  # cents: 50, 100, 500 and 99 points


class Shop:
    """Orders of four people; codes that later orders came with."""

    def __init__(self):
        self.codes = []

    def rows(self, query, values=()):
        if "discount_code" in query:
            return self.codes
        return [{"order_id": f"o{n}", "person_id": n, "ordered_at": LEAD_NOON, "build": 1, "net_cents": cents}
                for n, cents in SPENT.items()]  # fmt: skip


@pytest.fixture
def shop(lead_world):
    return Shop()


@pytest.fixture
def doors(lead_world, shop):
    token = create_token(lead_world.store, "shop", ["loyalty:read", "loyalty:write"], "ann")
    app = create_app(lead_world.settings, lead_world.store)
    with TestClient(app, base_url=lead_world.settings.resolved_public_url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.put("/api/loyalty/rules", json={"members": "everybody"}).status_code == 200
        for key, offer in OFFERS.items():
            assert client.put(f"/api/loyalty/offers/{key}", json=offer).status_code == 200
        earn_from_orders(lead_world.store, shop, LEAD_NOON)
        update_tiers(lead_world.store, LEAD_NOON)
        yield client


def give(doors, offer, person, occurrence="2026"):
    return doors.post(f"/api/loyalty/offers/{offer}/grant", json={"person_id": person, "occurrence": occurrence})


def test_silver_gold_and_platinum_are_reached_at_a_hundred_and_five_hundred_points(doors):
    found = {person: doors.get(f"/api/loyalty/members/{person}").json() for person in SPENT}
    assert {person: (member["points"], member["tier"]) for person, member in found.items()} == {
        1: (50, "silver"), 2: (100, "gold"), 3: (500, "platinum"), 4: (99, "silver"),
    }  # fmt: skip
    assert found[2]["tier_until"] == "2027-03-04T12:00:00Z"  # for a year
    assert doors.get("/api/loyalty/rules").json()["tiers"][1]["benefits"] == ["free shipping", "early access to sales"]


def test_a_milestone_is_reached_the_moment_the_points_are_there(doors, lead_world):
    doors.post("/api/loyalty/members/1/points", json={"points": 50, "reason": "thank you", "key": "k1"})
    [moved] = update_tiers(lead_world.store, LEAD_NOON)
    assert (moved.person_id, moved.from_tier, moved.to_tier, moved.points) == (1, "silver", "gold", 100)
    assert update_tiers(lead_world.store, LEAD_NOON) == []
    assert out_of_balance(lead_world.store) == []


def test_offers_have_a_code_of_ones_own_a_validity_and_are_used_once(doors, lead_world, shop):
    granted = {person: give(doors, "anniversary", person).json() for person in (1, 2)}
    assert granted[1]["code"] != granted[2]["code"]
    assert granted[1]["valid_until"] == "2026-04-03T12:00:00Z"  # thirty days
    assert give(doors, "anniversary", 1).json()["code"] == granted[1]["code"]
    shop.codes = [{"code": granted[1]["code"], "order_id": "o9", "person_id": 1,
                   "ordered_at": LEAD_NOON + timedelta(days=3)}]  # fmt: skip
    assert [redeem_from_orders(lead_world.store, shop, LEAD_NOON) for _ in range(2)] == [1, 0]
    again = doors.post("/api/loyalty/redeem", json={"code": granted[1]["code"], "order_id": "o10"})
    assert again.status_code == 409
    lead_world.settings.clock.advance(timedelta(days=31))
    late = doors.post("/api/loyalty/redeem", json={"code": granted[2]["code"], "order_id": "o11"})
    assert (late.status_code, "valid until" in late.text) == (409, True)


def test_early_access_is_for_platinum_only(doors):
    assert give(doors, "vip", 3).status_code == 200
    refused = give(doors, "vip", 2)
    assert (refused.status_code, "is for platinum" in refused.text) == (409, True)
