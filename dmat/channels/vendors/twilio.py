"""Webhooks of Twilio: signed with HMAC-SHA1 over the address and the sorted fields; one form each.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.vendors.fields import Reader, own_message_id, reply_kind, text_at
from dmat.channels.vendors.request import WebhookRequest, from_base64, is_same, known
from dmat.errors import InvalidInputError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {
    "accepted": "queued", "queued": "queued", "sending": "queued", "sent": "accepted", "delivered": "delivered",
    "undelivered": "bounced", "failed": "dropped", "read": "read", "canceled": "dropped",
}  # fmt: skip
OPT_OUT_KINDS = {"STOP": "unsubscribed", "START": "resubscribed", "HELP": "help"}


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.twilio_token.get_secret_value(), "twilio")
    fields: dict[str, str] = {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    text = request.url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return is_same(expected, from_base64(request.headers.get("x-twilio-signature", "")))


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    try:
        fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=500))
    except (UnicodeDecodeError, ValueError):
        raise InvalidInputError("body", "it is not a form") from None
    return iter([(fields, _event)])


def _event(request: WebhookRequest, fields: Any, now: datetime) -> InboundEvent:
    sid = text_at(fields, "MessageSid") or text_at(fields, "SmsSid")
    if not sid:
        raise InvalidInputError("MessageSid", "it is missing")
    status = (text_at(fields, "MessageStatus") or text_at(fields, "SmsStatus")).lower()
    is_reply = "Body" in fields and status in {"", "received"}
    whose = text_at(fields, "From" if is_reply else "To")
    query = dict(parse_qsl(urlsplit(request.url).query))
    return InboundEvent(
        provider="twilio",
        event_id=f"{sid}:{'received' if is_reply else status}",  # both are signed; header fields are not
        kind=_reply_kind(fields) if is_reply else KINDS.get(status, "other"),
        occurred_at=now,
        payload=fields,
        message_id=own_message_id(query.get(MESSAGE_ID_ARGUMENT)),
        address=whose.removeprefix("whatsapp:").lower(),
        channel="whatsapp" if whose.startswith("whatsapp:") else "sms",
    )


def _reply_kind(fields: Any) -> str:
    """What a reply means: Twilio says it itself when it keeps the list of those who left (`OptOutType`)."""
    said = OPT_OUT_KINDS.get(text_at(fields, "OptOutType").upper())
    return said or reply_kind(text_at(fields, "Body") or text_at(fields, "ButtonText"))
