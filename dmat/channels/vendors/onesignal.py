"""Event streams of OneSignal: the body is the one that docs/guide/channels.md names, the proof a word in a header.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
OneSignal signs nothing; it sends whatever headers are entered there, so the word is all that it can prove itself by.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dmat.channels.vendors.fields import (
    Reader,
    epoch_moment,
    hash_of,
    json_of,
    object_at,
    object_of,
    own_message_id,
    text_at,
)
from dmat.channels.vendors.request import WebhookRequest, is_same, known
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {
    "message.push.sent": "accepted", "message.push.received": "delivered", "message.push.clicked": "clicked",
    "message.push.failed": "dropped", "message.push.unsubscribed": "unsubscribed",
}  # fmt: skip


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.onesignal_webhook_secret.get_secret_value(), "onesignal")
    given = request.headers.get("authorization", "")
    return is_same(f"Bearer {secret}".encode(), given.encode("utf-8", "replace"))


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    return iter([(object_of(json_of(request.body)), _event)])


def _event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    body = object_of(element)
    event, message = object_at(body, "event"), object_at(body, "message")
    return InboundEvent(
        provider="onesignal",
        event_id=text_at(event, "id") or hash_of(body),
        kind=KINDS.get(text_at(event, "kind", required=True), "other"),
        occurred_at=epoch_moment(event.get("timestamp")),
        payload=body,
        message_id=own_message_id(message.get("name")),
        address=text_at(event, "subscription_id").lower(),
        channel="push",
    )
