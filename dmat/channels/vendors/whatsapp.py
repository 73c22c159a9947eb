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
    object_at,
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

KINDS = {"sent": "accepted", "delivered": "delivered", "read": "read", "failed": "dropped"}
NOT_SAID = frozenset({"system", "unsupported", "unknown"})  # notes of WhatsApp, no words of a person
PREFERENCES = {"stop": "unsubscribed", "resume": "resubscribed"}


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
            found += [(preference, _preference) for preference in list_at(value, "user_preferences")]
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
    is_said = event.get("type") not in NOT_SAID
    return InboundEvent(
        provider="whatsapp",
        event_id=f"{text_at(event, 'id', required=True)}:received",
        kind=reply_kind(words_of(event)) if is_said else "other",
        occurred_at=epoch_moment(event.get("timestamp")),
        payload=event,
        address=phone_of(text_at(event, "from", required=True)),
        channel="whatsapp",
    )


def words_of(event: dict[str, Any]) -> str:
    """What a person wrote, or the words of the button that they pressed."""
    interactive = object_at(event, "interactive")
    said = (
        object_at(event, "text").get("body"),
        object_at(event, "button").get("text"),
        object_at(interactive, "button_reply").get("title"),
        object_at(interactive, "list_reply").get("title"),
    )
    return str(next((words for words in said if words), ""))


def _preference(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    """A person ends or takes up again our marketing messages in the settings of WhatsApp itself."""
    event = object_of(element)
    number, value = text_at(event, "wa_id", required=True), text_at(event, "value", required=True)
    at = epoch_moment(event.get("timestamp"))
    return InboundEvent(
        provider="whatsapp",
        event_id=f"preference:{number}:{value}:{at.isoformat()}",
        kind=PREFERENCES.get(value, "other"),
        occurred_at=at,
        payload=event,
        address=phone_of(number),
        channel="whatsapp",
    )
