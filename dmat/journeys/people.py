"""Who members are: time zone and dates of many people at once, and who turned out to be somebody else.

Belongs here: these questions to the published warehouse. Stays out: addresses and personal values (`sending.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import numpy as np
import pyarrow as pa

from dmat.journeys.definition import Definition
from dmat.journeys.machine import Person
from dmat.journeys.steps import Wait
from dmat.warehouse import Workspace

PEOPLE = "people.dim_people"
DATES = ("birthday", "first_order_at", "last_order_at", "first_seen_at")


def dates_needed(definitions: Iterable[Definition]) -> tuple[str, ...]:
    """The dates of people that steps of these journeys wait for."""
    found = {
        step.until_date for each in definitions for step in each.steps if isinstance(step, Wait) and step.until_date
    }
    return tuple(sorted(found))


def read_people(workspace: Workspace, ids: Collection[int], dates: Collection[str] = ()) -> dict[int, Person]:
    """Zone and dates of people; those whom the warehouse does not know any more are marked so."""
    cursor = workspace.cursor()
    cursor.register("asked_people", pa.table({"person_id": np.fromiter(ids, np.int64, len(ids))}))
    columns = "".join(f", people.{name}" for name in dates)
    query = f"""
        select people.person_id, coalesce(people.time_zone, '') as time_zone{columns}
        from {PEOPLE} as people inner join asked_people on people.person_id = asked_people.person_id
    """
    rows = cursor.execute(query).fetchall()
    if not dates:
        found = {person_id: Person(person_id, zone) for person_id, zone in rows}
    else:
        found = {
            row[0]: Person(row[0], row[1], {name: value for name, value in zip(dates, row[2:], strict=True) if value})
            for row in rows
        }
    return {each: found.get(each) or Person(each, is_known=False) for each in ids}


def read_merges(workspace: Workspace, since: datetime | None) -> dict[int, int]:
    """Merged person -> the one that stands for both, of merges found since a moment."""
    if "people.person_merges" not in workspace.tables():
        return {}
    query = "select merged_person_id, surviving_person_id from people.person_merges where merged_at > ?"
    rows = workspace.cursor().execute(query, [since or datetime.min]).fetchall()
    return {int(merged): int(surviving) for merged, surviving in rows}
