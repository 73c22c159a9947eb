"""The outbox: what happened, for those who want to know, written in the transaction that learns of it.

Belongs here: from something that happened to events and deliveries that wait. Stays out: delivering (`delivering.py`).
The same thing told twice is one event. When nobody wants it, nothing is written.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.clock import utc
from dmat.outgoing.kinds import is_wanted
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.inbox import InboundEvent
from dmat.store.web_tables import webhook_deliveries, webhook_endpoints, webhook_events

WAITING = "waiting"
OF_INBOX = {
    "accepted": "message.accepted", "delivered": "message.delivered", "opened": "message.opened",
    "read": "message.opened", "clicked": "message.clicked", "replied": "message.replied",
    "bounced": "message.bounced", "dropped": "message.dropped", "complained": "message.complained",
    "unsubscribed": "person.unsubscribed",
}  # fmt: skip
PEOPLE_AT_ONCE = 500
_SPACE = uuid.UUID("0b7f0a52-7a55-5d0c-8f57-6c1f7f2f9e11")


@dataclass(frozen=True)
class Happening:
    """Something to tell; `key` makes it once among its kind."""

    kind: str
    key: str
    data: Mapping[str, Any]
    occurred_at: datetime

    @property
    def event_id(self) -> str:
        """The id that receivers see, in every attempt the same."""
        return str(uuid.uuid5(_SPACE, f"{self.kind}\x1f{self.key}"))


def emit(connection: Connection, kind: str, key: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Tell one thing, inside the caller's transaction."""
    emit_all(connection, [Happening(kind, key, payload, now)], now)


def emit_all(connection: Connection, happenings: Iterable[Happening], now: datetime) -> int:
    """Tell many things, inside the caller's transaction; gives how many deliveries wait because of it."""
    wanted = _wanted(connection)
    return _write(connection, happenings, wanted, now) if wanted else 0


def emit_inbound(connection: Connection, events: Sequence[InboundEvent], now: datetime) -> int:
    """Tell what providers' new events mean, inside the transaction that takes them in."""
    told = [event for event in events if event.kind in OF_INBOX]
    if not told:
        return 0
    return emit_all(connection, (_of_inbox(event) for event in told), now)


def emit_moves(
    connection: Connection, segment: str, kind: str, person_ids: Sequence[int], moment: datetime, now: datetime
) -> int:
    """Tell who entered or left a segment (`kind` says which), some hundred people an event."""
    happenings = [
        Happening(kind, f"{segment}:{moment.isoformat()}:{number}", {"segment": segment, "person_ids": batch}, moment)
        for number, batch in enumerate(chunks(sorted(int(each) for each in person_ids), PEOPLE_AT_ONCE))
    ]
    return emit_all(connection, happenings, now) if happenings else 0


def emit_test(store: Store, endpoint_id: str) -> str:
    """Send a test event to one endpoint; gives its id."""
    now = utc(time.time())
    told = Happening("test", str(uuid.uuid4()), {"says": "it works"}, now)
    with store.write() as connection:
        _write(connection, [told], {endpoint_id: ["test"]}, now)
    return told.event_id


def is_anyone_told(connection: Connection, kind: str) -> bool:
    """Whether an active endpoint wants events of a kind."""
    return any(is_wanted(events, kind) for events in _wanted(connection).values())


def _of_inbox(event: InboundEvent) -> Happening:
    data = {
        "message_id": event.message_id, "channel": event.channel, "provider": event.provider,
        "address": event.address, "is_machine": event.is_machine,
    }  # fmt: skip
    key = f"{event.provider}:{event.event_id}"
    return Happening(OF_INBOX[event.kind], key, data, event.occurred_at)


def _wanted(connection: Connection) -> dict[str, list[str]]:
    query = sa.select(webhook_endpoints.c.endpoint_id, webhook_endpoints.c.events).where(webhook_endpoints.c.is_active)
    return {row["endpoint_id"]: row["events"] for row in rows_of(connection, query)}


def _write(
    connection: Connection, happenings: Iterable[Happening], wanted: Mapping[str, Sequence[str]], now: datetime
) -> int:
    """Events that are new, and a delivery for each endpoint that wants them."""
    told = {each.event_id: each for each in happenings if any(is_wanted(e, each.kind) for e in wanted.values())}
    count = 0
    for batch in chunks(told[key] for key in sorted(told)):
        rows = [
            {"event_id": each.event_id, "kind": each.kind, "payload": body_of(each), "occurred_at": each.occurred_at,
             "created_at": now}
            for each in batch
        ]  # fmt: skip
        statement = upsert(connection, webhook_events).on_conflict_do_nothing(index_elements=["event_id"])
        fresh: set[str] = set(connection.execute(statement.returning(webhook_events.c.event_id), rows).scalars())
        deliveries = [
            {"endpoint_id": endpoint, "event_id": each.event_id, "state": WAITING, "next_at": None, "created_at": now}
            for each in batch
            for endpoint, events in wanted.items()
            if each.event_id in fresh and is_wanted(events, each.kind)
        ]
        if deliveries:
            connection.execute(sa.insert(webhook_deliveries), deliveries)
        count += len(deliveries)
    return count


def body_of(happening: Happening) -> dict[str, Any]:
    """What a receiver gets: `id`, `type`, `timestamp` (UTC) and `data`."""
    return {
        "id": happening.event_id, "type": happening.kind, "timestamp": f"{happening.occurred_at.isoformat()}Z",
        "data": dict(happening.data),
    }  # fmt: skip
