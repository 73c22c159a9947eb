"""Writing many messages at once: the other half of `dmat/ledger/post.py`, with a handful of statements for a set.

Belongs here: the same steps, checks and log for sets, in the form that each database is fast at. Stays out: deciding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from dmat.ledger.counters import Place, count_set
from dmat.ledger.entries import HANDED_OVER, MAY_FOLLOW, REJECTED
from dmat.ledger.log import log_set, set_count
from dmat.ledger.post import BEFORE_FAILING, COUNTED, TICK
from dmat.store.engine import chunks, lock_rows
from dmat.store.ledger_tables import ledger_entries

_EMPTY = ("subject", "provider", "provider_message_id", "claimed_by")
_TYPES = {"person_id": "bigint", "not_before": "timestamp", "expires_at": "timestamp", "is_holdout": "boolean"}
SET_SIZE = 5000
Kind = tuple[str, str, bool]  # state, reason, is held out
_last_steps: WeakKeyDictionary[Engine, datetime] = WeakKeyDictionary()


def insert_planned(
    connection: Connection,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    common: Mapping[str, Any],
    now: datetime,
) -> Counter[tuple[str, bool]]:
    """Insert many entries of one step inside the caller's transaction; those that are there already stay as they are.

    Args:
        connection: a write transaction.
        names: columns of which each entry has a value of its own; `state`, `reason` and `is_holdout` are among them.
        rows: these values; moments as ISO text, `context` as JSON text.
        common: column -> value that all of them have.
        now: when they are planned.

    Returns:
        (state, is held out) -> how many were inserted.
    """
    values: dict[str, Any] = (
        dict(common) | dict.fromkeys(_EMPTY, "") | {"attempts": 0, "revision": 1, "exported_revision": 0}
    )
    values |= {"planned_at": now, "updated_at": now}
    step_of = itemgetter(names.index("state"), names.index("reason"))
    kinds = Counter(map(itemgetter(*map(names.index, ("state", "reason", "is_holdout"))), rows))
    sets = {
        (state, reason): log_set(connection, "", state, reason, now, 0)
        for state, reason in sorted({(state, reason) for state, reason, _ in kinds})
    }
    named = {step: f" {set_id}" for step, set_id in sets.items()}
    insert = _insert_sqlite if connection.dialect.name == "sqlite" else _insert_postgresql
    found = insert(connection, (*names, "set_ids"), rows, [named[step_of(row)] for row in rows], values)
    counts: Counter[tuple[str, bool]] = Counter()
    made: Counter[tuple[str, str]] = Counter()
    for (state, reason, is_holdout), count in (kinds if found is None else found).items():
        counts[(state, bool(is_holdout))] += count
        made[(state, reason)] += count
    for step, set_id in sets.items():
        set_count(connection, set_id, made[step])
    return counts


def _insert_sqlite(
    connection: Connection,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    set_ids: Sequence[str],
    common: Mapping[str, Any],
) -> Counter[Kind] | None:
    """Tuples go to the driver as they are; what is new has a higher row id than all before, as we hold the lock.

    Gives how many are new of each kind; None when all of them are.
    """
    before: int = connection.exec_driver_sql("select coalesce(max(rowid), 0) from ledger_entries").scalar_one()
    constants = {name: _constant(value) for name, value in common.items()}
    places = ["?"] * len(names) + [constant or "?" for constant in constants.values()]
    written = f"insert into ledger_entries ({', '.join((*names, *common))}) values ({', '.join(places)})"
    rest = tuple(_as_text(value) for name, value in common.items() if not constants[name])
    given = [(*row, set_id, *rest) for row, set_id in zip(rows, set_ids, strict=True)]
    if connection.exec_driver_sql(f"{written} on conflict do nothing", given).rowcount == len(given):
        return None
    counted = (
        "select state, reason, is_holdout, count(*) from ledger_entries"
        " where rowid > ? group by state, reason, is_holdout"
    )
    return Counter({(row[0], row[1], bool(row[2])): row[3] for row in connection.exec_driver_sql(counted, (before,))})


def _constant(value: Any) -> str:
    """What needs no quoting, as SQL; empty for what is bound to each row."""
    if value is None or value == "":
        return "null" if value is None else "''"
    return str(int(value)) if isinstance(value, int) else ""


def _as_text(value: Any) -> Any:
    return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value


def _insert_postgresql(
    connection: Connection,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    set_ids: Sequence[str],
    common: Mapping[str, Any],
) -> Counter[Kind]:
    """One statement: the entries as arrays; gives how many are new of each kind."""
    arrays = [*(list(column) for column in zip(*rows, strict=True)), list(set_ids)]
    unnested = ", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in names)
    chosen = ", ".join("p.context::json" if name == "context" else f"p.{name}" for name in names)
    constants = ", ".join("%s" for _ in common)
    found = connection.exec_driver_sql(
        f"""
        with fresh as (
            insert into ledger_entries ({", ".join((*names, *common))})
            select {chosen}, {constants} from unnest({unnested}) as p({", ".join(names)})
            on conflict do nothing
            returning state, reason, is_holdout
        )
        select state, reason, is_holdout, count(*) from fresh group by state, reason, is_holdout
        """,
        (*common.values(), *arrays),
    )
    return Counter({(row[0], row[1], row[2]): row[3] for row in found})


@dataclass(frozen=True)
class SetMove:
    """The same step of many messages; the attributes are those of `Move`, and what the caller expects.

    Attributes:
        expected: the state that all of them are probably in: then one statement makes the step.
        places: how many of them are counted where, if the caller knows; needed with `expected` for what is counted.
        through: the step that they make just before this one, in the same transaction.
        is_attempt: whether it is one attempt more.
    """

    to_state: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    only_from: frozenset[str] | None = None
    only_claimed_by: str | None = None
    expected: str = ""
    places: Mapping[Place, int] = field(default_factory=dict)
    through: SetMove | None = None
    is_attempt: bool = False

    def alone(self) -> SetMove:
        """This step for messages that have made the one before."""
        return replace(self, through=None, expected=self.through.to_state if self.through else self.expected)


def move_set(connection: Connection, message_ids: Sequence[str], step: SetMove, now: datetime) -> list[str]:
    """Make one step of many messages with a handful of statements, inside the caller's transaction.

    Returns:
        the ids of those that made it, in order.
    """
    moved: list[str] = []
    for batch in chunks(sorted(message_ids), SET_SIZE):
        made = _made_at_once(connection, batch, step, now)
        moved += made
        rest = batch if not made else sorted(set(batch).difference(made)) if len(made) < len(batch) else []
        if rest and step.through is not None:
            moved += move_set(connection, move_set(connection, rest, step.through, now), step.alone(), now)
        elif rest:
            for group in _groups(connection, rest, step):
                _write_group(connection, group, step, now)
                moved += group.ids
    return sorted(moved)


def _made_at_once(connection: Connection, ids: Sequence[str], step: SetMove, now: datetime) -> Sequence[str]:
    """Those that one statement moved, as they were as the caller expects. (SQLite: nobody else writes meanwhile.)"""
    is_counted = step.to_state in COUNTED
    if connection.dialect.name != "sqlite" or not step.expected or not ids or (is_counted and not step.places):
        return []
    at = _later_than_before(connection, now)
    made = [step] if step.through is None else [step.through, step]
    sets = [log_set(connection, each.expected, each.to_state, each.reason, at, len(ids)) for each in made]
    count = connection.execute(*_change(made, sets, at, pack_ids(connection, ids))).rowcount
    places = step.places
    if count != len(ids):
        for set_id in sets:
            set_count(connection, set_id, count)
        ids = _named(connection, ids, sets[-1]) if count else []
        places = _places(connection, ids)
    if is_counted:
        count_set(connection, step.to_state, ids, places, now)
    return ids


def _named(connection: Connection, ids: Sequence[str], set_id: int) -> list[str]:
    """Those of the messages whose last step was made with this set."""
    table = ledger_entries.c
    query = sa.select(table.message_id).where(
        table.message_id.in_(ids_of(connection)), table.set_ids.endswith(f" {set_id}")
    )
    found = connection.execute(query.order_by(table.message_id), {"ids": pack_ids(connection, ids)})
    return [str(row.message_id) for row in found]


def _places(connection: Connection, ids: Sequence[str]) -> Counter[Place]:
    """How many of the messages are counted where."""
    table = ledger_entries.c
    place = (table.programme, table.step, table.variant, table.channel)
    query = sa.select(sa.func.count(), *place).where(table.message_id.in_(ids_of(connection))).group_by(*place)
    rows = connection.execute(query, {"ids": pack_ids(connection, ids)}).all()
    return Counter({Place(*row[1:]): row[0] for row in rows})


def _naming(set_ids: Sequence[int]) -> str:
    """What is added to `set_ids` of a message."""
    return "".join(f" {set_id}" for set_id in set_ids)


def _later_than_before(connection: Connection, now: datetime) -> datetime:
    """Now, or a tick after the last step by this process: messages are marked later than their last change."""
    at = _last_steps[connection.engine] = max(now, _last_steps.get(connection.engine, now) + TICK)
    return at


def _change(made: Sequence[SetMove], sets: Sequence[int], at: datetime, ids: str) -> tuple[sa.Update, dict[str, Any]]:
    """The update that makes steps, one after the other, for messages that are as expected; and its parameters."""
    values = {name: value for each in made for name, value in each.values.items()}
    owner, is_attempt = made[0].only_claimed_by, any(each.is_attempt for each in made)
    statement = _change_of(tuple(sorted(values)), len(made), is_attempt, owner is not None)
    parameters = {f"new_{name}": value for name, value in values.items()} | {
        "ids": ids, "expected": made[0].expected, "at": at, "named": _naming(sets), "new_state": made[-1].to_state,
        "new_reason": made[-1].reason,
    }  # fmt: skip
    return statement, parameters if owner is None else parameters | {"owner": owner}


@lru_cache(maxsize=64)
def _change_of(names: tuple[str, ...], steps: int, is_attempt: bool, is_owned: bool) -> sa.Update:
    """Kept, as building it takes longer than changing a hundred messages with it (SQLite)."""
    table = ledger_entries.c
    changed = sa.update(ledger_entries).where(
        table.message_id.in_(_ids_of_sqlite()), table.state == sa.bindparam("expected"),
        table.updated_at < sa.bindparam("at"),
    )  # fmt: skip
    if is_owned:
        changed = changed.where(table.claimed_by == sa.bindparam("owner"))
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in ("state", "reason", *names)}
    values |= {"updated_at": sa.bindparam("at"), "set_ids": table.set_ids + sa.bindparam("named", type_=sa.Text)}
    values |= {"revision": table.revision + steps} | ({"attempts": table.attempts + 1} if is_attempt else {})
    return changed.prefix_with("or rollback").values(values)  # else each page is copied beside, in case of a refusal


@dataclass
class _Group:
    """Messages of a set that come from one state: when the last of them changed, and how many are counted where."""

    state: str
    ids: list[str]
    updated_at: datetime
    places: Counter[Place]


def _write_group(connection: Connection, group: _Group, step: SetMove, now: datetime) -> None:
    table, ids = ledger_entries.c, pack_ids(connection, group.ids)
    set_id = log_set(connection, group.state, step.to_state, step.reason, now, len(group.ids))
    changed = sa.update(ledger_entries).where(table.message_id.in_(ids_of(connection)))
    more = {"attempts": table.attempts + 1} if step.is_attempt else {}
    changed = changed.values(
        state=step.to_state, reason=step.reason, revision=table.revision + 1, set_ids=table.set_ids + _naming([set_id]),
        updated_at=max(now, group.updated_at + TICK), **step.values, **more,
    )  # fmt: skip
    connection.execute(changed, {"ids": ids})
    if step.to_state == REJECTED and group.state in BEFORE_FAILING:
        count_set(connection, "failed", group.ids, group.places, now)
    elif step.to_state in COUNTED - {REJECTED}:
        count_set(connection, step.to_state, group.ids, group.places, now)


def ids_of(connection: Connection) -> Any:
    """For `column.in_(...)`: the ids in the parameter `ids`, however many, as `pack_ids` gives them."""
    if connection.dialect.name == "sqlite":
        return _ids_of_sqlite()
    return sa.select(sa.func.unnest(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))))


def _ids_of_sqlite() -> Any:
    each = sa.func.json_each(sa.bindparam("ids", type_=sa.Text)).table_valued("value")
    return sa.select(each.c.value)


def pack_ids(connection: Connection, ids: Sequence[str]) -> Any:
    """Ids as one parameter."""
    return orjson.dumps(list(ids)).decode() if connection.dialect.name == "sqlite" else list(ids)


def _groups(connection: Connection, ids: Sequence[str], step: SetMove) -> list[_Group]:
    """Those of the messages that may make a step. On SQLite the database adds them up, and mostly all of them may."""
    table = ledger_entries.c
    allowed = {state for state, following in MAY_FOLLOW.items() if step.to_state in following}
    allowed &= step.only_from or allowed
    where: list[sa.ColumnElement[bool]] = [
        table.message_id.in_(ids_of(connection)), table.state.in_(sorted(allowed))
    ]  # fmt: skip
    if step.only_claimed_by is not None:
        where.append(table.claimed_by == step.only_claimed_by)
    place = (table.programme, table.step, table.variant, table.channel) if step.to_state in COUNTED else ()
    if connection.dialect.name == "sqlite":
        added = sa.select(sa.func.count(), sa.func.max(table.updated_at), table.state, *place).where(*where)
        rows = connection.execute(added.group_by(table.state, *place), {"ids": pack_ids(connection, ids)}).all()
        if len({row[2] for row in rows}) == 1 and sum(row[0] for row in rows) == len(ids):
            places = Counter({Place(*row[3:]): row[0] for row in rows if place})
            return [_Group(rows[0][2], list(ids), max(row[1] for row in rows), places)]
        if not rows:
            return []
    each = sa.select(table.message_id, table.updated_at, table.state, *place).where(*where).order_by(table.message_id)
    found: dict[str, _Group] = {}
    for row in connection.execute(lock_rows(connection, each), {"ids": pack_ids(connection, ids)}).all():
        group = found.setdefault(row[2], _Group(row[2], [], row[1], Counter()))
        group.ids.append(row[0])
        group.updated_at = max(group.updated_at, row[1])
        if place:
            group.places[Place(*row[3:])] += 1
    return list(found.values())


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
