"""Writing many messages at once: the other half of `dmat/ledger/post.py`, with a handful of statements for a set.

Belongs here: the same steps, checks and log for sets, in the form that each database is fast at. Stays out: deciding.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.ledger.counters import Mark, Place, count_marks
from dmat.ledger.entries import HANDED_OVER, MAY_FOLLOW, REJECTED
from dmat.ledger.post import BEFORE_FAILING, COUNTED, TICK
from dmat.store.engine import chunks, lock_rows
from dmat.store.tables import ledger_entries, ledger_transitions

OF_A_PERSON = (
    "message_id", "person_id", "address", "not_before", "context", "is_holdout", "state", "reason", "locale",
)  # fmt: skip
KEPT = ("message_id", "to_address", "headers", "filled")  # of one person of a batch; headers and filled as JSON text
_NOT_BEFORE = OF_A_PERSON.index("not_before")
_EMPTY = ("subject", "provider", "provider_message_id", "claimed_by")
SET_SIZE = 5000


def insert_planned(
    connection: Connection, common: Mapping[str, Any], people: Sequence[tuple[Any, ...]], now: datetime
) -> Counter[tuple[str, bool]]:
    """Insert many entries of one step inside the caller's transaction; those that are there already stay as they are.

    Args:
        connection: a write transaction.
        common: column -> value that all of them have.
        people: the values of `OF_A_PERSON`, times as datetimes, `context` as JSON text.
        now: when they are planned.

    Returns:
        (state, is held out) -> how many were inserted.
    """
    values: dict[str, Any] = (
        dict(common) | dict.fromkeys(_EMPTY, "") | {"attempts": 0, "revision": 1, "exported_revision": 0}
    )
    values |= {"planned_at": now, "updated_at": now}
    if connection.dialect.name == "sqlite":
        return _insert_sqlite(connection, values, people)
    return _insert_postgresql(connection, values, people)


def _insert_sqlite(
    connection: Connection, common: Mapping[str, Any], people: Sequence[tuple[Any, ...]]
) -> Counter[tuple[str, bool]]:
    """Tuples go to the driver as they are; what is new has a higher row id than all before, as we hold the lock."""
    before: int = connection.exec_driver_sql("select coalesce(max(rowid), 0) from ledger_entries").scalar_one()
    names = (*OF_A_PERSON, *common)
    written = f"insert into ledger_entries ({', '.join(names)}) values ({', '.join('?' * len(names))})"
    rest = tuple(_as_text(value) for value in common.values())
    texts = {row[_NOT_BEFORE]: _as_text(row[_NOT_BEFORE]) for row in people}
    rows = [(*row[:_NOT_BEFORE], texts[row[_NOT_BEFORE]], *row[_NOT_BEFORE + 1 :], *rest) for row in people]
    connection.exec_driver_sql(f"{written} on conflict do nothing", rows)
    connection.exec_driver_sql(
        "insert into ledger_transitions (message_id, from_state, to_state, reason, happened_at)"
        " select message_id, '', state, reason, planned_at from ledger_entries where rowid > ?",
        (before,),
    )
    counted = "select state, is_holdout, count(*) from ledger_entries where rowid > ? group by state, is_holdout"
    found = connection.exec_driver_sql(counted, (before,))
    return _counted(found)


def _as_text(value: Any) -> Any:
    return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value


def _insert_postgresql(
    connection: Connection, common: Mapping[str, Any], people: Sequence[tuple[Any, ...]]
) -> Counter[tuple[str, bool]]:
    """One statement: the people as arrays, the log of those that are new with it."""
    arrays = [list(column) for column in zip(*people, strict=True)]
    types = {"person_id": "bigint", "not_before": "timestamp", "is_holdout": "boolean"}
    unnested = ", ".join(f"%s::{types.get(name, 'text')}[]" for name in OF_A_PERSON)
    chosen = ", ".join("p.context::json" if name == "context" else f"p.{name}" for name in OF_A_PERSON)
    constants = ", ".join("%s" for _ in common)
    found = connection.exec_driver_sql(
        f"""
        with fresh as (
            insert into ledger_entries ({", ".join((*OF_A_PERSON, *common))})
            select {chosen}, {constants} from unnest({unnested}) as p({", ".join(OF_A_PERSON)})
            on conflict do nothing
            returning message_id, state, reason, is_holdout, planned_at
        ),
        logged as (
            insert into ledger_transitions (message_id, from_state, to_state, reason, happened_at)
            select message_id, '', state, reason, planned_at from fresh
        )
        select state, is_holdout, count(*) from fresh group by state, is_holdout
        """,
        (*common.values(), *arrays),
    )
    return _counted(found)


def _counted(rows: Iterable[Any]) -> Counter[tuple[str, bool]]:
    return Counter({(str(state), bool(is_holdout)): int(count) for state, is_holdout, count in rows})


@dataclass(frozen=True)
class SetMove:
    """The same step of many messages; the attributes are those of `Move`."""

    to_state: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    only_from: frozenset[str] | None = None
    only_claimed_by: str | None = None


def move_set(connection: Connection, message_ids: Sequence[str], step: SetMove, now: datetime) -> list[str]:
    """Make one step of many messages with a handful of statements, inside the caller's transaction.

    Returns:
        the ids of those that made it, in order.
    """
    moved: list[str] = []
    for batch in chunks(sorted(message_ids), SET_SIZE):
        rows = _lock_set(connection, batch, step)
        if not rows:
            continue
        ids = [row.message_id for row in rows]
        updated_at = max(now, max(row.updated_at for row in rows) + TICK)  # later than the last change of each
        table = ledger_entries.c
        changed = sa.update(ledger_entries).where(table.message_id.in_(ids_of(connection)))
        changed = changed.values(
            state=step.to_state, reason=step.reason, updated_at=updated_at, revision=table.revision + 1, **step.values
        )
        connection.execute(changed, {"ids": pack_ids(connection, ids)})
        _log_set(connection, rows, step, now)
        _count_set(connection, rows, step.to_state, now)
        moved += ids
    return moved


def ids_of(connection: Connection) -> Any:
    """For `column.in_(...)`: the ids in the parameter `ids`, however many, as `pack_ids` gives them."""
    if connection.dialect.name == "sqlite":
        each = sa.func.json_each(sa.bindparam("ids", type_=sa.Text)).table_valued("value")
        return sa.select(each.c.value)
    return sa.select(sa.func.unnest(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))))


def pack_ids(connection: Connection, ids: Sequence[str]) -> Any:
    """Ids as one parameter."""
    return json.dumps(list(ids)) if connection.dialect.name == "sqlite" else list(ids)


def _lock_set(connection: Connection, ids: Sequence[str], step: SetMove) -> Sequence[sa.Row[Any]]:
    table = ledger_entries.c
    allowed = {state for state, following in MAY_FOLLOW.items() if step.to_state in following}
    allowed &= step.only_from or allowed
    columns = (table.message_id, table.state, table.updated_at)
    places = (table.programme, table.step, table.variant, table.channel) if step.to_state in COUNTED else ()
    query = sa.select(*columns, *places).where(
        table.message_id.in_(ids_of(connection)), table.state.in_(sorted(allowed))
    )
    if step.only_claimed_by is not None:
        query = query.where(table.claimed_by == step.only_claimed_by)
    query = lock_rows(connection, query.order_by(table.message_id))
    return connection.execute(query, {"ids": pack_ids(connection, ids)}).all()


def _log_set(connection: Connection, rows: Sequence[sa.Row[Any]], step: SetMove, now: datetime) -> None:
    """One row of the log for each message, made by the database from the list of ids."""
    names = ["message_id", "from_state", "to_state", "reason", "happened_at"]
    for state, group in itertools.groupby(sorted(rows, key=lambda row: row.state), key=lambda row: row.state):
        each = ids_of(connection).subquery()
        same = [sa.literal(value) for value in (state, step.to_state, step.reason)]
        chosen = sa.select(next(iter(each.c)), *same, sa.literal(now, sa.DateTime))
        ids = pack_ids(connection, [row.message_id for row in group])
        connection.execute(sa.insert(ledger_transitions).from_select(names, chosen), {"ids": ids})


def _count_set(connection: Connection, rows: Sequence[sa.Row[Any]], to_state: str, now: datetime) -> None:
    if to_state not in COUNTED:
        return
    kind = "failed" if to_state == REJECTED else to_state
    counted = [row for row in rows if to_state != REJECTED or row.state in BEFORE_FAILING]
    places = {row.message_id: Place(row.programme, row.step, row.variant, row.channel) for row in counted}
    count_marks(connection, [Mark(row.message_id, kind, now) for row in counted], now, places)


def name_request(
    connection: Connection, message_ids: Sequence[str], batch_id: str, owner: str, now: datetime
) -> list[str]:
    """Say that messages handed over by `owner` leave in another request; gives the ids of those that do."""
    table = ledger_entries.c
    mine = sa.and_(table.message_id.in_(ids_of(connection)), table.state == HANDED_OVER, table.claimed_by == owner)
    changed = sa.update(ledger_entries).where(mine)
    changed = changed.values(batch_id=batch_id, handed_over_at=now, revision=table.revision + 1)
    named = changed.returning(table.message_id)
    found = connection.execute(named, {"ids": pack_ids(connection, message_ids)})
    return sorted(str(row.message_id) for row in found)


def keep_filled(connection: Connection, common: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep what is personal in messages of a batch (see `KEPT`); the message is put together when it is read."""
    if not rows:
        return
    values = {"subject": "", "html": "", "text": ""} | dict(common)
    names = (*KEPT, *values)
    new = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    if connection.dialect.name == "sqlite":
        rest = tuple(_as_text(value) for value in values.values())
        holders = ", ".join("?" * len(names))
        insert = f"insert into rendered_messages ({', '.join(names)}) values ({holders})"
        kept: Any = [row + rest for row in rows]
    else:
        chosen = ", ".join(f"r.{name}::json" if name in {"headers", "filled"} else f"r.{name}" for name in KEPT)
        holders, unnested = ", ".join(["%s"] * len(values)), ", ".join(["%s::text[]"] * len(KEPT))
        insert = f"insert into rendered_messages ({', '.join(names)}) select {chosen}, {holders}"
        insert += f" from unnest({unnested}) as r({', '.join(KEPT)})"
        kept = (*values.values(), *(list(column) for column in zip(*rows, strict=True)))
    connection.exec_driver_sql(f"{insert} on conflict (message_id) do update set {new}", kept)
