"""The webhook channel: a call of somebody's address in place of a message, signed, with our id as its key.

Belongs here: what a call holds and how it is signed and checked. Stays out: the HTTP
(`dmat/connectors/outgoing_webhook.py`).

The body is the JSON that the template says, no more: whoever is called may want it just so. The address is the
workspace's, which only an administrator can set; in the ledger a call stands under `person:<id>`.

    webhook-id         our message id: the same call again has the same one, and must be taken as the same
    webhook-timestamp  seconds since 1970
    webhook-signature  "v1," + base64 of HMAC-SHA256 over "<id>.<timestamp>.<body>"  (the Standard Webhooks scheme)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from dmat.channels.addresses import is_valid_web_address
from dmat.channels.contract import OutgoingCall
from dmat.errors import InvalidInputError
from dmat.settings import Settings

LARGEST_BODY = 256 * 1024
TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"
BODY_RULE = 'an object, as {"name": "{{ first_name }}", "points": {{ points }}}'


def build_call(settings: Settings, *, message_id: str, payload: Mapping[str, Any]) -> OutgoingCall:
    """A call of the workspace's address, ready to leave.

    Raises:
        InvalidInputError: the address is none, or the payload cannot be written or is too large.
    """
    address = settings.outgoing_webhook_url
    if address and not is_valid_web_address(address):
        raise InvalidInputError(
            "DMAT_OUTGOING_WEBHOOK_URL", "is not a web address that may be called", "https://host/path"
        )
    call = OutgoingCall(message_id, address, dict(payload))
    if (size := len(body_of(call))) > LARGEST_BODY:
        raise InvalidInputError("payload", f"has {size} bytes", f"up to {LARGEST_BODY}")
    return call


def read_body(text: str) -> dict[str, Any]:
    """The object that a filled template says.

    Raises:
        InvalidInputError: it is not JSON, or not an object.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("body", f"is not JSON: {error}", BODY_RULE) from None
    if not isinstance(found, dict):
        raise InvalidInputError("body", "is JSON, but not an object", BODY_RULE)
    return found


def body_of(call: OutgoingCall) -> bytes:
    """The bytes that are signed and sent."""
    try:
        return orjson.dumps(call.payload)
    except TypeError as error:
        raise InvalidInputError("payload", f"cannot be written as JSON: {error}") from None


def sign_call(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove where a call comes from.

    Raises:
        InvalidInputError: there is no secret.
    """
    if not secret:
        raise InvalidInputError("DMAT_OUTGOING_WEBHOOK_SECRET", "is not set: calls cannot be signed")
    text = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(_key_of(secret), text, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
        "Idempotency-Key": message_id,
    }


def _key_of(secret: str) -> bytes:
    """The bytes of a secret: after `whsec_` they are base64, as the scheme has it; else its text."""
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise InvalidInputError("secret", "is not base64 after whsec_", "as it was given to you") from None


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """What the one who is called checks: the signature is ours and not older than five minutes."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE_SECONDS:
        return False
    expected = sign_call(secret, headers.get("webhook-id", ""), int(stamp), body)["webhook-signature"]
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in given)
