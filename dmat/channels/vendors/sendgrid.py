"""Webhooks of SendGrid: signed with ECDSA over the time and the raw body; a list of events.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.channels.vendors.fields import Reader, epoch_moment, hash_of, json_of, object_of, own_message_id, text_at
from dmat.channels.vendors.request import WebhookRequest, from_base64, known
from dmat.errors import InvalidInputError, UnverifiedError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {
    "processed": "accepted", "delivered": "delivered", "open": "opened", "click": "clicked", "bounce": "bounced",
    "dropped": "dropped", "deferred": "deferred", "spamreport": "complained", "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed", "group_resubscribe": "resubscribed",
}  # fmt: skip


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    key = _public_key(known(settings.sendgrid_webhook_public_key, "sendgrid"))
    timestamp = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = from_base64(request.headers.get("x-twilio-email-event-webhook-signature", ""))
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


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    body = json_of(request.body)
    if not isinstance(body, list):
        raise InvalidInputError("body", "it is not a list of events")
    return ((element, _event) for element in body)


def _event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    name = text_at(event, "event", required=True)
    agent = text_at(event, "useragent")
    kind = KINDS.get(name, "other")
    return InboundEvent(
        provider="sendgrid",
        event_id=text_at(event, "sg_event_id") or hash_of(event),
        kind=kind,
        occurred_at=epoch_moment(event.get("timestamp")),
        payload=event,
        message_id=own_message_id(event.get(MESSAGE_ID_ARGUMENT)),
        address=text_at(event, "email").strip().lower(),
        is_machine=kind in {"opened", "clicked"} and is_machine(agent, event.get("sg_machine_open") is True),
    )
