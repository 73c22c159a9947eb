"""Leads, what they did and changed lines of the matrix, on their way to the warehouse.

Belongs here: which rows changed since they were exported, and marking them. Stays out: landing them
(`dmat_pipelines/capture/leads.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.store.engine import Store, chunks, rows_of
from dmat.store.lead_tables import lead_activities, leads, score_rules


def unexported(store: Store, table: sa.Table, key: str, limit: int) -> list[dict[str, Any]]:
    """Rows of a table that changed since they were exported, oldest change first."""
    columns = [column for column in table.c if column.name != "exported_revision"]
    query = sa.select(*columns).where(table.c.exported_revision < table.c.revision)
    with store.read() as connection:
        return rows_of(connection, query.order_by(table.c[key]).limit(limit))


def mark_exported(store: Store, table: sa.Table, key: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; what changed meanwhile is exported again."""
    done = [{"row_key": row[key], "row_revision": row["revision"]} for row in rows]
    statement = sa.update(table).where(table.c[key] == sa.bindparam("row_key"))
    if done:
        with store.write() as connection:
            connection.execute(statement.values(exported_revision=sa.bindparam("row_revision")), done)


def unexported_leads(store: Store, limit: int) -> list[dict[str, Any]]:
    """Leads that changed; give them to `mark_leads_exported`."""
    return unexported(store, leads, "lead_id", limit)


def mark_leads_exported(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say that these leads are in the warehouse."""
    mark_exported(store, leads, "lead_id", rows)


def unexported_rules(store: Store, limit: int) -> list[dict[str, Any]]:
    """Lines of the matrix that changed; give them to `mark_rules_exported`."""
    return unexported(store, score_rules, "action", limit)


def mark_rules_exported(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say that these lines are in the warehouse."""
    mark_exported(store, score_rules, "action", rows)


def unlanded_activities(store: Store, limit: int) -> list[dict[str, Any]]:
    """Activities that the warehouse has not got, oldest first."""
    columns = [column for column in lead_activities.c if column.name != "landed_at"]
    query = sa.select(*columns).where(lead_activities.c.landed_at.is_(None))
    with store.read() as connection:
        return rows_of(connection, query.order_by(lead_activities.c.activity_id).limit(limit))


def mark_activities_landed(store: Store, activity_ids: Sequence[int], now: datetime) -> None:
    """Say that the warehouse has these activities; call it after they are committed there."""
    with store.write() as connection:
        for batch in chunks(activity_ids):
            is_meant = lead_activities.c.activity_id.in_(batch)
            connection.execute(sa.update(lead_activities).where(is_meant).values(landed_at=now))
