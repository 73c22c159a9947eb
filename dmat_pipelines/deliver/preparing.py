"""Preparing: what is due is looked at and put together, before anybody has a right to let it leave.

Belongs here: one round's worth of it, and what failures mean. Stays out: the round (`lane.py`), messages
(`composing.py`), doing it in a process of its own (`preparing_beside.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dmat.channels.contract import Provider
from dmat.ledger.claim import Batched, ClaimReport, look
from dmat.ledger.entries import Entry
from dmat.store import Store
from dmat_pipelines.deliver.parcels import Composed, Parcel

BROKEN_TEMPLATE = 3  # so many failures of a programme in one round, and no success, are the template's fault


class Composing(Protocol):
    """What puts messages together, see `composing.py`."""

    def compose(self, entries: Sequence[Entry], provider: Provider, now: datetime) -> Composed:
        """Parcels for a provider."""
        ...


@dataclass(frozen=True)
class Question:
    """What is to be looked at: the arguments of `dmat.ledger.claim.look`."""

    channel: str
    now: datetime
    limit: int
    after: str = ""
    batched: Batched | None = None
    besides: frozenset[str] = frozenset()


@dataclass
class Prepared:
    """What one round wants to send: parcels, and what could not be put together.

    Attributes:
        entries: the messages that were looked at or claimed.
        is_claimed: whether they are claimed; else the gate is still to be asked.
        failures: single messages that cannot be put together, to be rejected.
        broken: programme -> messages none of which can be put together, and why.
        last: the programme at which looking ended.
    """

    entries: Sequence[Entry] = ()
    is_claimed: bool = False
    parcels: list[Parcel] = field(default_factory=list)
    failures: list[tuple[Entry, str]] = field(default_factory=list)
    broken: dict[str, list[tuple[Entry, str]]] = field(default_factory=dict)
    last: str = ""


def look_for(store: Store, asked: Question) -> ClaimReport:
    """What is due, without taking it."""
    return look(
        store, asked.now, asked.limit,
        channel=asked.channel, after=asked.after, batched=asked.batched, besides=asked.besides,
    )  # fmt: skip


def look_and_prepare(store: Store, composer: Composing, provider: Provider, asked: Question) -> Prepared:
    """Put together what is due, without taking it."""
    found = look_for(store, asked)
    return prepare(composer, provider, found.entries, asked.now, is_claimed=False, last=found.last)


def prepare(
    composer: Composing, provider: Provider, entries: Sequence[Entry], now: datetime, *, is_claimed: bool, last: str
) -> Prepared:
    """Parcels; of what fails, one message is its own fault, a whole programme its template's."""
    prepared = Prepared(entries, is_claimed, last=last)
    if not entries:
        return prepared
    composed = composer.compose(entries, provider, now)
    prepared.parcels = composed.parcels
    good = {entry.programme for parcel in composed.parcels for entry in parcel.entries}
    of_programme: dict[str, list[tuple[Entry, str]]] = {}
    for entry, reason in composed.failures:
        of_programme.setdefault(entry.programme, []).append((entry, reason))
    for programme, failures in of_programme.items():
        if len(failures) >= BROKEN_TEMPLATE and programme not in good:
            prepared.broken[programme] = failures
        else:
            prepared.failures += failures
    return prepared
