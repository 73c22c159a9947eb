"""The inbox: every verified event of a provider, once, as it was received.

Belongs here: appending, and who has read how far (the ledger: `applied_at`; the warehouse: `landed_at`).
Stays out: verifying (`dmat/channels/signatures.py`), what an event changes (`dmat/ledger/receive.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.sets import among
from dmat.store.tables import inbox


@dataclass(frozen=True)
class InboundEvent:
    """One event as a provider sent it.

    Attributes:
        provider: who sent it, e.g. `sendgrid`; `dmat` for what happens at our own doors.
        event_id: the provider's id of the event; the same id twice is the same event.
        kind: accepted, delivered, opened, clicked, read, shown, closed, bounced, dropped, deferred, complained,
            unsubscribed, replied, help, or `changed` for a record that changed in a shop or CRM.
        occurred_at: UTC.
        payload: the event as received.
        message_id: our message, when the event names it.
        address: e-mail address or phone number, lower case.
        is_machine: the provider or our rule says that no person did it.
        channel: where it happened.
    """

    provider: str
    event_id: str
    kind: str
    occurred_at: datetime
    payload: dict[str, Any]
    message_id: str = ""
    address: str = ""
    is_machine: bool = False
    channel: str = "email"


@dataclass(frozen=True)
class InboxRow:
    """One row of the inbox."""

    inbox_id: int
    provider: str
    event_id: str
    kind: str
    message_id: str
    address: str
    is_machine: bool
    occurred_at: datetime
    received_at: datetime
    payload: dict[str, Any] = field(default_factory=dict)
    channel: str = ""

    @property
    def record_id(self) -> str:
        """The id of this event in `raw.delivery_events`."""
        return f"{self.provider}:{self.event_id}"


_COLUMNS = [inbox.c[name] for name in InboxRow.__dataclass_fields__]


def append_events(connection: Connection, events: Sequence[InboundEvent], now: datetime) -> list[InboundEvent]:
    """Append the events that are new, inside the caller's transaction; give the new ones."""
    unique = {(event.provider, event.event_id): event for event in reversed(events)}
    if connection.dialect.name == "sqlite":
        return _append_raw(connection, unique, now)
    fresh: list[InboundEvent] = []
    for batch in chunks(unique.values()):
        statement = upsert(connection, inbox).on_conflict_do_nothing(index_elements=["provider", "event_id"])
        inserted = connection.execute(
            statement.returning(inbox.c.provider, inbox.c.event_id), [_row(event, now) for event in batch]
        )
        fresh.extend(unique[(row.provider, row.event_id)] for row in inserted)
    return fresh


def _append_raw(
    connection: Connection, unique: Mapping[tuple[str, str], InboundEvent], now: datetime
) -> list[InboundEvent]:
    """The same on SQLite, where nobody else writes meanwhile: look which are known, then insert the others at once."""
    known: set[tuple[str, str]] = set()
    for provider in {key[0] for key in unique}:
        ids = [event_id for name, event_id in unique if name == provider]
        query = sa.select(inbox.c.event_id).where(
            inbox.c.provider == provider, among(connection, inbox.c.event_id, ids)
        )
        known |= {(provider, str(row[0])) for row in connection.execute(query)}
    fresh = [event for key, event in unique.items() if key not in known]
    if fresh:
        received = _as_text(now)
        connection.exec_driver_sql(_INSERT, [
            (each.provider, each.event_id, each.kind, each.message_id, each.address, each.channel, each.is_machine,
             _as_text(each.occurred_at), received, _as_json(each.payload))
            for each in fresh
        ])  # fmt: skip
    return fresh


_INSERT = (
    "insert into inbox (provider, event_id, kind, message_id, address, channel, is_machine, occurred_at, received_at,"
    " payload) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _as_json(payload: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(payload).decode()
    except orjson.JSONEncodeError:  # a text with half a sign, as forms may carry
        return json.dumps(payload)


def _as_text(at: datetime) -> str:
    """As SQLAlchemy writes a moment into SQLite."""
    return at.isoformat(" ", "microseconds")


def _row(event: InboundEvent, now: datetime) -> dict[str, Any]:
    return {
        "provider": event.provider,
        "event_id": event.event_id,
        "kind": event.kind,
        "message_id": event.message_id,
        "address": event.address,
        "channel": event.channel,
        "is_machine": event.is_machine,
        "occurred_at": event.occurred_at,
        "received_at": now,
        "payload": event.payload,
    }


def unapplied(store: Store, limit: int = 5000) -> list[InboxRow]:
    """Events that the ledger has not seen yet, oldest first."""
    return _waiting(store, inbox.c.applied_at, limit)


def unlanded(store: Store, limit: int = 5000) -> list[InboxRow]:
    """Events that the warehouse has not got yet, oldest first."""
    return _waiting(store, inbox.c.landed_at, limit)


def mark_applied(connection: Connection, inbox_ids: Sequence[int], now: datetime) -> None:
    """Say that the ledger has seen these events, inside the caller's transaction."""
    _mark(connection, inbox.c.applied_at, inbox_ids, now)


def mark_landed(store: Store, inbox_ids: Sequence[int], now: datetime) -> None:
    """Say that the warehouse has these events; call it after they are committed there."""
    with store.write() as connection:
        _mark(connection, inbox.c.landed_at, inbox_ids, now)


def events_of_message(store: Store, message_id: str) -> list[InboxRow]:
    """All events that came for one message, in the order they happened."""
    query = sa.select(*_COLUMNS).where(inbox.c.message_id == message_id)
    with store.read() as connection:
        return [InboxRow(**row) for row in rows_of(connection, query.order_by(inbox.c.occurred_at, inbox.c.inbox_id))]


def waiting_counts(store: Store) -> dict[str, int]:
    """How many events wait to be applied and to be landed."""
    names = {"unapplied": inbox.c.applied_at, "unlanded": inbox.c.landed_at}
    with store.read() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(inbox).where(column.is_(None))).scalar_one()
            for name, column in names.items()
        }


def _waiting(store: Store, column: sa.Column[Any], limit: int) -> list[InboxRow]:
    query = sa.select(*_COLUMNS).where(column.is_(None)).order_by(inbox.c.inbox_id).limit(limit)
    with store.read() as connection:
        return [InboxRow(**row) for row in rows_of(connection, query)]


def _mark(connection: Connection, column: sa.Column[Any], inbox_ids: Sequence[int], now: datetime) -> None:
    for batch in chunks(inbox_ids):
        connection.execute(
            sa.update(inbox).where(inbox.c.inbox_id.in_(batch), column.is_(None)).values({column.name: now})
        )
