"""Programmes: what is running, in which version, and the switch that pauses it.

Belongs here: that table. Stays out: what a programme does (one file each, e.g. `dmat/campaigns/cart_recovery.py`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import Store, upsert
from dmat.store.tables import programmes
from dmat.store.workspace_values import write_audit


def ensure_programme(connection: Connection, programme: str, version: int, now: datetime) -> None:
    """Enter a programme, running, when it is not there yet, inside the caller's transaction."""
    row = {"programme": programme, "version": version, "updated_at": now}
    statement = upsert(connection, programmes).values(row | {"is_paused": False, "paused_reason": ""})
    connection.execute(statement.on_conflict_do_update(index_elements=["programme"], set_={"version": version}))


def pause_programme(store: Store, programme: str, reason: str, now: datetime, by: str = "") -> None:
    """Stop sending a programme at the next claim; what is planned stays planned."""
    with store.write() as connection:
        _switch(connection, programme, True, reason, now, by)


def resume_programme(store: Store, programme: str, now: datetime, by: str = "") -> None:
    """Let a paused programme go on."""
    with store.write() as connection:
        _switch(connection, programme, False, "", now, by)


def pause_within(connection: Connection, programme: str, reason: str, now: datetime, by: str = "") -> None:
    """The same inside the caller's transaction."""
    _switch(connection, programme, True, reason, now, by)


def resume_within(connection: Connection, programme: str, now: datetime, by: str = "") -> None:
    """Let a paused programme go on, inside the caller's transaction."""
    _switch(connection, programme, False, "", now, by)


def step_programme(programme: str, step: str) -> str:
    """The name under which a single step of a programme is paused."""
    return f"{programme}#{step}"


def _switch(connection: Connection, programme: str, is_paused: bool, reason: str, now: datetime, by: str) -> None:
    values = {"is_paused": is_paused, "paused_reason": reason, "updated_at": now}
    statement = upsert(connection, programmes).values(programme=programme, version=1, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["programme"], set_=values))
    action = "programme paused" if is_paused else "programme resumed"
    write_audit(connection, now, by or "system", action, programme, reason=reason)


_PAUSED = sa.select(programmes.c.programme, programmes.c.paused_reason).where(programmes.c.is_paused)


def paused_programmes(connection: Connection) -> dict[str, str]:
    """Programme -> why, for those that are paused."""
    return {row.programme: row.paused_reason for row in connection.execute(_PAUSED)}


def is_paused(connection: Connection, programme: str) -> bool:
    """Whether one programme is paused."""
    query = sa.select(programmes.c.is_paused).where(programmes.c.programme == programme)
    return bool(connection.execute(query).scalar())
