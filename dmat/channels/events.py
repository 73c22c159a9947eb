"""What a verified webhook says: the body of each vendor becomes events of ours.

Belongs here: going through a body, and the limits of what is kept. Stays out: each vendor's fields
(`dmat/channels/vendors`), verifying (`dmat/channels/signatures.py`), what an event changes (`dmat/ledger/receive.py`).
A body that cannot be read is an error; one bad element in a list is given back beside the good ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import orjson

from dmat.channels.vendors.fields import IS_PERMANENT
from dmat.channels.vendors.registry import WEBHOOKS
from dmat.channels.vendors.request import WebhookRequest
from dmat.errors import InvalidInputError
from dmat.store.inbox import InboundEvent

__all__ = ["IS_PERMANENT", "Parsed", "parse_events"]
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
    for element, read in WEBHOOKS[request.provider].elements(request):
        try:
            parsed.events.append(_checked(read(request, element, now)))
        except InvalidInputError as error:
            parsed.bad.append((orjson.dumps(element), str(error)))
    return parsed


def _checked(event: InboundEvent) -> InboundEvent:
    """Limits of the store's columns, and text that no database keeps."""
    if len(event.event_id) > _LONGEST_ID or "\x00" in event.event_id:
        raise InvalidInputError("event id", "it is too long", f"{_LONGEST_ID} characters")
    if len(event.address) > _LONGEST_ADDRESS:
        raise InvalidInputError("address", "it is too long", f"{_LONGEST_ADDRESS} characters")
    return event
