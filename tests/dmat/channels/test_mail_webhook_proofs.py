"""Under test: webhooks of Brevo, Amazon SES, Postmark and Resend: their proof of origin."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sending_fixtures import make_settings

from dmat.channels.signatures import WebhookRequest, verify
from dmat.channels.vendors.ses import confirm
from dmat.connectors import sns
from dmat.errors import UnverifiedError, VendorUnavailableError

EPOCH = 1_772_625_600.0  # 4 March 2026, noon
TOPIC = "arn:aws:sns:eu-central-1:123456789012:dmat-events"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-" + "0a" * 16 + ".pem"
RESEND_SECRET = "whsec_" + base64.b64encode(b"hush, hush").decode()


@pytest.fixture
def keys(home):
    return make_settings(
        home, brevo_webhook_token="hush", postmark_webhook_password="hush", resend_webhook_secret=RESEND_SECRET,
        ses_topic_arn=TOPIC,
    )  # fmt: skip


def arrived(provider, body, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(provider, "POST", f"https://api.example/webhooks/{provider}", headers or {}, raw, EPOCH)


def basic(user, password):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def refused(settings, request):
    with pytest.raises(UnverifiedError):
        verify(settings, request)
    return True


@pytest.mark.parametrize("provider", ["brevo", "ses", "postmark", "resend"])
def test_without_a_key_nothing_is_believed(settings, provider):
    with pytest.raises(UnverifiedError, match="no webhook key"):
        verify(settings, arrived(provider, {}))


@pytest.mark.parametrize("provider", ["brevo", "postmark"])
def test_the_password_in_the_address_proves_the_origin(keys, provider):
    verify(keys, arrived(provider, {}, basic("dmat", "hush")))
    for headers in ({}, basic("dmat", "hus"), basic("other", "hush"), basic("", ""), {"authorization": "Basic %%%"},
                    {"authorization": "hush"}, {"authorization": "Basic ä"}):  # fmt: skip
        assert refused(keys, arrived(provider, {}, headers))


def test_a_token_proves_brevo_and_nobody_else(keys):
    verify(keys, arrived("brevo", {}, {"authorization": "Bearer hush"}))
    assert refused(keys, arrived("brevo", {}, {"authorization": "Bearer hush!"}))
    assert refused(keys, arrived("postmark", {}, {"authorization": "Bearer hush"}))


def svix(body, identity="msg_1", stamp=int(EPOCH), key=b"hush, hush", more=""):
    text = f"{identity}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    headers = {"svix-id": identity, "svix-timestamp": str(stamp), "svix-signature": f"{more}v1,{signature}"}
    return arrived("resend", body, headers)


def test_resends_signature_is_good_for_five_minutes(keys):
    for good in (svix(b"{}"), svix(b"{}", stamp=int(EPOCH) - 299), svix(b"{}", more="v1,AAAA v2,BBBB ")):
        verify(keys, good)
    for bad in (svix(b"{}", key=b"other"), svix(b"{}", stamp=int(EPOCH) - 301), svix(b"{}", stamp=int(EPOCH) + 301),
                arrived("resend", b"{}"), arrived("resend", b"{ }", svix(b"{}").headers),
                arrived("resend", b"{}", {**svix(b"{}").headers, "svix-id": "msg_2"})):  # fmt: skip
        assert refused(keys, bad)


def test_the_known_answer_of_svix_verifies(home):
    """The example of Svix's own page on verifying by hand."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    headers = {"svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "svix-timestamp": "1614265330",
               "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}  # fmt: skip
    settings = make_settings(home, resend_webhook_secret=secret)
    verify(settings, WebhookRequest("resend", "POST", "https://x.example", headers, body, 1614265330.0))


@pytest.fixture(scope="module")
def amazon():
    """A key, whose certificate stands where Amazon's stands."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    sns.remember(CERTIFICATE, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    yield key
    sns._keys.clear()


def sns_message(key, version="2", kind="Notification", **changes):
    message = {
        "Type": kind, "MessageId": "n-1", "TopicArn": TOPIC, "Message": "{}", "Timestamp": "2026-03-04T12:00:00.000Z",
        "SignatureVersion": version, "SigningCertURL": CERTIFICATE,
    } | changes  # fmt: skip
    if kind != "Notification":
        message |= {"Token": "t", "SubscribeURL": changes.get("SubscribeURL", confirmation())}
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    message["Signature"] = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
    return message


def confirmation(host="sns.eu-central-1.amazonaws.com", topic=TOPIC, action="ConfirmSubscription"):
    return f"https://{host}/?Action={action}&TopicArn={topic}&Token=t"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_message_that_amazon_signed_verifies_and_nothing_that_differs_from_it(keys, amazon, version, kind):
    good = sns_message(amazon, version, kind)
    verify(keys, arrived("ses", good))
    for change in ({"Message": "{ }"}, {"MessageId": "n-2"}, {"Timestamp": "2026-03-04T12:00:01.000Z"},
                   {"Subject": "x"}, {"Signature": ""},
                   {"Signature": "AAAA"}, {"SignatureVersion": "3"}, {"Type": "Other"}):  # fmt: skip
        if kind != "Notification" and "Subject" in change:
            continue  # not among the signed fields of these
        assert refused(keys, arrived("ses", good | change))


def test_a_subject_is_signed_too(keys, amazon):
    verify(keys, arrived("ses", sns_message(amazon, Subject="Amazon SES")))


@pytest.mark.parametrize("url", [
    "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a0a0a0a.pem", CERTIFICATE + "?x=1",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a0a0a0a.pem",
    "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-0a0a0a0a.pem",
    "https://evil.example/SimpleNotificationService-0a0a0a0a.pem",
    "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-0a0a0a0a.pem",
    "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-0a0a0a0a.pem",
    "https://sns.eu-central-1.amazonaws.com/other.pem", "https://sns.eu-central-1.amazonaws.com/../x.pem", "", "x",
])  # fmt: skip
def test_a_certificate_is_never_fetched_from_elsewhere(keys, amazon, url):
    with pytest.raises(UnverifiedError, match="certificate"):
        verify(keys, arrived("ses", sns_message(amazon, SigningCertURL=url)))


def test_messages_of_another_topic_are_not_looked_at(keys, amazon):
    with pytest.raises(UnverifiedError, match="topic"):
        verify(keys, arrived("ses", sns_message(amazon, TopicArn=TOPIC + "2")))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b'{"TopicArn": 7}'])
def test_a_body_that_is_no_message_of_sns_is_refused(keys, body):
    assert refused(keys, arrived("ses", body))


def test_a_certificate_that_cannot_be_had_is_not_asked_for_again_at_once(monkeypatch):
    asked = []

    def fetch(url):
        asked.append(url)
        raise ValueError("nothing there")

    monkeypatch.setattr(sns, "_fetch", fetch)
    monkeypatch.setattr(sns, "_failed_at", [float("-inf")])
    other = CERTIFICATE.replace("0a0a", "0b0b")
    for epoch in (EPOCH, EPOCH + 1, EPOCH + 6):
        with pytest.raises(UnverifiedError):
            sns.certificate_key(other, TOPIC, epoch)
    assert len(asked) == 2


@pytest.mark.parametrize("url", [
    confirmation("evil.example"), confirmation(topic=TOPIC + "2"), confirmation(action="DeleteTopic"), "", "x",
    confirmation().replace("https", "http"), confirmation().replace("/?", "/x?"),
    confirmation("sns.eu-central-1.amazonaws.com@evil.example"),
])  # fmt: skip
def test_only_amazons_address_for_our_topic_is_visited_to_confirm(keys, amazon, url):
    with pytest.raises(UnverifiedError, match="confirm"):
        confirm(keys, arrived("ses", sns_message(amazon, kind="SubscriptionConfirmation", SubscribeURL=url)))


def test_a_subscription_is_confirmed_by_visiting_amazon(keys, amazon):
    visited = []

    def answer(request):
        visited.append(str(request.url))
        return httpx.Response(200)

    sns.confirm_subscription(confirmation(), TOPIC, httpx.Client(transport=httpx.MockTransport(answer)))
    assert visited == [confirmation()]
    confirm(keys, arrived("ses", sns_message(amazon)))  # an ordinary event visits nobody


@pytest.mark.parametrize("answer", [httpx.Response(403), httpx.Response(302), httpx.ReadTimeout("slow")])
def test_a_confirmation_that_fails_is_told_so_that_amazon_asks_again(answer):
    def respond(_request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(VendorUnavailableError, match="not confirmed"):
        sns.confirm_subscription(confirmation(), TOPIC, httpx.Client(transport=httpx.MockTransport(respond)))
