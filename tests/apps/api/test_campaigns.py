"""Under test: the doors of campaigns. What each answers, who may come in, and that every refusal names its field."""

from __future__ import annotations

from datetime import timedelta

import pytest
from campaign_world import document_of
from doors import signed_in
from fastapi.testclient import TestClient
from segment_world import NOW

from apps.api import campaign_examples
from apps.api.app import create_app
from dmat.campaigns.running import Runner
from dmat.store.tokens import create_token

PRD_BODY = {
    "name": "Spring Sale 2026", "description": "E-commerce promotion", "status": "draft",
    "start_date": "2026-03-15T00:00:00Z", "end_date": "2026-03-22T23:59:59Z", "budget": 5000,
    "objective": "Generate 1000 sales",
}  # fmt: skip
EMAIL = {
    "subject_line": "🌸 Spring Sale: Save 50%", "from_name": "Marketing Team", "from_email": "marketing@shop.example",
    "content_html": "<h1>Sale for {{ first_name }}</h1>", "scheduled_at": "2026-03-15T09:00:00Z",
}  # fmt: skip


@pytest.fixture
def doors(campaign_world):
    app = create_app(campaign_world.settings, campaign_world.store)
    with TestClient(app, base_url=campaign_world.settings.resolved_public_url) as client:
        yield client


def make(client, **more):
    answer = client.post("/api/campaigns", json=PRD_BODY | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_campaign_is_made_as_the_requirements_say(marketer):
    made = make(marketer)
    assert (made["id"], made["name"], made["status"]) == (1, "Spring Sale 2026", "draft")
    assert made["created_at"] == "2026-03-04T12:00:00Z"
    assert (made["budget"], made["plan"]["budget_cents"], made["start_date"]) == (
        5000.0,
        500_000,
        "2026-03-15T00:00:00Z",
    )
    assert marketer.get("/api/campaigns/1").json() == made


def test_the_same_key_makes_one_campaign(marketer):
    headers = {"Idempotency-Key": "abc"}
    first = marketer.post("/api/campaigns", json=PRD_BODY, headers=headers)
    assert marketer.post("/api/campaigns", json=PRD_BODY, headers=headers).json() == first.json()
    assert marketer.get("/api/campaigns").json()["total"] == 1
    other = marketer.post("/api/campaigns", json=PRD_BODY | {"name": "Other"}, headers=headers)
    assert (other.status_code, other.json()["faults"][0]["path"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": ""}, "name"),
        ({"status": "running"}, "status"),
        ({"budget": -1}, "budget"),
        ({"start_date": "soon"}, "start_date"),
        ({"end_date": "2026-03-01T00:00:00Z"}, "end_date"),
        ({"color": "red"}, "color"),
        ({"plan": {"steps": [{"key": "mail", "channel": "fax"}]}}, "steps[0].channel"),
        ({"plan": {"audience": {"segments": ["martians"]}}}, "audience"),
    ],
)
def test_a_bad_field_is_named(marketer, body, path):
    answer = marketer.post("/api/campaigns", json=PRD_BODY | body)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, path)


def test_a_plan_goes_through_review_with_two_people(doors):
    signed_in(doors, "marketer")
    number = make(doors, plan=document_of(approval={"from_recipients": 1}))["id"]
    assert doors.post(f"/api/campaigns/{number}/submit").json()["status"] == "in_review"
    assert doors.post(f"/api/campaigns/{number}/approve").status_code == 403
    signed_in(doors, "admin")
    approved = doors.post(f"/api/campaigns/{number}/approve", json={"comment": "go"}).json()
    assert (approved["status"], approved["decisions"][0]["decided_by"]) == ("scheduled", "admin@shop.example")


def test_what_may_not_follow_is_refused_with_what_may(marketer):
    number = make(marketer)["id"]
    answer = marketer.post(f"/api/campaigns/{number}/pause")
    assert answer.status_code == 409
    assert "allowed: cancelled, in_review, running, scheduled" in answer.json()["detail"]


def test_analysts_look_and_change_nothing(doors):
    number = make(signed_in(doors, "marketer"))["id"]
    signed_in(doors, "analyst")
    assert doors.get(f"/api/campaigns/{number}/analytics").status_code == 200
    assert doors.post("/api/campaigns", json=PRD_BODY).status_code == 403
    assert doors.post(f"/api/campaigns/{number}/start").status_code == 403


def test_a_token_may_what_its_scopes_say(doors, campaign_world):
    token = create_token(campaign_world.store, "shop", ["campaigns:read"], by="admin@shop.example")
    headers = {"Authorization": f"Bearer {token}"}
    doors.cookies.clear()
    assert doors.get("/api/campaigns", headers=headers).status_code == 200
    assert doors.post("/api/campaigns", json=PRD_BODY, headers=headers).status_code == 403
    assert doors.get("/api/campaigns").status_code == 401


def test_a_change_on_an_older_version_is_refused(marketer):
    number = make(marketer)["id"]
    change = {"version": 1, "plan": document_of()}
    assert marketer.put(f"/api/campaigns/{number}", json=change).json()["version"] == 2
    assert marketer.put(f"/api/campaigns/{number}", json=change | {"plan": {}}).status_code == 409
    versions = marketer.get(f"/api/campaigns/{number}/versions").json()["versions"]
    assert [version["version"] for version in versions] == [2, 1]


def test_an_email_is_accepted_as_the_requirements_say(marketer, campaign_world):
    number = make(marketer)["id"]
    segment = campaign_world.desk.library.get("germans").segment_id
    answer = marketer.post(f"/api/email-campaigns/{number}/send", json=EMAIL | {"segment_id": segment})
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert {name: sent[name] for name in ("id", "status", "scheduled_at")} == {
        "id": 1, "status": "scheduled", "scheduled_at": "2026-03-15T09:00:00Z",
    }  # fmt: skip
    [step] = marketer.get(f"/api/campaigns/{number}/estimate").json()["steps"]
    assert sent["estimated_recipients"] == step["recipients"] > 0


def test_a_second_email_is_for_its_own_segment_only(marketer, campaign_world):
    number = make(marketer)["id"]
    marketer.post(f"/api/email-campaigns/{number}/send", json=EMAIL | {"segment_id": "germans"})
    marketer.post(f"/api/email-campaigns/{number}/send", json=EMAIL | {"segment_id": "austrians"})
    plan = marketer.get(f"/api/campaigns/{number}").json()["plan"]
    assert plan["audience"]["segments"] == ["germans", "austrians"]
    campaign_world.settings.clock.set(NOW.replace(day=16))
    world = campaign_world
    Runner(world.settings, world.store, world.desk, world.library).look()
    stands = marketer.get(f"/api/campaigns/{number}/monitor").json()["steps"]
    assert [step["planned"] for step in stands] == [12, 6]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"segment_id": 999}, "segment_id"),
        ({"segment_id": "germans", "scheduled_at": "2020-01-01T00:00:00Z"}, "scheduled_at"),
        ({"segment_id": "germans", "from_email": "not an address"}, "from_email"),
        ({"segment_id": "germans", "subject_line": "Sale\r\nBcc: all@shop.example"}, "subject_line"),
        ({"segment_id": "germans", "content_html": " "}, "content_html"),
        ({"segment_id": "germans", "content_html": "<p>{{ unknown_word }}</p>"}, "content_html"),
        ({"segment_id": "germans", "content_html": "<p>{% if %}</p>"}, "content_html"),
        ({"segment_id": "germans", "content_html": "<a href='javascript:x'>y</a>"}, "content_html"),
        ({"segment_id": "germans", "subject_line": "Sale {{ unknown_word }}"}, "content_html"),
        ({}, "audience.segments"),
    ],
)
def test_a_bad_email_is_refused_with_its_field(marketer, body, path):
    number = make(marketer)["id"]
    answer = marketer.post(f"/api/email-campaigns/{number}/send", json=EMAIL | body)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, path)


def test_a_refused_email_leaves_nothing_behind(marketer):
    made = make(marketer, start_date="2026-02-01T00:00:00Z", end_date="2026-02-08T00:00:00Z")
    for _ in range(2):
        answer = marketer.post("/api/email-campaigns/1/send", json=EMAIL | {"segment_id": "germans"})
        assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "ends_at")
    assert marketer.get("/api/campaigns/1").json() == made
    assert marketer.get("/api/templates").json()["templates"] == []
    marketer.put("/api/campaigns/1", json={"end_date": "2026-03-22T00:00:00Z"})
    assert marketer.post("/api/email-campaigns/1/send", json=EMAIL | {"segment_id": "germans"}).status_code == 202
    assert len(marketer.get("/api/campaigns/1").json()["plan"]["steps"]) == 1


def test_the_short_fields_of_a_campaign_are_changed_as_they_were_given(marketer):
    make(marketer)
    changed = marketer.put("/api/campaigns/1", json={"end_date": "2026-03-20T00:00:00Z", "budget": 7000}).json()
    assert (changed["start_date"], changed["end_date"]) == ("2026-03-15T00:00:00Z", "2026-03-20T00:00:00Z")
    assert (changed["budget"], changed["objective"], changed["version"]) == (7000.0, "Generate 1000 sales", 2)
    answer = marketer.put(
        "/api/campaigns/1", json={"start_date": "2026-03-20T00:00:00Z", "end_date": "2026-03-19T00:00:00Z"}
    )
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "end_date")


def test_an_email_sent_twice_with_one_key_is_one_step(marketer):
    number, headers = make(marketer)["id"], {"Idempotency-Key": "once"}
    body = EMAIL | {"segment_id": "germans"}
    answers = [marketer.post(f"/api/email-campaigns/{number}/send", json=body, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(marketer.get(f"/api/campaigns/{number}").json()["plan"]["steps"]) == 1


def test_examples_of_the_documentation_have_the_keys_of_real_answers(marketer, campaign_world):
    number = make(marketer, plan=document_of())["id"]
    email = marketer.post(f"/api/email-campaigns/{number}/send", json=EMAIL)
    campaign_world.settings.clock.set(NOW + timedelta(days=11))
    world = campaign_world
    Runner(world.settings, world.store, world.desk, world.library).look()
    for path, example in {
        "": campaign_examples.CAMPAIGN, "/analytics": campaign_examples.ANALYTICS,
        "/monitor": campaign_examples.MONITOR, "/standing": campaign_examples.STANDING,
        "/estimate": campaign_examples.ESTIMATE,
        "/versions": campaign_examples.VERSIONS,
    }.items():  # fmt: skip
        shown = example[200]["content"]["application/json"]["example"]
        found = marketer.get(f"/api/campaigns/{number}{path}").json()
        assert set(found) == set(shown), path
    assert set(email.json()) == set(campaign_examples.SENT[202]["content"]["application/json"]["example"])
    found = marketer.get(f"/api/email-campaigns/{email.json()['id']}/analytics").json()
    assert set(found) == set(campaign_examples.EMAIL_ANALYTICS[200]["content"]["application/json"]["example"])
