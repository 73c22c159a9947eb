"""The only writer of sends: plans entries and moves them from state to state, each step logged with its reason.

Belongs here: every insert and update of the ledger's tables, one message at a time; `dmat/ledger/sets.py` does the
same for many at once. Stays out: deciding (`dmat/campaigns/gate.py`), and
when to do it (`dmat/ledger/claim.py`, `dmat/ledger/events.py`, `dmat_pipelines/deliver`).
A move that the state machine does not allow is not made and not reported as made: whoever comes late changes nothing.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.ledger.counters import Mark, count_marks
from dmat.ledger.entries import (
    ACCEPTED,
    AMBIGUOUS,
    CLAIMED,
    DELIVERED,
    HANDED_OVER,
    MAY_FOLLOW,
    PLANNED,
    REJECTED,
    SUPPRESSED,
)
from dmat.ledger.message_ids import MessageIds
from dmat.store.engine import Store, chunks, lock_rows, upsert
from dmat.store.ledger_tables import ledger_entries, ledger_transitions, rendered_messages
from dmat.store.workspace_values import workspace_id

UNIQUE = ("person_id", "programme", "programme_version", "step", "occurrence")
PLANNED_COLUMNS = (
    *UNIQUE, "channel", "address", "context", "is_holdout", "expires_at",
    "variant", "purpose", "priority", "template", "template_version", "locale",
)  # fmt: skip
COUNTED = frozenset({ACCEPTED, DELIVERED, REJECTED})
BEFORE_FAILING = frozenset({CLAIMED, HANDED_OVER, AMBIGUOUS})  # rejected from here: it never left, it failed
TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class NewEntry:
    """A message to be planned; the five fields of `UNIQUE` say which, so that planning it twice plans it once.

    Not frozen: journeys make a hundred thousand at once, and a frozen one takes five times as long to make.
    """

    person_id: int
    programme: str
    programme_version: int
    step: str
    occurrence: str
    channel: str
    address: str
    context: dict[str, Any]
    is_holdout: bool = False
    expires_at: datetime | None = None
    suppressed_because: str = ""
    not_before: datetime | None = None
    variant: str = ""
    purpose: str = "marketing"
    priority: int = 0
    template: str = ""
    template_version: int = 0
    locale: str = ""


@dataclass(frozen=True)
class Move:
    """One step of one message.

    Attributes:
        values: further columns to set, e.g. `accepted_at`.
        only_from: the states it may come from, narrower than the state machine.
        only_claimed_by: the worker that must hold the claim.
    """

    message_id: str
    to_state: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    only_from: frozenset[str] | None = None
    only_claimed_by: str | None = None
    happened_at: datetime | None = None


def message_id_of(workspace: uuid.UUID, entry: NewEntry) -> str:
    """The id of a message follows from what it is, so a store that was put back plans the same ids again."""
    make_id = MessageIds(workspace, entry.programme, entry.programme_version, entry.step, entry.occurrence)
    return make_id(entry.person_id)


def plan_entries(connection: Connection, entries: Iterable[NewEntry], now: datetime) -> list[str]:
    """Insert the entries that are new, inside the caller's transaction; give their message ids."""
    workspace = workspace_id(connection, now)
    planned: list[str] = []
    for batch in chunks(_planned_row(workspace, entry, now) for entry in entries):
        rows = {row["message_id"]: row for row in batch}
        statement = upsert(connection, ledger_entries).on_conflict_do_nothing()
        result = connection.execute(statement.returning(ledger_entries.c.message_id), list(rows.values()))
        inserted = [row.message_id for row in result]
        _log(connection, [(i, "", rows[i]["state"], rows[i]["reason"], now) for i in inserted])
        planned.extend(inserted)
    return planned


def _planned_row(workspace: uuid.UUID, entry: NewEntry, now: datetime) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in PLANNED_COLUMNS}
    return row | {
        "message_id": message_id_of(workspace, entry),
        "state": SUPPRESSED if entry.suppressed_because else PLANNED,
        "reason": entry.suppressed_because,
        "planned_at": now,
        "not_before": entry.not_before or now,
        "updated_at": now,
    }


def move(connection: Connection, moves: Sequence[Move], now: datetime) -> dict[str, str]:
    """Make the moves that are allowed, inside the caller's transaction.

    Returns:
        message id -> state it came from, for the moves that were made (the last one of each message).
    """
    current = _lock_current(connection, {item.message_id for item in moves})
    made: dict[str, str] = {}
    log: list[tuple[str, str, str, str, datetime]] = []
    marks: list[Mark] = []
    pending: dict[str, dict[str, Any]] = defaultdict(dict)
    for item in moves:
        row = current.get(item.message_id)
        if row is None or not _is_allowed(item, row):
            continue
        at = item.happened_at or now
        log.append((item.message_id, row["state"], item.to_state, item.reason, at))
        if item.to_state == REJECTED and row["state"] in BEFORE_FAILING:
            marks.append(Mark(item.message_id, "failed", at))
        elif item.to_state in (ACCEPTED, DELIVERED):
            marks.append(Mark(item.message_id, item.to_state, at))
        made[item.message_id] = row["state"]
        row.update(item.values, state=item.to_state)
        pending[item.message_id].update(item.values, state=item.to_state, reason=item.reason)
    _write(connection, pending, current, now)
    _log(connection, log)
    count_marks(connection, marks, now)
    return made


def note(connection: Connection, values: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
    """Set columns of entries (message id -> column -> value) without a step, inside the caller's transaction."""
    current = _lock_current(connection, set(values))
    _write(connection, {i: dict(columns) for i, columns in values.items() if i in current}, current, now)


def _lock_current(connection: Connection, message_ids: set[str]) -> dict[str, dict[str, Any]]:
    table = ledger_entries.c
    found: dict[str, dict[str, Any]] = {}
    for batch in chunks(sorted(message_ids)):
        query = sa.select(table.message_id, table.state, table.claimed_by, table.updated_at, table.revision)
        query = query.where(table.message_id.in_(batch)).order_by(table.message_id)
        for row in connection.execute(lock_rows(connection, query)).mappings():
            found[row["message_id"]] = dict(row)
    return found


def _is_allowed(item: Move, row: Mapping[str, Any]) -> bool:
    if item.to_state not in MAY_FOLLOW[row["state"]]:
        return False
    if item.only_from is not None and row["state"] not in item.only_from:
        return False
    return item.only_claimed_by is None or row["claimed_by"] == item.only_claimed_by


def _write(
    connection: Connection,
    pending: Mapping[str, dict[str, Any]],
    current: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> None:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for message_id, values in pending.items():
        values["updated_at"] = max(now, current[message_id]["updated_at"] + TICK)  # later than its last change
        values["revision"] = current[message_id]["revision"] + 1
        groups[tuple(sorted(values))].append({f"new_{k}": v for k, v in values.items()} | {"key": message_id})
    for names, rows in groups.items():
        statement = sa.update(ledger_entries).where(ledger_entries.c.message_id == sa.bindparam("key"))
        connection.execute(statement.values({name: sa.bindparam(f"new_{name}") for name in names}), rows)


def _log(connection: Connection, steps: Sequence[tuple[str, str, str, str, datetime]]) -> None:
    names = ("message_id", "from_state", "to_state", "reason", "happened_at")
    if steps:
        connection.execute(sa.insert(ledger_transitions), [dict(zip(names, step, strict=True)) for step in steps])


def keep_rendered(connection: Connection, messages: Sequence[Mapping[str, Any]]) -> None:
    """Keep messages as they are handed over (columns of `rendered_messages`), inside the caller's transaction."""
    for batch in chunks(messages):
        statement = upsert(connection, rendered_messages)
        new = {c.name: statement.excluded[c.name] for c in rendered_messages.c if c.name != "message_id"}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["message_id"], set_=new), [dict(item) for item in batch]
        )


def mark_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these rows of `entries.unexported` are in the warehouse; what changed meanwhile is exported again."""
    statement = sa.update(ledger_entries).where(ledger_entries.c.message_id == sa.bindparam("key"))
    statement = statement.values(exported_revision=sa.bindparam("new_revision"))
    done = [{"key": row["message_id"], "new_revision": row["revision"]} for row in rows]
    if done:
        with store.write() as connection:
            connection.execute(statement, done)
