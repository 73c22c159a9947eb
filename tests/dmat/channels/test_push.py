"""Under test: the rules of push, and the event streams of OneSignal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from sending_fixtures import NOON, make_settings

from dmat.channels.events import parse_events
from dmat.channels.providers import chosen_name, is_sandbox, open_provider
from dmat.channels.push import build_push, look_at
from dmat.channels.signatures import WebhookRequest, verify
from dmat.errors import InvalidInputError, UnverifiedError

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
GOOD = {"message_id": ID, "token": "t0ken-of-a-device", "title": "Sale", "body": "Today"}


def test_a_notification_carries_our_id_and_where_it_leads():
    push = build_push(**GOOD, url="https://shop.example/x", data={"step": "first"})
    assert push.data == {"step": "first", "dmat_message_id": ID, "url": "https://shop.example/x"}
    assert build_push(**GOOD | {"title": "a\x00b\nc "}).title == "a b\nc"


@pytest.mark.parametrize(("change", "field"), [
    ({"token": "short"}, "token"), ({"token": "with blanks in it"}, "token"), ({"title": "", "body": " "}, "body"),
    ({"url": "javascript:alert(1)"}, "url"), ({"image_url": "//x"}, "image_url"), ({"body": "x" * 4000}, "body"),
    ({"data": {"from": "x"}}, "data"), ({"data": {"google.x": "x"}}, "data"),
])  # fmt: skip
def test_what_no_device_takes_is_refused_before_it_leaves(change, field):
    with pytest.raises(InvalidInputError) as caught:
        build_push(**GOOD | change)
    assert caught.value.field == field


def test_a_marketer_is_told_what_devices_cut_off():
    assert look_at("Sale", "Today") == []
    assert len(look_at("x" * 51, "y" * 151)) == 2
    assert len(look_at("", "Today")) == 1


def test_push_is_kept_in_the_sandbox_until_a_vendor_has_all_it_needs(settings):
    provider = open_provider(settings, "push")
    assert is_sandbox(provider)
    assert provider.send(build_push(**GOOD)) == f"sandbox-{ID}"
    assert provider.read_message(ID)["data"]["dmat_message_id"] == ID
    settings.onesignal_url = "https://api.onesignal.com"
    assert chosen_name(settings, "push") == "sandbox"
    settings.onesignal_app = ID
    assert chosen_name(settings, "push") == "onesignal"


@pytest.fixture
def keys(home):
    return make_settings(home, onesignal_webhook_secret="open sesame")


def streamed(word="open sesame", **event):
    fields = {"id": "e1", "kind": "message.push.received", "timestamp": 1772625600, "subscription_id": "S-1"} | event
    body = json.dumps({"event": fields, "message": {"id": "m1", "name": ID}}).encode()
    return WebhookRequest("onesignal", "POST", "https://x.example", {"authorization": f"Bearer {word}"}, body, 0.0)


def test_a_stream_proves_itself_by_the_word_that_was_agreed(keys, settings):
    verify(keys, streamed())
    for bad in (streamed("other"), replace(streamed(), headers={}), streamed("ä")):
        with pytest.raises(UnverifiedError):
            verify(keys, bad)
    with pytest.raises(UnverifiedError, match="no webhook key"):
        verify(settings, streamed(""))


@pytest.mark.parametrize(("kind", "expected"), [
    ("message.push.sent", "accepted"), ("message.push.received", "delivered"), ("message.push.clicked", "clicked"),
    ("message.push.failed", "dropped"), ("message.push.unsubscribed", "unsubscribed"), ("message.iam.clicked", "other"),
])  # fmt: skip
def test_an_event_names_our_message_and_what_became_of_it(kind, expected):
    [event] = parse_events(streamed(kind=kind), NOON).events
    assert (event.kind, event.message_id, event.channel, event.address) == (expected, ID, "push", "s-1")
    assert (event.event_id, event.occurred_at) == ("e1", datetime(2026, 3, 4, 12))


def test_an_event_without_kind_or_time_is_kept_with_its_reason():
    assert len(parse_events(streamed(kind=""), NOON).bad) == 1
    assert len(parse_events(streamed(timestamp="soon"), NOON).bad) == 1
    with pytest.raises(InvalidInputError):
        parse_events(replace(streamed(), body=b"7"), NOON)
