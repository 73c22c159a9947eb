"""A journey lived through the past in a process of its own, so that the screens stay quick.

Belongs here: what that process does. Stays out: Panel and everything that draws, since the process would load it too;
starting it (`trying.py`).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from dmat.journeys.comparing import Difference, difference
from dmat.journeys.entries import Source
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.records import JourneyVersion
from dmat.journeys.replay import replay
from dmat.journeys.replay_report import ReplayReport, report_of
from dmat.segments.desk import Desk
from dmat.settings import load_settings
from dmat.store import open_store

MOST_OUTCOMES = 5_000  # what a page leafs through; `dmat replay --file` writes all of them


def live_through(
    home: Path, key: str, version: JourneyVersion, live: JourneyVersion | None, since: datetime, until: datetime
) -> tuple[ReplayReport, Difference | None]:
    """Replay a version, beside the one that is live when there is another; called in a process of its own.

    Raises:
        InvalidInputError, NotFoundError: it cannot be lived.
    """
    settings = load_settings(home)
    with closing(open_store(settings)) as store:
        source = Source(settings, store, Desk(settings, store))
        journey = JourneyLibrary(source).get(key)
        if live is not None:
            found = difference(source, journey, live, version, since, until)
            kept = replace(
                found, before=replace(found.before, outcomes=[]), after=replace(found.after, outcomes=[]),
                messages=(), entries_added=frozenset(), entries_removed=frozenset(),
            )  # fmt: skip
            return _shortened(found.after), kept
        return _shortened(report_of(source, replay(source, journey.journey_id, version, since, until))), None


def _shortened(report: ReplayReport) -> ReplayReport:
    """The report with as many outcomes as a page leafs through."""
    return replace(report, outcomes=report.outcomes[:MOST_OUTCOMES])
