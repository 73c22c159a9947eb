"""Parcels: what leaves in one request, and the messages of the ledger that are in it.

Belongs here: shapes, and cutting a refused batch in halves. Stays out: composing (`composing.py`), sending (`lane.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dmat.channels.contract import MailBatch
from dmat.ledger.entries import Entry
from dmat.ledger.kept import Request

HOPELESS = 63  # so many halves of one batch refused and none taken: it is what they have in common


@dataclass
class Family:
    """A batch and the halves it was cut into: how many of them were taken and refused."""

    taken: int = 0
    refused: int = 0
    first_refusal: str = ""

    def is_hopeless(self, size: int) -> bool:
        """Whether everything that was tried was refused, so that it is not the fault of single recipients."""
        return self.taken == 0 and self.refused >= min(HOPELESS, max(3, size))


@dataclass
class Parcel:
    """One request.

    Attributes:
        entries: its messages.
        message: the channel's `Outgoing...`, or a `MailBatch`.
        row: how a single message is kept (columns of `rendered_messages`).
        request: how a batch is kept.
        family: of a batch.
        size: recipients of the batch that it was cut from.
    """

    entries: Sequence[Entry]
    message: Any
    row: Mapping[str, Any] | None = None
    request: Request | None = None
    family: Family = field(default_factory=Family)
    size: int = 0

    @property
    def ids(self) -> list[str]:
        """The ids of its messages."""
        return [entry.message_id for entry in self.entries]

    @property
    def is_batch(self) -> bool:
        """Whether it is a batch."""
        return isinstance(self.message, MailBatch)

    def only(self, ids: set[str]) -> Parcel | None:
        """The same with these messages only; None when none is left."""
        if all(message_id in ids for message_id in self.ids):
            return self
        entries = [entry for entry in self.entries if entry.message_id in ids]
        if not entries:
            return None
        people = [person for person in self.message.recipients if person.message_id in ids]
        return replace(self, entries=entries, message=replace(self.message, recipients=people))

    def halves(self) -> list[Parcel]:
        """Two requests instead of this one, each with an id of its own."""
        middle = len(self.entries) // 2
        return [self._part(slice(None, middle)), self._part(slice(middle, None))]

    def _part(self, place: slice) -> Parcel:
        message = replace(self.message, recipients=list(self.message.recipients)[place], batch_id=new_batch_id())
        return replace(self, entries=list(self.entries)[place], message=message, request=None)


@dataclass
class Composed:
    """What was made of claimed entries: parcels, and those of which nothing could be made, with the reason."""

    parcels: list[Parcel] = field(default_factory=list)
    failures: list[tuple[Entry, str]] = field(default_factory=list)


def new_batch_id() -> str:
    """An id for one request."""
    return str(uuid.uuid4())
