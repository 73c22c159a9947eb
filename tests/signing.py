"""Signing webhooks for tests, as the vendors document it; apart from our verifying and from the simulated vendors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
SECRET = "a webhook secret"
SETTINGS = {
    "sendgrid_webhook_public_key": PUBLIC_KEY, "twilio_token": SECRET, "shopify_webhook_secret": SECRET,
    "woocommerce_webhook_secret": SECRET, "hubspot_webhook_secret": SECRET, "whatsapp_webhook_secret": SECRET,
}  # fmt: skip
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def sendgrid(events: Any, key: ec.EllipticCurvePrivateKey = KEY) -> tuple[bytes, dict[str, str]]:
    """Body and headers of SendGrid's signed event webhook."""
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    stamp = str(int(time.time()))
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return body, {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }


def twilio(fields: dict[str, str], url: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of Twilio's webhooks."""
    from urllib.parse import urlencode

    text = url + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    return urlencode(fields).encode(), headers


def base64_hmac(body: bytes) -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()


def shopify(record: Any, webhook_id: str = "w1") -> tuple[bytes, dict[str, str]]:
    body = json.dumps(record).encode()
    return body, {
        "X-Shopify-Topic": "orders/create", "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Hmac-Sha256": base64_hmac(body),
    }  # fmt: skip


def woocommerce(record: Any, delivery: str = "d1") -> tuple[bytes, dict[str, str]]:
    body = json.dumps(record).encode()
    return body, {
        "X-WC-Webhook-Topic": "order.created", "X-WC-Webhook-Delivery-ID": delivery,
        "X-WC-Webhook-Signature": base64_hmac(body),
    }  # fmt: skip


def hubspot(events: Any, url: str) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(events).encode()
    stamp = str(int(time.time() * 1000))
    signature = base64_hmac(b"POST" + url.encode() + body + stamp.encode())
    return body, {"X-HubSpot-Request-Timestamp": stamp, "X-HubSpot-Signature-v3": signature}


def whatsapp(value: Any) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"value": value}]}]}).encode()
    return body, {"X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
