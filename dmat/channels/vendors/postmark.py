"""Webhooks of Postmark: it signs nothing; a user and password in the address prove the origin. One event each.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.channels.vendors.fields import (
    IS_PERMANENT,
    Reader,
    hash_of,
    iso_moment,
    json_of,
    object_at,
    object_of,
    own_message_id,
    text_at,
    with_facts,
)
from dmat.channels.vendors.request import WebhookRequest, has_password, known
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {"Delivery": "delivered", "Open": "opened", "Click": "clicked", "SpamComplaint": "complained"}
BOUNCES = {
    "HardBounce": True, "BadEmailAddress": True, "SoftBounce": False, "Transient": False, "DnsError": False,
    "Blocked": False, "SpamNotification": False, "VirusNotification": False, "DMARCPolicy": False, "Unknown": False,
    "TemplateRenderingFailed": False, "SMTPApiError": False, "InboundError": False,
}  # fmt: skip
OTHER_TYPES = {"SpamComplaint": "complained", "Unsubscribe": "unsubscribed", "ManuallyDeactivated": "unsubscribed"}
TIMES = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    return has_password(request, "dmat", known(settings.postmark_webhook_password.get_secret_value(), "postmark"))


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    return iter([(json_of(request.body), _event)])


def _event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = object_of(element)
    kind, is_permanent = _kind(event)
    at = next((event[name] for name in TIMES if event.get(name)), None)
    return InboundEvent(
        provider="postmark",
        event_id=hash_of(event),
        kind=kind,
        occurred_at=iso_moment(at),
        payload=with_facts(event, reason=event.get("Details") or event.get("Description"))
        | ({IS_PERMANENT: is_permanent} if kind == "bounced" else {}),
        message_id=own_message_id(object_at(event, "Metadata").get(MESSAGE_ID_ARGUMENT)),
        address=(text_at(event, "Recipient") or text_at(event, "Email")).strip().lower(),
        is_machine=kind in {"opened", "clicked"} and is_machine(text_at(event, "UserAgent")),
    )


def _kind(event: Mapping[str, Any]) -> tuple[str, bool]:
    record = text_at(event, "RecordType", required=True)
    if record == "Bounce":
        name = text_at(event, "Type", required=True)
        is_bounce = name in BOUNCES
        return "bounced" if is_bounce else OTHER_TYPES.get(name, "other"), BOUNCES.get(name, False)
    if record == "SubscriptionChange":
        return _changed(event), False
    return KINDS.get(record, "other"), False


def _changed(event: Mapping[str, Any]) -> str:
    """Somebody was taken off the stream, or put on it again; a hard bounce has its own event beside this one."""
    if event.get("SuppressSending") is not True:
        return "other"
    reasons = {"ManualSuppression": "unsubscribed", "SpamComplaint": "complained"}
    return reasons.get(text_at(event, "SuppressionReason"), "other")
