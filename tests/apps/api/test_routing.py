"""Under test: the doors of routing: reps and rules are kept or refused by name, leads handed over and explained."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from apps.api.app import create_app
from dmat.store.tokens import create_token

REP = {"name": "John Smith", "email": "john@shop.example", "territories": ["California"]}


@pytest.fixture
def doors(lead_world):
    token = create_token(lead_world.store, "crm", ["leads:read", "leads:write", "leads:route"], "ann")
    app = create_app(lead_world.settings, lead_world.store)
    with TestClient(app, base_url=lead_world.settings.resolved_public_url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_a_lead_is_handed_over_by_rules_and_by_hand(doors):
    assert doors.put("/api/sales-reps/john", json=REP).json()["capacity"] == 50
    doors.put("/api/sales-reps/tech", json=REP | {"name": "Tech", "email": "tech@shop.example", "territories": []})
    doors.post("/api/leads", json={"email": "a@example.com", "region": "California"})
    first = doors.post("/api/leads/1/assign").json()
    assert (first["rep_key"], first["rule"], first["respond_by"]) == ("john", "territory", "2026-03-04T13:00:00Z")
    assert doors.post("/api/leads/1/assign", json={"rep": "tech"}).json()["rep_key"] == "tech"
    found = doors.get("/api/leads/1/assignments").json()["assignments"]
    assert [each["rep_key"] for each in found] == ["tech", "john"]
    figures = {each["rep_key"]: each["open_count"] for each in doors.get("/api/sales-reps/figures").json()["reps"]}
    assert figures == {"john": 0, "tech": 1}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/sales-reps/john", REP | {"email": "x"}, "email"),
        ("/api/sales-reps/John Smith", REP, "rep_key"),
        ("/api/routing", {"plan": {"rules": []}}, "rules"),
        (
            "/api/routing",
            {"plan": {"rules": [{"key": "x", "then": {"to": "rep", "rep": "nobody"}}]}},
            "rules[0].then.rep",
        ),
    ],
)
def test_what_is_wrong_is_named(doors, path, body, field):
    answer = doors.put(path, json=body)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, field)


def test_rules_are_changed_on_the_version_one_looked_at(doors, lead_world):
    found = doors.get("/api/routing").json()
    assert (found["version"], len(found["plan"]["rules"])) == (0, 4)
    changed = found["plan"] | {"response_minutes": 30}
    assert doors.put("/api/routing", json={"plan": changed, "version": 0}).json()["version"] == 1
    assert doors.put("/api/routing", json={"plan": changed, "version": 0}).status_code == 409
    assert doors.get("/api/routing/schema").json()["properties"]["rules"]
    seller = create_token(lead_world.store, "seller", ["leads:read"], "ann")
    refused = doors.put("/api/routing", json={"plan": changed}, headers={"Authorization": f"Bearer {seller}"})
    assert refused.status_code == 403
