"""Webhooks of Vonage's Messages API: a JWT in the header, signed with the account's signature secret (HS256).

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
The token names the hash of the body, so it is good for this body only. Our message id comes back as `client_ref`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from dmat.channels.vendors.fields import (
    IS_PERMANENT,
    Reader,
    iso_moment,
    json_of,
    object_at,
    object_of,
    own_message_id,
    phone_of,
    reply_kind,
    text_at,
)
from dmat.channels.vendors.request import WebhookRequest, is_same, known, sha256
from dmat.errors import UnverifiedError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {
    "submitted": "accepted", "delivered": "delivered", "rejected": "dropped", "undeliverable": "bounced",
    "read": "read",
}  # fmt: skip
NO_SUCH_NUMBER = frozenset({"1170", "1190", "1240"})  # not a number, absent for good, illegal
LATE_SECONDS = 24 * 3600  # Vonage repeats an unanswered webhook for a day


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.vonage_webhook_secret.get_secret_value(), "vonage")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    parts = token.strip().split(".")
    if scheme.lower() != "bearer" or len(parts) != 3:
        raise UnverifiedError("the token of vonage is missing")
    signed = f"{parts[0]}.{parts[1]}".encode("ascii", "replace")
    if _read_part(parts[0]).get("alg") != "HS256" or not is_same(sha256(secret, signed), _from_base64(parts[2])):
        return False
    claims = _read_part(parts[1])
    issued_at = claims.get("iat")
    if not isinstance(issued_at, int) or abs(request.received_epoch - issued_at) > LATE_SECONDS:
        raise UnverifiedError("the token of vonage is too old")
    return is_same(hashlib.sha256(request.body).hexdigest().encode(), str(claims.get("payload_hash", "")).encode())


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _read_part(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(_from_base64(text))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    return iter([(object_of(json_of(request.body)), _event)])


def _event(_request: WebhookRequest, element: Any, now: datetime) -> InboundEvent:
    event = object_of(element)
    is_reply = "status" not in event
    status = "received" if is_reply else text_at(event, "status", required=True)
    return InboundEvent(
        provider="vonage",
        event_id=f"{text_at(event, 'message_uuid', required=True)}:{status}",
        kind=reply_kind(text_at(event, "text")) if is_reply else KINDS.get(status, "other"),
        occurred_at=iso_moment(event.get("timestamp")),
        payload=event if is_reply else event | {IS_PERMANENT: _is_permanent(event)},
        message_id="" if is_reply else own_message_id(event.get("client_ref")),
        address=phone_of(text_at(event, "from" if is_reply else "to", required=True)),
        channel="sms",
    )


def _is_permanent(event: dict[str, Any]) -> bool:
    return str(object_at(event, "error").get("title", "")) in NO_SUCH_NUMBER
