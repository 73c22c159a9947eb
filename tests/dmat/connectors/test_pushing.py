"""Under test: handing over push notifications - tokens of a service account, what is asked, what answers mean."""

from __future__ import annotations

import json

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from scripted_vendor import FAILURES, KEY, ScriptedVendor, failure_name, scripted

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, Sought
from dmat.channels.push import build_push
from dmat.connectors.fcm import Fcm
from dmat.connectors.onesignal import OneSignal
from dmat.errors import DeadAddressError, InvalidInputError, VendorRefusedError, VendorUnavailableError
from dmat.settings import load_settings

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
PUSH = build_push(message_id=ID, token="fGx:APA91bToken", title="Sale", body="Today only", url="https://shop.example/s")
TOKEN = {"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


@pytest.fixture
def settings(tmp_path, private_key):
    account = {
        "type": "service_account", "project_id": "shop-1", "private_key": private_key, "private_key_id": "1",
        "client_email": "dmat@shop-1.example", "token_uri": "https://tokens.example/token",
    }  # fmt: skip
    (tmp_path / "account.json").write_text(json.dumps(account))
    return load_settings(
        tmp_path, fcm_url="https://fcm.example", fcm_credentials_file=str(tmp_path / "account.json"),
        onesignal_url="https://onesignal.example", onesignal_app=ID, onesignal_key=KEY,
    )  # fmt: skip


class WithTokens(ScriptedVendor):
    """Google: tokens are given at one address, notifications are taken at another."""

    tokens = 0

    def __call__(self, request):
        if request.url.host == "tokens.example":
            self.tokens += 1
            return httpx.Response(200, json=TOKEN)
        return super().__call__(request)


SENDERS = {
    "fcm": (Fcm, httpx.Response(200, json={"name": "projects/shop-1/messages/7"}), "projects/shop-1/messages/7"),
    "onesignal": (OneSignal, httpx.Response(200, json={"id": "os-1", "external_id": ID}), "os-1"),
}
EACH = pytest.mark.parametrize("name", SENDERS)


@EACH
def test_an_accepted_notification_gives_the_vendors_id(settings, name):
    kind, good, expected = SENDERS[name]
    vendor = WithTokens([good])
    assert kind(settings, vendor.client).send(PUSH) == expected
    assert len(vendor.requests) == 1


@EACH
@pytest.mark.parametrize(("failure", "error"), FAILURES, ids=failure_name)
def test_a_failure_is_named_for_what_it_means_and_handed_over_once(settings, name, failure, error):
    vendor = WithTokens([failure])
    with pytest.raises(error) as caught:
        SENDERS[name][0](settings, vendor.client).send(PUSH)
    assert type(caught.value) is error
    assert len(vendor.requests) == 1
    if name == "onesignal":
        assert KEY not in str(caught.value)


@EACH
def test_an_answer_without_an_id_is_taken_all_the_same(settings, name):
    for text in ("ok", "[]", "{}"):
        assert SENDERS[name][0](settings, WithTokens([httpx.Response(200, text=text)]).client).send(PUSH) == ""


@EACH
def test_pushing_has_no_batches_and_no_look_up(settings, name):
    sender = SENDERS[name][0](settings, WithTokens([{}]).client)
    with pytest.raises(InvalidInputError):
        sender.send_batch(None)
    with pytest.raises(VendorRefusedError):
        sender.find_message(Sought(ID))
    assert not sender.abilities.looks_up
    sender.close()


def test_firebase_is_given_our_id_in_the_data_and_the_link_for_browsers(settings):
    vendor = WithTokens([{"name": "m"}])
    Fcm(settings, vendor.client).send(PUSH)
    assert vendor.requests[0].url.path == "/v1/projects/shop-1/messages:send"
    assert vendor.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert vendor.body()["message"] == {
        "token": "fGx:APA91bToken",
        "notification": {"title": "Sale", "body": "Today only"},
        "data": {MESSAGE_ID_ARGUMENT: ID, "url": "https://shop.example/s"},
        "webpush": {"fcmOptions": {"link": "https://shop.example/s"}},
    }


def test_a_token_is_fetched_once_and_again_only_when_it_was_not_taken(settings):
    vendor = WithTokens([{"name": "m"}, {"name": "m"}, httpx.Response(401), {"name": "m"}])
    sender = Fcm(settings, vendor.client)
    sender.send(PUSH)
    sender.send(PUSH)
    assert vendor.tokens == 1
    with pytest.raises(VendorRefusedError):
        sender.send(PUSH)
    sender.send(PUSH)
    assert vendor.tokens == 2


@pytest.mark.parametrize(("answer", "error"), [
    (httpx.ConnectError("down"), VendorUnavailableError),
    (httpx.ReadTimeout("slow"), VendorUnavailableError),
    (httpx.Response(400, json={"error": "invalid_grant", "error_description": "no"}), VendorRefusedError),
])  # fmt: skip
def test_without_a_token_nothing_leaves(settings, answer, error):
    vendor = scripted([answer])
    with pytest.raises(error):
        Fcm(settings, vendor.client).send(PUSH)
    assert {request.url.host for request in vendor.requests} == {"tokens.example"}


def test_a_key_file_that_is_none_names_the_setting_and_not_its_content(settings, tmp_path):
    for text in ("", "{}", "[]", KEY, json.dumps({"private_key": KEY, "client_email": "a", "token_uri": "b"})):
        (tmp_path / "bad.json").write_text(text)
        settings.fcm_credentials_file = str(tmp_path / "bad.json")
        with pytest.raises(InvalidInputError, match="DMAT_FCM_CREDENTIALS_FILE") as caught:
            Fcm(settings)
        assert KEY not in str(caught.value)


def google_error(status, code, message="no"):
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]
    return httpx.Response(status, json={"error": {"code": status, "message": message, "details": details}})


@pytest.mark.parametrize(("answer", "error", "status"), [
    (google_error(404, "UNREGISTERED", "Requested entity was not found."), DeadAddressError, 404),
    (google_error(403, "SENDER_ID_MISMATCH"), DeadAddressError, 403),
    (google_error(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token"),
     DeadAddressError, 400),
    (google_error(400, "INVALID_ARGUMENT", "Message too big"), VendorRefusedError, 400),
    (google_error(401, "THIRD_PARTY_AUTH_ERROR"), VendorRefusedError, 403),
])  # fmt: skip
def test_firebase_says_whether_the_token_is_dead_or_our_key_is_wrong(settings, answer, error, status):
    with pytest.raises(error) as caught:
        Fcm(settings, WithTokens([answer]).client).send(PUSH)
    assert (type(caught.value), caught.value.status) == (error, status)


def test_onesignal_is_given_our_id_as_key_and_name(settings):
    vendor = scripted([{"id": "os-1"}])
    OneSignal(settings, vendor.client).send(PUSH)
    body = vendor.body()
    assert (body["idempotency_key"], body["name"], body["include_subscription_ids"]) == (ID, ID, ["fGx:APA91bToken"])
    assert (body["headings"], body["contents"]) == ({"en": "Sale"}, {"en": "Today only"})
    assert vendor.requests[0].headers["authorization"] == f"Key {KEY}"
    assert OneSignal.abilities.key_hours == 720


@pytest.mark.parametrize("answer", [
    httpx.Response(200, json={"id": "", "errors": ["All included players are not subscribed"]}),
    httpx.Response(200, json={"id": "", "errors": {"invalid_player_ids": ["fGx"]}}),
    httpx.Response(400, json={"errors": ["Incorrect subscription_id format (not valid UUIDs)"]}),
])  # fmt: skip
def test_a_subscription_that_ended_is_a_dead_address(settings, answer):
    with pytest.raises(DeadAddressError) as caught:
        OneSignal(settings, scripted([answer]).client).send(PUSH)
    assert caught.value.reason == "bounced"


def test_a_warning_beside_an_id_is_no_failure(settings):
    answer = {"id": "os-1", "errors": {"invalid_player_ids": ["another"]}}
    assert OneSignal(settings, scripted([answer]).client).send(PUSH) == "os-1"
