"""What must reach a vendor, mostly about a lead (Slack, the CRM): kept in the transaction that wants it, then tried.

Belongs here: the queue, attempts and pauses. Stays out: what is said (`notices.py`, `dmat/routing/crm.py`) and vendors
(`dmat/connectors`). A CRM takes the same record twice as one; a line in Slack whose answer was lost is not sent
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import AmbiguousError, PermanentError, TransientError
from dmat.store.engine import Store, lock_rows, rows_of, upsert
from dmat.store.lead_tables import lead_pushes

SLACK, HUBSPOT, HUBSPOT_DEAL = "slack", "hubspot", "hubspot_deal"
SALESFORCE, SALESFORCE_OPPORTUNITY = "salesforce", "salesforce_opportunity"
WAITING, DONE, FAILED = "waiting", "done", "failed"
AT_ONCE = 50
LEASE = timedelta(minutes=2)
FIRST_PAUSE, LONGEST_PAUSE, MOST_ATTEMPTS = timedelta(seconds=30), timedelta(hours=1), 12
Push = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Pushed:
    """What one round did."""

    done_count: int = 0
    waiting_count: int = 0
    failed_count: int = 0


def plan_push(
    connection: Connection, key: str, kind: str, lead_id: int | None, payload: Mapping[str, Any], now: datetime
) -> None:
    """Keep something to be pushed, once a key, inside the caller's transaction; without a lead it is about none."""
    row = {
        "push_key": key[:200], "kind": kind, "lead_id": lead_id, "payload": dict(payload), "state": WAITING,
        "attempts": 0, "next_at": now, "vendor_id": "", "last_error": "", "created_at": now,
    }  # fmt: skip
    connection.execute(
        upsert(connection, lead_pushes).values(row).on_conflict_do_nothing(index_elements=["push_key"])
    )  # fmt: skip


def push_due(store: Store, ways: Mapping[str, Push], now: datetime) -> Pushed:
    """Try what is due of the kinds that there is a way for; gives what became of it."""
    counts = {DONE: 0, WAITING: 0, FAILED: 0}
    for row in _claim(store, ways, now):
        values = _try(ways[row["kind"]], row, now)
        with store.write() as connection:
            is_it = lead_pushes.c.push_id == row["push_id"]
            connection.execute(sa.update(lead_pushes).where(is_it).values(values))
        counts[values["state"]] += 1
    return Pushed(counts[DONE], counts[WAITING], counts[FAILED])


def _claim(store: Store, ways: Mapping[str, Push], now: datetime) -> list[dict[str, Any]]:
    table = lead_pushes.c
    is_due = sa.and_(table.state == WAITING, table.next_at <= now, table.kind.in_(sorted(ways)))
    query = sa.select(lead_pushes).where(is_due).order_by(table.next_at, table.push_id).limit(AT_ONCE)
    with store.write() as connection:
        rows = rows_of(connection, lock_rows(connection, query, skip_locked=True))
        claimed = table.push_id.in_([row["push_id"] for row in rows])
        if rows:
            values = {"next_at": now + LEASE, "attempts": table.attempts + 1}
            connection.execute(sa.update(lead_pushes).where(claimed).values(values))
    return rows


def _try(push: Push, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    if row["attempts"] and row["kind"] == SLACK and not row["last_error"]:
        return {"state": FAILED, "last_error": "the process died while it was sent; it may have arrived"}
    try:
        vendor_id = push(row["payload"])
    except AmbiguousError as error:
        return _again(row, error, now) if row["kind"] != SLACK else {"state": FAILED, "last_error": str(error)[:1000]}
    except TransientError as error:
        return _again(row, error, now)
    except PermanentError as error:
        return {"state": FAILED, "last_error": str(error)[:1000]}
    return {"state": DONE, "vendor_id": vendor_id[:200], "done_at": now, "last_error": ""}


def _again(row: Mapping[str, Any], error: TransientError, now: datetime) -> dict[str, Any]:
    attempts = int(row["attempts"]) + 1
    if attempts >= MOST_ATTEMPTS:
        return {"state": FAILED, "last_error": str(error)[:1000]}
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    return {"state": WAITING, "next_at": now + pause, "last_error": str(error)[:1000] or type(error).__name__}


def pushes_of(store: Store, lead_id: int) -> list[dict[str, Any]]:
    """What was pushed of a lead, oldest first: kind, state, attempts, vendor_id, last_error, created_at, done_at."""
    names = ("kind", "state", "attempts", "vendor_id", "last_error", "created_at", "done_at")
    query = sa.select(*(lead_pushes.c[name] for name in names)).where(lead_pushes.c.lead_id == lead_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by(lead_pushes.c.push_id))
