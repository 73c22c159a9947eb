"""How a journey was lived, as a replay needs it: when it stood still, what was known when, who was moved, its tests.

Belongs here: reading this from the store. Stays out: replaying (`replay.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.experiments.in_journeys import read_trials
from dmat.journeys.admitting import Stay
from dmat.journeys.entries import Source
from dmat.journeys.machine import State
from dmat.journeys.members import REFUSED, steps_passed
from dmat.journeys.records import Gaps, Journey, read_gaps
from dmat.journeys.trials import Trial
from dmat.store.engine import rows_of
from dmat.store.journey_tables import journey_happenings, journey_members, journey_moved_members, journey_moves


class Arrival(NamedTuple):
    """A member that was moved to a version: when, where it stood then, and what it had passed before."""

    at: datetime
    from_version: int
    to_version: int
    state: State
    passed: frozenset[str]


@dataclass(frozen=True)
class Known:
    """What is known of how a journey was lived; all by the key of the entry.

    Attributes:
        seen_at: when entries were found. effective_at: (entry, kind, moment) -> when a happening counted.
        versions: the version that an entry began with; moves: its moves, in order.
        refused: entries that were not let in, and why; stays: person -> entry -> their stay.
        arrivals, departures, elsewhere: the same as seen by one version (`of_version`).
    """

    gaps: Gaps
    seen_at: Mapping[str, datetime] = field(default_factory=dict)
    effective_at: Mapping[tuple[str, str, datetime], datetime] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    trials: Sequence[Trial] = ()
    moves: Mapping[str, Sequence[Arrival]] = field(default_factory=dict)
    stays: Mapping[int, Mapping[str, Stay]] = field(default_factory=dict)
    arrivals: Mapping[str, Arrival] = field(default_factory=dict)
    departures: Mapping[str, datetime] = field(default_factory=dict)
    elsewhere: Mapping[int, Sequence[Stay]] = field(default_factory=dict)

    def of_version(self, version: int) -> Known:
        """What concerns one version: who came to it, who left it, and who was in another one only."""
        arrivals, departures = dict[str, Arrival](), dict[str, datetime]()
        for key, moves in self.moves.items():
            for each in moves:
                if each.to_version == version:
                    arrivals[key] = each
                if each.from_version == version:
                    departures[key] = each.at
        ours = {key for key, its in self.versions.items() if its == version} | set(arrivals)
        elsewhere = {
            person: [stay for key, stay in stays.items() if key not in ours] for person, stays in self.stays.items()
        }
        return replace(self, arrivals=arrivals, departures=departures, elsewhere=elsewhere)


NOTHING_KNOWN = Known(Gaps([]))


def read_known(source: Source, journey: Journey) -> Known:
    """How a journey was lived: when it stood still, when its entries and what happened to its members were known."""
    table = journey_members.c
    named = ("entry_key", "person_id", "seen_at", "version", "status", "why", "entered_at", "ended_at")
    with source.store.read() as connection:
        gaps = read_gaps(connection, journey.journey_id)
        trials = read_trials(connection, journey.key)
        mine = table.journey_id == journey.journey_id
        rows = rows_of(connection, sa.select(*(table[name] for name in named)).where(mine))
        effective, moves = _effective(connection, journey), _moves(connection, journey)
    stays: dict[int, dict[str, Stay]] = defaultdict(dict)
    for row in rows:
        if row["status"] != REFUSED:
            stays[row["person_id"]][row["entry_key"]] = Stay(row["entered_at"], row["ended_at"])
    versions = {row["entry_key"]: row["version"] for row in rows}
    versions |= {key: arrivals[0].from_version for key, arrivals in moves.items()}
    seen = {row["entry_key"]: row["seen_at"] for row in rows}
    refused = {row["entry_key"]: row["why"] for row in rows if row["status"] == REFUSED}
    return Known(gaps, seen, effective, versions, refused, trials, moves, stays)


def _effective(connection: Connection, journey: Journey) -> dict[tuple[str, str, datetime], datetime]:
    members, happened = journey_members.c, journey_happenings.c
    query = sa.select(members.entry_key, happened.kind, happened.occurred_at, happened.effective_at)
    query = query.join(journey_members, members.member_id == happened.member_id)
    query = query.where(members.journey_id == journey.journey_id, members.path != "")
    return {
        (row["entry_key"], row["kind"], row["occurred_at"]): row["effective_at"] for row in rows_of(connection, query)
    }


def _moves(connection: Connection, journey: Journey) -> dict[str, list[Arrival]]:
    members, moved, moves = journey_members.c, journey_moved_members.c, journey_moves.c
    query = (
        sa.select(
            members.entry_key, members.path, members.variant, moved.from_version, moved.step, moved.at, moved.due_at,
            moved.status, moved.passed, moves.to_version, moves.moved_at,
        )
        .select_from(journey_moved_members)
        .join(journey_moves, moves.move_id == moved.move_id)
        .join(journey_members, members.member_id == moved.member_id)
        .where(moves.journey_id == journey.journey_id)
        .order_by(moves.move_id)
    )  # fmt: skip
    found: dict[str, list[Arrival]] = defaultdict(list)
    for row in rows_of(connection, query):
        found[row["entry_key"]].append(_arrival(row))
    return dict(found)


def _arrival(row: Mapping[str, Any]) -> Arrival:
    passed = frozenset(steps_passed(row["path"])[: row["passed"]])
    state = State(row["step"], row["at"], row["due_at"], row["status"], variant=row["variant"])
    return Arrival(row["moved_at"], row["from_version"], row["to_version"], state, passed)
