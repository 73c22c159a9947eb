"""The log of steps: each change of state of each message, with its reason and moment.

Belongs here: writing the steps of a set once for all its messages, and reading the steps of a message. Stays out: the
steps of single messages, which `dmat/ledger/post.py` writes, and which steps are allowed (`dmat/ledger/entries.py`).

A step that many messages make together is one row of `ledger_sets`; each message names the sets it belongs to, in the
row that is written for the step anyway. A set notes which was the last single step before it, so that the steps of a
message, single and shared, have one order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import rows_of
from dmat.store.ledger_tables import ledger_entries, ledger_sets, ledger_transitions
from dmat.store.sets import among

STEP = ("from_state", "to_state", "reason", "happened_at")
_LAST = sa.select(sa.func.coalesce(sa.func.max(ledger_transitions.c.transition_id), 0)).scalar_subquery()
_LOG_SET = sa.insert(ledger_sets).values(after_transition_id=_LAST).returning(ledger_sets.c.set_id)


def log_set(
    connection: Connection, from_state: str, to_state: str, reason: str, now: datetime, message_count: int
) -> int:
    """Log a step of many messages inside the caller's transaction; gives the number that the messages must name."""
    step = dict(zip(STEP, (from_state, to_state, reason, now), strict=True))
    number: int = connection.execute(_LOG_SET, {**step, "message_count": message_count}).scalar_one()
    return number


def set_count(connection: Connection, set_id: int, message_count: int) -> None:
    """Say how many messages a set turned out to have; one without any is taken back."""
    mine = ledger_sets.c.set_id == set_id
    if message_count:
        connection.execute(sa.update(ledger_sets).where(mine).values(message_count=message_count))
    else:
        connection.execute(sa.delete(ledger_sets).where(mine))


def steps_of(connection: Connection, message_ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Each step of each of these messages (see `STEP`), oldest first."""
    found: dict[str, list[tuple[tuple[int, int], dict[str, Any]]]] = defaultdict(list)
    entries = ledger_entries.c
    named = sa.select(entries.message_id, entries.set_ids).where(among(connection, entries.message_id, message_ids))
    sets_of = {row.message_id: [int(number) for number in row.set_ids.split()] for row in connection.execute(named)}
    sets = _sets(connection, {number for numbers in sets_of.values() for number in numbers})
    for message_id, numbers in sets_of.items():
        found[message_id] += [sets[number] for number in numbers if number in sets]
    single = ledger_transitions.c
    query = sa.select(ledger_transitions).where(among(connection, single.message_id, message_ids))
    for row in rows_of(connection, query):
        found[row["message_id"]].append(((row["transition_id"], 0), {name: row[name] for name in STEP}))
    return {
        message_id: [step for _, step in sorted(steps, key=lambda step: step[0])]
        for message_id, steps in found.items()
    }  # fmt: skip


def _sets(connection: Connection, numbers: Collection[int]) -> dict[int, tuple[tuple[int, int], dict[str, Any]]]:
    if not numbers:
        return {}
    query = sa.select(ledger_sets).where(among(connection, ledger_sets.c.set_id, numbers))
    return {
        row["set_id"]: ((row["after_transition_id"], row["set_id"]), {name: row[name] for name in STEP})
        for row in rows_of(connection, query)
    }


def last_step(connection: Connection) -> int:
    """A number that grows with every step that anything makes."""
    single = sa.select(sa.func.coalesce(sa.func.max(ledger_transitions.c.transition_id), 0)).scalar_subquery()
    shared = sa.select(sa.func.coalesce(sa.func.max(ledger_sets.c.set_id), 0)).scalar_subquery()
    return int(connection.execute(sa.select(single + shared)).scalar_one())
