"""Under test: the doors of alerts and reports: who may do what, previews, files, and refusals that name the field."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from metric_world import NOW
from quarter_world import LAST_WHOLE_DAY

from apps.api.app import create_app
from dmat.alerts.desk import AlertDesk
from dmat.store.tokens import create_token

RULE = {"key": "mine", "name": "Mine", "kind": "unusual", "metric": "orders", "direction": "drop"}


@pytest.fixture
def doors(quarter):
    quarter.publish({LAST_WHOLE_DAY: 6})
    AlertDesk(quarter.settings, quarter.store, quarter.view).look()
    token = create_token(quarter.store, "bi", ["analytics:read", "analytics:write"], "ann")
    app = create_app(quarter.settings, quarter.store)
    with TestClient(app, base_url=quarter.settings.resolved_public_url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_alerts_are_listed_acknowledged_snoozed_and_taken_up_again(doors):
    found = doors.get("/api/alerts", params={"state": "open"}).json()["alerts"]
    assert {alert["rule"] for alert in found} == {"revenue", "orders"}
    number = found[0]["alert_id"]
    assert doors.post(f"/api/alerts/{number}/acknowledge", json={"words": "known"}).json()["state"] == "acknowledged"
    until = (NOW + timedelta(hours=2)).isoformat() + "+00:00"
    assert doors.post(f"/api/alerts/{number}/snooze", json={"until": until}).json()["state"] == "snoozed"
    assert doors.post(f"/api/alerts/{number}/reopen").json()["state"] == "open"
    log = doors.get(f"/api/alerts/{number}").json()["log"]
    assert [entry["action"] for entry in log] == ["opened", "told", "acknowledged", "snoozed", "reopened"]
    assert doors.get("/api/alerts/99").status_code == 404
    assert doors.get("/api/alerts", params={"state": "odd"}).json()["faults"][0]["path"] == "state"


def test_a_rule_is_tried_on_the_past_kept_changed_and_taken_away(doors):
    tried = doors.post("/api/alerts/rules/preview", params={"days": 28}, json=RULE).json()
    assert (len(tried["days"]), tried["told_count"]) == (28, 1)
    assert doors.post("/api/alerts/rules", json=RULE).status_code == 201
    assert doors.post("/api/alerts/rules", json=RULE).status_code == 409
    changed = doors.put("/api/alerts/rules/mine", json=RULE | {"least_change": 0.5})
    assert changed.json()["least_change"] == 0.5
    assert doors.delete("/api/alerts/rules/mine").status_code == 204
    assert doors.put("/api/alerts/rules/mine", json=RULE).status_code == 404
    refused = doors.post("/api/alerts/rules", json=RULE | {"false_alarm_days": 1})
    assert (refused.status_code, refused.json()["faults"][0]["path"]) == (422, "false_alarm_days")


def test_a_report_is_made_read_taken_away_as_a_file_and_mailed(doors):
    made = doors.post("/api/reports/revenue-by-day/make").json()
    number = made["number"]
    assert made["figures"]["sections"][0]["totals"]["orders"] > 0
    assert doors.get("/api/reports/made").json()["made"][0]["number"] == number
    for kind, head in (("pdf", b"%PDF-"), ("xlsx", b"PK"), ("csv", "\ufeffsection".encode())):
        answer = doors.get(f"/api/reports/made/{number}/file", params={"kind": kind})
        assert answer.content.startswith(head)
        assert f"revenue-by-day-2026-02-09.{kind}" in answer.headers["Content-Disposition"]
    refused = doors.get(f"/api/reports/made/{number}/file", params={"kind": "doc"})
    assert refused.json()["faults"][0]["path"] == "kind"
    sent = doors.post(f"/api/reports/made/{number}/mail", json={"to": ["Boss@shop.example"]})
    assert sent.json() == {"to": ["boss@shop.example"]}
    refused = doors.post(f"/api/reports/made/{number}/mail", json={"to": ["boss"]})
    assert refused.json()["faults"][0]["path"] == "to[0]"


def test_a_report_is_changed_and_given_a_schedule(doors):
    [weekly] = [each for each in doors.get("/api/reports").json()["reports"] if each["key"] == "weekly-executive"]
    schedule = {"every": "week", "weekday": 1, "hour": 7}
    body = weekly | {"schedule": schedule, "recipients": ["boss@shop.example"]}
    assert doors.put("/api/reports/weekly-executive", json=body).json()["schedule"]["every"] == "week"
    mine = weekly | {"key": "mine", "name": "Mine"}
    assert doors.post("/api/reports", json=mine).status_code == 201
    assert doors.delete("/api/reports/mine").status_code == 204
    assert doors.post("/api/reports/mine/make").status_code == 404


def test_who_may_only_read_changes_nothing(doors, quarter):
    reader = {"Authorization": f"Bearer {create_token(quarter.store, 'reader', ['analytics:read'], 'ann')}"}
    assert doors.post("/api/alerts/rules", json=RULE, headers=reader).status_code == 403
    assert doors.post("/api/reports/revenue-by-day/make", headers=reader).status_code == 403
    assert doors.get("/api/alerts", headers=reader).status_code == 200
    assert doors.get("/api/alerts", headers={"Authorization": "Bearer nobody"}).status_code == 401
