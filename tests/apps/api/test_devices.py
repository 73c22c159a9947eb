"""Under test: devices register with proof of whose they are, their consent is kept, dead tokens end."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, make_settings, plan_messages

from apps.api.app import create_app
from dmat.channels.devices import device_id, mark_devices_landed, unlanded_devices, unregister_dead
from dmat.channels.in_app import remember_visitors
from dmat.consent.permission import find_permissions
from dmat.consent.preferences import read_proofs
from dmat.consent.suppression import Suppression, find_suppressed, suppress
from dmat.store.tokens import create_token
from dmat.store.web_tables import devices

TOKEN = "fcm:APA91bExampleToken-0001"
SITE = "https://shop.example"
YES = {"has_consent": True, "consent_text": "Tell me about offers"}


@pytest.fixture
def settings(home):
    return make_settings(home, web_origins=SITE)


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as found:
        yield found


@pytest.fixture
def bearer(store):
    return {"Authorization": f"Bearer {create_token(store, 'app', ['web:write'], 'ann@shop.example')}"}


def add(client, headers=None, **changes):
    return client.post("/api/devices", json={"token": TOKEN, "platform": "android", **changes}, headers=headers)


def kept(store):
    with store.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(devices)).mappings()]


def may_push(store, person):
    with store.read() as connection:
        return find_permissions(connection, [person], "push")[person].is_granted


def test_the_apps_server_may_name_the_person(client, store, bearer):
    answer = add(client, bearer, person_id=7, locale="de", **YES)
    assert (answer.status_code, answer.json()) == (201, {"device_id": device_id(TOKEN)})
    [row] = kept(store)
    assert (row["token"], row["person_id"], row["locale"], row["has_consent"]) == (TOKEN, 7, "de", True)
    assert may_push(store, 7)
    [proof] = read_proofs(store, 7)
    assert (proof["channel"], proof["what"], proof["source"]) == ("push", "granted", "device by token:app")
    assert "Tell me about offers" in proof["evidence"]


def test_a_device_without_consent_grants_none(client, store, bearer):
    add(client, bearer, person_id=7)
    assert not may_push(store, 7)


def test_nobody_names_a_person_without_proof(client, store):
    for changes in ({"person_id": 7}, {"email": "ann@example.com"}, {"identify": "7:99.x"}, {}, {"client_id": "1.2"}):
        assert add(client, **changes).status_code == 401
    assert add(client, {"Authorization": "Bearer dmat_x"}, person_id=7).status_code == 401
    assert add(client, {"Origin": "https://evil.example"}, client_id="1.2").status_code == 401
    assert kept(store) == []


def test_a_token_without_the_scope_is_not_enough(client, store):
    secret = create_token(store, "reader", ["segments:read"], "ann@shop.example")
    assert add(client, {"Authorization": f"Bearer {secret}"}, person_id=7).status_code == 403


def test_a_signed_in_person_and_a_known_browser_are_found(client, store, bearer):
    token = client.post("/api/web/identify-tokens", json={"person_id": 9}, headers=bearer).json()["token"]
    assert add(client, identify=token).status_code == 201
    assert kept(store)[0]["person_id"] == 9
    with store.write() as connection:
        remember_visitors(connection, [("1.2", 5)], "warehouse", NOON)
    add(client, {"Origin": SITE}, client_id="1.2", token="another-token", platform="web")
    assert {row["person_id"] for row in kept(store)} == {9, 5}


def test_an_address_of_one_person_is_enough(client, store, bearer):
    plan_messages(store)
    add(client, bearer, email="Person1@example.com")
    assert kept(store)[0]["person_id"] == 1


def test_registering_twice_keeps_one_and_an_unknown_visitor_takes_nobody_away(client, store, bearer):
    for _ in range(2):
        add(client, bearer, person_id=7, **YES)
    add(client, {"Origin": SITE}, client_id="8.8", **YES)
    [row] = kept(store)
    assert (row["person_id"], row["revision"]) == (7, 2)
    assert len(read_proofs(store, 7)) == 1


@pytest.mark.parametrize("changes", [
    {"token": "short"}, {"token": "with space in it"}, {"platform": "fridge"}, {"provider": "pigeon"},
    {"has_consent": True}, {"x": 1}, {"client_id": "a b"},
])  # fmt: skip
def test_what_cannot_be_a_device_names_the_field(client, store, bearer, changes):
    answer = add(client, bearer, **changes)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] in {*changes, "consent_text"}
    assert kept(store) == []


def test_a_device_ends_by_itself_or_when_its_token_is_dead_and_may_come_back(client, settings, store, bearer):
    add(client, bearer, person_id=7)
    assert client.post("/api/devices/unregister", json={"token": TOKEN}).status_code == 204
    assert kept(store)[0]["unregistered_because"] == "the device asked for it"
    add(client, bearer, person_id=7)
    assert kept(store)[0]["unregistered_at"] is None
    with store.write() as connection:
        suppress(connection, [Suppression(TOKEN, "push", "bounced")], NOON)
    assert (unregister_dead(store, NOON), unregister_dead(store, NOON)) == (1, 0)
    assert "dead" in kept(store)[0]["unregistered_because"]
    add(client, bearer, person_id=7)
    assert kept(store)[0]["unregistered_at"] is None
    with store.read() as connection:
        assert find_suppressed(connection, [TOKEN], "push") == {}


def test_each_change_waits_for_the_warehouse_until_it_is_there(client, store, bearer):
    add(client, bearer, person_id=7)
    before = unlanded_devices(store)
    add(client, bearer, person_id=7, **YES)
    mark_devices_landed(store, before)
    assert [row["has_consent"] for row in unlanded_devices(store)] == [True]
    mark_devices_landed(store, unlanded_devices(store))
    assert unlanded_devices(store) == []
