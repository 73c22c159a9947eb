"""Taking events in: to the inbox, with the suppressions and counters they cause, in one transaction.

Belongs here: what must be true within a second of an event's arrival. Stays out: the ledger's states, which may
follow a little later (`dmat/ledger/events.py`), and verifying (`dmat/channels/signatures.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.vendors.fields import IS_PERMANENT
from dmat.consent.permission import MARKETING, Decision, record_decisions
from dmat.consent.suppression import Suppression, suppress
from dmat.ledger.counters import Mark, Place, count_at_places, count_events
from dmat.ledger.events import PROVES_ACCEPTED, PROVES_DELIVERED
from dmat.ledger.replies import find_messages, plan_help, remember_replies
from dmat.outgoing.outbox import emit_inbound
from dmat.store.engine import Store
from dmat.store.inbox import InboundEvent, append_events
from dmat.store.ledger_tables import ledger_entries
from dmat.store.sets import among

BY_PERSON = frozenset({"opened", "clicked"})
COUNTED = frozenset({"delivered", "bounced", "dropped", "complained", "unsubscribed", "read", "replied", "shown"})
OURSELVES = "dmat"
DEAD_NUMBERS = frozenset({"21211", "21614", "30005", "30006"})  # not a number, no mobile, unknown, landline
SUPPRESSES = frozenset({"complained", "unsubscribed"})


def receive(store: Store, events: Sequence[InboundEvent], now: datetime) -> int:
    """Take verified events in; gives how many were new. After it returns, nothing suppressed is sent to."""
    with store.write() as connection:
        return len(receive_within(connection, events, now))


def receive_within(connection: Connection, events: Sequence[InboundEvent], now: datetime) -> list[InboundEvent]:
    """The same, inside the caller's transaction; gives the events that were new.

    What is counted comes before consent: whoever locks messages and consents (the gate too) locks them in this order.
    """
    fresh = append_events(connection, find_messages(connection, events), now)
    count_events(connection, (mark for event in fresh for mark in _marks(event)), now)
    count_at_places(connection, (seen for event in fresh for seen in _seen(event)), now)
    suppress(connection, (item for event in fresh for item in _suppressions(event)), now)
    record_decisions(connection, _withdrawals(connection, fresh), now)
    remember_replies(connection, fresh)
    plan_help(connection, fresh, now)
    emit_inbound(connection, fresh, now)
    return fresh


def is_hard_bounce(event: InboundEvent) -> bool:
    """A bounce that will happen again: the address does not exist. A block (full mailbox, policy) may pass."""
    said = event.payload.get(IS_PERMANENT)
    if isinstance(said, bool):
        return said and event.kind in {"bounced", "dropped"}
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
    if not asked:
        return []
    query = sa.select(ledger_entries.c.message_id, ledger_entries.c.person_id).where(
        among(connection, ledger_entries.c.message_id, {event.message_id for event in asked})
    )
    people: dict[str, int] = {row.message_id: row.person_id for row in connection.execute(query)}
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
    if event.kind == "help":
        yield Mark(event.message_id, "replied", event.occurred_at)
    elif event.kind in BY_PERSON or event.kind in COUNTED:
        yield Mark(event.message_id, _counted_as(event), event.occurred_at)


def _counted_as(event: InboundEvent) -> str:
    return f"{event.kind}_{'machine' if event.is_machine else 'human'}" if event.kind in BY_PERSON else event.kind


def _seen(event: InboundEvent) -> Iterable[tuple[Place, str, datetime]]:
    """What belongs to no message of the ledger but to a place in a programme: a banner that was shown or clicked."""
    if event.provider == OURSELVES and not event.message_id and event.kind in {"shown", "clicked"}:
        programme, step, variant = (str(event.payload.get(name) or "") for name in ("programme", "step", "variant"))
        if programme and step:
            yield Place(programme, step, variant, event.channel), _counted_as(event), event.occurred_at
