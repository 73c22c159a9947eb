"""Who would have got what when a journey was tried out on the past: pages with names.

Belongs here: a page of outcomes with the people that they are about. Stays out: what becomes of messages
(`dmat/journeys/replay_report.py`), layout (`past.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.screens.segments.members import Person, read_people
from dmat.journeys.replay_report import Outcome
from dmat.warehouse import Workspace

PAGE = 25


@dataclass(frozen=True)
class OutcomePage:
    """Some outcomes, each with its person (None for somebody whom the tables do not know), and how many there are."""

    rows: tuple[tuple[Outcome, Person | None], ...]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.count // PAGE))


def page_of(outcomes: Sequence[Outcome], page: int, workspace: Workspace | None) -> OutcomePage:
    """One page (from 1) of outcomes in the order in which they were due; a page that is not there is the nearest."""
    pages = max(1, -(-len(outcomes) // PAGE))
    page = min(max(page, 1), pages)
    shown = outcomes[(page - 1) * PAGE : page * PAGE]
    found = read_people(workspace, sorted({each.person_id for each in shown})) if workspace and shown else ()
    known = {each.person_id: each for each in found}
    rows = tuple((each, known.get(str(each.person_id))) for each in shown)
    return OutcomePage(rows, len(outcomes), page)
