"""Live counters: how many messages of each programme, step and channel had something happen to them.

Belongs here: counting a message once per kind, in the transaction that learns of it. Stays out: rates and trends
(the warehouse has them; these numbers are reconciled against it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.tables import counters, ledger_entries, message_marks

KINDS = (
    "accepted", "delivered", "opened_human", "opened_machine", "clicked_human", "clicked_machine",
    "bounced", "dropped", "complained", "unsubscribed",
)  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """Something that happened to a message."""

    message_id: str
    kind: str
    happened_at: datetime


def count_marks(connection: Connection, marks: Iterable[Mark], now: datetime) -> None:
    """Count what is new: a message that is opened ten times counts once as opened.

    Marks of messages that are not in the ledger are left out.
    """
    wanted = sorted(
        {(mark.message_id, mark.kind): mark for mark in marks}.values(), key=lambda m: (m.message_id, m.kind)
    )
    places = _places(connection, {mark.message_id for mark in wanted})
    rows = [{"message_id": m.message_id, "kind": m.kind, "first_at": m.happened_at} for m in wanted]
    gained: Counter[tuple[str, str, str, str]] = Counter()
    for batch in chunks(row for row in rows if row["message_id"] in places):
        statement = upsert(connection, message_marks).on_conflict_do_nothing(index_elements=["message_id", "kind"])
        for row in connection.execute(statement.returning(message_marks.c.message_id, message_marks.c.kind), batch):
            gained[(*places[row.message_id], row.kind)] += 1
    _add(connection, gained, now)


def _places(connection: Connection, message_ids: set[str]) -> dict[str, tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    table = ledger_entries.c
    for batch in chunks(sorted(message_ids)):
        query = sa.select(table.message_id, table.programme, table.step, table.channel)
        for row in connection.execute(query.where(table.message_id.in_(batch))):
            found[row.message_id] = (row.programme, row.step, row.channel)
    return found


def _add(connection: Connection, gained: Counter[tuple[str, str, str, str]], now: datetime) -> None:
    if not gained:
        return
    keys = ("programme", "step", "channel", "kind")
    rows = [
        dict(zip(keys, place, strict=True)) | {"count": n, "updated_at": now} for place, n in sorted(gained.items())
    ]
    statement = upsert(connection, counters)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={"count": counters.c.count + statement.excluded["count"], "updated_at": now},
        ),
        rows,
    )


def read_counters(store: Store, programme: str = "") -> list[dict[str, Any]]:
    """Rows of programme, step, channel, kind, count, updated_at."""
    query = sa.select(counters).order_by(counters.c.programme, counters.c.step, counters.c.channel, counters.c.kind)
    if programme:
        query = query.where(counters.c.programme == programme)
    with store.read() as connection:
        return rows_of(connection, query)
