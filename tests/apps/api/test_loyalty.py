"""Under test: the doors of loyalty: a programme, points by hand, an offer granted and used once, refusals by name."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from lead_world import LEAD_NOON

from apps.api.app import create_app
from dmat.store.loyalty_tables import loyalty_members
from dmat.store.tokens import create_token


@pytest.fixture
def doors(lead_world):
    token = create_token(lead_world.store, "shop", ["loyalty:read", "loyalty:write"], "ann")
    with lead_world.store.write() as connection:
        row = {"person_id": 7, "joined_at": LEAD_NOON, "tier": "gold", "tier_since": LEAD_NOON, "updated_at": LEAD_NOON}
        connection.execute(sa.insert(loyalty_members).values(row | {"revision": 1, "exported_revision": 0}))
    app = create_app(lead_world.settings, lead_world.store)
    with TestClient(app, base_url=lead_world.settings.resolved_public_url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_a_programme_begins_with_rules(doors):
    assert doors.get("/api/loyalty/rules").status_code == 404
    assert [tier["key"] for tier in doors.put("/api/loyalty/rules", json={}).json()["tiers"]] == [
        "silver", "gold", "platinum",
    ]  # fmt: skip
    refused = doors.put("/api/loyalty/rules", json={"cents_per_point": 0})
    assert (refused.status_code, refused.json()["faults"][0]["path"]) == (422, "cents_per_point")


def test_points_and_offers_of_a_member(doors):
    doors.put("/api/loyalty/rules", json={})
    body = {"points": 120, "reason": "welcome", "key": "w1"}
    for _ in range(2):
        assert doors.post("/api/loyalty/members/7/points", json=body).json()["points"] == 120
    offer = {"name": "Free gift", "kind": "gift", "tiers": ["gold"], "points_cost": 100}
    assert doors.put("/api/loyalty/offers/gift", json=offer).json()["valid_days"] == 30
    granted = doors.post("/api/loyalty/offers/gift/grant", json={"person_id": 7, "occurrence": "a"}).json()
    used = doors.post("/api/loyalty/redeem", json={"code": granted["code"], "order_id": "o1", "person_id": 7})
    assert used.json()["order_id"] == "o1"
    again = doors.post("/api/loyalty/redeem", json={"code": granted["code"], "order_id": "o2"})
    assert again.status_code == 409
    member = doors.get("/api/loyalty/members/7").json()
    assert (member["points"], member["tier"], [line["points"] for line in member["statement"]]) == (
        20,
        "gold",
        [-100, 120],
    )


def test_who_may_not_change_is_kept_out(doors, lead_world):
    reader = create_token(lead_world.store, "reader", ["loyalty:read"], "ann")
    refused = doors.put("/api/loyalty/rules", json={}, headers={"Authorization": f"Bearer {reader}"})
    assert refused.status_code == 403
    assert doors.get("/api/loyalty/members/8").status_code == 404
