"""Verifying that a webhook comes from the vendor it names: over the raw body, before anything is read from it.

Belongs here: one function a vendor, as each documents it, proven by known answers in the tests. Stays out: signing
(`dmat/simulate/vendors/signatures.py`, on purpose apart) and what is in the body (`dmat/channels/events.py`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dmat.errors import UnverifiedError
from dmat.settings import Settings

HUBSPOT_SECONDS = 300


@dataclass(frozen=True)
class WebhookRequest:
    """What arrived: header names in lower case, the body as sent, the address as the vendor knows it."""

    provider: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_epoch: float


def verify(settings: Settings, request: WebhookRequest) -> None:
    """Check the signature of a request.

    Raises:
        UnverifiedError: it is missing or wrong, too old, or no key is set for the vendor.
    """
    if not _VERIFIERS[request.provider](settings, request):
        raise UnverifiedError(f"the signature of {request.provider} does not match the body")


def _sendgrid(settings: Settings, request: WebhookRequest) -> bool:
    key = _public_key(_known(settings.sendgrid_webhook_public_key, "sendgrid"))
    timestamp = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = _unbase64(request.headers.get("x-twilio-email-event-webhook-signature", ""))
    try:
        key.verify(signature, timestamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=8)
def _public_key(base64_der: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(base64_der))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnverifiedError(f"the verification key of sendgrid cannot be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UnverifiedError("the verification key of sendgrid is not an elliptic-curve key")
    return key


def _twilio(settings: Settings, request: WebhookRequest) -> bool:
    secret = _known(settings.twilio_token.get_secret_value(), "twilio")
    fields: dict[str, str] = {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    text = request.url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return _same(expected, _unbase64(request.headers.get("x-twilio-signature", "")))


def _shopify(settings: Settings, request: WebhookRequest) -> bool:
    secret = _known(settings.shopify_webhook_secret.get_secret_value(), "shopify")
    return _same(_sha256(secret, request.body), _unbase64(request.headers.get("x-shopify-hmac-sha256", "")))


def _woocommerce(settings: Settings, request: WebhookRequest) -> bool:
    secret = _known(settings.woocommerce_webhook_secret.get_secret_value(), "woocommerce")
    return _same(_sha256(secret, request.body), _unbase64(request.headers.get("x-wc-webhook-signature", "")))


def _hubspot(settings: Settings, request: WebhookRequest) -> bool:
    secret = _known(settings.hubspot_webhook_secret.get_secret_value(), "hubspot")
    timestamp = request.headers.get("x-hubspot-request-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 16:
        raise UnverifiedError("the timestamp of hubspot is missing")
    if abs(request.received_epoch - int(timestamp) / 1000) > HUBSPOT_SECONDS:
        raise UnverifiedError("the timestamp of hubspot is more than five minutes off")
    text = request.method.encode() + request.url.encode() + request.body + timestamp.encode()
    return _same(_sha256(secret, text), _unbase64(request.headers.get("x-hubspot-signature-v3", "")))


def _whatsapp(settings: Settings, request: WebhookRequest) -> bool:
    secret = _known(settings.whatsapp_webhook_secret.get_secret_value(), "whatsapp")
    expected = f"sha256={_sha256(secret, request.body).hex()}"
    return _same(expected.encode(), request.headers.get("x-hub-signature-256", "").encode("utf-8", "replace"))


_VERIFIERS: Mapping[str, Callable[[Settings, WebhookRequest], bool]] = {
    "sendgrid": _sendgrid,
    "twilio": _twilio,
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "hubspot": _hubspot,
    "whatsapp": _whatsapp,
}
PROVIDERS = tuple(_VERIFIERS)


def _known(secret: str, vendor: str) -> str:
    if not secret:
        raise UnverifiedError(f"no webhook key is set for {vendor}")
    return secret


def _sha256(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def _same(expected: bytes, given: bytes) -> bool:
    return hmac.compare_digest(expected, given)


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        return b""
