"""Reading fields of a vendor's event: each reader says which field is wrong and how.

Belongs here: types of fields, what a reply means. Stays out: what a vendor calls them (one file each), the words for
"stop" (`dmat/channels/reply_words.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from dmat.channels.reply_words import means_help, means_stop
from dmat.channels.vendors.request import WebhookRequest
from dmat.clock import as_utc
from dmat.errors import InvalidInputError
from dmat.store.inbox import InboundEvent

Reader = Callable[[WebhookRequest, Any, datetime], InboundEvent]
IS_PERMANENT = "dmat_is_permanent"  # in the payload of a bounce: whether it will happen again
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def reply_kind(text: str) -> str:
    """What a reply means to us."""
    if means_stop(text):
        return "unsubscribed"
    return "help" if means_help(text) else "replied"


def json_of(body: bytes) -> Any:
    """The body as JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("body", f"it is not JSON ({error})") from None


def object_of(element: Any) -> dict[str, Any]:
    """An element that must be an object."""
    if not isinstance(element, dict):
        raise InvalidInputError("event", "it is not an object")
    return element


def list_at(value: Any, name: str) -> list[Any]:
    """The list under a name; an empty one when there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def object_at(value: Any, name: str) -> dict[str, Any]:
    """The object under a name; an empty one when there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def text_at(event: Mapping[str, Any], name: str, required: bool = False) -> str:
    """The text under a name."""
    found = event.get(name)
    if found is None or found == "":
        if required:
            raise InvalidInputError(name, "it is missing")
        return ""
    if not isinstance(found, str) or "\x00" in found:
        raise InvalidInputError(name, "it is not text")
    return found


def with_facts(event: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """The event with what it holds deeper inside also on top (`link`, `user_agent`, `reason`), where tables look."""
    return {**{name: value for name, value in facts.items() if isinstance(value, str) and value}, **event}


def epoch_moment(value: Any) -> datetime:
    """Seconds since 1970, as a number or as text."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        return datetime.fromtimestamp(float(value), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise InvalidInputError("timestamp", "it is not a time", "seconds since 1970") from None


def iso_moment(value: Any) -> datetime:
    """An ISO 8601 time; without a zone it is UTC."""
    try:
        if not isinstance(value, str):
            raise ValueError
        return as_utc(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise InvalidInputError("timestamp", "it is not a time", "ISO 8601") from None


def own_message_id(value: Any) -> str:
    """A message id of ours, or nothing."""
    return value if isinstance(value, str) and _UUID.fullmatch(value) else ""


def phone_of(digits: str) -> str:
    """E.164 from bare digits."""
    return f"+{digits}" if digits.isdigit() else digits


def hash_of(event: Mapping[str, Any]) -> str:
    """An id for an event that has none: the same content is the same event."""
    try:
        return "body-" + hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except (orjson.JSONEncodeError, TypeError):
        raise InvalidInputError("event", "it cannot be written down") from None
