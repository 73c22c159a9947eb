"""Live numbers of a journey: how many came to each step, how many stand there, what became of its messages.

Belongs here: reading them from the store, and not oftener than they are cheap. Stays out: where they are drawn
(`board.jinja`), effect and hold-out (`versions.py`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from apps.context import Context
from apps.screens.journeys.graph import START, Document, Way, steps_of, ways_of
from dmat.journeys.machine import COMPLETED, EXITED, WAITING
from dmat.journeys.members import REFUSED, count_standing
from dmat.journeys.records import Journey
from dmat.journeys.steps import END
from dmat.store import Store
from dmat.store.engine import rows_of
from dmat.store.journey_tables import journey_step_counts
from dmat.store.tables import counters

REST = 20
"""After a look that took a second nobody looks again for so many seconds."""
LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class Numbers:
    """A journey in figures, of all its versions together.

    Attributes:
        came: step -> how many came to it; `here`: how many stand there now.
        messages: step -> kind of mark -> how many.
        by_version: version -> how many are inside.
    """

    came: Mapping[str, int] = field(default_factory=dict)
    here: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    by_version: Mapping[int, int] = field(default_factory=dict)

    @property
    def inside(self) -> int:
        """People in it now."""
        return self.statuses.get(WAITING, 0)

    @property
    def ended(self) -> int:
        """People who came to its end or left it before."""
        return self.statuses.get(COMPLETED, 0) + self.statuses.get(EXITED, 0)

    @property
    def entered(self) -> int:
        """People who were let in."""
        return self.inside + self.ended

    @property
    def refused(self) -> int:
        """People who were not let in."""
        return self.statuses.get(REFUSED, 0)


def read_numbers(store: Store, journey: Journey) -> Numbers:
    """Ask the store."""
    came: Counter[str] = Counter()
    messages: dict[str, Counter[str]] = {}
    with store.read() as connection:
        standing = count_standing(connection, journey.journey_id)
        table = journey_step_counts.c
        passed = sa.select(table.step, table.count).where(table.journey_id == journey.journey_id)
        for row in rows_of(connection, passed):
            came[row["step"]] += row["count"]
        counted = counters.c
        marks = sa.select(counted.step, counted.kind, counted.count).where(counted.programme == journey.programme)
        for row in rows_of(connection, marks):
            messages.setdefault(row["step"], Counter())[row["kind"]] += row["count"]
    return _numbers(standing, came, messages)


def _numbers(
    standing: Mapping[tuple[int, str, str], int], came: Mapping[str, int], messages: Mapping[str, Mapping[str, int]]
) -> Numbers:
    here: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    versions: Counter[int] = Counter()
    for (version, status, step), count in standing.items():
        statuses[status] += count
        if status == WAITING:
            here[step.partition(">")[0].removesuffix("!")] += count
            versions[version] += count
    return Numbers(dict(came), dict(here), {step: dict(kinds) for step, kinds in messages.items()}, dict(statuses),
                   dict(versions))  # fmt: skip


class Counting:
    """Numbers of journeys for all pages of one server: dear ones are asked for less often."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self._known: dict[int, tuple[Numbers, float]] = {}

    def of(self, journey: Journey) -> Numbers:
        """The numbers of a journey, at most as old as looking again is cheap."""
        with self._lock:
            found = self._known.get(journey.journey_id)
            if found and found[1] > time.monotonic():
                return found[0]
            begin = time.monotonic()
            numbers = read_numbers(self._store, journey)
            took = time.monotonic() - begin
            self._known[journey.journey_id] = (numbers, time.monotonic() + max(LEAST_SECONDS, REST * took))
            return numbers


def counting_of(context: Context) -> Counting:
    """The one of this server."""
    return context.part("journey numbers", lambda made: Counting(made.store))


def on_way(plan: Document, source: str, way: Way, numbers: Numbers) -> int | None:
    """How many went along a way; None where it cannot be told apart from others."""
    if source == START:
        return numbers.entered
    if way.to == END:
        return None
    ways = [each for step in steps_of(plan) for each in ways_of(step) if each.to == way.to]
    if len(ways) == 1 and plan["steps"][0]["key"] != way.to:
        return numbers.came.get(way.to, 0)
    return None
