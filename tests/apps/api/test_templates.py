"""Under test: the doors of templates. What each answers, who may come in, and that every refusal names its field."""

from __future__ import annotations

import pytest
from doors import signed_in
from segment_world import number_of

from apps.api import template_bodies
from apps.api.template_bodies import CONTENT
from dmat.ledger.entries import list_entries


def make(client, **more):
    body = {"name": "Spring SMS", "channel": "sms", "kind": "text", "content": CONTENT} | more
    return client.post("/api/templates", json=body)


def test_a_template_is_made_changed_and_read_in_every_version(marketer):
    made = make(marketer, tags=["spring"])
    assert (made.status_code, made.headers["location"]) == (201, "/api/templates/spring-sms")
    text = {"locales": {"": {"text": "Shorter. Reply STOP to opt out"}}}
    changed = marketer.put("/api/templates/spring-sms", json={"version": 1, "content": text, "note": "shorter"})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    late = marketer.put("/api/templates/spring-sms", json={"version": 1, "name": "x"})
    assert late.status_code == 409
    versions = marketer.get("/api/templates/spring-sms/versions").json()["versions"]
    assert [(each["version"], each["note"]) for each in versions] == [(2, "shorter"), (1, "")]
    old = marketer.get("/api/templates/spring-sms", params={"version": 1}).json()
    assert old["content"]["locales"] == CONTENT["locales"]
    listed = marketer.get("/api/templates", params={"q": "spring", "tag": "spring"}).json()
    assert [each["key"] for each in listed["templates"]] == ["spring-sms"]


def test_making_twice_with_one_key_makes_one(marketer):
    body = {"name": "Once", "channel": "sms", "kind": "text", "content": CONTENT}
    answers = [marketer.post("/api/templates", json=body, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert marketer.get("/api/templates").json()["total"] == 1


def test_archived_templates_are_listed_only_when_asked_for(marketer):
    make(marketer)
    assert marketer.post("/api/templates/spring-sms/archive").json()["state"] == "archived"
    assert marketer.get("/api/templates").json()["total"] == 0
    assert marketer.get("/api/templates", params={"state": "all"}).json()["total"] == 1
    assert marketer.post("/api/templates/spring-sms/restore").json()["state"] == "active"


def test_a_preview_shows_the_values_of_the_person(marketer):
    make(marketer)
    shown = marketer.post("/api/templates/spring-sms/preview", json={"person_id": str(number_of(1))}).json()
    name = shown["values"]["first_name"]
    assert shown["parts"]["text"].startswith(f"Hi {name}, 50% off")
    assert name != "there"
    nobody = marketer.post("/api/templates/spring-sms/preview", json={}).json()
    assert (nobody["values"]["first_name"], nobody["fallbacks"]) == ("there", ["first_name"])
    assert marketer.post("/api/templates/spring-sms/preview", json={"person_id": "77"}).status_code == 404


def test_a_check_says_where_what_and_what_to_do(marketer):
    content = {"locales": {"": {"subject": "Hi", "body": "<mjml><mj-body>\n<mj-foo/></mj-body></mjml>"}}}
    answer = marketer.post("/api/templates/check", json={"channel": "email", "kind": "mjml", "content": content}).json()
    assert answer["may_be_sent"] is False
    assert (answer["checks"][0]["place"], answer["checks"][0]["line"]) == ("body", 2)
    make(marketer)
    assert marketer.post("/api/templates/spring-sms/check").json()["may_be_sent"] is True


def test_a_variable_whose_source_there_is_not_is_found(marketer):
    content = CONTENT | {"variables": [{"name": "first_name", "source": "shoe_size", "fallback": "x"}]}
    answer = marketer.post("/api/templates/check", json={"channel": "sms", "kind": "text", "content": content}).json()
    assert "'shoe_size' is not a source" in answer["checks"][0]["what"]


def test_a_test_is_planned_outside_of_every_audience(marketer):
    make(marketer)
    answer = marketer.post("/api/templates/spring-sms/test", json={"to": "+4915112345678"})
    assert answer.status_code == 202
    [entry] = list_entries(marketer.store)
    assert (entry.message_id, entry.programme, entry.person_id) == (answer.json()["message_id"], "test", 0)
    assert marketer.post("/api/templates/spring-sms/test", json={"to": "nowhere"}).status_code == 422


@pytest.mark.parametrize(("change", "path"), [
    ({"channel": "fax"}, "channel"), ({"kind": "mjml"}, "kind"), ({"name": ""}, "name"), ({"more": 1}, "more"),
    ({"content": {"locales": {}}}, "locales"), ({"content": {"locales": {"": {"subject": "x"}}}}, "locales..subject"),
])  # fmt: skip
def test_a_refusal_names_its_field(marketer, change, path):
    answer = make(marketer, **change)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] == path


def test_who_may_not_is_told_which_scope_is_missing(doors):
    assert doors.get("/api/templates").status_code == 401
    analyst = signed_in(doors, "analyst")
    assert analyst.get("/api/templates").status_code == 200
    refused = make(analyst)
    assert refused.status_code == 403
    assert "templates:write" in refused.json()["detail"]


def test_the_examples_of_the_documentation_have_the_shape_of_the_answers(marketer):
    made = make(marketer).json()
    example = template_bodies.TEMPLATE[200]["content"]["application/json"]["example"]
    assert set(example) == set(made)
    shown = marketer.post("/api/templates/spring-sms/preview", json={}).json()
    assert set(template_bodies.PREVIEW[200]["content"]["application/json"]["example"]) == set(shown)
    assert marketer.get("/api/templates/starters").json()["total"] >= 10
    assert "/api/templates/{key}/preview" in marketer.get("/openapi.json").json()["paths"]
