"""What the vendors post is what our own doors verify and read: signed on one side, verified on the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from dmat.channels.events import parse_events
from dmat.channels.signatures import WebhookRequest, verify
from dmat.errors import UnverifiedError
from dmat.simulate.vendors.running import RunningVendors


def live(running: RunningVendors, client: httpx.Client, letterbox: Any) -> None:
    """A day in which every vendor has something to tell."""
    settings = running.settings
    mail = {
        "personalizations": [{"to": [{"email": "a@mail.example"}], "custom_args": {"dmat_message_id": "m"}}],
        "from": {"email": "hello@shop.example"}, "subject": "Hello", "content": [{"type": "text/html", "value": "Hi"}],
    }  # fmt: skip
    bearer = {"Authorization": f"Bearer {settings.sendgrid_token.get_secret_value()}"}
    assert client.post(f"{running.url}/sendgrid/v3/mail/send", json=mail, headers=bearer).status_code == 202
    url = f"{running.url}/twilio/2010-04-01/Accounts/{settings.twilio_account}/Messages.json"
    text = {
        "To": "+4915112345678",
        "From": "+4915700000000",
        "Body": "Hi",
        "StatusCallback": f"{letterbox.url}/webhooks/twilio",
    }
    auth = (settings.twilio_account, settings.twilio_token.get_secret_value())
    assert client.post(url, data=text, auth=auth).status_code == 201
    url = f"{running.url}/whatsapp/v23.0/{settings.whatsapp_phone_id}/messages"
    body = {"messaging_product": "whatsapp", "to": "4915112345678", "type": "text", "text": {"body": "Hi"}}
    bearer = {"Authorization": f"Bearer {settings.whatsapp_token.get_secret_value()}"}
    assert client.post(url, json=body, headers=bearer).status_code == 200
    settings.clock.advance(timedelta(days=10))
    assert client.post(f"{running.url}/control/step", timeout=120).json()["webhooks"]["waiting_count"] == 0


def test_every_webhook_verifies_and_is_read_and_an_altered_one_is_not(
    start: Callable[[], RunningVendors], client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    running.server.records.cursor().execute("update people set outlet_customer_id = person_id where person_id % 2 = 0")
    running.server.records.cursor().execute("update truth.people set completion_rate = 0.5, conversion_rate = 0.3")
    live(running, client, letterbox)
    for provider in ("sendgrid", "shopify", "woocommerce", "hubspot", "twilio", "whatsapp"):
        posts = letterbox.of(provider)
        assert posts, f"nothing came from {provider}"
        for one in posts:
            assert_verified(running, provider, letterbox.url, one)


def assert_verified(running: RunningVendors, provider: str, base: str, one: Any) -> None:
    request = WebhookRequest(provider, "POST", base + one.path, one.headers, one.body, time.time())
    verify(running.settings, request)
    parsed = parse_events(request, running.settings.clock.now())
    assert parsed.events
    assert not parsed.bad
    altered = WebhookRequest(provider, "POST", base + one.path, one.headers, one.body + b"&x=1", time.time())
    with pytest.raises(UnverifiedError):
        verify(running.settings, altered)


def test_a_vendor_gives_up_an_address_that_does_not_exist_but_sendgrid_never(
    start: Callable[[], RunningVendors], client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    letterbox.status = 404
    running.settings.clock.advance(timedelta(days=3))
    mail = {
        "personalizations": [{"to": [{"email": "a@mail.example"}]}], "from": {"email": "hello@shop.example"},
        "subject": "Hello", "content": [{"type": "text/html", "value": "Hi"}],
    }  # fmt: skip
    bearer = {"Authorization": f"Bearer {running.settings.sendgrid_token.get_secret_value()}"}
    client.post(f"{running.url}/sendgrid/v3/mail/send", json=mail, headers=bearer)
    running.settings.clock.advance(timedelta(minutes=10))
    report = client.post(f"{running.url}/control/step", timeout=120).json()["webhooks"]
    assert report["given_up_count"] > 0
    assert report["waiting_count"] >= 2
    assert {row[0] for row in running.server.diary.query("select distinct hook from posts")} == {"sendgrid"}
