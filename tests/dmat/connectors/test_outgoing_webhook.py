"""Under test: the webhook channel - what a call holds, how it is signed, what answers mean, where it never goes."""

from __future__ import annotations

import base64
import hashlib
import hmac

import httpx
import orjson
import pytest
from scripted_vendor import FAILURES, KEY, failure_name, scripted

from dmat.channels.contract import Sought
from dmat.channels.providers import chosen_name, is_sandbox, missing_setting, open_provider
from dmat.channels.webhook import body_of, build_call, is_signed, sign_call
from dmat.connectors.outgoing_webhook import OutgoingWebhook
from dmat.errors import InvalidInputError, VendorRefusedError
from dmat.settings import load_settings

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"


@pytest.fixture
def settings(tmp_path):
    return load_settings(tmp_path, outgoing_webhook_url="https://partner.example/in", outgoing_webhook_secret=KEY)


@pytest.fixture
def call(settings):
    return build_call(settings, message_id=ID, payload={"first_name": "Ada", "step": "welcome"})


def test_a_call_is_signed_json_with_our_id_as_its_key(settings, call):
    vendor = scripted([httpx.Response(202)])
    assert OutgoingWebhook(settings, vendor.client).send(call) == ID
    [request] = vendor.requests
    assert str(request.url) == "https://partner.example/in"
    assert orjson.loads(request.content) == {"first_name": "Ada", "step": "welcome"}
    assert request.headers["idempotency-key"] == request.headers["webhook-id"] == ID
    stamp = request.headers["webhook-timestamp"]
    text = f"{ID}.{stamp}.".encode() + request.content
    expected = base64.b64encode(hmac.new(KEY.encode(), text, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert is_signed(KEY, dict(request.headers), request.content, int(stamp))


def test_the_signature_has_a_known_answer():
    """Key "whsec", id "msg_1", time 1614265330, body {"test": 2432232314}: worked out apart, with openssl."""
    headers = sign_call("whsec", "msg_1", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,vR8h+OlgV1cDuhhh6yA3K+NXhxMF1bZSx4pfgd6+c/0="


def test_a_signature_is_good_for_its_body_its_key_and_five_minutes(call):
    body = body_of(call)
    headers = sign_call(KEY, ID, 1000, body)
    assert is_signed(KEY, headers, body, 1299)
    assert is_signed(KEY, headers | {"webhook-signature": f"v1,old {headers['webhook-signature']}"}, body, 1000)
    for bad_headers, bad_body, now in (
        (headers, body + b" ", 1000), (headers, body, 1301), (headers | {"webhook-id": "x"}, body, 1000),
        (headers | {"webhook-timestamp": "soon"}, body, 1000), ({}, body, 1000),
    ):  # fmt: skip
        assert not is_signed(KEY, bad_headers, bad_body, now)
    assert not is_signed("another", headers, body, 1000)


@pytest.mark.parametrize(("failure", "error"), FAILURES, ids=failure_name)
def test_a_failure_is_named_for_what_it_means_and_the_call_is_made_once(settings, call, failure, error):
    vendor = scripted([failure])
    with pytest.raises(error) as caught:
        OutgoingWebhook(settings, vendor.client).send(call)
    assert type(caught.value) is error
    assert len(vendor.requests) == 1
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://169.254.169.254/", "http://[::1]/", "http://localhost/"]
)
def test_a_call_into_our_own_network_is_refused_and_never_made(settings, url):
    settings.outgoing_webhook_url = url
    sender = OutgoingWebhook(settings)
    with pytest.raises(VendorRefusedError, match="private network"):
        sender.send(build_call(settings, message_id=ID, payload={}))
    sender.close()


@pytest.mark.parametrize(("change", "field"), [
    ({"payload": {"x": object()}}, "payload"), ({"payload": {"x": "y" * 300_000}}, "payload"),
])  # fmt: skip
def test_a_call_that_cannot_be_made_names_the_field(settings, change, field):
    with pytest.raises(InvalidInputError) as caught:
        build_call(settings, **({"message_id": ID, "payload": {}} | change))
    assert caught.value.field == field


@pytest.mark.parametrize("url", ["ftp://x.example", "https://a:b@x.example"])
def test_an_address_that_cannot_be_called_names_the_setting(settings, url):
    settings.outgoing_webhook_url = url
    with pytest.raises(InvalidInputError, match="DMAT_OUTGOING_WEBHOOK_URL"):
        build_call(settings, message_id=ID, payload={})


def test_without_a_secret_nothing_leaves(settings, call):
    from pydantic import SecretStr

    assert chosen_name(settings, "webhook") == "outgoing_webhook"
    settings.outgoing_webhook_secret = SecretStr("")
    assert missing_setting(settings, "webhook", "outgoing_webhook") == "DMAT_OUTGOING_WEBHOOK_SECRET"
    provider = open_provider(settings, "webhook")
    assert is_sandbox(provider)
    assert provider.send(call) == f"sandbox-{ID}"
    with pytest.raises(InvalidInputError, match="DMAT_OUTGOING_WEBHOOK_SECRET"):
        OutgoingWebhook(settings)


def test_the_same_call_may_be_made_again_for_a_day_and_nobody_is_asked(settings):
    sender = OutgoingWebhook(settings, scripted([{}]).client)
    assert sender.abilities.key_hours == 24
    with pytest.raises(VendorRefusedError):
        sender.find_message(Sought(ID))
    with pytest.raises(InvalidInputError):
        sender.send_batch(None)
