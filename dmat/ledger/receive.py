"""Taking events in: to the inbox, with the suppressions and counters they cause, in one transaction.

Belongs here: what must be true within a second of an event's arrival. Stays out: the ledger's states, which may
follow a little later (`dmat/ledger/events.py`), and verifying (`dmat/channels/signatures.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.consent.permission import MARKETING, Decision, record_decisions
from dmat.consent.suppression import Suppression, suppress
from dmat.ledger.counters import Mark, count_marks
from dmat.ledger.events import PROVES_ACCEPTED, PROVES_DELIVERED
from dmat.store.engine import Store, chunks
from dmat.store.inbox import InboundEvent, append_events
from dmat.store.tables import ledger_entries

BY_PERSON = frozenset({"opened", "clicked"})
COUNTED = frozenset({"delivered", "bounced", "dropped", "complained", "unsubscribed"})
DEAD_NUMBERS = frozenset({"21211", "21614", "30005", "30006"})  # not a number, no mobile, unknown, landline
SUPPRESSES = frozenset({"complained", "unsubscribed"})


def receive(store: Store, events: Sequence[InboundEvent], now: datetime) -> int:
    """Take verified events in; gives how many were new. After it returns, nothing suppressed is sent to."""
    with store.write() as connection:
        return len(receive_within(connection, events, now))


def receive_within(connection: Connection, events: Sequence[InboundEvent], now: datetime) -> list[InboundEvent]:
    """The same, inside the caller's transaction; gives the events that were new."""
    fresh = append_events(connection, events, now)
    suppress(connection, (item for event in fresh for item in _suppressions(event)), now)
    record_decisions(connection, _withdrawals(connection, fresh), now)
    count_marks(connection, (mark for event in fresh for mark in _marks(event)), now)
    return fresh


def is_hard_bounce(event: InboundEvent) -> bool:
    """A bounce that will happen again: the address does not exist. A block (full mailbox, policy) may pass."""
    if event.provider == "twilio":
        return str(event.payload.get("ErrorCode", "")) in DEAD_NUMBERS
    if event.kind == "bounced":
        return str(event.payload.get("type", "bounce")) != "blocked"
    reason = str(event.payload.get("reason", "")).lower()
    return event.kind == "dropped" and ("bounced address" in reason or "invalid" in reason)


def _suppressions(event: InboundEvent) -> Iterable[Suppression]:
    if event.address and (event.kind in SUPPRESSES or is_hard_bounce(event)):
        reason = event.kind if event.kind in SUPPRESSES else "bounced"
        yield Suppression(event.address, event.channel, reason, f"event of {event.provider}")


def _withdrawals(connection: Connection, events: Sequence[InboundEvent]) -> list[Decision]:
    asked = [event for event in events if event.kind in SUPPRESSES and event.message_id]
    people: dict[str, int] = {}
    for batch in chunks(sorted({event.message_id for event in asked})):
        query = sa.select(ledger_entries.c.message_id, ledger_entries.c.person_id)
        for row in connection.execute(query.where(ledger_entries.c.message_id.in_(batch))):
            people[row.message_id] = row.person_id
    return [
        Decision(
            person_id=people[event.message_id],
            channel=event.channel,
            purpose=MARKETING,
            is_granted=False,
            decided_at=event.occurred_at,
            source=f"{event.provider}: {event.kind}",
            evidence=event.event_id,
        )
        for event in asked
        if event.message_id in people
    ]


def _marks(event: InboundEvent) -> Iterable[Mark]:
    if not event.message_id:
        return
    if event.kind in PROVES_ACCEPTED:
        yield Mark(event.message_id, "accepted", event.occurred_at)
    if event.kind in PROVES_DELIVERED:
        yield Mark(event.message_id, "delivered", event.occurred_at)
    if event.kind in BY_PERSON:
        yield Mark(event.message_id, f"{event.kind}_{'machine' if event.is_machine else 'human'}", event.occurred_at)
    elif event.kind in COUNTED:
        yield Mark(event.message_id, event.kind, event.occurred_at)
