"""Figures for the manager: how much each rep and team has, how fast they answer, what became of their leads.

Belongs here: reckoning them from the assignments. Stays out: showing them.
Times are on the wall's clock, from the assignment on: to the answer (the lead was taken on or contacted), and to the
first contact. For a lead with several assignments each one is counted for its own rep. Figures that nothing is there
for are None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.routing.answering import WRONG
from dmat.routing.assigning import REJECTED
from dmat.routing.decide import POOL, QUEUE, REP
from dmat.routing.plan import read_plan
from dmat.routing.reps import Load, Rep, read_loads, read_reps
from dmat.store.engine import Store, rows_of
from dmat.store.lead_tables import lead_assignments

Row = Mapping[str, Any]
_NAMES = (
    "lead_id", "rep_key", "place", "crossed_at", "assigned_at", "accepted_at", "contacted_at", "respond_by", "ended_at",
    "ended_because", "rejected_for",
)  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """What became of some assignments; shares are 0 to 1."""

    given_count: int
    accepted_count: int
    contacted_count: int
    rejected_count: int
    lost_to_silence_count: int
    won_count: int
    lost_count: int
    median_response_minutes: float | None
    median_contact_minutes: float | None
    answered_in_time_share: float | None
    contacted_in_time_share: float | None
    follow_up_share: float | None
    right_rep_share: float | None


@dataclass(frozen=True)
class RepFigures(Answers):
    """One rep over the last days."""

    rep_key: str
    name: str
    team: str
    role: str
    open_count: int
    today_count: int
    capacity: int
    most_per_day: int


@dataclass(frozen=True)
class TeamFigures(Answers):
    """Several reps over the last days; a team without a name is everybody without a team."""

    team: str
    reps_count: int
    open_count: int
    today_count: int
    capacity: int


@dataclass(frozen=True)
class Desk:
    """The whole of sales over the last days.

    Attributes:
        reps, teams: by key and by name.
        everybody: all reps together.
        queued_count, pooled_count: leads that wait in the queue and in the pool now.
        median_assignment_seconds: from crossing the threshold to the first assignment.
        assigned_within_two_minutes_share: of those that crossed.
    """

    reps: tuple[RepFigures, ...]
    teams: tuple[TeamFigures, ...]
    everybody: TeamFigures
    queued_count: int
    pooled_count: int
    median_assignment_seconds: float | None
    assigned_within_two_minutes_share: float | None


def rep_figures(store: Store, now: datetime, days: int = 30) -> list[RepFigures]:
    """Figures of each rep over the last `days` days, by key."""
    return list(desk_figures(store, now, days).reps)


def desk_figures(store: Store, now: datetime, days: int = 30) -> Desk:
    """Figures of reps, teams and all of them over the last `days` days."""
    table = lead_assignments.c
    with store.read() as connection:
        minutes = read_plan(connection)[1].contact_minutes
        reps = read_reps(connection)
        loads = read_loads(connection, reps, now)
        query = sa.select(*(table[name] for name in _NAMES)).where(table.assigned_at > now - timedelta(days=days))
        rows = rows_of(connection, query.order_by(table.assignment_id))
        queued, pooled = (_waiting(connection, place) for place in (QUEUE, POOL))
    due = _ContactClock(reps, minutes, now)
    of_reps = [row for row in rows if row["place"] == REP]
    by_rep: dict[str, list[Row]] = {rep.rep_key: [] for rep in reps}
    for row in of_reps:
        by_rep.setdefault(str(row["rep_key"]), []).append(row)
    told = tuple(_of_rep(rep, loads[rep.rep_key], by_rep[rep.rep_key], due) for rep in reps)
    names = sorted({rep.team for rep in reps})
    teams = tuple(_of_team(name, [rep for rep in told if rep.team == name], by_rep, due) for name in names)
    seconds = _assignment_seconds(rows)
    return Desk(
        told, teams, _of_team("", told, by_rep, due), queued, pooled, median(seconds) if seconds else None,
        _share(sum(each <= 120 for each in seconds), len(seconds)),
    )  # fmt: skip


def _waiting(connection: Connection, place: str) -> int:
    table = lead_assignments.c
    query = sa.select(sa.func.count()).where(table.ended_at.is_(None), table.place == place)
    return int(connection.execute(query).scalar_one())


class _ContactClock:
    """Until when the first contact is due, in each rep's own working time; reckoned once for each assignment."""

    def __init__(self, reps: Sequence[Rep], minutes: int, now: datetime) -> None:
        self.now, self.minutes = now, minutes
        self._hours = {rep.rep_key: rep.hours for rep in reps}

    def is_due(self, row: Row) -> bool:
        """Whether the first contact was made, or should have been by now."""
        return row["contacted_at"] is not None or self._until(row) <= self.now

    def is_in_time(self, row: Row) -> bool:
        """Whether the first contact was made in time."""
        return row["contacted_at"] is not None and row["contacted_at"] <= self._until(row)

    def _until(self, row: Row) -> datetime:
        hours = self._hours.get(str(row["rep_key"]))
        return (hours.after(row["assigned_at"], self.minutes) if hours else None) or datetime.max


def _of_rep(rep: Rep, load: Load, rows: Sequence[Row], due: _ContactClock) -> RepFigures:
    return RepFigures(
        **_answers(rows, due), rep_key=rep.rep_key, name=rep.name, team=rep.team, role=rep.role,
        open_count=load.open_count, today_count=load.today_count, capacity=rep.capacity, most_per_day=rep.most_per_day,
    )  # fmt: skip


def _of_team(
    name: str, reps: Sequence[RepFigures], by_rep: Mapping[str, Sequence[Row]], due: _ContactClock
) -> TeamFigures:
    rows = [row for rep in reps for row in by_rep[rep.rep_key]]
    return TeamFigures(
        **_answers(rows, due), team=name, reps_count=len(reps), open_count=sum(rep.open_count for rep in reps),
        today_count=sum(rep.today_count for rep in reps), capacity=sum(rep.capacity for rep in reps),
    )  # fmt: skip


def _answers(rows: Sequence[Row], due: _ContactClock) -> dict[str, Any]:
    clocked = [row for row in rows if row["respond_by"] and (_answered(row) or row["respond_by"] <= due.now)]
    contacts = [row for row in rows if row["ended_because"] != REJECTED and due.is_due(row)]
    wrong = sum(row["rejected_for"] in WRONG for row in rows)
    return {
        "given_count": len(rows), "accepted_count": sum(row["accepted_at"] is not None for row in rows),
        "contacted_count": sum(row["contacted_at"] is not None for row in rows),
        "rejected_count": _ended(rows, REJECTED), "lost_to_silence_count": _ended(rows, "no answer"),
        "won_count": _ended(rows, "won"), "lost_count": _ended(rows, "lost"),
        "median_response_minutes": _median_minutes((row["assigned_at"], _answered(row)) for row in rows),
        "median_contact_minutes": _median_minutes((row["assigned_at"], row["contacted_at"]) for row in rows),
        "answered_in_time_share": _share(sum(_is_in_time(row) for row in clocked), len(clocked)),
        "contacted_in_time_share": _share(sum(map(due.is_in_time, contacts)), len(contacts)),
        "follow_up_share": _share(sum(row["contacted_at"] is not None for row in contacts), len(contacts)),
        "right_rep_share": _share(len(rows) - wrong, len(rows)),
    }  # fmt: skip


def _answered(row: Row) -> datetime | None:
    moments = [row[name] for name in ("accepted_at", "contacted_at") if row[name] is not None]
    return min(moments, default=None)


def _is_in_time(row: Row) -> bool:
    answered = _answered(row)
    return answered is not None and answered <= row["respond_by"]


def _ended(rows: Iterable[Row], because: str) -> int:
    return sum(row["ended_because"] == because for row in rows)


def _median_minutes(spans: Iterable[tuple[datetime, datetime | None]]) -> float | None:
    minutes = [(end - begin).total_seconds() / 60 for begin, end in spans if end is not None]
    return median(minutes) if minutes else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _assignment_seconds(rows: Iterable[Row]) -> list[float]:
    """Of each lead that crossed: from the crossing to its first assignment to a rep, the queue or the pool."""
    first: dict[int, Row] = {}
    for row in rows:
        if row["crossed_at"] is not None and row["assigned_at"] >= row["crossed_at"]:
            first.setdefault(int(row["lead_id"]), row)
    return [(row["assigned_at"] - row["crossed_at"]).total_seconds() for row in first.values()]
