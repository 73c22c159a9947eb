"""Taking back messages of journeys that are planned and have not left, when their member left.

Belongs here: this one step, always many at once. Stays out: who leaves and why (`machine.py`, `moving.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.ledger.entries import EXPIRED, PLANNED
from dmat.ledger.sets import SetMove, move_set
from dmat.store.engine import chunks
from dmat.store.sets import among
from dmat.store.tables import ledger_entries


def withdraw_planned(connection: Connection, programme: str, why: Mapping[str, str], now: datetime) -> int:
    """Take back what waits of entries (key -> why), inside the caller's transaction; gives how many messages."""
    table, reasons, count = ledger_entries.c, defaultdict[str, list[str]](list), 0
    for keys in chunks(why, 5_000):
        query = sa.select(table.message_id, table.occurrence).where(
            table.programme == programme, among(connection, table.occurrence, keys), table.state == PLANNED,
        )  # fmt: skip
        for row in connection.execute(query):
            reasons[why[row.occurrence]].append(row.message_id)
    for reason, ids in reasons.items():
        count += len(move_set(connection, ids, SetMove(EXPIRED, reason, only_from=frozenset({PLANNED})), now))
    return count
