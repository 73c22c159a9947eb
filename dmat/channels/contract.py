"""What a channel is given and what it must answer: the contract between the sender and any provider.

Belongs here: the shapes of outgoing messages and the protocol of a provider. Stays out: any vendor and any rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

MESSAGE_ID_ARGUMENT = "dmat_message_id"
PULLED = frozenset({"in_app", "banner"})  # people fetch these themselves: nobody sends them
OURS = PULLED | {"webhook"}  # reach our own pages and systems: nobody has an address there, or must agree first
CHANNELS = ("email", "sms", "whatsapp", "push", "in_app", "banner", "social", "retargeting", "webhook")


@dataclass(frozen=True)
class OutgoingMail:
    """One e-mail, ready to leave; `custom_args` travel with it and come back in the provider's events."""

    message_id: str
    to_email: str
    to_name: str
    from_email: str
    from_name: str
    subject: str
    html: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    custom_args: dict[str, str] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    reply_to: str = ""


@dataclass(slots=True)
class Recipient:
    """One person of a batch: what differs from the others.

    Attributes:
        values: placeholder -> text that stands there for this person, escaped already for where it stands.
        headers: headers of this person's mail, e.g. `List-Unsubscribe`.
        packed: what a provider made of all this beforehand (`Packing`); then nothing but the id is asked for.
    """

    message_id: str
    to_email: str
    to_name: str
    values: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    custom_args: Mapping[str, str] = field(default_factory=dict)
    packed: bytes | None = None


@dataclass(frozen=True)
class MailBatch:
    """Mails to many people in one request: the common part once, with placeholders, and each person's values.

    `batch_id` is ours: a request that is repeated has the same, a half of a refused one has another.
    """

    from_email: str
    from_name: str
    subject: str
    html: str
    text: str
    recipients: Sequence[Recipient]
    headers: Mapping[str, str] = field(default_factory=dict)
    categories: Sequence[str] = ()
    reply_to: str = ""
    batch_id: str = ""


@dataclass(frozen=True)
class WhatsAppTemplate:
    """An approved template, which is all that WhatsApp takes outside the 24 hours after a person wrote."""

    name: str
    language: str
    category: str  # marketing, utility or authentication
    body_values: Sequence[str] = ()
    header_media_url: str = ""
    button_values: Sequence[str] = ()


@dataclass(frozen=True)
class OutgoingText:
    """One SMS or WhatsApp message; `to` is E.164 with the plus sign.

    Attributes:
        cost_micros: what it is estimated to cost, in millionths of `cost_currency`; None when nobody knows.
    """

    message_id: str
    channel: str
    to: str
    text: str
    media_url: str = ""
    template: WhatsAppTemplate | None = None
    status_url: str = ""
    cost_micros: int | None = None
    cost_currency: str = ""


@dataclass(frozen=True)
class OutgoingPush:
    """One push notification to one device."""

    message_id: str
    token: str
    title: str
    body: str
    url: str = ""
    image_url: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OutgoingCall:
    """One call of somebody's web address (the webhook channel)."""

    message_id: str
    url: str
    payload: Mapping[str, Any]


Outgoing = OutgoingMail | OutgoingText | OutgoingPush | OutgoingCall


@dataclass(frozen=True)
class Sought:
    """A message whose fate is not known, with all that a provider may want in order to look it up.

    Attributes:
        text: the words that left, for vendors that list messages by address without an id of ours.
    """

    message_id: str
    address: str = ""
    handed_over_at: datetime | None = None
    text: str = ""


@dataclass(frozen=True)
class Abilities:
    """What a provider can do, from its own documentation.

    Attributes:
        batch: recipients that one request may carry; 1 means no batches.
        in_flight: requests at once.
        key_hours: for how long the same idempotency key is known; 0 means that there is none.
        looks_up: whether a message can be found by our id (or by its address and time).
        tracks_clicks: it leads clicks over its own address, so we do not.
        batch_bytes: bytes that the body of one batch may have; 0 means no limit is known (`dmat/channels/batches.py`
            cuts a batch accordingly).
        values_bytes: bytes that the values of one person in a batch may have; 0 as above.
        copies_content: a batch holds each mail whole, not the common part once.
    """

    batch: int = 1
    in_flight: int = 16
    key_hours: float = 0.0
    looks_up: bool = False
    tracks_clicks: bool = False
    batch_bytes: int = 0
    values_bytes: int = 0
    copies_content: bool = False


class Provider(Protocol):
    """Something that takes the messages of a channel: a vendor, or its sandbox."""

    name: str
    channel: str
    abilities: Abilities

    def send(self, message: Any) -> str:
        """Hand one message (of the channel's `Outgoing...`) over and give the provider's id of it.

        Raises:
            RateLimitedError: not taken; wait as long as it says.
            VendorUnavailableError: not taken; nothing was done.
            VendorRefusedError: not taken, and never will be as it is.
            AmbiguousError: nobody knows; only evidence may resolve it.
        """
        ...

    def send_batch(self, batch: MailBatch) -> str:
        """Hand a batch over, all of it or nothing, and give the provider's id of the request; only with `batch` > 1.

        Raises: as `send`, for the whole batch.
        """
        ...

    def find_message(self, sought: Sought) -> str | None:
        """The provider's id of a message that it took, or None when it never took it.

        Raises:
            VendorRefusedError: this account cannot look messages up.
            TransientError: no answer now; ask again later.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


@runtime_checkable
class Packing(Protocol):
    """A provider whose part for one person of a batch can be made before the batch is sent, by any process."""

    def pack(self, person: Recipient) -> bytes:
        """What the request says of one person."""
        ...
