"""Under test: the doors of all vendors: forged bodies change nothing, broken ones break nothing, and what
was put aside can be replayed once its key is right. A vendor that is added must be added here, or this fails.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter

import pytest
import signing
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, make_settings

from apps.api.app import create_app
from apps.api.reading import read_again
from dmat.channels.signatures import PROVIDERS
from dmat.errors import UnverifiedError
from dmat.store import open_store
from dmat.store.inbox import unapplied
from dmat.store.quarantine import get_refused, list_refused
from dmat.store.tables import consents, inbox, ledger_entries, suppressions

SECRET = signing.SECRET
RESEND = "whsec_" + base64.b64encode(b"a webhook secret").decode()
KEYS = {
    **signing.SETTINGS, "brevo_webhook_token": SECRET, "postmark_webhook_password": SECRET,
    "resend_webhook_secret": RESEND, "vonage_webhook_secret": SECRET, "onesignal_webhook_secret": SECRET,
}  # fmt: skip
ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
URL = "http://127.0.0.1:8010/webhooks/"
AT = "2026-03-04T12:00:00Z"


def in_base64(digest):
    return base64.b64encode(digest).decode()


def mac(text, secret=SECRET):
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()


def hubspot(body):
    stamp = str(int(time.time() * 1000))
    text = b"POST" + f"{URL}hubspot".encode() + body + stamp.encode()
    return {"X-HubSpot-Request-Timestamp": stamp, "X-HubSpot-Signature-v3": in_base64(mac(text))}


def resend(body):
    stamp = str(int(time.time()))
    signature = in_base64(hmac.new(b"a webhook secret", f"id1.{stamp}.".encode() + body, hashlib.sha256).digest())
    return {"svix-id": "id1", "svix-timestamp": stamp, "svix-signature": f"v1,{signature}"}


def vonage(body):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"iat": int(time.time()), "payload_hash": hashlib.sha256(body).hexdigest()}
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(mac(text.encode())).decode().rstrip("=")
    return {"Authorization": f"Bearer {text}.{signature}"}


def twilio(body):
    from urllib.parse import parse_qsl

    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    text = f"{URL}twilio" + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    return {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": in_base64(digest)}


SIGNERS = {
    "sendgrid": lambda body: signing.sendgrid(body)[1],
    "twilio": twilio,
    "shopify": lambda body: {"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": signing.base64_hmac(body)},
    "woocommerce": lambda body: {"X-WC-Webhook-Signature": signing.base64_hmac(body)},
    "hubspot": hubspot,
    "whatsapp": lambda body: {"X-Hub-Signature-256": f"sha256={mac(body).hex()}"},
    "brevo": lambda _: {"Authorization": f"Bearer {SECRET}"},
    "postmark": lambda _: {"Authorization": "Basic " + in_base64(f"dmat:{SECRET}".encode())},
    "resend": resend,
    "vonage": vonage,
    "onesignal": lambda _: {"Authorization": f"Bearer {SECRET}"},
}  # `ses` signs with a certificate of Amazon's: tests/dmat/channels/test_mail_webhooks.py
GOOD = {
    "sendgrid": [{"email": "a@b.io", "event": "open", "timestamp": 1772625600, "sg_event_id": "e1"}],
    "twilio": b"MessageSid=SM1&MessageStatus=delivered&To=%2B4915112345678",
    "shopify": {"id": 1},
    "woocommerce": {"id": 1},
    "hubspot": [{"eventId": 1, "occurredAt": 1772625600000, "subscriptionType": "contact.creation", "objectId": 7}],
    "whatsapp": {"entry": [{"changes": [{"value": {"statuses": [
        {"id": "w1", "status": "read", "timestamp": "1772625600", "recipient_id": "4915112345678"}]}}]}]},
    "brevo": {"event": "delivered", "email": "a@b.io", "ts_epoch": 1772625600000, "ts_event": 1772625600, "id": 5,
              "message-id": "<x@y>"},
    "postmark": {"RecordType": "Delivery", "DeliveredAt": AT, "Recipient": "a@b.io", "MessageID": "m"},
    "resend": {"type": "email.delivered", "created_at": AT, "data": {"email_id": "r1", "to": ["a@b.io"]}},
    "vonage": {"message_uuid": "v1", "status": "delivered", "timestamp": AT, "to": "4915112345678", "from": "491"},
    "onesignal": {"event": {"id": "o1", "kind": "message.push.received", "timestamp": "1772625600",
                            "subscription_id": "0b1f6a52"}, "message": {"id": "m"}},
}  # fmt: skip


def as_body(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("hostile"), **KEYS)
    store = open_store(settings)
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        yield settings, store, client
    store.close()


def rows(store, table):
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def post(client, provider, body, headers):
    return client.post(f"/webhooks/{provider}", content=body, headers=headers).status_code


def test_every_vendor_is_here():
    assert {*SIGNERS, "ses"} == set(PROVIDERS)
    assert set(GOOD) == set(SIGNERS)


@pytest.mark.parametrize("provider", sorted(SIGNERS))
def test_a_signed_event_is_taken_in_once(door, provider):
    _, store, client = door
    body = as_body(GOOD[provider])
    before = rows(store, inbox)
    for _ in range(2):
        assert post(client, provider, body, SIGNERS[provider](body)) == 200
    assert rows(store, inbox) == before + 1


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_forged_events_change_nothing(door, provider):
    _, store, client = door
    body = as_body(GOOD.get(provider, {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": "{}"}))
    before = [rows(store, table) for table in (inbox, suppressions, consents, ledger_entries)]
    signed = SIGNERS[provider](body) if provider in SIGNERS else {}
    attempts = [{}] + [{name: value} for name, value in signed.items()]
    attempts += [{name: wrong for name in signed} for wrong in ("", "x", "=" * 9, "Bearer x", "A" * 9000, "ü".encode())]
    for headers in attempts:
        if headers.keys() == signed.keys() and headers == signed and signed:
            continue
        status = post(client, provider, body + b" ", headers if provider not in {"brevo", "postmark", "onesignal"} else
                      {name: value for name, value in headers.items() if value != signed.get(name)})  # fmt: skip
        assert status in {400, 401}, (headers, status)
    assert [rows(store, table) for table in (inbox, suppressions, consents, ledger_entries)] == before


HOSTILE = (
    None, True, -1, 1e308, 10**30, "", "\x00", "ü" * 400, "x" * 5000, [], {}, [[[]]], {"a": {"b": []}}, "=cmd()",
    "<script>", "../../etc/passwd", "'; drop table inbox; --", AT, "1772625600", "9" * 30,
)  # fmt: skip


def mutated(dice, value):
    """A good body with something in it that is not."""
    if isinstance(value, bytes):
        return bytes(dice.randrange(256) if dice.random() < 0.05 else each for each in value)
    copy = json.loads(json.dumps(value))
    place = copy
    while isinstance(place, (dict, list)) and place:
        key = dice.choice(list(place)) if isinstance(place, dict) else dice.randrange(len(place))
        if dice.random() < 0.5 or not isinstance(place[key], (dict, list)) or not place[key]:
            place[key] = dice.choice(HOSTILE)
            return copy
        place = place[key]
    return dice.choice(HOSTILE)


@pytest.mark.parametrize("provider", sorted(SIGNERS))
def test_signed_nonsense_breaks_nothing_and_is_taken_in_or_put_aside(door, provider):
    _, store, client = door
    dice = random.Random(provider)
    statuses = Counter()
    for _ in range(80):
        body = as_body(mutated(dice, GOOD[provider]))
        statuses[post(client, provider, body, SIGNERS[provider](body))] += 1
    assert set(statuses) <= {200, 401}, statuses
    assert all(item["reason"] for item in list_refused(store, 10_000))


@pytest.mark.parametrize("provider", sorted(SIGNERS))
def test_what_was_refused_for_want_of_a_key_is_replayed_and_a_forgery_is_not(home, provider):
    keyless, keyed = make_settings(home), make_settings(home, **KEYS)
    store = open_store(keyless)
    body = as_body(GOOD[provider])
    with TestClient(create_app(keyless, store), base_url=keyless.resolved_public_url) as client:
        assert post(client, provider, body, SIGNERS[provider](body)) == 401
        assert post(client, provider, body + b" ", {"Authorization": "Bearer guess", "X-Guess": "1"}) == 401
    forged, genuine = (get_refused(store, item["quarantine_id"]) for item in list_refused(store))
    assert SECRET not in json.dumps(genuine["headers"]), "a password is never kept"
    assert len(read_again(keyed, genuine).events) == 1
    with pytest.raises(UnverifiedError):
        read_again(keyed, forged)
    assert unapplied(store) == []
    assert keyless.clock.now() == NOON
    store.close()
