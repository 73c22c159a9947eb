"""Leads that the tables found are taken into the store; those of the store follow their person.

Belongs here: that comparison. Stays out: who is a lead (`dbt/models/marts/scores/dim_leads.sql`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.scoring.leads import note, write_lead
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.lead_tables import leads
from dmat.warehouse import Workspace

BY = "decide"
AT_ONCE = 5_000
_FOUND = """
    select
        person_id, lower(email) as email, coalesce(full_name, '') as name, coalesce(company_name, '') as company_name,
        coalesce(company_size, '') as company_size, coalesce(industry, '') as industry,
        coalesce(job_title, '') as job_title, coalesce(country_code, '') as country_code, lead_source as source,
        created_at
    from scores.dim_leads
    where lead_id is null and person_id is not null and email is not null
    order by created_at, person_id
    limit ?
"""
_KNOWN = "select lead_id, person_id from scores.dim_leads where lead_id is not null and person_id is not null"


@dataclass(frozen=True)
class Adopted:
    """How many leads were new, and how many turned out to be another person."""

    new_count: int
    moved_count: int


def adopt_leads(store: Store, workspace: Workspace, now: datetime) -> Adopted:
    """Bring the leads of the tables into the store; twice gives once.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    moved = _follow_people(store, {int(row["lead_id"]): int(row["person_id"]) for row in workspace.rows(_KNOWN)}, now)
    new = 0
    for rows in chunks(workspace.rows(_FOUND, [AT_ONCE]), 500):
        new += _insert(store, rows, now)
    return Adopted(new, moved)


def _follow_people(store: Store, people: dict[int, int], now: datetime) -> int:
    with store.read() as connection:
        query = sa.select(leads.c.lead_id, leads.c.person_id)
        before = {row["lead_id"]: row["person_id"] for row in rows_of(connection, query)}
    changed = {number: person for number, person in people.items() if number in before and before[number] != person}
    if changed:
        with store.write() as connection:
            for number, person in changed.items():
                write_lead(connection, number, {"person_id": person}, now)
    return len(changed)


def _insert(store: Store, rows: list[dict[str, Any]], now: datetime) -> int:
    common = {
        "phone": "", "region": "", "status": "new", "created_by": BY, "updated_at": now, "revision": 1,
        "exported_revision": 0,
    }  # fmt: skip
    values = [_cut(row) | common | {"status_at": row["created_at"]} for row in rows]
    with store.write() as connection:
        statement = upsert(connection, leads).on_conflict_do_nothing(index_elements=["email"])
        found = connection.execute(statement.returning(leads.c.lead_id, leads.c.source), values).all()
        for row in found:
            note(connection, int(row[0]), "created", f"found by {str(row[1]).replace('_', ' ')}", now, BY)
    return len(found)


def _cut(row: dict[str, Any]) -> dict[str, Any]:
    """A row with texts no longer than their columns: they come from forms and vendors."""
    return {name: value[: _longest(name)] if isinstance(value, str) else value for name, value in row.items()}


def _longest(name: str) -> int | None:
    kind = leads.c[name].type
    return kind.length if isinstance(kind, sa.String) else None
