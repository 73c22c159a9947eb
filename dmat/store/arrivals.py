"""Events that are on disk and not yet in the inbox: one row holds all that arrived together.

Belongs here: keeping them, and taking them out again, each within the caller's transaction. Stays out: what an event
changes (`dmat/ledger/receive.py`), when they are taken in (`apps/api/journal.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.arrival_tables import arrivals
from dmat.store.engine import lock_rows
from dmat.store.inbox import InboundEvent


def keep_arrival(connection: Connection, events: Sequence[InboundEvent], now: datetime) -> None:
    """Keep events as one row."""
    row = {"events": orjson.dumps(list(events)), "event_count": len(events), "received_at": now}
    connection.execute(sa.insert(arrivals).values(row))


def take_arrivals(connection: Connection, most: int = 2_000) -> list[InboundEvent]:
    """Take out the oldest events (about `most`, whole rows); they are gone once the transaction is committed."""
    table = arrivals.c
    query = sa.select(table.arrival_id, table.events, table.event_count).order_by(table.arrival_id).limit(most)
    taken: list[int] = []
    found: list[InboundEvent] = []
    for row in connection.execute(lock_rows(connection, query, skip_locked=True)):
        taken.append(row.arrival_id)
        found += [_event(each) for each in orjson.loads(row.events)]
        if len(found) >= most:
            break
    if taken:
        connection.execute(sa.delete(arrivals).where(table.arrival_id.in_(taken[:most])))
    return found


def count_arrivals(connection: Connection) -> int:
    """How many events wait to be taken in."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(arrivals.c.event_count), 0))).scalar_one())


def _event(fields: dict[str, object]) -> InboundEvent:
    return InboundEvent(**fields | {"occurred_at": datetime.fromisoformat(str(fields["occurred_at"]))})  # type: ignore[arg-type]
