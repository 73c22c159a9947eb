"""Resolving what is ambiguous: by an event, or by asking the provider, after a settle time; never by guessing.

Belongs here: that rule. Stays out: how a provider is asked (`dmat/connectors`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from dmat.errors import TransientError, VendorRefusedError
from dmat.ledger.entries import ACCEPTED, AMBIGUOUS, ENTRY_COLUMNS, PLANNED, Entry, entries_of
from dmat.ledger.events import PROVES_ACCEPTED, apply_events
from dmat.ledger.fence import SETTLE_SECONDS
from dmat.ledger.post import Move, move, note
from dmat.store.engine import Store
from dmat.store.inbox import InboxRow, events_of_message
from dmat.store.tables import ledger_entries


class Lookup(Protocol):
    """A provider that may know what became of a message."""

    name: str

    def find_message(self, message_id: str) -> str | None:
        """See `dmat.channels.contract.MailProvider`."""
        ...


@dataclass
class ReconcileReport:
    """What became of the ambiguous messages that had settled."""

    accepted_count: int = 0
    planned_again_count: int = 0
    unresolved: list[str] = field(default_factory=list)


def reconcile(
    store: Store,
    provider: Lookup,
    now: datetime,
    *,
    epoch: Callable[[], float] = time.time,
    limit: int = 200,
) -> ReconcileReport:
    """Look for evidence on ambiguous messages whose settle time is over."""
    report = ReconcileReport()
    for entry in _settled(store, epoch(), limit):
        proof = _proof(store, entry)
        if proof:
            apply_events(store, proof, now)
            report.accepted_count += 1
            continue
        try:
            found = provider.find_message(entry.message_id)
        except (VendorRefusedError, TransientError) as error:
            report.unresolved.append(entry.message_id)
            _ask_later(store, entry, epoch(), now, str(error))
            continue
        _settle(store, entry, provider.name, found, now, report)
    return report


def _settled(store: Store, epoch: float, limit: int) -> list[Entry]:
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(table.state == AMBIGUOUS, table.settles_at_epoch <= epoch)
    with store.read() as connection:
        return entries_of(connection, query.order_by(table.settles_at_epoch).limit(limit))


def _proof(store: Store, entry: Entry) -> list[InboxRow]:
    return [row for row in events_of_message(store, entry.message_id) if row.kind in PROVES_ACCEPTED]


def _ask_later(store: Store, entry: Entry, epoch: float, now: datetime, why: str) -> None:
    reason = f"{entry.reason.split(' | ')[0]} | no look-up: {why}"[:500]
    with store.write() as connection:
        note(connection, {entry.message_id: {"settles_at_epoch": epoch + SETTLE_SECONDS, "reason": reason}}, now)


def _settle(
    store: Store, entry: Entry, provider: str, found: str | None, now: datetime, report: ReconcileReport
) -> None:
    is_ambiguous = frozenset({AMBIGUOUS})
    if found is None:
        values = {"settles_at_epoch": None, "not_before": now, "claimed_by": ""}
        reason = f"looked up: {provider} never took it"
        step = Move(entry.message_id, PLANNED, reason, values, only_from=is_ambiguous)
        report.planned_again_count += 1
    else:
        values = {"settles_at_epoch": None, "accepted_at": entry.handed_over_at or now, "provider_message_id": found}
        step = Move(entry.message_id, ACCEPTED, f"looked up: {provider} took it", values, only_from=is_ambiguous)
        report.accepted_count += 1
    with store.write() as connection:
        move(connection, [step], now)
