"""Under test: the doors for vendors. What is signed is taken in once and works at once; the rest is put aside."""

from __future__ import annotations

import gzip

import pytest
import signing
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, make_settings, plan_messages

from apps.api.app import create_app
from apps.api.bodies import LARGEST_BODY
from dmat.campaigns.gate import make_gate
from dmat.consent.suppression import find_suppressed
from dmat.ledger.claim import claim
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import get_entry, list_entries
from dmat.ledger.events import apply_waiting
from dmat.ledger.fence import take_fence
from dmat.store.inbox import unapplied
from dmat.store.quarantine import list_refused
from dmat.store.tables import quarantine
from dmat.store.users import create_user


@pytest.fixture
def settings(home):
    return make_settings(home, **signing.SETTINGS)


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as found:
        yield found


def event(message_id="", name="delivered", number=1, **more):
    base = {"email": "person1@example.com", "timestamp": 1772625605, "event": name, "sg_event_id": f"{name}-{number}"}
    return base | ({"dmat_message_id": message_id} if message_id else {}) | more


def post(client, provider, signed, **more):
    body, headers = signed
    return client.post(f"/webhooks/{provider}", content=body, headers=headers | more)


def test_a_signed_event_is_taken_in_counted_and_applied(client, store):
    [message_id] = plan_messages(store)
    answer = post(client, "sendgrid", signing.sendgrid([event(message_id), event(message_id, "open")]))
    assert (answer.status_code, answer.json()) == (200, {"received": 2, "new": 2, "refused": 0})
    assert {row["kind"]: row["count"] for row in read_counters(store)} == {
        "accepted": 1, "delivered": 1, "opened_human": 1,
    }  # fmt: skip
    apply_waiting(store, NOON)
    assert get_entry(store, message_id).state == "delivered"


def test_the_same_post_twice_is_taken_in_once(client, store):
    [message_id] = plan_messages(store)
    for expected in (1, 0):
        assert post(client, "sendgrid", signing.sendgrid([event(message_id)])).json()["new"] == expected
    assert len(unapplied(store)) == 1


def test_an_unsubscription_keeps_a_planned_message_back_before_anything_else_has_run(client, settings, store):
    [message_id] = plan_messages(store)
    post(client, "sendgrid", signing.sendgrid([event(name="unsubscribe")]))
    assert claim(store, take_fence(settings, store, NOON), make_gate(settings), NOON).entries == []
    assert get_entry(store, message_id).reason == "the address is suppressed: unsubscribed"


@pytest.mark.parametrize("signed", [
    signing.sendgrid([event()], signing.OTHER_KEY), (b"[]", {}),
    (b"[]", {"X-Twilio-Email-Event-Webhook-Signature": "x"}),
    (signing.sendgrid([event()])[0] + b" ", signing.sendgrid([event()])[1]),
])  # fmt: skip
def test_what_does_not_verify_changes_nothing_and_is_put_aside(client, store, signed):
    answer = post(client, "sendgrid", signed)
    assert answer.status_code == 401
    assert unapplied(store) == []
    assert "signature" in list_refused(store)[0]["reason"]


def test_the_same_bad_body_again_is_counted_not_kept_again(client, store):
    for _ in range(3):
        post(client, "sendgrid", (b"[]", {}))
    [item] = list_refused(store)
    assert item["seen_count"] == 3


@pytest.mark.parametrize("body", [b"{", b"{}", b"", b"\xff", b"null", b'{"a": [}'])
def test_a_signed_body_that_cannot_be_read_is_acknowledged_and_put_aside(client, store, body):
    assert post(client, "sendgrid", signing.sendgrid(body)).status_code == 200
    assert len(list_refused(store)) == 1
    assert unapplied(store) == []


def test_the_good_events_of_a_mixed_body_are_taken_in(client, store):
    answer = post(client, "sendgrid", signing.sendgrid([event(), {"event": "open"}, 7]))
    assert answer.json() == {"received": 1, "new": 1, "refused": 2}
    [item] = list_refused(store)
    assert item["reason"].startswith("2 bad: timestamp")


def test_a_packed_body_is_unpacked_and_verified_as_it_was_written(client, store):
    body, headers = signing.sendgrid([event()])
    assert post(client, "sendgrid", (gzip.compress(body), headers | {"Content-Encoding": "gzip"})).json()["new"] == 1


def test_a_body_signed_as_packed_is_taken_too(client):
    packed = gzip.compress(signing.sendgrid([event()])[0])
    body, headers = signing.sendgrid(packed)
    assert post(client, "sendgrid", (body, headers | {"Content-Encoding": "gzip"})).json()["new"] == 1


def test_a_bomb_is_not_unpacked(client, store):
    bomb = gzip.compress(b"[" + b" " * (LARGEST_BODY * 2) + b"]")
    assert post(client, "sendgrid", (bomb, {"Content-Encoding": "gzip"})).status_code == 413
    assert "larger than" in list_refused(store)[0]["reason"]


@pytest.mark.parametrize(("body", "encoding"), [
    (b"no gzip", "gzip"), (gzip.compress(b"[]", mtime=0)[:-4], "gzip"), (b"[]", "br"), (b"[]", "gzip, gzip"),
])  # fmt: skip
def test_what_cannot_be_unpacked_is_put_aside(client, store, body, encoding):
    assert post(client, "sendgrid", (body, {"Content-Encoding": encoding})).status_code == 400
    assert len(list_refused(store)) == 1


def test_a_huge_body_is_refused_and_only_its_beginning_kept(client, store):
    answer = post(client, "sendgrid", signing.sendgrid(b"x" * (LARGEST_BODY + 1)))
    assert answer.status_code == 413
    with store.read() as connection:
        row = connection.execute(sa.select(quarantine)).mappings().one()
    assert len(row["body"]) <= 64 * 1024 < LARGEST_BODY < row["size_bytes"]


def test_each_vendor_has_its_door(client, settings, store):
    url = settings.resolved_public_url + "/webhooks/"
    status = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+491", "From": "+1"}
    posts = {
        "twilio": signing.twilio(status, url + "twilio"),
        "shopify": signing.shopify({"id": 1}),
        "woocommerce": signing.woocommerce({"id": 1}),
        "hubspot": signing.hubspot([{"eventId": 1, "occurredAt": 1772625600000}], url + "hubspot"),
        "whatsapp": signing.whatsapp({"statuses": [{"id": "w", "status": "sent", "timestamp": "1772625600"}]}),
    }
    for provider, signed in posts.items():
        assert post(client, provider, signed).status_code == 200, provider
    assert {row.provider for row in unapplied(store)} == set(posts)
    assert client.post("/webhooks/unknown", content=b"").status_code == 404


def test_stop_by_text_message_suppresses_the_number_and_an_answer_to_help_is_planned(client, settings, store):
    url = settings.resolved_public_url + "/webhooks/twilio"
    fields = {"MessageSid": "SM1", "From": "+491", "To": "+1", "Body": "Stop"}
    assert "<Response/>" in post(client, "twilio", signing.twilio(fields, url)).text
    with store.read() as connection:
        assert find_suppressed(connection, ["+491"], "sms") == {"+491": "unsubscribed"}
    for sid in ("SM2", "SM3"):
        fields = {"MessageSid": sid, "From": "+4915112345678", "To": "+1", "Body": "HELP"}
        assert "<Response/>" in post(client, "twilio", signing.twilio(fields, url)).text
    [entry] = list_entries(store, programme="service_replies")
    assert (entry.channel, entry.address, entry.purpose) == ("sms", "+4915112345678", "transactional")


def test_woocommerces_unsigned_ping_is_answered_and_not_believed(client, store):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert post(client, "woocommerce", (b"webhook_id=7", headers)).status_code == 200
    assert unapplied(store) == list_refused(store) == []
    assert post(client, "woocommerce", (b"webhook_id=7&order=" + b"x" * 200, headers)).status_code == 401


def test_what_was_put_aside_can_be_replayed_once_its_key_is_right(home, store):
    wrong = make_settings(home, **(signing.SETTINGS | {"sendgrid_webhook_public_key": ""}))
    right = make_settings(home, **signing.SETTINGS)
    create_user(store, "root@shop.example", "a long enough secret", "admin")
    with TestClient(create_app(wrong, store), base_url=wrong.resolved_public_url) as client:
        body, headers = signing.sendgrid([event()])
        packed = gzip.compress(body)
        assert post(client, "sendgrid", (packed, headers | {"Content-Encoding": "gzip"})).status_code == 401
    with TestClient(create_app(right, store), base_url=right.resolved_public_url) as client:
        assert client.post("/api/quarantine/1/replay").status_code == 401
        client.post("/sign-in", json={"email": "root@shop.example", "password": "a long enough secret"})
        [item] = client.get("/api/quarantine").json()
        answer = client.post(f"/api/quarantine/{item['quarantine_id']}/replay")
        assert answer.json() == {"received": 1, "new": 1}
        assert client.get("/api/quarantine").json() == []
        assert client.post("/api/quarantine/99/replay").status_code == 404


def test_a_forged_body_cannot_be_replayed(home, settings, store):
    create_user(store, "root@shop.example", "a long enough secret", "admin")
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        post(client, "sendgrid", signing.sendgrid([event()], signing.OTHER_KEY))
        client.post("/sign-in", json={"email": "root@shop.example", "password": "a long enough secret"})
        assert client.post("/api/quarantine/1/replay").status_code == 422
    assert unapplied(store) == []


def test_many_posts_at_once_are_all_on_disk_when_they_are_answered(settings, store):
    """Group commit: requests share transactions, none is answered before its own events are written."""
    import asyncio

    import httpx

    async def run():
        transport = httpx.ASGITransport(create_app(settings, store))
        async with httpx.AsyncClient(transport=transport, base_url=settings.resolved_public_url) as client:

            async def one(number):
                body, headers = signing.sendgrid([event(number=number)])
                answer = await client.post("/webhooks/sendgrid", content=body, headers=headers)
                return answer.json()["new"]

            return await asyncio.gather(*(one(n) for n in range(60)), *(one(n) for n in range(20)))

    assert sum(asyncio.run(run())) == 60
    assert len(unapplied(store)) == 60
