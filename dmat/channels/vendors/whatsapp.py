"""Webhooks of WhatsApp: signed with HMAC-SHA256 in hex; statuses of our messages and what people write.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dmat.channels.vendors.fields import (
    Reader,
    epoch_moment,
    json_of,
    list_at,
    object_of,
    own_message_id,
    phone_of,
    reply_kind,
    text_at,
)
from dmat.channels.vendors.request import WebhookRequest, is_same, known, sha256
from dmat.errors import InvalidInputError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {"sent": "accepted", "delivered": "delivered", "read": "opened", "failed": "dropped"}


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.whatsapp_webhook_secret.get_secret_value(), "whatsapp")
    expected = f"sha256={sha256(secret, request.body).hex()}"
    return is_same(expected.encode(), request.headers.get("x-hub-signature-256", "").encode("utf-8", "replace"))


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    body = json_of(request.body)
    if not isinstance(body, dict) or not isinstance(body.get("entry"), list):
        raise InvalidInputError("body", "it has no entries")
    found: list[tuple[Any, Reader]] = []
    for entry in body["entry"]:
        for change in list_at(entry, "changes"):
            value = change.get("value") if isinstance(change, dict) else None
            found += [(status, _status) for status in list_at(value, "statuses")]
            found += [(message, _reply) for message in list_at(value, "messages")]
    return iter(found)


def _status(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    status = text_at(event, "status", required=True)
    return InboundEvent(
        provider="whatsapp",
        event_id=f"{text_at(event, 'id', required=True)}:{status}",
        kind=KINDS.get(status, "other"),
        occurred_at=epoch_moment(event.get("timestamp")),
        payload=event,
        message_id=own_message_id(event.get("biz_opaque_callback_data")),
        address=phone_of(text_at(event, "recipient_id")),
        channel="whatsapp",
    )


def _reply(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    text = event.get("text")
    body = text.get("body") if isinstance(text, dict) else ""
    return InboundEvent(
        provider="whatsapp",
        event_id=f"{text_at(event, 'id', required=True)}:received",
        kind=reply_kind(str(body or "")),
        occurred_at=epoch_moment(event.get("timestamp")),
        payload=event,
        address=phone_of(text_at(event, "from", required=True)),
        channel="whatsapp",
    )
