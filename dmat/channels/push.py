"""Push: what a notification may hold, and how it is put together.

Belongs here: rules of the channel. Stays out: vendors (`dmat/connectors/fcm.py`, `dmat/connectors/onesignal.py`), and
where tokens come from (the doors in `apps/api`).
A token that the vendor calls dead raises DeadAddressError when it is sent to, and is suppressed by whoever sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson

from dmat.channels.addresses import is_valid_token, is_valid_web_address
from dmat.channels.contract import MESSAGE_ID_ARGUMENT, OutgoingPush
from dmat.errors import InvalidInputError

LARGEST_PAYLOAD = 4096  # bytes; Apple and Google take no more
SHOWN_TITLE, SHOWN_BODY = 50, 150  # signs that most devices show
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")
_RESERVED = re.compile(r"(?i)^(from|message_type|notification|google\..*|gcm\..*)$")


def build_push(
    *,
    message_id: str,
    token: str,
    title: str,
    body: str,
    url: str = "",
    image_url: str = "",
    data: Mapping[str, str] | None = None,
) -> OutgoingPush:
    """A notification that is ready to leave; our message id and the address to open travel in its data.

    Raises:
        InvalidInputError: no token, no words, an address that is none, or more than devices take.
    """
    if not is_valid_token(token):
        raise InvalidInputError("token", "is not the token of a device")
    title, body = _clean(title), _clean(body)
    if not title and not body:
        raise InvalidInputError("body", "a notification needs words")
    for field, address in (("url", url), ("image_url", image_url)):
        if address and not (is_valid_web_address(address) and urlsplit(address).scheme):
            raise InvalidInputError(field, "is not a web address", "https://...")
    if wrong := [name for name in data or {} if _RESERVED.match(name)]:
        raise InvalidInputError("data", f"{wrong[0]!r} is a name that Google keeps for itself")
    carried = {**(data or {}), MESSAGE_ID_ARGUMENT: message_id, **({"url": url} if url else {})}
    size = len(orjson.dumps([title, body, image_url, carried]))
    if size > LARGEST_PAYLOAD - 200:  # what vendors add
        raise InvalidInputError("body", f"the notification has {size} bytes", f"up to {LARGEST_PAYLOAD - 200}")
    return OutgoingPush(message_id, token, title, body, url, image_url, carried)


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


def look_at(title: str, body: str) -> list[str]:
    """What a marketer should know of a notification before it is used."""
    told = []
    if len(title) > SHOWN_TITLE:
        told.append(f"the title has {len(title)} signs; most devices show {SHOWN_TITLE}")
    if len(body) > SHOWN_BODY:
        told.append(f"the text has {len(body)} signs; most devices show {SHOWN_BODY}")
    if not title:
        told.append("it has no title: devices show the name of the app or the site")
    return told
