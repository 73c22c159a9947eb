"""Webhooks of HubSpot: signed (v3) with HMAC-SHA256 and good for five minutes; a list of changes.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dmat.channels.vendors.fields import Reader, epoch_moment, json_of, object_of, text_at
from dmat.channels.vendors.request import WebhookRequest, from_base64, is_same, known, sha256
from dmat.errors import InvalidInputError, UnverifiedError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

GOOD_FOR_SECONDS = 300


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.hubspot_webhook_secret.get_secret_value(), "hubspot")
    timestamp = request.headers.get("x-hubspot-request-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 16:
        raise UnverifiedError("the timestamp of hubspot is missing")
    if abs(request.received_epoch - int(timestamp) / 1000) > GOOD_FOR_SECONDS:
        raise UnverifiedError("the timestamp of hubspot is more than five minutes off")
    text = request.method.encode() + request.url.encode() + request.body + timestamp.encode()
    return is_same(sha256(secret, text), from_base64(request.headers.get("x-hubspot-signature-v3", "")))


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    body = json_of(request.body)
    if not isinstance(body, list):
        raise InvalidInputError("body", "it is not a list of events")
    return ((element, _event) for element in body)


def _event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    if not isinstance(event.get("eventId"), int):
        raise InvalidInputError("eventId", "it is missing")
    at = event.get("occurredAt")
    identity = f"{event['eventId']}:{text_at(event, 'subscriptionType')}:{event.get('objectId', '')}"
    occurred_at = epoch_moment(at / 1000 if isinstance(at, (int, float)) else at)
    return InboundEvent("hubspot", identity, "changed", occurred_at, event)
