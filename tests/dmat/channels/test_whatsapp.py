"""Under test: WhatsApp's rules - the 24 hours, approval of templates, the handshake, what people send back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sending_fixtures import NOON

from dmat.channels import whatsapp
from dmat.channels.events import parse_events
from dmat.channels.signatures import WebhookRequest
from dmat.errors import UnverifiedError, VendorUnavailableError
from dmat.store import open_store

CART = {"name": "cart", "title": "cart", "language": "de", "category": "marketing", "status": "approved", "reason": ""}
SALE = CART | {"name": "sale", "status": "rejected", "reason": "TAG_CONTENT"}


@pytest.mark.parametrize(("ago", "expected"), [
    (timedelta(0), True), (timedelta(hours=23, minutes=54), True), (timedelta(hours=23, minutes=55), False),
    (timedelta(hours=24), False), (timedelta(days=3), False), (None, False),
])  # fmt: skip
def test_a_free_text_may_be_written_within_a_day_of_the_last_reply(ago, expected):
    assert whatsapp.may_write_freely(None if ago is None else NOON - ago, NOON) is expected


@pytest.fixture
def connected(settings):
    settings.whatsapp_url, settings.whatsapp_phone_id = "https://graph.facebook.com", "1055"
    return settings


@pytest.fixture
def store(settings):
    opened = open_store(settings)
    yield opened
    opened.close()


def test_the_sandbox_takes_every_template(settings, store):
    assert whatsapp.is_approved(settings, store, "cart", "de")
    assert whatsapp.refresh_approvals(settings, store) == []


def test_what_was_not_read_is_not_approved(connected, store):
    assert "not read yet" in whatsapp.load_approvals(connected, store).why_not("cart", "de")


def test_only_a_template_that_the_vendor_approved_may_be_sent(connected, store, monkeypatch):
    monkeypatch.setattr(whatsapp, "_read_templates", lambda settings, provider: [CART, SALE])
    assert len(whatsapp.refresh_approvals(connected, store)) == 2
    assert whatsapp.is_approved(connected, store, "cart", "de")
    approvals = whatsapp.load_approvals(connected, store)
    assert approvals.why_not("cart", "en") == "the template cart in en is not known to WhatsApp"
    assert approvals.why_not("sale", "de") == "the template sale in de is rejected (TAG_CONTENT)"


def test_states_of_another_vendor_say_nothing(connected, store, monkeypatch):
    monkeypatch.setattr(whatsapp, "_read_templates", lambda settings, provider: [CART])
    whatsapp.refresh_approvals(connected, store)
    connected.twilio_url, connected.twilio_whatsapp_sender = "https://api.twilio.com", "+15005550007"
    connected.whatsapp_provider = "twilio"
    assert not whatsapp.is_approved(connected, store, "cart", "de")


def test_states_are_read_again_when_they_are_old_and_old_ones_outlive_a_failure(connected, store, monkeypatch):
    read = []
    monkeypatch.setattr(whatsapp, "_read_templates", lambda settings, provider: read.append(1) or [CART])
    connected.clock.set(NOON)
    assert whatsapp.freshen_approvals(connected, store) == ""
    assert whatsapp.freshen_approvals(connected, store) == ""
    assert len(read) == 1
    connected.clock.set(NOON + timedelta(hours=2))

    def fail(settings, provider):
        raise VendorUnavailableError("whatsapp is away")

    monkeypatch.setattr(whatsapp, "_read_templates", fail)
    assert whatsapp.freshen_approvals(connected, store) == "whatsapp is away"
    assert whatsapp.is_approved(connected, store, "cart", "de")


def shake(**changes):
    return {"hub.mode": "subscribe", "hub.verify_token": "open sesame", "hub.challenge": "1158201444"} | changes


def test_the_handshake_is_answered_to_whoever_knows_the_word(settings):
    from pydantic import SecretStr

    for wrong in (shake(), {}):
        with pytest.raises(UnverifiedError):
            whatsapp.answer_handshake(settings, wrong)
    settings.whatsapp_handshake = SecretStr("open sesame")
    assert whatsapp.answer_handshake(settings, shake()) == "1158201444"
    for wrong in (shake(**{"hub.verify_token": "other"}), shake(**{"hub.mode": "x"}), {},
                  shake(**{"hub.challenge": "<script>"})):  # fmt: skip
        with pytest.raises(UnverifiedError):
            whatsapp.answer_handshake(settings, wrong)


def read(**value):
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"value": value}]}]}).encode()
    return parse_events(WebhookRequest("whatsapp", "POST", "https://x.example", {}, body, 0.0), NOON).events


def said(**more):
    return {"id": "w2", "from": "4915112345678", "timestamp": "1772625600", **more}


@pytest.mark.parametrize(("message", "kind"), [
    ({"type": "text", "text": {"body": "Thanks"}}, "replied"),
    ({"type": "text", "text": {"body": "STOP"}}, "unsubscribed"),
    ({"type": "button", "button": {"text": "Stop", "payload": "x"}}, "unsubscribed"),
    ({"type": "interactive", "interactive": {"button_reply": {"id": "1", "title": "Yes please"}}}, "replied"),
    ({"type": "interactive", "interactive": {"list_reply": {"id": "1", "title": "Stop"}}}, "unsubscribed"),
    ({"type": "image", "image": {"id": "1"}}, "replied"),
    ({"type": "system", "system": {"body": "changed the number"}}, "other"),
])  # fmt: skip
def test_what_a_person_sends_back_is_read_whatever_its_form(message, kind):
    [event] = read(messages=[said(**message)])
    assert (event.kind, event.address, event.event_id) == (kind, "+4915112345678", "w2:received")


@pytest.mark.parametrize(("value", "kind"), [("stop", "unsubscribed"), ("resume", "resubscribed"), ("x", "other")])
def test_a_person_ends_marketing_in_the_settings_of_whatsapp(value, kind):
    preference = {"wa_id": "4915112345678", "category": "marketing_messages", "value": value, "timestamp": 1772625600}
    [event] = read(user_preferences=[preference])
    assert (event.kind, event.address, event.channel) == (kind, "+4915112345678", "whatsapp")


@pytest.mark.parametrize(("field", "kind"), [("STOP", "unsubscribed"), ("START", "resubscribed"), ("", "replied")])
def test_twilio_says_itself_who_left_when_it_keeps_the_list(field, kind):
    body = f"MessageSid=SM1&From=%2B4915112345&To=%2B1&Body=Adieu&OptOutType={field}".encode()
    [event] = parse_events(WebhookRequest("twilio", "POST", "https://x.example", {}, body, 0.0), NOON).events
    assert event.kind == kind
