"""Under test: webhooks of Vonage - whose they are, and what they mean to us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime

import pytest
from sending_fixtures import NOON, make_settings

from dmat.channels.events import parse_events
from dmat.channels.signatures import WebhookRequest, verify
from dmat.channels.vendors.fields import IS_PERMANENT
from dmat.errors import InvalidInputError, UnverifiedError

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
SECRET = "a signature secret of an account"
STATUS = {"message_uuid": "aaaa", "to": "4915112345678", "from": "TheShop", "timestamp": "2026-03-04T12:00:00Z",
          "status": "delivered", "channel": "sms", "client_ref": ID}  # fmt: skip


@pytest.fixture
def keys(home):
    return make_settings(home, vonage_webhook_secret=SECRET)


def coded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(body, secret=SECRET, algorithm="HS256", epoch=1_700_000_000, of=None):
    raw = json.dumps(body).encode()
    claims = {"iat": epoch, "payload_hash": hashlib.sha256(of or raw).hexdigest(), "iss": "Vonage"}
    text = f"{coded({'alg': algorithm, 'typ': 'JWT'})}.{coded(claims)}"
    mark = base64.urlsafe_b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).rstrip(b"=")
    headers = {"authorization": f"Bearer {text}.{mark.decode()}"}
    return WebhookRequest("vonage", "POST", "https://x.example/webhooks/vonage", headers, raw, 1_700_000_000.0)


def test_a_token_is_good_for_its_own_body_and_secret_only(keys):
    verify(keys, signed(STATUS))
    good = signed(STATUS)
    for bad in (
        signed(STATUS, secret="another"), signed(STATUS, algorithm="none"), signed(STATUS, of=b"{}"),
        signed(STATUS, epoch=1_700_000_000 - 90_000), signed(STATUS, epoch="now"), replace(good, body=good.body + b" "),
        replace(good, headers={}), replace(good, headers={"authorization": "Bearer a.b"}),
        replace(good, headers={"authorization": "Bearer ä.%.%"}),
        replace(good, headers={"authorization": good.headers["authorization"][:-4]}),
    ):  # fmt: skip
        with pytest.raises(UnverifiedError):
            verify(keys, bad)


def test_without_a_secret_nothing_is_believed(settings):
    with pytest.raises(UnverifiedError, match="no webhook key"):
        verify(settings, signed(STATUS, secret=""))


@pytest.mark.parametrize(("status", "kind"), [
    ("submitted", "accepted"), ("delivered", "delivered"), ("rejected", "dropped"), ("undeliverable", "bounced"),
    ("read", "read"), ("something_new", "other"),
])  # fmt: skip
def test_a_status_names_our_message_and_what_became_of_it(status, kind):
    [event] = parse_events(signed(STATUS | {"status": status}), NOON).events
    assert (event.kind, event.message_id, event.event_id) == (kind, ID, f"aaaa:{status}")
    assert (event.channel, event.address, event.occurred_at) == ("sms", "+4915112345678", datetime(2026, 3, 4, 12))


@pytest.mark.parametrize(("code", "is_permanent"), [("1240", True), ("1180", False), ("", False)])
def test_only_a_number_that_is_none_bounces_for_good(code, is_permanent):
    body = STATUS | {"status": "undeliverable", "error": {"title": code}}
    [event] = parse_events(signed(body), NOON).events
    assert event.payload[IS_PERMANENT] is is_permanent


@pytest.mark.parametrize(("text", "kind"), [("STOP", "unsubscribed"), ("Thanks", "replied")])
def test_what_people_write_back_is_a_reply_or_an_end(text, kind):
    body = {"message_uuid": "bbbb", "to": "49151", "from": "4915112345678", "timestamp": "2026-03-04T12:00:00Z",
            "channel": "sms", "message_type": "text", "text": text}  # fmt: skip
    [event] = parse_events(signed(body), NOON).events
    assert (event.kind, event.address, event.event_id, event.message_id) == (
        kind,
        "+4915112345678",
        "bbbb:received",
        "",
    )


def test_a_body_that_is_no_event_is_an_error_and_a_bad_one_is_kept_with_its_reason():
    with pytest.raises(InvalidInputError):
        parse_events(replace(signed([]), body=b"[]"), NOON)
    assert len(parse_events(signed(STATUS | {"timestamp": "soon"}), NOON).bad) == 1
    assert len(parse_events(signed({"status": "delivered"}), NOON).bad) == 1
