"""Under test: signatures of six vendors against known answers, and what their events mean to us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime

import pytest
from sending_fixtures import NOON, make_settings

from dmat.channels.events import parse_events
from dmat.channels.machine import is_machine
from dmat.channels.signatures import WebhookRequest, verify
from dmat.errors import InvalidInputError, UnverifiedError

SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu"
    "/1FwCM/QmGUhA=="
)
SENDGRID_SIGNATURE = "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0="
SENDGRID_BODY = b'{"category":"example_payload","event":"test_event","message_id":"message_id"}'
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_BODY = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
MESSAGE_ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"


@pytest.fixture
def keys(home):
    return make_settings(
        home, sendgrid_webhook_public_key=SENDGRID_KEY, twilio_token="12345", shopify_webhook_secret="hush",
        woocommerce_webhook_secret="hush", hubspot_webhook_secret="hush",
        whatsapp_webhook_secret="It's a Secret to Everybody",
    )  # fmt: skip


def arrived(provider, body, headers=None, url="https://api.example/webhooks/x", epoch=1_700_000_000.0):
    return WebhookRequest(provider, "POST", url, headers or {}, body, epoch)


def sendgrid(body=SENDGRID_BODY, timestamp="1588788367", signature=SENDGRID_SIGNATURE):
    return arrived("sendgrid", body, {
        "x-twilio-email-event-webhook-timestamp": timestamp, "x-twilio-email-event-webhook-signature": signature,
    })  # fmt: skip


def hubspot(epoch=1_700_000_000.0, secret=b"hush", body=b"[]"):
    request = arrived("hubspot", body, epoch=1_700_000_000.0)
    stamp = str(int(epoch * 1000))
    text = b"POST" + request.url.encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
    return arrived("hubspot", body, {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": signature})


def test_sendgrids_own_example_verifies_and_nothing_that_differs_from_it(keys):
    verify(keys, sendgrid())
    for other in (sendgrid(SENDGRID_BODY + b" "), sendgrid(timestamp="1588788368"), sendgrid(signature=""),
                  sendgrid(signature="%%%"), sendgrid(signature=SENDGRID_SIGNATURE[:-8])):  # fmt: skip
        with pytest.raises(UnverifiedError):
            verify(keys, other)


def test_twilios_own_example_verifies_and_nothing_that_differs_from_it(keys):
    headers = {
        "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "content-type": "application/x-www-form-urlencoded",
    }
    verify(keys, arrived("twilio", TWILIO_BODY, headers, TWILIO_URL))
    with pytest.raises(UnverifiedError):
        verify(keys, arrived("twilio", TWILIO_BODY + b"1", headers, TWILIO_URL))
    with pytest.raises(UnverifiedError):
        verify(keys, arrived("twilio", TWILIO_BODY, headers, TWILIO_URL + "3"))


def test_the_known_answer_of_metas_signature_verifies(keys):
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify(keys, arrived("whatsapp", b"Hello, World!", {"x-hub-signature-256": f"sha256={digest}"}))
    for wrong in (f"sha256={digest[:-1]}8", digest, "", "sha256=ä"):
        with pytest.raises(UnverifiedError):
            verify(keys, arrived("whatsapp", b"Hello, World!", {"x-hub-signature-256": wrong}))


@pytest.mark.parametrize(("provider", "header"), [
    ("shopify", "x-shopify-hmac-sha256"), ("woocommerce", "x-wc-webhook-signature"),
])  # fmt: skip
def test_the_shops_sign_the_body(keys, provider, header):
    """HMAC-SHA256 of RFC 4231's kind: key "hush", base64."""
    good = base64.b64encode(hmac.new(b"hush", b"{}", hashlib.sha256).digest()).decode()
    verify(keys, arrived(provider, b"{}", {header: good}))
    for body, signature in ((b"{ }", good), (b"{}", ""), (b"{}", good[:-4] + "AAA=")):
        with pytest.raises(UnverifiedError):
            verify(keys, arrived(provider, body, {header: signature}))


def test_hubspots_signature_is_good_for_five_minutes(keys):
    verify(keys, hubspot())
    for other in (hubspot(1_700_000_000 - 301), hubspot(1_700_000_000 + 301), hubspot(secret=b"other")):
        with pytest.raises(UnverifiedError):
            verify(keys, other)
    with pytest.raises(UnverifiedError):
        verify(keys, arrived("hubspot", b"[]", {"x-hubspot-request-timestamp": "soon"}))


@pytest.mark.parametrize("provider", ["sendgrid", "twilio", "shopify", "woocommerce", "hubspot", "whatsapp"])
def test_without_a_key_nothing_is_believed(settings, provider):
    with pytest.raises(UnverifiedError, match="no webhook key"):
        verify(settings, arrived(provider, b"[]"))


def read(provider, body, headers=None, url="https://api.example/webhooks/x"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_events(arrived(provider, raw, headers, url), NOON)


def sendgrid_event(**changes):
    event = {"email": "Ann@Example.com", "timestamp": 1772625600, "event": "delivered", "sg_event_id": "e1"}
    return event | {"dmat_message_id": MESSAGE_ID} | changes


@pytest.mark.parametrize(("name", "kind"), [
    ("processed", "accepted"), ("delivered", "delivered"), ("open", "opened"), ("click", "clicked"),
    ("bounce", "bounced"), ("dropped", "dropped"), ("deferred", "deferred"), ("spamreport", "complained"),
    ("unsubscribe", "unsubscribed"), ("group_unsubscribe", "unsubscribed"), ("something_new", "other"),
])  # fmt: skip
def test_sendgrids_events_are_read(name, kind):
    [event] = read("sendgrid", [sendgrid_event(event=name)]).events
    assert (event.kind, event.event_id, event.message_id, event.address) == (kind, "e1", MESSAGE_ID, "ann@example.com")
    assert event.occurred_at == datetime(2026, 3, 4, 12, 0)
    assert event.payload["event"] == name


def test_a_machines_open_is_told_from_a_persons():
    [event] = read("sendgrid", [sendgrid_event(event="open", sg_machine_open=True, useragent="x")]).events
    assert event.is_machine
    assert is_machine("Mozilla/5.0")
    assert is_machine("Mozilla/5.0 (compatible; LinkProtect/4.2)")
    assert not is_machine("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15")
    assert not is_machine("")


def test_old_events_without_our_id_or_theirs_are_kept_once():
    old = {name: value for name, value in sendgrid_event().items() if name not in {"sg_event_id", "dmat_message_id"}}
    first, second = read("sendgrid", [old, old]).events
    assert first.event_id == second.event_id != ""
    assert first.message_id == ""


@pytest.mark.parametrize("change", [
    {"timestamp": "soon"}, {"timestamp": None}, {"timestamp": 10**30}, {"timestamp": True}, {"event": None},
    {"event": 7}, {"email": ["a"]}, {"email": "x" * 400}, {"sg_event_id": "\x00"}, {"sg_event_id": "y" * 400},
    {"email": "a\x00@b.com"},
])  # fmt: skip
def test_one_bad_event_does_not_spoil_the_good_ones(change):
    parsed = read("sendgrid", [sendgrid_event(), sendgrid_event(sg_event_id="e2") | change, 3, None, "x", []])
    assert [event.event_id for event in parsed.events] == ["e1"]
    assert len(parsed.bad) == 5


@pytest.mark.parametrize("message_id", ["", "x", 7, None, MESSAGE_ID.upper(), MESSAGE_ID + "0"])
def test_what_is_not_an_id_of_ours_names_no_message(message_id):
    [event] = read("sendgrid", [sendgrid_event(dmat_message_id=message_id)]).events
    assert event.message_id == ""


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"7", b"\xff\xfe", b"[" * 5000, b'"x"'])
def test_a_body_that_is_no_list_of_events_is_an_error(body):
    for provider in ("sendgrid", "hubspot"):
        with pytest.raises(InvalidInputError):
            read(provider, body)


def test_an_answer_of_stop_unsubscribes_and_another_is_a_reply():
    for text, kind in (("STOP", "unsubscribed"), (" stop. ", "unsubscribed"), ("Quit please", "unsubscribed"),
                       ("cancel", "unsubscribed"), ("Stopping by later", "replied"), ("yes", "replied")):  # fmt: skip
        body = f"MessageSid=SM1&From=%2B4915112345&To=%2B1&Body={text.replace(' ', '+')}".encode()
        [event] = read("twilio", body).events
        assert (event.kind, event.address, event.channel) == (kind, "+4915112345", "sms")


def test_twilios_status_names_our_message_by_its_signed_address():
    body = b"MessageSid=SM1&MessageStatus=delivered&To=whatsapp%3A%2B4915112345&From=%2B1"
    url = f"https://api.example/webhooks/twilio?dmat_message_id={MESSAGE_ID}"
    [event] = read("twilio", body, url=url).events
    assert (event.kind, event.event_id, event.message_id) == ("delivered", "SM1:delivered", MESSAGE_ID)
    assert (event.channel, event.address) == ("whatsapp", "+4915112345")


def test_whatsapps_statuses_and_answers_are_read():
    value = {
        "statuses": [{"id": "w1", "status": "read", "timestamp": "1772625600", "recipient_id": "4915112345",
                      "biz_opaque_callback_data": MESSAGE_ID}, "bad"],
        "messages": [{"id": "w2", "from": "4915112345", "timestamp": "1772625600", "text": {"body": "Stop"}}],
    }  # fmt: skip
    parsed = read("whatsapp", {"entry": [{"changes": [{"value": value}, {}, None]}, None]})
    assert [(event.kind, event.event_id) for event in parsed.events] == [
        ("read", "w1:read"),
        ("unsubscribed", "w2:received"),
    ]
    assert len(parsed.bad) == 1
    assert parsed.events[0].message_id == MESSAGE_ID


def test_a_shop_tells_that_something_changed():
    headers = {"x-shopify-topic": "orders/create", "x-shopify-webhook-id": "h1"}
    [event] = read("shopify", {"id": 1}, headers).events
    assert (event.kind, event.event_id, event.payload) == (
        "changed",
        "h1",
        {"topic": "orders/create", "body": {"id": 1}},
    )
    [event] = read("hubspot", [{"eventId": 5, "subscriptionType": "contact.creation", "objectId": 9,
                                "occurredAt": 1772625600000}]).events  # fmt: skip
    assert (event.event_id, event.occurred_at) == ("5:contact.creation:9", datetime(2026, 3, 4, 12, 0))
