"""Resolving what is ambiguous: by an event, by asking the provider, or by the same request under the same key, after a
settle time; never by guessing.

Belongs here: that rule. Stays out: how a provider is asked (`dmat/connectors`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from dmat.channels.contract import Abilities, Sought
from dmat.errors import DmatError, PermanentError, TransientError, VendorRefusedError
from dmat.ledger.entries import ACCEPTED, AMBIGUOUS, ENTRY_COLUMNS, PLANNED, Entry, entries_of
from dmat.ledger.events import PROVES_ACCEPTED, apply_events
from dmat.ledger.fence import SETTLE_SECONDS
from dmat.ledger.post import Move, move, note
from dmat.store.engine import Store, chunks
from dmat.store.inbox import InboxRow, events_of_message
from dmat.store.ledger_tables import IN_FLIGHT, ledger_entries

SURE_SHARE = 0.9  # of the time for which a key is known; clocks differ
MOST_REPEATS = 10


class Lookup(Protocol):
    """A provider that may know what became of a message."""

    name: str
    channel: str
    abilities: Abilities

    def find_message(self, sought: Sought) -> str | None:
        """See `dmat.channels.contract.Provider`."""
        ...


@dataclass
class ReconcileReport:
    """What became of the ambiguous messages that had settled."""

    accepted_count: int = 0
    planned_again_count: int = 0
    unresolved: list[str] = field(default_factory=list)


def channels_to_settle(store: Store, epoch: Callable[[], float] = time.time) -> list[str]:
    """Channels with ambiguous messages whose settle time is over."""
    table = ledger_entries.c
    settled = (IN_FLIGHT, table.state == AMBIGUOUS, table.settles_at_epoch <= epoch())
    query = sa.select(table.channel).where(*settled).distinct()
    with store.read() as connection:
        found: list[str] = list(connection.execute(query).scalars())
    return found


def reconcile(
    store: Store,
    provider: Lookup,
    now: datetime,
    *,
    epoch: Callable[[], float] = time.time,
    limit: int = 1000,
    at_once: int = 8,
    words_of: Callable[[str], str] | None = None,
) -> ReconcileReport:
    """Look for evidence on ambiguous messages of the provider's channel whose settle time is over.

    Args:
        store: the store.
        provider: is asked; one that says that it cannot look messages up is not asked again for this round.
        now: the workspace's time.
        epoch: the system's clock.
        limit: at most so many messages.
        at_once: so many are asked for at the same time.
        words_of: the words of a message as it was sent, for providers that know our messages by them only.
    """
    report = ReconcileReport()
    waiting, again = [], []
    for entry in _settled(store, provider.channel, epoch(), limit):
        proof = _proof(store, entry)
        if proof:
            apply_events(store, proof, now)
            report.accepted_count += 1
        elif (until := _known_by_key_until(entry, provider.abilities, now)) is not None:
            reason = f"the same request again: {provider.name} knows its key"
            again.append(_planned_again(entry, reason, now, expires_at=until))
        else:
            waiting.append(entry)
    _plan_again(store, again, now, report)
    for batch in chunks(waiting, at_once):
        answers = _ask(provider, batch, words_of)
        steps: list[Move] = []
        for entry, answer in zip(batch, answers, strict=True):
            if isinstance(answer, DmatError):
                report.unresolved.append(entry.message_id)
            else:
                steps.append(_settled_by(entry, provider.name, answer, now, report))
        if steps:
            with store.write() as connection:
                move(connection, steps, now)
        refusals = [answer for answer in answers if isinstance(answer, VendorRefusedError)]
        failed = [(e, str(answer)) for e, answer in zip(batch, answers, strict=True) if isinstance(answer, DmatError)]
        if refusals:
            rest = waiting[waiting.index(batch[-1]) + 1 :]
            report.unresolved += [entry.message_id for entry in rest]
            failed += [(entry, str(refusals[0])) for entry in rest]
        _ask_later(store, failed, epoch(), now)
        if refusals:
            break
    return report


def _known_by_key_until(entry: Entry, abilities: Abilities, now: datetime) -> datetime | None:
    """Until when the same request made again is surely taken for the first one; a batch would not be the same again.

    That moment becomes the message's last one, so that nothing that puts it off (a pause, a cap) makes a second one of
    it, and so that a third request counts from the first one too.
    """
    if not abilities.key_hours or abilities.looks_up or entry.batch_id or entry.handed_over_at is None:
        return None
    until = entry.handed_over_at + timedelta(hours=abilities.key_hours) * SURE_SHARE
    until = until if entry.expires_at is None else min(until, entry.expires_at)
    return until if now < until and entry.attempts < MOST_REPEATS else None


def _plan_again(store: Store, again: Sequence[Move], now: datetime, report: ReconcileReport) -> None:
    if again:
        with store.write() as connection:
            move(connection, again, now)
        report.planned_again_count += len(again)


def _planned_again(entry: Entry, reason: str, now: datetime, **more: datetime) -> Move:
    values = {"settles_at_epoch": None, "not_before": now, "claimed_by": "", **more}
    return Move(entry.message_id, PLANNED, reason, values, only_from=frozenset({AMBIGUOUS}))


def _ask(
    provider: Lookup, entries: Sequence[Entry], words_of: Callable[[str], str] | None = None
) -> list[str | DmatError | None]:
    def ask(entry: Entry) -> str | DmatError | None:
        words = words_of(entry.message_id) if words_of else ""
        try:
            return provider.find_message(Sought(entry.message_id, entry.address, entry.handed_over_at, words))
        except (PermanentError, TransientError) as error:
            return error

    if len(entries) == 1:
        return [ask(entries[0])]
    with ThreadPoolExecutor(len(entries)) as threads:
        return list(threads.map(ask, entries))


def _settled(store: Store, channel: str, epoch: float, limit: int) -> list[Entry]:
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(
        IN_FLIGHT, table.state == AMBIGUOUS, table.channel == channel, table.settles_at_epoch <= epoch
    )
    with store.read() as connection:
        return entries_of(connection, query.order_by(table.settles_at_epoch).limit(limit))


def _proof(store: Store, entry: Entry) -> list[InboxRow]:
    return [row for row in events_of_message(store, entry.message_id) if row.kind in PROVES_ACCEPTED]


def _ask_later(store: Store, failed: Sequence[tuple[Entry, str]], epoch: float, now: datetime) -> None:
    later = {
        entry.message_id: {
            "settles_at_epoch": epoch + SETTLE_SECONDS,
            "reason": f"{entry.reason.split(' | ')[0]} | no look-up: {why}"[:500],
        }
        for entry, why in failed
    }
    if later:
        with store.write() as connection:
            note(connection, later, now)


def _settled_by(entry: Entry, provider: str, found: str | None, now: datetime, report: ReconcileReport) -> Move:
    """What the provider's answer makes of an ambiguous message."""
    if found is None:
        report.planned_again_count += 1
        return _planned_again(entry, f"looked up: {provider} never took it", now)
    values = {"settles_at_epoch": None, "accepted_at": entry.handed_over_at or now, "provider_message_id": found}
    report.accepted_count += 1
    return Move(entry.message_id, ACCEPTED, f"looked up: {provider} took it", values, only_from=frozenset({AMBIGUOUS}))
