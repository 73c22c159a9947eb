"""Live counters: how many messages of each programme, step, variant and channel had something happen to them, in all
and by the hour.

Belongs here: counting a message once per kind, in the transaction that learns of it, at the first moment it happened.
Stays out: rates and trends (the warehouse has them; these numbers are reconciled against it), and what stops a
programme (`dmat/campaigns/guard.py`, which is asked here because here it is known).

A message counts in the hour in which something first happened to it. When an earlier moment is learnt of later, the
count moves to that hour, so that events in any order, any number of times, end alike. What a sender is told
(`accepted`, `delivered`) is kept in the ledger's own row; all else leaves a mark a message and kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.guard import WATCHED, watch
from dmat.store.engine import Store, chunks, lock_rows, rows_of, upsert, upsert_in
from dmat.store.ledger_tables import conversions, counters, counters_hourly, ledger_entries, message_marks
from dmat.store.sets import among

KINDS = (
    "accepted", "delivered", "opened_human", "opened_machine", "clicked_human", "clicked_machine", "read", "replied",
    "converted", "shown", "unsubscribed", "bounced", "dropped", "complained", "failed",
)  # fmt: skip
IN_LEDGER = {"accepted": "accepted_at", "delivered": "delivered_at"}
_AT_ONCE = 5_000
_KEYS = ("programme", "step", "variant", "channel", "kind")
_NEAR = (
    sa.select(message_marks.c.message_id)
    .where(message_marks.c.message_id.between(sa.bindparam("first"), sa.bindparam("last")))
    .limit(1)
)


class Place(NamedTuple):
    """Where something is counted."""

    programme: str
    step: str
    variant: str
    channel: str


@dataclass(frozen=True)
class Mark:
    """Something that happened to a message."""

    message_id: str
    kind: str
    happened_at: datetime


@dataclass(frozen=True)
class Conversion:
    """An order that a message earned; an order counts once."""

    order_id: str
    place: Place
    happened_at: datetime


@dataclass
class Gained:
    """What changes: totals, and hours (where a count may also go away)."""

    totals: Counter[tuple[Place, str]] = field(default_factory=Counter)
    hours: Counter[tuple[Place, str, datetime]] = field(default_factory=Counter)
    marks: list[dict[str, Any]] = field(default_factory=list)

    def first(self, place: Place, kind: str, at: datetime) -> None:
        """It happened for the first time."""
        self.totals[(place, kind)] += 1
        self.hours[(place, kind, _hour(at))] += 1

    def earlier(self, place: Place, kind: str, at: datetime, before: datetime) -> None:
        """It is known already, and happened earlier than was thought."""
        if _hour(at) != _hour(before):
            self.hours[(place, kind, _hour(at))] += 1
            self.hours[(place, kind, _hour(before))] -= 1


def count_marks(
    connection: Connection, marks: Iterable[Mark], now: datetime, places: Mapping[str, Place] | None = None
) -> None:
    """Count what the ledger has just written; call it after `accepted_at` and `delivered_at` are in its rows.

    Args:
        connection: the caller's transaction, which holds the rows.
        marks: what happened; messages that are not in the ledger are left out.
        now: the workspace's time.
        places: where these messages are counted, if the caller knows: it spares reading them. The caller then says
            that their rows carry the moments.
    """
    for wanted in _first_of(marks):
        rows = None if places is not None else _rows(connection, {key[0] for key in wanted}, is_locked=True)
        known = _known(connection, {key[0] for key in wanted})
        gained = Gained()
        for (message_id, kind), at in wanted.items():
            row = None if rows is None else rows.get(message_id)
            place = places.get(message_id) if places is not None else (row.place if row else None)
            if place is None:
                continue
            is_kept = kind in IN_LEDGER and (row is None or row.moments[kind] is not None)
            moment = row.moments[kind] if row is not None and is_kept else at
            _note(gained, message_id, kind, moment or at, place, known.get((message_id, kind)), keeps=not is_kept)
        _write(connection, gained, now)


def count_set(
    connection: Connection, kind: str, message_ids: Sequence[str], places: Mapping[Place, int], now: datetime
) -> None:
    """Count what the ledger has just written for many messages at once, as `count_marks` does for each.

    Args:
        connection: the caller's transaction, which holds the rows.
        kind: what happened.
        message_ids: to which messages.
        places: how many of them are counted where.
        now: when it happened.
    """
    if kind not in IN_LEDGER or _may_be_known(connection, kind, message_ids):
        count_marks(connection, (Mark(message_id, kind, now) for message_id in message_ids), now)
        return
    gained = Gained()
    for place, count in places.items():
        gained.totals[(place, kind)] += count
        gained.hours[(place, kind, _hour(now))] += count
    _write(connection, gained, now)


def _may_be_known(connection: Connection, kind: str, message_ids: Sequence[str]) -> bool:
    """Whether an event came before the answer for any of these. Ids of a step are neighbours: one look says mostly."""
    table = message_marks.c
    if not message_ids:
        return False
    if connection.execute(_NEAR, {"first": min(message_ids), "last": max(message_ids)}).first() is None:
        return False
    known = sa.select(table.message_id).where(among(connection, table.message_id, message_ids), table.kind == kind)
    return connection.execute(known.limit(1)).first() is not None


def count_events(connection: Connection, marks: Iterable[Mark], now: datetime) -> None:
    """Count what providers tell, in any order and any number of times; the ledger may not know of it yet."""
    for wanted in _first_of(marks):
        rows = _rows(connection, {key[0] for key in wanted}, is_locked=False)
        known = _known(connection, rows)
        gained = Gained()
        for (message_id, kind), at in wanted.items():
            row = rows.get(message_id)
            if row is None:
                continue
            moments = (known.get((message_id, kind)), row.moments.get(kind))
            before = min((each for each in moments if each is not None), default=None)
            _note(gained, message_id, kind, at, row.place, before, keeps=True)
        _write(connection, gained, now)


def count_conversions(connection: Connection, orders: Iterable[Conversion], now: datetime) -> int:
    """Count orders that messages earned, each order once for ever; gives how many were new."""
    wanted = {order.order_id: order for order in orders}
    gained = Gained()
    for batch in chunks(sorted(wanted), _AT_ONCE):
        rows = [
            wanted[key].place._asdict() | {"order_id": key, "happened_at": wanted[key].happened_at} for key in batch
        ]
        statement = upsert(connection, conversions).on_conflict_do_nothing(index_elements=["order_id"])
        for row in connection.execute(statement.returning(conversions.c.order_id), rows):
            order = wanted[row.order_id]
            gained.first(order.place, "converted", order.happened_at)
    _write(connection, gained, now)
    return gained.totals.total()


def count_at_places(connection: Connection, seen: Iterable[tuple[Place, str, datetime]], now: datetime) -> None:
    """Count what belongs to no single message (a banner was shown); the caller gives each only once."""
    gained = Gained()
    for place, kind, at in seen:
        gained.first(place, kind, at)
    _write(connection, gained, now)


class _Row(NamedTuple):
    place: Place
    moments: dict[str, datetime | None]


def _first_of(marks: Iterable[Mark]) -> Iterable[dict[tuple[str, str], datetime]]:
    """The earliest moment of each message and kind, some thousands at once, in order: writers never deadlock."""
    first: dict[tuple[str, str], datetime] = {}
    for mark in marks:
        key = (mark.message_id, mark.kind)
        if key not in first or mark.happened_at < first[key]:
            first[key] = mark.happened_at
    return (dict(batch) for batch in chunks(sorted(first.items()), _AT_ONCE))


def _rows(connection: Connection, message_ids: Collection[str], is_locked: bool) -> dict[str, _Row]:
    """Place and moments of messages; locked, so that one message is never counted by two at once (PostgreSQL)."""
    table = ledger_entries.c
    names = ("message_id", "programme", "step", "variant", "channel", "accepted_at", "delivered_at")
    query = sa.select(*(table[name] for name in names)).where(among(connection, table.message_id, message_ids))
    if not is_locked:
        query = lock_rows(connection, query.order_by(table.message_id))
    rows: Iterable[Any] = connection.execute(query).all()
    found: dict[str, _Row] = {}
    for message_id, programme, step, variant, channel, accepted_at, delivered_at in rows:
        place = Place(programme, step, variant, channel)
        found[message_id] = _Row(place, {"accepted": accepted_at, "delivered": delivered_at})
    return found


def _known(connection: Connection, message_ids: Collection[str]) -> dict[tuple[str, str], datetime]:
    table = message_marks.c
    query = sa.select(table.message_id, table.kind, table.first_at)
    rows = connection.execute(query.where(among(connection, table.message_id, message_ids))).all()
    return {(row.message_id, row.kind): row.first_at for row in rows}


def _note(
    gained: Gained, message_id: str, kind: str, at: datetime, place: Place, before: datetime | None, keeps: bool
) -> None:
    if before is None:
        gained.first(place, kind, at)
    elif at < before:
        gained.earlier(place, kind, at, before)
    else:
        return
    if keeps:
        gained.marks.append({"message_id": message_id, "kind": kind, "first_at": at})


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _write(connection: Connection, gained: Gained, now: datetime) -> None:
    if gained.marks:
        statement = upsert(connection, message_marks)
        earlier = {"first_at": statement.excluded.first_at}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["message_id", "kind"], set_=earlier), gained.marks
        )
    totals = [(*place, kind) for place, kind in gained.totals]
    _add(connection, counters, _KEYS, dict(zip(totals, gained.totals.values(), strict=True)), now)
    hours = {(*place, kind, hour): n for (place, kind, hour), n in gained.hours.items() if n}
    _add(connection, counters_hourly, (*_KEYS, "hour"), hours, now)
    alarming = {place.programme for place, kind in gained.totals if kind in WATCHED}
    if alarming:
        watch(connection, alarming, now)


def _add(
    connection: Connection, table: sa.Table, keys: tuple[str, ...], gained: Mapping[tuple[Any, ...], int], now: datetime
) -> None:
    if not gained:
        return
    rows = [dict(zip(keys, key, strict=True)) | {"count": n, "updated_at": now} for key, n in sorted(gained.items())]
    connection.execute(_adding(connection.dialect.name, table, keys), rows)


@cache
def _adding(dialect: str, table: sa.Table, keys: tuple[str, ...]) -> Any:
    statement = upsert_in(dialect, table)
    more = {"count": table.c.count + statement.excluded["count"], "updated_at": statement.excluded.updated_at}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=more)


def read_counters(store: Store, programme: str = "") -> list[dict[str, Any]]:
    """Rows of programme, step, variant, channel, kind, count, updated_at."""
    return _read(store, counters, _KEYS, programme)


def read_hours(store: Store, programme: str = "") -> list[dict[str, Any]]:
    """Rows of programme, step, variant, channel, kind, hour, count; hours that count nothing are left out."""
    rows = _read(store, counters_hourly, (*_KEYS, "hour"), programme)
    names = (*_KEYS, "hour", "count", "updated_at")
    return [{name: row[name] for name in names} for row in rows if row["count"]]


def _read(store: Store, table: sa.Table, keys: tuple[str, ...], programme: str) -> list[dict[str, Any]]:
    query = sa.select(table).order_by(*(table.c[key] for key in keys))
    if programme:
        query = query.where(table.c.programme == programme)
    with store.read() as connection:
        return rows_of(connection, query)


def unexported_hours(store: Store, limit: int = 5000) -> list[dict[str, Any]]:
    """Hours whose count changed since they were last exported; give them to `mark_hours_exported` afterwards."""
    table = counters_hourly
    query = sa.select(table).where(table.c.exported_count != table.c.count).order_by(table.c.updated_at).limit(limit)
    with store.read() as connection:
        return rows_of(connection, query)


def mark_hours_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these rows are in the warehouse; what changed meanwhile is exported again."""
    keys = (*_KEYS, "hour")
    same = sa.and_(*(counters_hourly.c[key] == sa.bindparam(f"its_{key}") for key in keys))
    statement = sa.update(counters_hourly).where(same).values(exported_count=sa.bindparam("its_count"))
    done = [{f"its_{name}": row[name] for name in (*keys, "count")} for row in rows]
    if done:
        with store.write() as connection:
            connection.execute(statement, done)
