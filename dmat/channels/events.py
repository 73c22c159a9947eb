"""What a verified webhook says: the body of each vendor becomes events of ours.

Belongs here: reading bodies that were verified, kinds of events, which words mean "stop". Stays out: verifying
(`dmat/channels/signatures.py`) and what an event changes (`dmat/ledger/receive.py`).
A body that cannot be read is an error; one bad element in a list is given back beside the good ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.channels.signatures import WebhookRequest
from dmat.errors import InvalidInputError
from dmat.store.inbox import InboundEvent

STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "end", "quit", "cancel"})
HELP_WORDS = frozenset({"help", "info"})
SENDGRID_KINDS = {
    "processed": "accepted", "delivered": "delivered", "open": "opened", "click": "clicked", "bounce": "bounced",
    "dropped": "dropped", "deferred": "deferred", "spamreport": "complained", "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed", "group_resubscribe": "resubscribed",
}  # fmt: skip
TWILIO_KINDS = {
    "accepted": "queued", "queued": "queued", "sending": "queued", "sent": "accepted", "delivered": "delivered",
    "undelivered": "bounced", "failed": "dropped", "read": "opened", "canceled": "dropped",
}  # fmt: skip
WHATSAPP_KINDS = {"sent": "accepted", "delivered": "delivered", "read": "opened", "failed": "dropped"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST_ID, _LONGEST_ADDRESS = 300, 320


@dataclass
class Parsed:
    """The events of one body, and its elements that could not be read, each with the reason."""

    events: list[InboundEvent] = field(default_factory=list)
    bad: list[tuple[bytes, str]] = field(default_factory=list)


def parse_events(request: WebhookRequest, now: datetime) -> Parsed:
    """Read a verified body.

    Args:
        request: what arrived.
        now: the workspace's time, for vendors that do not say when something happened.

    Raises:
        InvalidInputError: the body as a whole cannot be read.
    """
    parsed = Parsed()
    for element, read in _READERS[request.provider](request):
        try:
            parsed.events.append(_checked(read(request, element, now)))
        except InvalidInputError as error:
            parsed.bad.append((orjson.dumps(element), str(error)))
    return parsed


Reader = Callable[[WebhookRequest, Any, datetime], InboundEvent]


def first_word(text: str) -> str:
    """The first word of a reply, as it is compared with the words for stop and help."""
    return re.sub(r"[^a-z]", "", (text.strip().lower().split() or [""])[0])


def _sendgrid_elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    body = _json(request.body)
    if not isinstance(body, list):
        raise InvalidInputError("body", "it is not a list of events")
    return ((element, _sendgrid_event) for element in body)


def _sendgrid_event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = _object(element)
    name = _text(event, "event", required=True)
    agent = _text(event, "useragent")
    kind = SENDGRID_KINDS.get(name, "other")
    return InboundEvent(
        provider="sendgrid",
        event_id=_text(event, "sg_event_id") or _hash(event),
        kind=kind,
        occurred_at=_moment(event.get("timestamp")),
        payload=event,
        message_id=_message_id(event.get(MESSAGE_ID_ARGUMENT)),
        address=_text(event, "email").strip().lower(),
        is_machine=kind in {"opened", "clicked"} and is_machine(agent, event.get("sg_machine_open") is True),
    )


def _twilio_elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    try:
        fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=500))
    except (UnicodeDecodeError, ValueError):
        raise InvalidInputError("body", "it is not a form") from None
    return iter([(fields, _twilio_event)])


def _twilio_event(request: WebhookRequest, fields: Any, now: datetime) -> InboundEvent:
    sid = _text(fields, "MessageSid") or _text(fields, "SmsSid")
    if not sid:
        raise InvalidInputError("MessageSid", "it is missing")
    status = (_text(fields, "MessageStatus") or _text(fields, "SmsStatus")).lower()
    is_reply = "Body" in fields and status in {"", "received"}
    whose = _text(fields, "From" if is_reply else "To")
    query = dict(parse_qsl(urlsplit(request.url).query))
    return InboundEvent(
        provider="twilio",
        event_id=f"{sid}:{'received' if is_reply else status}",  # both are signed; header fields are not
        kind=_reply_kind(_text(fields, "Body")) if is_reply else TWILIO_KINDS.get(status, "other"),
        occurred_at=now,
        payload=fields,
        message_id=_message_id(query.get(MESSAGE_ID_ARGUMENT)),
        address=whose.removeprefix("whatsapp:").lower(),
        channel="whatsapp" if whose.startswith("whatsapp:") else "sms",
    )


def _reply_kind(text: str) -> str:
    return "unsubscribed" if first_word(text) in STOP_WORDS else "replied"


def _whatsapp_elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    body = _json(request.body)
    if not isinstance(body, dict) or not isinstance(body.get("entry"), list):
        raise InvalidInputError("body", "it has no entries")
    found: list[tuple[Any, Reader]] = []
    for entry in body["entry"]:
        for change in _list(entry, "changes"):
            value = change.get("value") if isinstance(change, dict) else None
            found += [(status, _whatsapp_status) for status in _list(value, "statuses")]
            found += [(message, _whatsapp_reply) for message in _list(value, "messages")]
    return iter(found)


def _whatsapp_status(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = _object(element)
    status = _text(event, "status", required=True)
    return InboundEvent(
        provider="whatsapp",
        event_id=f"{_text(event, 'id', required=True)}:{status}",
        kind=WHATSAPP_KINDS.get(status, "other"),
        occurred_at=_moment(event.get("timestamp")),
        payload=event,
        message_id=_message_id(event.get("biz_opaque_callback_data")),
        address=_phone(_text(event, "recipient_id")),
        channel="whatsapp",
    )


def _whatsapp_reply(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = _object(element)
    text = event.get("text")
    body = text.get("body") if isinstance(text, dict) else ""
    return InboundEvent(
        provider="whatsapp",
        event_id=f"{_text(event, 'id', required=True)}:received",
        kind=_reply_kind(str(body or "")),
        occurred_at=_moment(event.get("timestamp")),
        payload=event,
        address=_phone(_text(event, "from", required=True)),
        channel="whatsapp",
    )


def _record_elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    return iter([(_json(request.body), _record_event)])


_TOPICS = {
    "shopify": ("x-shopify-topic", "x-shopify-webhook-id"),
    "woocommerce": ("x-wc-webhook-topic", "x-wc-webhook-delivery-id"),
}


def _record_event(request: WebhookRequest, element: Any, now: datetime) -> InboundEvent:
    topic, identity = (request.headers.get(name, "") for name in _TOPICS[request.provider])
    body = _object(element)
    payload = {"topic": topic, "body": body}
    return InboundEvent(request.provider, identity or _hash(payload), "changed", now, payload)


def _hubspot_elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    body = _json(request.body)
    if not isinstance(body, list):
        raise InvalidInputError("body", "it is not a list of events")
    return ((element, _hubspot_event) for element in body)


def _hubspot_event(_request: WebhookRequest, element: Any, _now: datetime) -> InboundEvent:
    event = _object(element)
    if not isinstance(event.get("eventId"), int):
        raise InvalidInputError("eventId", "it is missing")
    at = event.get("occurredAt")
    identity = f"{event['eventId']}:{_text(event, 'subscriptionType')}:{event.get('objectId', '')}"
    occurred_at = _moment(at / 1000 if isinstance(at, (int, float)) else at)
    return InboundEvent("hubspot", identity, "changed", occurred_at, event)


_READERS: Mapping[str, Callable[[WebhookRequest], Iterator[tuple[Any, Reader]]]] = {
    "sendgrid": _sendgrid_elements,
    "twilio": _twilio_elements,
    "whatsapp": _whatsapp_elements,
    "shopify": _record_elements,
    "woocommerce": _record_elements,
    "hubspot": _hubspot_elements,
}


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("body", f"it is not JSON ({error})") from None


def _object(element: Any) -> dict[str, Any]:
    if not isinstance(element, dict):
        raise InvalidInputError("event", "it is not an object")
    return element


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _text(event: Mapping[str, Any], name: str, required: bool = False) -> str:
    found = event.get(name)
    if found is None or found == "":
        if required:
            raise InvalidInputError(name, "it is missing")
        return ""
    if not isinstance(found, str) or "\x00" in found:
        raise InvalidInputError(name, "it is not text")
    return found


def _moment(value: Any) -> datetime:
    """Seconds since 1970, as a number or as text."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        return datetime.fromtimestamp(float(value), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise InvalidInputError("timestamp", "it is not a time", "seconds since 1970") from None


def _message_id(value: Any) -> str:
    return value if isinstance(value, str) and _UUID.fullmatch(value) else ""


def _phone(digits: str) -> str:
    return f"+{digits}" if digits.isdigit() else digits


def _hash(event: Mapping[str, Any]) -> str:
    try:
        return "body-" + hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except (orjson.JSONEncodeError, TypeError):
        raise InvalidInputError("event", "it cannot be written down") from None


def _checked(event: InboundEvent) -> InboundEvent:
    """Limits of the store's columns, and text that no database keeps."""
    if len(event.event_id) > _LONGEST_ID or "\x00" in event.event_id:
        raise InvalidInputError("event id", "it is too long", f"{_LONGEST_ID} characters")
    if len(event.address) > _LONGEST_ADDRESS:
        raise InvalidInputError("address", "it is too long", f"{_LONGEST_ADDRESS} characters")
    return event
