"""Sections by name, and what all of them share: notes on days, the lists of filters, what is missing.

Belongs here: which function makes which section. Stays out: the sections themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.screens.analytics.agreeing import agreeing
from apps.screens.analytics.attribution import attribution
from apps.screens.analytics.campaigns import campaigns
from apps.screens.analytics.channels import channels
from apps.screens.analytics.cohorts import cohorts
from apps.screens.analytics.comparing import compare
from apps.screens.analytics.desk import AnalyticsDesk, Named
from apps.screens.analytics.funnel import funnel
from apps.screens.analytics.looks import Look
from apps.screens.analytics.moving import moved
from apps.screens.analytics.overview import Marks, overview
from apps.screens.analytics.pieces import Note
from apps.screens.analytics.pipeline import pipeline
from apps.screens.analytics.reports import reports
from dmat.errors import InvalidInputError
from dmat.metrics.annotations import Annotation, annotations_of
from dmat.metrics.saved import Saved, listed

MOST_NOTES = 30
Made = Callable[[AnalyticsDesk, Look, Marks], list[Any]]
SECTIONS: dict[str, Made] = {
    "overview": overview, "campaigns": campaigns, "compare": compare, "channels": channels, "pipeline": pipeline,
    "funnel": funnel, "attribution": attribution, "cohorts": cohorts, "moved": moved,
    "counts": agreeing, "reports": reports,
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """What a section shows, and the lists that its filters are chosen from."""

    pieces: tuple[Any, ...]
    segments: tuple[Named, ...] = ()
    campaigns: tuple[Named, ...] = ()
    notes: tuple[Annotation, ...] = ()
    saved: tuple[Saved, ...] = ()
    as_of: datetime | None = None
    problem: str = ""


def read_section(desk: AnalyticsDesk, look: Look, by: str) -> Section:
    """The section of a look; a look that cannot be asked for says why."""
    version = desk.context.version()
    if version is None:
        return Section((Note("Nothing to show yet", "Figures show here when the first build is published.", "chart"),))
    segments, named = desk.segments(), desk.campaigns()
    store = desk.context.store
    subjects = (f"campaign:{look.campaign}",) if look.campaign else ()
    notes = tuple(annotations_of(store, *look.days(desk.today), subjects))[:MOST_NOTES]
    marks = tuple((note.day, note.words) for note in notes)
    saved = tuple(listed(store, by)) if look.view == "reports" else ()
    try:
        pieces = tuple(SECTIONS[look.view](desk, look, marks))
    except InvalidInputError as error:
        return Section((), segments, named, notes, saved, version.data_as_of, f"{error}.")
    return Section(pieces, segments, named, notes, saved, version.data_as_of)
