"""Figures for the manager: how much each rep has, how fast they answer, how many leads were taken from them.

Belongs here: reckoning them from the assignments. Stays out: showing them.
Times are on the wall's clock, from the assignment to the first contact; for a lead with several assignments each one
is counted for its own rep.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa

from dmat.routing.decide import REP
from dmat.routing.reps import read_loads, read_reps
from dmat.store.engine import Store, rows_of
from dmat.store.lead_tables import lead_assignments


@dataclass(frozen=True)
class RepFigures:
    """One rep over the last days; medians and shares are None when there is nothing to reckon them from."""

    rep_key: str
    name: str
    open_count: int
    today_count: int
    capacity: int
    given_count: int
    contacted_count: int
    lost_to_silence_count: int
    median_response_minutes: float | None
    answered_in_time_share: float | None


def rep_figures(store: Store, now: datetime, days: int = 30) -> list[RepFigures]:
    """Figures of each rep over the last `days` days, by key."""
    table = lead_assignments.c
    names = ("rep_key", "assigned_at", "contacted_at", "respond_by", "ended_because")
    query = sa.select(*(table[name] for name in names))
    with store.read() as connection:
        reps = read_reps(connection)
        loads = read_loads(connection, reps, now)
        rows = rows_of(connection, query.where(table.place == REP, table.assigned_at > now - timedelta(days=days)))
    found = []
    for rep in reps:
        own = [row for row in rows if row["rep_key"] == rep.rep_key]
        answered = [row for row in own if row["contacted_at"]]
        minutes = [(row["contacted_at"] - row["assigned_at"]).total_seconds() / 60 for row in answered]
        due = [row for row in own if row["respond_by"] and (row["contacted_at"] or row["respond_by"] <= now)]
        in_time = sum(bool(row["contacted_at"]) and row["contacted_at"] <= row["respond_by"] for row in due)
        found.append(
            RepFigures(
                rep.rep_key, rep.name, loads[rep.rep_key].open_count, loads[rep.rep_key].today_count, rep.capacity,
                len(own), len(answered), sum(row["ended_because"] == "no answer" for row in own),
                median(minutes) if minutes else None, in_time / len(due) if due else None,
            )
        )  # fmt: skip
    return found
