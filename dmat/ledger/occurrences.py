"""Planning one step for many entries, each with an occurrence of its own: as journeys do, a cart or an event each.

Belongs here: these rows, written set-wise. Stays out: planning one step for people (`bulk.py`), messages one at a time
(`post.py`), what the rows say (`dmat/journeys/sending.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from dmat.ledger.entries import PLANNED, SUPPRESSED
from dmat.ledger.log import log_set, set_count
from dmat.ledger.message_ids import MessageIds
from dmat.ledger.post import NewEntry
from dmat.store.engine import chunks
from dmat.store.workspace_values import workspace_id

AT_ONCE = 10_000
COMMON = ("programme", "programme_version", "step", "channel", "template", "template_version", "purpose", "priority")
OWN = (
    "message_id", "person_id", "occurrence", "address", "not_before", "expires_at", "context", "is_holdout", "state",
    "reason", "locale", "variant", "set_ids",
)  # fmt: skip
_REASON = OWN.index("reason")
_BEGINS = {
    "subject": "''", "provider": "''", "provider_message_id": "''", "claimed_by": "''", "attempts": "0",
    "revision": "1", "exported_revision": "0",
}  # fmt: skip
_TYPES = {"person_id": "bigint", "not_before": "timestamp", "expires_at": "timestamp", "is_holdout": "boolean"}


def plan_occurrences(connection: Connection, entries: Sequence[NewEntry], now: datetime) -> int:
    """Insert the entries of one step that are new, inside the caller's transaction; gives how many they were.

    All of them have the same programme, version, step, channel, template, purpose and priority.
    """
    count = 0
    for batch in chunks(entries, AT_ONCE):
        common: dict[str, Any] = {name: getattr(batch[0], name) for name in COMMON}
        common |= {"planned_at": now, "updated_at": now}
        count += _insert(connection, common, batch, now)
    return count


def _insert(connection: Connection, common: dict[str, Any], batch: Sequence[NewEntry], now: datetime) -> int:
    is_sqlite = connection.dialect.name == "sqlite"
    reasons = sorted({entry.suppressed_because for entry in batch})
    states = {reason: SUPPRESSED if reason else PLANNED for reason in reasons}
    sets = {reason: log_set(connection, "", states[reason], reason, now, 0) for reason in reasons}
    first = batch[0]
    ids = MessageIds(workspace_id(connection, now), first.programme, first.programme_version, first.step, "")
    rows = sorted(
        (
            ids.of_occurrence(entry.person_id, entry.occurrence), entry.person_id, entry.occurrence, entry.address,
            _moment(entry.not_before or now, is_sqlite), _moment(entry.expires_at, is_sqlite),
            orjson.dumps(entry.context).decode(), entry.is_holdout, states[entry.suppressed_because],
            entry.suppressed_because, entry.locale, entry.variant, f" {sets[entry.suppressed_because]}",
        )
        for entry in batch
    )  # fmt: skip
    made = (_into_sqlite if is_sqlite else _into_postgresql)(connection, common, rows)
    for reason, set_id in sets.items():
        set_count(connection, set_id, made[reason])
    return made.total()


def _moment(value: datetime | None, is_sqlite: bool) -> Any:
    return value.isoformat(" ", "microseconds") if is_sqlite and value is not None else value


def _into_sqlite(connection: Connection, common: dict[str, Any], rows: Sequence[tuple[Any, ...]]) -> Counter[str]:
    """Tuples go to the driver as they are; what is new has a higher row id than all before, as we hold the lock."""
    before: int = connection.exec_driver_sql("select coalesce(max(rowid), 0) from ledger_entries").scalar_one()
    names = (*OWN, *common, *_BEGINS)
    places = ("?",) * (len(OWN) + len(common)) + tuple(_BEGINS.values())
    rest = tuple(_moment(value, True) if isinstance(value, datetime) else value for value in common.values())
    written = f"insert into ledger_entries ({', '.join(names)}) values ({', '.join(places)}) on conflict do nothing"
    if connection.exec_driver_sql(written, [row + rest for row in rows]).rowcount == len(rows):
        return Counter(row[_REASON] for row in rows)
    counted = "select reason, count(*) from ledger_entries where rowid > ? group by reason"
    return Counter({str(reason): count for reason, count in connection.exec_driver_sql(counted, (before,))})


def _into_postgresql(connection: Connection, common: dict[str, Any], rows: Sequence[tuple[Any, ...]]) -> Counter[str]:
    """One statement: the entries as arrays."""
    arrays = [list(column) for column in zip(*rows, strict=True)]
    unnested = ", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in OWN)
    chosen = ", ".join("p.context::json" if name == "context" else f"p.{name}" for name in OWN)
    same_for_all = ", ".join((*["%s"] * len(common), *_BEGINS.values()))
    statement = f"""
        with fresh as (
            insert into ledger_entries ({", ".join((*OWN, *common, *_BEGINS))})
            select {chosen}, {same_for_all} from unnest({unnested}) as p({", ".join(OWN)})
            on conflict do nothing returning reason
        )
        select reason, count(*) from fresh group by reason
    """
    found = connection.exec_driver_sql(statement, (*common.values(), *arrays))
    return Counter({str(reason): count for reason, count in found})
