"""How each vendor signs what it posts to a webhook.

Belongs here: the signing side only, as the vendors document it, each with a known-answer test. Stays out: verifying
(that is the receiver's, in `apps/api`), so that a mistake on one side cannot hide behind the same mistake on the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def sign_sendgrid(key: ec.EllipticCurvePrivateKey, timestamp: str, body: bytes) -> str:
    """`X-Twilio-Email-Event-Webhook-Signature`: ECDSA P-256 over timestamp + body, DER in base64."""
    return base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()


def sign_twilio(token: str, url: str, fields: Mapping[str, str]) -> str:
    """`X-Twilio-Signature`: HMAC-SHA1 over the full address and the form's fields in order of name."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def sign_shopify(secret: str, body: bytes) -> str:
    """`X-Shopify-Hmac-Sha256`: base64 of HMAC-SHA256 over the body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def sign_woocommerce(secret: str, body: bytes) -> str:
    """`X-WC-Webhook-Signature`: base64 of HMAC-SHA256 over the body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def sign_hubspot(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    """`X-HubSpot-Signature-v3`: base64 of HMAC-SHA256 over method + address + body + timestamp (milliseconds)."""
    text = method.encode() + url.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def sign_meta(secret: str, body: bytes) -> str:
    """`X-Hub-Signature-256`: "sha256=" and HMAC-SHA256 over the body in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
