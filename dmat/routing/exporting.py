"""Assignments on their way to the warehouse, each with the rep's name and with when the first contact is due.

Belongs here: which changed since they were exported, and marking them. Stays out: landing them
(`dmat_pipelines/capture/leads.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dmat.routing.plan import read_plan
from dmat.routing.reps import Rep, read_reps
from dmat.scoring.exporting import mark_exported, unexported
from dmat.store.engine import Store
from dmat.store.lead_tables import lead_assignments

_MOMENTS = ("assigned_at", "accepted_at", "contacted_at", "ended_at")


def unexported_assignments(store: Store, limit: int) -> list[dict[str, Any]]:
    """Assignments that changed; give them to `mark_assignments_exported`."""
    rows = unexported(store, lead_assignments, "assignment_id", limit)
    if not rows:
        return []
    with store.read() as connection:
        minutes = read_plan(connection)[1].contact_minutes
        reps = {rep.rep_key: rep for rep in read_reps(connection)}
    return [_told(row, reps.get(row["rep_key"] or ""), minutes) for row in rows]


def _told(row: dict[str, Any], rep: Rep | None, contact_minutes: int) -> dict[str, Any]:
    contact_by: datetime | None = rep.hours.after(row["assigned_at"], contact_minutes) if rep else None
    changed_at = max(row[name] for name in _MOMENTS if row[name] is not None)
    why = " ".join(row.pop("explanation"))
    return row | {
        "rep_name": rep.name if rep else "", "rep_team": rep.team if rep else "", "why": why,
        "contact_by": contact_by, "changed_at": changed_at,
    }  # fmt: skip


def mark_assignments_exported(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say that these assignments are in the warehouse."""
    mark_exported(store, lead_assignments, "assignment_id", rows)
