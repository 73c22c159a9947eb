"""Under test: the doors of workflows, as the requirement says them; what each refuses, with the field."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from doors import signed_in
from fastapi.testclient import TestClient
from journey_worlds import cart, document_with
from segment_world import NOW, number_of

from apps.api.app import create_app
from dmat.campaigns.overrides import overrides_of
from dmat.campaigns.programmes import ensure_programme
from dmat.ledger.entries import REJECTED, list_entries
from dmat.store.tables import ledger_entries

MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
BODY = {
    "name": "Cart Abandonment Recovery", "trigger_type": "cart_abandon",
    "trigger_condition": {"cart_value_min": 50, "minutes_after_abandon": 60}, "action_type": "send_email",
    "action_data": {"template_id": 1, "subject_line": "You left your cart behind!", "discount_code": "COMEBACK10"},
}  # fmt: skip


@pytest.fixture
def doors(journey_world):
    app = create_app(journey_world.settings, journey_world.store)
    with TestClient(app, base_url=journey_world.settings.resolved_public_url) as client:
        yield client


def test_a_workflow_is_made_as_the_requirement_says_and_does_it(marketer, journey_world):
    made = marketer.post("/api/workflows", json=BODY)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["id"], shown["name"], shown["status"]) == (1, "Cart Abandonment Recovery", "active")
    assert shown["created_at"] == "2026-03-04T12:00:00Z"
    minute = timedelta(minutes=1)
    dear, cheap = cart("c1", 1, NOW + minute, 5_000), cart("c2", 3, NOW + minute, 4_999)
    journey_world.look(NOW + timedelta(minutes=62), dear, cheap)
    entries = list_entries(journey_world.store, limit=9)
    assert [(entry.person_id, entry.context["discount_code"]) for entry in entries] == [(number_of(1), "COMEBACK10")]
    said = overrides_of(journey_world.store, entries[0].programme, entries[0].programme_version, entries[0].step)
    assert said.subject == "You left your cart behind!"


def test_executions_add_up_and_name_those_that_failed(marketer, journey_world):
    marketer.post("/api/workflows", json=BODY)
    minute = timedelta(minutes=1)
    journey_world.look(NOW + timedelta(minutes=62), *(cart(f"c{n}", n, NOW + minute) for n in (1, 3, 5, 7)))
    with journey_world.store.write() as connection:
        is_one = ledger_entries.c.occurrence == "c3"
        connection.execute(sa.update(ledger_entries).where(is_one).values(state=REJECTED))
    found = marketer.get("/api/workflows/1/executions").json()
    assert (found["workflow_id"], found["total_executions"], found["successful"], found["failed"]) == (1, 4, 3, 1)
    assert found["success_rate"] == 0.75
    newest = found["recent_executions"][0]
    assert newest == {"execution_id": "exec_4", "lead_id": None, "person_id": number_of(7),
                      "triggered_at": "2026-03-04T13:01:00Z",
                      "status": "completed"}  # fmt: skip
    assert [each["status"] for each in found["recent_executions"]].count("failed") == 1


def test_a_workflow_without_executions_has_no_rate(marketer):
    marketer.post("/api/workflows", json=BODY)
    assert marketer.get("/api/workflows/1/executions").json()["success_rate"] is None
    assert marketer.get("/api/workflows/2/executions").status_code == 404


@pytest.mark.parametrize(
    ("trigger", "condition"),
    [
        ("email_open", {"campaign": "spring"}),
        ("link_click", {}),
        ("form_submit", {"form": "demo"}),
        ("tag_added", {"tag": "vip"}),
        ("date_trigger", {"field": "birthday", "days_before": 1}),
    ],
)
def test_every_trigger_of_the_requirement_is_kept_as_a_journey(marketer, trigger, condition):
    body = BODY | {"trigger_type": trigger, "trigger_condition": condition, "status": "draft"}
    assert marketer.post("/api/workflows", json=body).status_code == 201
    assert marketer.get("/api/workflows/1").json()["definition"]["steps"][0]["channel"] == "email"


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("send_sms", {"template_id": "news-sms"}),
        ("assign_lead", {"team": "west"}),
        ("update_score", {"points": 10}),
        ("create_task", {"title": "Call"}),
    ],
)
def test_every_action_of_the_requirement_can_be_switched_on(marketer, action, data):
    answer = marketer.post("/api/workflows", json=BODY | {"action_type": action, "action_data": data})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"trigger_type": "full_moon"}, "trigger_type"),
        ({"action_type": "dance"}, "action_type"),
        ({"trigger_condition": {"colour": 1}}, "trigger_condition.colour"),
        ({"trigger_condition": {"cart_value_min": "much"}}, "trigger_condition.cart_value_min"),
        ({"action_data": {}}, "action_data.template_id"),
        ({"action_data": {"template_id": 99}}, "action_data.template_id"),
        ({"action_type": "update_score", "action_data": {}}, "action_data"),
        ({"action_data": {"template_id": "none"}}, "action_data.template_id"),
        ({"trigger_type": "date_trigger", "trigger_condition": {"at": "late"}}, "trigger_condition.at"),
        ({"trigger_type": "date_trigger", "trigger_condition": {"when": 1}}, "trigger_condition.when"),
        ({"trigger_type": "tag_added", "trigger_condition": {"tag": "No tag"}}, "trigger_condition.tag"),
        ({"name": "???"}, "name"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(marketer, changes, place):
    answer = marketer.post("/api/workflows", json=BODY | changes)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] == place
    assert marketer.get("/api/workflows").json()["workflows"] == []
    checked = marketer.post("/api/workflows/check", json=BODY | changes).json()
    assert (checked["could_run"], checked["faults"]) == (False, answer.json()["faults"])


def test_every_fault_of_a_definition_is_named_by_its_place(marketer):
    steps = [MAIL | {"channel": "pigeon"}, {"key": "w", "do": "wait"}]
    document = document_with(trigger={"kind": "api"}, steps=steps, exit_when=[], name="")
    answer = marketer.post("/api/workflows", json={"definition": document})
    assert answer.status_code == 422
    paths = [each["path"] for each in answer.json()["faults"]]
    assert paths == ["name", "steps[0].channel", "steps[1]"]
    whole = document_with(trigger={"kind": "api"}, steps=[MAIL | {"template": "none"}], exit_when=[])
    entry = {"entry": {"segments": ["nobody"]}}
    both = marketer.post("/api/workflows", json={"definition": whole | entry}).json()["faults"]
    assert [each["path"] for each in both] == ["segments", "steps[0].template"]


def test_more_messages_than_the_cap_lets_leave_and_a_programme_that_does_the_same_are_told(marketer, journey_world):
    steps = [MAIL | {"key": f"m{number}"} for number in range(4)]
    document = document_with(steps=steps, goal={"event": "ordered", "days": 7})
    with journey_world.store.write() as connection:
        ensure_programme(connection, "cart_recovery", 1, NOW)
    checked = marketer.post("/api/workflows/check", json={"definition": document}).json()
    assert (checked["could_run"], checked["faults"]) == (True, [])
    assert [each["path"] for each in checked["warnings"]] == ["trigger", "steps[3]"]
    assert "the frequency cap lets 3 of them leave" in checked["warnings"][1]["what"]
    assert marketer.get("/api/workflows").json()["workflows"] == []
    made = marketer.post("/api/workflows", json={"definition": document}).json()
    assert (made["status"], made["warnings"]) == ("active", checked["warnings"])
    changed = marketer.put("/api/workflows/1", json=document | {"steps": steps[:3]}).json()
    assert [each["path"] for each in changed["warnings"]] == ["trigger"]


def test_a_draft_is_kept_with_what_keeps_it_from_running(marketer):
    body = BODY | {"action_data": {"template_id": "to-come"}, "status": "draft"}
    made = marketer.post("/api/workflows", json=body)
    assert (made.status_code, made.json()["status"]) == (201, "draft")
    assert [each["path"] for each in made.json()["faults"]] == ["action_data.template_id"]
    answer = marketer.post("/api/workflows/1/status", json={"status": "active"})
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "steps[0].template")


def test_the_same_key_makes_one_workflow(marketer):
    for _ in range(2):
        assert marketer.post("/api/workflows", json=BODY, headers={"Idempotency-Key": "k1"}).status_code == 201
    assert len(marketer.get("/api/workflows").json()["workflows"]) == 1
    assert marketer.post("/api/workflows", json=BODY).status_code == 409


def test_a_journey_is_made_changed_paused_and_entered(marketer, journey_world):
    document = document_with(trigger={"kind": "api"}, steps=[MAIL], exit_when=[])
    assert marketer.post("/api/workflows", json={"definition": document}).status_code == 201
    entry = {"person_id": number_of(1), "entry_key": "t1"}
    assert marketer.post("/api/workflows/1/entries", json=entry).json() == {"entry_key": "t1", "is_new": True}
    assert marketer.post("/api/workflows/1/entries", json=entry).json()["is_new"] is False
    assert marketer.put("/api/workflows/1?version=1", json=document | {"name": "Other"}).json()["version"] == 2
    assert marketer.put("/api/workflows/1?version=1", json=document | {"name": "Third"}).status_code == 409
    for status in ("paused", "active", "archived"):
        assert marketer.post("/api/workflows/1/status", json={"status": status}).json()["status"] == status
    assert marketer.post("/api/workflows/1/status", json={"status": "active"}).status_code == 409


def test_nobody_comes_in_without_a_name_and_an_analyst_may_only_look(doors):
    assert doors.get("/api/workflows").status_code == 401
    signed_in(doors, "analyst")
    assert doors.get("/api/workflows").status_code == 200
    assert doors.post("/api/workflows", json=BODY).status_code == 403
