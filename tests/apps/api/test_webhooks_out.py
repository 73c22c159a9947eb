"""Under test: setting webhooks out up over the API and at a terminal; a secret is shown once."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sending_fixtures import NOON
from typer.testing import CliRunner

from apps.api.app import create_app
from dmat.cli import app
from dmat.outgoing.outbox import emit
from dmat.store.tokens import create_token

HOOK = {"name": "crm", "url": "https://hooks.example/dmat", "events": ["campaign.*"]}


@pytest.fixture
def client(settings, store):
    secret = create_token(store, "ops", ["webhooks:write"], "ann@shop.example")
    with TestClient(create_app(settings, store), headers={"Authorization": f"Bearer {secret}"}) as found:
        yield found


def test_an_endpoint_is_made_changed_rotated_and_removed(client):
    made = client.post("/api/webhook-endpoints", json=HOOK)
    assert made.status_code == 201
    secret = made.json()["secret"]
    path = f"/api/webhook-endpoints/{made.json()['endpoint_id']}"
    assert secret.startswith("whsec_")
    listed = client.get("/api/webhook-endpoints")
    assert [each["name"] for each in listed.json()] == ["crm"]
    assert secret not in listed.text
    changed = client.patch(path, json={"events": ["*"], "is_active": False}).json()
    assert (changed["events"], changed["is_active"]) == (["*"], False)
    assert client.post(f"{path}/rotate").json()["secret"] != secret
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get("/api/webhook-endpoints").json() == []


def test_the_log_shows_what_waits_and_can_send_it_again(client, store):
    path = f"/api/webhook-endpoints/{client.post('/api/webhook-endpoints', json=HOOK).json()['endpoint_id']}"
    client.patch(path, json={"is_active": True})
    with store.write() as connection:
        emit(connection, "campaign.started", "1", {"campaign_id": 1}, NOON)
    [row] = client.get(f"{path}/deliveries").json()
    assert row["kind"] == "campaign.started"
    assert client.post(f"/api/webhook-deliveries/{row['delivery_id']}/replay").status_code == 202
    assert client.post("/api/webhook-deliveries/999/replay").status_code == 404
    assert client.post(f"{path}/replay").status_code == 202
    test = client.post(f"{path}/test")
    assert test.status_code == 202
    assert test.json()["event_id"] in {each["event_id"] for each in client.get(f"{path}/deliveries").json()}


@pytest.mark.parametrize(("body", "field"), [
    (HOOK | {"url": "http://hooks.example"}, "url"), (HOOK | {"url": "https://10.0.0.1/"}, "url"),
    (HOOK | {"events": ["x"]}, "events"), (HOOK | {"name": ""}, "name"), (HOOK | {"secret": "mine"}, "secret"),
])  # fmt: skip
def test_a_bad_endpoint_names_the_field(client, body, field):
    answer = client.post("/api/webhook-endpoints", json=body)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] == field


def test_nobody_without_the_scope_sees_or_sets_up_anything(client, store):
    secret = create_token(store, "reader", ["segments:read"], "ann@shop.example")
    for headers, status in (({"Authorization": f"Bearer {secret}"}, 403), ({"Authorization": "Bearer dmat_x"}, 401)):
        assert client.get("/api/webhook-endpoints", headers=headers).status_code == status
        assert client.post("/api/webhook-endpoints", json=HOOK, headers=headers).status_code == status


def test_the_terminal_does_the_same(settings, store):
    def run(*arguments):
        return CliRunner().invoke(app, ["webhooks", *arguments, "--home", str(settings.home)])

    added = run("add", "crm", HOOK["url"], "campaign.*", "message.bounced")
    assert added.exit_code == 0, added.output
    assert "whsec_" in added.output
    assert "campaign.* message.bounced" in run("list").output
    assert run("change", "crm", "--off").exit_code == 0
    assert "off" in run("list").output
    assert "whsec_" in run("rotate", "crm").output
    assert run("log", "crm").exit_code == 0
    assert "0 wait" in run("replay", "crm").output
    assert run("add", "x", "http://x.example", "*").exit_code == 1
    assert run("remove", "crm").exit_code == 0
    assert run("remove", "crm").exit_code == 1
