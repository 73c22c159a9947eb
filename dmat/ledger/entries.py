"""Entries of the ledger: the states of a message, which may follow which, and reading them.

Belongs here: the state machine as a table, and queries. Stays out: changing anything (`dmat/ledger/post.py`).

    planned ──> claimed ──> handed_over ──> accepted ──> delivered
       │  ^         │            │  │           │            │
       │  └─────────┴────────────┘  └> ambiguous│            │      (back to planned only when it surely did not leave)
       v                                        v            v
    suppressed, held_out, expired            rejected     rejected  (a bounce may come late)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import NotFoundError
from dmat.ledger.kept import find_kept
from dmat.ledger.log import steps_of
from dmat.store.engine import Store, rows_of
from dmat.store.ledger_tables import IN_FLIGHT, ledger_entries

PLANNED, CLAIMED, HANDED_OVER = "planned", "claimed", "handed_over"
ACCEPTED, DELIVERED, REJECTED = "accepted", "delivered", "rejected"
SUPPRESSED, HELD_OUT, EXPIRED, AMBIGUOUS = "suppressed", "held_out", "expired", "ambiguous"

MAY_FOLLOW: Mapping[str, frozenset[str]] = {
    PLANNED: frozenset({PLANNED, CLAIMED, SUPPRESSED, HELD_OUT, EXPIRED, ACCEPTED}),
    CLAIMED: frozenset({HANDED_OVER, PLANNED, REJECTED, ACCEPTED}),
    HANDED_OVER: frozenset({ACCEPTED, REJECTED, AMBIGUOUS, PLANNED}),
    AMBIGUOUS: frozenset({ACCEPTED, PLANNED, REJECTED}),
    ACCEPTED: frozenset({DELIVERED, REJECTED}),
    DELIVERED: frozenset({REJECTED}),
    REJECTED: frozenset(),
    HELD_OUT: frozenset(),
    SUPPRESSED: frozenset({ACCEPTED}),  # only when an event proves that it went out after all
    EXPIRED: frozenset({ACCEPTED}),
}
STATES = tuple(MAY_FOLLOW)
SENT = (ACCEPTED, DELIVERED)
WENT_OUT = (HANDED_OVER, AMBIGUOUS, ACCEPTED, DELIVERED)  # has left, or may have
IN_FLIGHT_STATES = frozenset({CLAIMED, HANDED_OVER, AMBIGUOUS})
OPEN = (PLANNED, CLAIMED, HANDED_OVER, AMBIGUOUS)


class Entry(NamedTuple):
    """One message that was planned; a tuple, because thousands of them are read in each claim."""

    message_id: str
    person_id: int
    programme: str
    programme_version: int
    step: str
    occurrence: str
    channel: str
    address: str
    state: str
    reason: str
    is_holdout: bool
    context: dict[str, Any]
    subject: str
    provider: str
    provider_message_id: str
    attempts: int
    not_before: datetime | None
    expires_at: datetime | None
    planned_at: datetime
    claimed_at: datetime | None
    claimed_by: str
    handed_over_at: datetime | None
    accepted_at: datetime | None
    delivered_at: datetime | None
    settles_at_epoch: float | None
    updated_at: datetime
    variant: str = ""
    purpose: str = "marketing"
    priority: int = 0
    template: str = ""
    template_version: int = 0
    locale: str = ""
    batch_id: str = ""
    cost_micros: int | None = None
    cost_currency: str = ""


ENTRY_COLUMNS = [ledger_entries.c[name] for name in Entry._fields]
_AS_KEPT = {  # without conversions, which take longer than reading when thousands are read at once
    column.name: sa.type_coerce(column, sa.Text) if isinstance(column.type, (sa.DateTime, sa.JSON)) else column
    for column in ENTRY_COLUMNS
}
_TIMES = frozenset(column.name for column in ENTRY_COLUMNS if isinstance(column.type, sa.DateTime))


@dataclass(frozen=True)
class AudienceReport:
    """Where the messages of one programme stand: they add up, and it is finished only when none is open."""

    audience: int
    sent: int
    failed: int
    suppressed: int
    held_out: int
    expired: int
    waiting: int
    ambiguous: int

    @property
    def is_finished(self) -> bool:
        """Whether every message has come to an end."""
        return self.sent + self.failed + self.suppressed + self.held_out + self.expired == self.audience


def entries_of(
    connection: Connection, query: sa.Select[Any], known: Mapping[str, Any] = MappingProxyType({})
) -> list[Entry]:
    """Run a query on `ENTRY_COLUMNS`.

    Args:
        connection: a transaction.
        query: which entries.
        known: column -> value that all of them have, or that nobody will ask about: it is not read.
    """
    names = [name for name in Entry._fields if name not in known]
    if connection.dialect.name != "sqlite":
        chosen = query.with_only_columns(*(ledger_entries.c[name] for name in names))
        return [Entry(**{**known, **row}) for row in rows_of(connection, chosen)]
    cursor = connection.execute(query.with_only_columns(*(_AS_KEPT[name] for name in names))).cursor
    rows = cursor.fetchall() if cursor is not None else ()
    if not rows:
        return []
    moments = _Moments({None: None})
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True))
    columns |= {name: map(moments.__getitem__, columns[name]) for name in _TIMES & columns.keys()}
    columns["is_holdout"] = map(bool, columns["is_holdout"])
    columns["context"] = orjson.loads(f"[{','.join(columns['context'])}]")  # at once: they are read by the thousand
    columns |= {name: repeat(value, len(rows)) for name, value in known.items()}
    return list(map(Entry._make, zip(*(columns[name] for name in Entry._fields), strict=True)))


class _Moments(dict[str | None, datetime | None]):
    """Moments as SQLite keeps them -> moments; most of those that are read together are the same."""

    def __missing__(self, text: str | None) -> datetime | None:
        made = self[text] = datetime.fromisoformat(str(text))
        return made


def get_entry(store: Store, message_id: str) -> Entry:
    """One entry.

    Raises:
        NotFoundError: there is none with this id.
    """
    with store.read() as connection:
        found = entries_of(connection, sa.select(*ENTRY_COLUMNS).where(ledger_entries.c.message_id == message_id))
    if not found:
        raise NotFoundError(f"there is no message {message_id}")
    return found[0]


def list_entries(
    store: Store,
    *,
    states: Sequence[str] = (),
    programme: str = "",
    occurrence: str = "",
    person_id: int | None = None,
    limit: int = 200,
) -> list[Entry]:
    """Entries, the last changed first."""
    query = sa.select(*ENTRY_COLUMNS).order_by(ledger_entries.c.updated_at.desc()).limit(limit)
    if states:
        query = query.where(ledger_entries.c.state.in_(states))
    if states and IN_FLIGHT_STATES.issuperset(states):
        query = query.where(IN_FLIGHT)
    if programme:
        query = query.where(ledger_entries.c.programme == programme)
    if occurrence:
        query = query.where(ledger_entries.c.occurrence == occurrence)
    if person_id is not None:
        query = query.where(ledger_entries.c.person_id == person_id)
    with store.read() as connection:
        return entries_of(connection, query)


def unresolved(store: Store, limit: int = 1000) -> list[Entry]:
    """Every message of which nobody knows whether it went out: listed by name, never silent."""
    return list_entries(store, states=(AMBIGUOUS,), limit=limit)


def transitions_of(store: Store, message_id: str) -> list[dict[str, Any]]:
    """Each step of a message: from_state, to_state, reason, happened_at; oldest first."""
    with store.read() as connection:
        return steps_of(connection, [message_id]).get(message_id, [])


def message_as_sent(store: Store, message_id: str) -> dict[str, Any] | None:
    """The rendered message as it was handed over: from, to, subject, html, text, headers; None before that."""
    with store.read() as connection:
        return find_kept(connection, message_id)


def counts_by_state(store: Store, programme: str = "") -> dict[str, int]:
    """How many entries are in each state; every state is named."""
    query = sa.select(ledger_entries.c.state, sa.func.count().label("count")).group_by(ledger_entries.c.state)
    if programme:
        query = query.where(ledger_entries.c.programme == programme)
    with store.read() as connection:
        return dict.fromkeys(STATES, 0) | {row["state"]: row["count"] for row in rows_of(connection, query)}


def audience_report(store: Store, programme: str) -> AudienceReport:
    """Where the messages of one programme stand."""
    return report_of(counts_by_state(store, programme))


def report_of(counts: Mapping[str, int]) -> AudienceReport:
    """The report of counts by state; every state must be named."""
    return AudienceReport(
        audience=sum(counts.values()),
        sent=counts[ACCEPTED] + counts[DELIVERED],
        failed=counts[REJECTED],
        suppressed=counts[SUPPRESSED],
        held_out=counts[HELD_OUT],
        expired=counts[EXPIRED],
        waiting=counts[PLANNED] + counts[CLAIMED] + counts[HANDED_OVER],
        ambiguous=counts[AMBIGUOUS],
    )


def unexported(store: Store, limit: int = 5000) -> list[dict[str, Any]]:
    """Entries that changed since they were last exported, as plain rows; give them to `mark_exported` afterwards."""
    columns = [column for column in ledger_entries.c if column.name != "set_ids"]  # the log is not exported
    query = (
        sa.select(*columns)
        .where(ledger_entries.c.exported_revision < ledger_entries.c.revision)
        .order_by(ledger_entries.c.exported_revision)
        .limit(limit)
    )
    with store.read() as connection:
        return rows_of(connection, query)
