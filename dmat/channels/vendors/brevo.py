"""Webhooks of Brevo: it signs nothing; a token (Bearer) or a user and password in the address prove the origin.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
Brevo's `id` is that of the webhook, not of the event, so an event's id follows from its content.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dmat.channels.machine import is_machine
from dmat.channels.vendors.fields import (
    IS_PERMANENT,
    Reader,
    epoch_moment,
    hash_of,
    json_of,
    object_of,
    own_message_id,
    text_at,
)
from dmat.channels.vendors.request import WebhookRequest, has_password, is_same, known
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {
    "request": "accepted", "sent": "accepted", "delivered": "delivered", "opened": "opened", "unique_opened": "opened",
    "proxy_open": "opened", "unique_proxy_open": "opened", "click": "clicked", "soft_bounce": "bounced",
    "hard_bounce": "bounced", "blocked": "dropped", "invalid_email": "dropped", "invalid": "dropped",
    "error": "dropped", "deferred": "deferred", "spam": "complained", "complaint": "complained",
    "unsubscribed": "unsubscribed",
}  # fmt: skip
PERMANENT = frozenset({"hard_bounce", "invalid_email", "invalid"})


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.brevo_webhook_token.get_secret_value(), "brevo")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return is_same(secret.encode(), given.strip().encode())
    return has_password(request, "dmat", secret)


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    body = json_of(request.body)
    found = body if isinstance(body, list) else [body]  # a webhook may be set to come in batches
    return ((element, _event) for element in found)


def _event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    name = text_at(event, "event", required=True)
    kind = KINDS.get(name, "other")
    at = event.get("ts_event", event.get("ts"))
    payload = event | ({IS_PERMANENT: name in PERMANENT} if kind in {"bounced", "dropped"} else {})
    by_proxy = name in {"proxy_open", "unique_proxy_open"}
    agent = event.get("user_agent")
    return InboundEvent(
        provider="brevo",
        event_id=hash_of(event),
        kind=kind,
        occurred_at=epoch_moment(at),
        payload=payload,
        message_id=own_message_id(event.get("X-Mailin-custom")),
        address=text_at(event, "email").strip().lower(),
        is_machine=kind in {"opened", "clicked"} and is_machine(agent if isinstance(agent, str) else "", by_proxy),
    )
