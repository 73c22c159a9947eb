"""Webhooks of Resend: signed the way of Svix (HMAC-SHA256 over id, time and body), good for five minutes.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.channels.vendors.fields import (
    IS_PERMANENT,
    Reader,
    iso_moment,
    json_of,
    object_at,
    object_of,
    own_message_id,
    text_at,
    with_facts,
)
from dmat.channels.vendors.request import WebhookRequest, from_base64, is_same, known
from dmat.errors import InvalidInputError, UnverifiedError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

GOOD_FOR_SECONDS = 300
KINDS = {
    "email.sent": "accepted", "email.delivered": "delivered", "email.delivery_delayed": "deferred",
    "email.bounced": "bounced", "email.complained": "complained", "email.opened": "opened", "email.clicked": "clicked",
    "email.failed": "dropped", "email.suppressed": "dropped",
}  # fmt: skip


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.resend_webhook_secret.get_secret_value(), "resend")
    key = from_base64(secret.removeprefix("whsec_"))
    if not key:
        raise UnverifiedError("the signing secret of resend cannot be read: whsec_ and base64 are expected")
    identity, stamp = request.headers.get("svix-id", ""), request.headers.get("svix-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise UnverifiedError("the timestamp of resend is missing")
    if abs(request.received_epoch - int(stamp)) > GOOD_FOR_SECONDS:
        raise UnverifiedError("the timestamp of resend is more than five minutes off")
    expected = hmac.new(key, f"{identity}.{stamp}.".encode() + request.body, hashlib.sha256).digest()
    given = [one.removeprefix("v1,") for one in request.headers.get("svix-signature", "").split() if one[:3] == "v1,"]
    return any(is_same(expected, from_base64(one)) for one in given[:10])


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    return iter([(json_of(request.body), _event)])


def _event(request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    kind = KINDS.get(text_at(event, "type", required=True), "other")
    data = object_at(event, "data")
    identity = request.headers.get("svix-id", "")
    if not identity:
        raise InvalidInputError("svix-id", "it is missing")
    bounce, click = object_at(data, "bounce"), object_at(data, "click")
    is_permanent = text_at(bounce, "type") == "Permanent"
    agent = text_at(click, "userAgent")
    facts = with_facts(event, link=click.get("link"), user_agent=agent, reason=bounce.get("message"))
    return InboundEvent(
        provider="resend",
        event_id=identity,
        kind=kind,
        occurred_at=iso_moment(event.get("created_at")),
        payload=facts | ({IS_PERMANENT: is_permanent} if kind in {"bounced", "dropped"} else {}),
        message_id=own_message_id(_tag(data)),
        address=_recipient(data),
        is_machine=kind == "clicked" and is_machine(agent),
    )


def _tag(data: Mapping[str, Any]) -> Any:
    """Tags come back as an object; the same as a list of pairs, as they were sent, is read too."""
    tags = data.get("tags")
    if isinstance(tags, list):
        named = (tag for tag in tags if isinstance(tag, dict) and tag.get("name") == MESSAGE_ID_ARGUMENT)
        return next((tag.get("value") for tag in named), None)
    return tags.get(MESSAGE_ID_ARGUMENT) if isinstance(tags, dict) else None


def _recipient(data: Mapping[str, Any]) -> str:
    found = data.get("to")
    first = found[0] if isinstance(found, list) and found else found
    return first.strip().lower() if isinstance(first, str) and "\x00" not in first else ""
