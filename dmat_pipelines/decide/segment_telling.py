"""Who entered and left segments, told to the endpoints of webhooks that want it: read from the log, each change once.

Belongs here: how far the log was told. Stays out: the log (`segment_log.py`), events and delivering (`dmat/outgoing`).
The mark moves in the transaction that writes the events, so a death in between tells nothing twice and loses nothing.
Whoever starts to listen is told from then on.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.outgoing.outbox import emit_moves, is_anyone_told
from dmat.store import Store
from dmat.store.engine import upsert
from dmat.store.tables import settings_values
from dmat_pipelines.decide.segment_log import last_number

MARK = "webhooks_out.segment_changes"
KINDS = {"entered": "segment.entered", "left": "segment.left"}
_GROUPS = """
    select segment_key, change, valid_at, list(person_id order by person_id) as person_ids
    from raw.segment_changes
    where change_number > ?
    group by segment_key, change, valid_at
    order by min(change_number)
"""


def tell_moves(connection: duckdb.DuckDBPyConnection, store: Store, now: datetime) -> int:
    """Tell what was appended to the log since the last time; gives how many deliveries wait because of it."""
    number = last_number(connection)
    with store.read() as reading:
        told = _mark(reading)
        wanted = [change for change, kind in KINDS.items() if is_anyone_told(reading, kind)]
    if not wanted and told is None:
        return 0
    groups = connection.execute(_GROUPS, [told]).fetchall() if wanted and told is not None else []
    waiting = 0
    with store.write() as writing:
        for key, change, valid_at, person_ids in groups:
            waiting += emit_moves(writing, key, KINDS[change], person_ids, valid_at, now)
        _set_mark(writing, number if wanted else None, now)
    return waiting


def _mark(connection: Connection) -> int | None:
    found = connection.execute(sa.select(settings_values.c.value).where(settings_values.c.key == MARK)).scalar()
    return None if found is None else int(found)


def _set_mark(connection: Connection, number: int | None, now: datetime) -> None:
    if number is None:
        connection.execute(sa.delete(settings_values).where(settings_values.c.key == MARK))
        return
    row = {"key": MARK, "value": number, "updated_at": now, "updated_by": "system"}
    statement = upsert(connection, settings_values).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))
