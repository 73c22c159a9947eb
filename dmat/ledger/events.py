"""What providers' events change in the ledger; in any order, any number of times, the end is the same.

Belongs here: from an event's kind to a state. Stays out: suppressions and counters, which do not wait for this
(`dmat/ledger/receive.py`).
An event that names a message proves that the provider took it, whatever we thought before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.ledger.entries import ACCEPTED, DELIVERED, REJECTED
from dmat.ledger.post import Move, move, note
from dmat.store.engine import Store, chunks
from dmat.store.inbox import InboxRow, mark_applied, unapplied
from dmat.store.ledger_tables import ledger_entries

PROVES_DELIVERED = frozenset({"delivered", "opened", "clicked", "complained", "read", "shown"})
PROVES_ACCEPTED = PROVES_DELIVERED | {"accepted", "bounced", "dropped", "deferred", "unsubscribed"}
FAILED = frozenset({"bounced", "dropped"})


@dataclass(frozen=True)
class ApplyReport:
    """What applying did: events seen, messages that moved."""

    events_count: int
    moved_count: int


def apply_waiting(store: Store, now: datetime, limit: int = 5000) -> ApplyReport:
    """Apply what the ledger has not seen yet."""
    return apply_events(store, unapplied(store, limit), now)


def apply_events(store: Store, rows: Sequence[InboxRow], now: datetime) -> ApplyReport:
    """Move messages as the events say, and mark the events as seen, in one transaction."""
    if not rows:
        return ApplyReport(0, 0)
    ordered = sorted(rows, key=lambda row: (row.occurred_at, row.kind in FAILED, row.inbox_id))
    moves = [step for row in ordered if row.message_id for step in _moves_of(row)]
    with store.write() as connection:
        moved = move(connection, moves, now)
        _note_deliveries(connection, ordered, now)
        mark_applied(connection, [row.inbox_id for row in rows], now)
    return ApplyReport(len(rows), len(moved))


def _note_deliveries(connection: Connection, rows: Sequence[InboxRow], now: datetime) -> None:
    """A delivery that is told after the bounce that followed it changes no state, but its time is kept."""
    at = {row.message_id: row.occurred_at for row in reversed(rows) if row.kind in PROVES_DELIVERED and row.message_id}
    for batch in chunks(sorted(at)):
        query = sa.select(ledger_entries.c.message_id).where(
            ledger_entries.c.message_id.in_(batch),
            ledger_entries.c.state == REJECTED,
            ledger_entries.c.delivered_at.is_(None),
        )
        late: list[str] = list(connection.execute(query).scalars())
        note(connection, {message_id: {"delivered_at": at[message_id]} for message_id in late}, now)


def _moves_of(row: InboxRow) -> list[Move]:
    at, source = row.occurred_at, f"event of {row.provider}"
    moves: list[Move] = []
    if row.kind in PROVES_ACCEPTED:
        moves.append(Move(row.message_id, ACCEPTED, f"{source}: {row.kind}", _accepted(row), happened_at=at))
    if row.kind in PROVES_DELIVERED:
        moves.append(Move(row.message_id, DELIVERED, f"{source}: {row.kind}", {"delivered_at": at}, happened_at=at))
    if row.kind in FAILED:
        detail = str(row.payload.get("reason") or row.payload.get("type") or "")[:500]
        moves.append(Move(row.message_id, REJECTED, f"{row.kind}: {detail}".rstrip(": "), happened_at=at))
    return moves


def _accepted(row: InboxRow) -> dict[str, object]:
    values: dict[str, object] = {"accepted_at": row.occurred_at, "settles_at_epoch": None}
    if row.provider != "dmat":
        values["provider"] = row.provider
    return values
