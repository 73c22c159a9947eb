"""Trying a journey out on the past: the same code with a virtual clock, in figures, beside the version that is live.

Belongs here: what is replayed and over which span, running it once at a time. Stays out: replaying and comparing
(`dmat/journeys/replay.py`, `comparing.py`), layout (`past.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context

from apps.parts.words import local
from apps.screens.journeys.building import NEW
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.graph import compact
from apps.screens.journeys.living import live_through
from dmat.errors import ConflictError
from dmat.journeys.comparing import Difference
from dmat.journeys.definition import definition_hash, parse_definition
from dmat.journeys.drafts import DRAFTS
from dmat.journeys.records import Journey, JourneyVersion
from dmat.journeys.replay_report import ReplayReport
from dmat.processes import end_with_parent

SPANS = {"7": "the last 7 days", "30": "the last 30 days", "90": "the last 90 days", "365": "the last year"}
DRAFT = "draft"


@dataclass(frozen=True)
class Tried:
    """A journey lived through the past.

    Attributes:
        difference: beside the version that is live; None when that is the same or there is none.
    """

    version: JourneyVersion
    since: datetime
    until: datetime
    report: ReplayReport
    difference: Difference | None = None


def _settle() -> None:
    os.nice(5)
    end_with_parent()


def _children() -> ProcessPoolExecutor:
    """One process at a time, which gives way to all others and ends when it is done, or when the screens end."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_settle, max_tasks_per_child=1)


class Trying:
    """Tries journeys out for all pages of one server: one at a time, since it takes a whole core."""

    def __init__(self, desk: JourneyDesk) -> None:
        self._desk, self._children = desk, _children()

    def choices(self, journey: Journey, user: str) -> dict[str, str]:
        """What can be tried out: the draft of this user, and versions."""
        draft = DRAFTS.load(self._desk.context.store, user, journey.key)
        found = {DRAFT: "What you have not saved"} if draft and draft.based_on_version == journey.version else {}
        for each in self._desk.library.versions(journey.key):
            live = ", live" if each.version == journey.live_version else ""
            found[str(each.version)] = f"Version {each.version}{live}"
        return found

    def version_of(self, journey: Journey, user: str, chosen: str) -> JourneyVersion:
        """The version that is tried out.

        Raises:
            InvalidInputError: what was not saved is not whole. NotFoundError: there is no such version.
        """
        draft = DRAFTS.load(self._desk.context.store, user, journey.key or NEW) if chosen == DRAFT else None
        if draft is None:
            return self._desk.library.version(journey.key, int(chosen) if chosen.isdigit() else 0)
        definition = parse_definition(compact(draft.document))
        now = self._desk.context.now()
        return JourneyVersion(journey.journey_id, journey.version + 1, definition, {}, "", now, user)

    def run(self, journey: Journey, version: JourneyVersion, days: int) -> Tried:
        """Live it through the last days, in a process of its own, so that the screens stay quick.

        Raises:
            InvalidInputError, NotFoundError: it cannot be lived. ConflictError: the process ended before its time.
        """
        until = self._desk.context.now()
        since, live = until - timedelta(days=days), self._live(journey, version)
        asked = self._children.submit(
            live_through, self._desk.context.settings.home, journey.key, version, live, since, until
        )
        try:
            report, found = asked.result()
        except BrokenProcessPool:
            self._children = _children()
            raise ConflictError("what tried the journey out ended before its time: try a shorter span") from None
        return Tried(version, since, until, report, found)

    def _live(self, journey: Journey, version: JourneyVersion) -> JourneyVersion | None:
        if journey.live_version is None:
            return None
        live = self._desk.library.version(journey.key, journey.live_version)
        is_same = definition_hash(live.definition) == definition_hash(version.definition)
        return None if is_same else live


def is_by_hour(since: datetime, until: datetime) -> bool:
    """Whether messages of a span are shown by hour rather than by day."""
    return until - since <= timedelta(days=7)


def by_period(report: ReplayReport, since: datetime, until: datetime, zone: str) -> Mapping[datetime, int]:
    """Messages by hour or day of a time zone (its local moments, without zone), periods without any too."""
    shown = is_by_hour(since, until)
    size = timedelta(hours=1) if shown else timedelta(days=1)

    def begins(moment: datetime) -> datetime:
        hour = local(moment, zone).replace(minute=0, second=0, microsecond=0, tzinfo=None)
        return hour if shown else hour.replace(hour=0)

    at, last, found = begins(since), begins(until), dict[datetime, int]()
    while at <= last:
        found[at] = 0
        at += size
    for hour, count in report.by_hour.items():
        found[begins(hour)] = found.get(begins(hour), 0) + count
    return dict(sorted(found.items()))
