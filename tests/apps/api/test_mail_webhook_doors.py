"""Under test: events of the e-mail vendors through the door: counted, applied, and the dead addresses suppressed."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fastapi.testclient import TestClient
from sending_fixtures import NOON, make_settings, plan_messages

from apps.api.app import create_app
from dmat.connectors import sns
from dmat.consent.suppression import find_suppressed
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import get_entry
from dmat.ledger.events import apply_waiting

TOPIC = "arn:aws:sns:eu-central-1:123456789012:dmat-events"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-" + "0c" * 16 + ".pem"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"dmat:hush").decode()}


@pytest.fixture
def settings(home):
    return make_settings(home, brevo_webhook_token="hush", postmark_webhook_password="hush", ses_topic_arn=TOPIC)


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as found:
        yield found


@pytest.fixture(scope="module")
def amazon():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    sns.remember(CERTIFICATE, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return key


def brevo(message_id, name):
    event = {"event": name, "email": "person1@example.com", "ts_event": 1772625605, "X-Mailin-custom": message_id}
    return json.dumps(event), {"Authorization": "Bearer hush"}


def postmark(message_id, kind):
    event = {"RecordType": "Bounce", "Type": kind, "Email": "person1@example.com", "BouncedAt": "2026-03-04T12:00:05Z",
             "Metadata": {"dmat_message_id": message_id}}  # fmt: skip
    return json.dumps(event), BASIC


def ses(message_id, kind, key):
    mail = {"destination": ["person1@example.com"], "tags": {"dmat_message_id": [message_id]}}
    event = {"eventType": "Bounce", "mail": mail, "bounce": {"bounceType": kind, "timestamp": "2026-03-04T12:00:05Z"}}
    message = {"Message": json.dumps(event), "MessageId": "n-1", "Timestamp": "2026-03-04T12:00:05.000Z",
               "TopicArn": TOPIC, "Type": "Notification"}  # fmt: skip
    text = "".join(f"{name}\n{value}\n" for name, value in message.items())
    signature = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    signed = message | {"Signature": signature, "SignatureVersion": "2", "SigningCertURL": CERTIFICATE}
    return json.dumps(signed), {"Content-Type": "text/plain; charset=UTF-8"}


def is_suppressed(store):
    with store.read() as connection:
        return bool(find_suppressed(connection, ["person1@example.com"], "email"))


@pytest.mark.parametrize(("provider", "is_permanent"), [
    ("brevo", True), ("brevo", False), ("postmark", True), ("postmark", False), ("ses", True), ("ses", False),
])  # fmt: skip
def test_a_bounce_that_will_happen_again_ends_all_mails_to_the_address_and_another_does_not(
    client, store, amazon, provider, is_permanent
):
    [message_id] = plan_messages(store)
    body, headers = {
        "brevo": lambda: brevo(message_id, "hard_bounce" if is_permanent else "soft_bounce"),
        "postmark": lambda: postmark(message_id, "HardBounce" if is_permanent else "SoftBounce"),
        "ses": lambda: ses(message_id, "Permanent" if is_permanent else "Transient", amazon),
    }[provider]()
    for new in (1, 0):
        answer = client.post(f"/webhooks/{provider}", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"received": 1, "new": new, "refused": 0})
    assert {row["kind"]: row["count"] for row in read_counters(store)}["bounced"] == 1
    assert is_suppressed(store) is is_permanent


def test_a_delivery_told_by_brevo_moves_the_message(client, store):
    [message_id] = plan_messages(store)
    body, headers = brevo(message_id, "delivered")
    assert client.post("/webhooks/brevo", content=body, headers=headers).status_code == 200
    apply_waiting(store, NOON)
    assert get_entry(store, message_id).state == "delivered"


@pytest.mark.parametrize("provider", ["brevo", "ses", "postmark", "resend"])
def test_what_proves_no_origin_changes_nothing(client, store, provider):
    answer = client.post(f"/webhooks/{provider}", content=brevo("m", "hard_bounce")[0])
    assert answer.status_code == 401
    assert not is_suppressed(store)


def test_a_subscription_to_another_address_is_never_confirmed(client, amazon):
    message = {"Message": "m", "MessageId": "n-2", "SubscribeURL": "https://evil.example/?Action=ConfirmSubscription",
               "Timestamp": "2026-03-04T12:00:05.000Z", "Token": "t", "TopicArn": TOPIC,
               "Type": "SubscriptionConfirmation"}  # fmt: skip
    text = "".join(f"{name}\n{value}\n" for name, value in message.items())
    signature = base64.b64encode(amazon.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    signed = message | {"Signature": signature, "SignatureVersion": "2", "SigningCertURL": CERTIFICATE}
    answer = client.post("/webhooks/ses", content=json.dumps(signed))
    assert (answer.status_code, "confirm" in answer.json()["detail"]) == (401, True)
