"""Who came to a split of a journey before a test of it, from which the test's size and length follow.

Belongs here: the journeys that can be tested, and how many people came by. Stays out: whether one plan fits its split
(`in_journeys.py`), rates of reactions (`history.py`), power (`power.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import numpy as np
from sqlalchemy.engine import Connection

from dmat.errors import NotPublishedError
from dmat.experiments.assign import Ids
from dmat.experiments.history import FEWEST
from dmat.experiments.in_journeys import running_definition
from dmat.journeys.records import ARCHIVED, read_journeys
from dmat.journeys.steps import Split
from dmat.store.journey_tables import journeys
from dmat.warehouse import Workspace

_PASSED = """
    select m.person_id, min(s.passed_at) as passed_at
    from journeys.fct_journey_steps as s
    inner join journeys.fct_journey_members as m on s.member_id = m.member_id
    where m.journey_key = ? and s.step = ? and s.passed_at >= ? and s.passed_at < ? and not m.is_holdout
    group by m.person_id
"""


@dataclass(frozen=True)
class Divided:
    """A journey with splits.

    Attributes:
        status: of the journey; only one that was switched on can be tested.
        splits: key -> split, of the version that people who enter now live by.
    """

    key: str
    name: str
    status: str
    splits: Mapping[str, Split]


@dataclass(frozen=True)
class Passing:
    """People who came to a split for the first time in some days before the data end.

    Attributes:
        people: their numbers, in ascending order.
        per_hour: how many an hour, since the first of them; None when they are too few to say so.
    """

    people: Ids
    per_hour: float | None


def divided_journeys(connection: Connection) -> list[Divided]:
    """Journeys that divide people somewhere, by name; without archived ones."""
    found = []
    for journey in read_journeys(connection, journeys.c.status != ARCHIVED):
        definition = running_definition(connection, journey)
        splits = {step.key: step for step in definition.steps if isinstance(step, Split)}
        if splits:
            found.append(Divided(journey.key, journey.name, journey.status, splits))
    return found


def passing(workspace: Workspace, journey: str, split: str, days: int = 90) -> Passing:
    """Who came to a split in the days before the data end; held-out people are not counted.

    Args:
        workspace: the published tables.
        journey: key of the journey.
        split: key of the split.
        days: how far back.
    """
    nobody = Passing(np.empty(0, np.int64), None)
    try:
        until = workspace.version.data_as_of
        asked = [journey, split, until - timedelta(days=days), until]
        found = workspace.cursor().execute(_PASSED, asked).fetchall()
    except (NotPublishedError, duckdb.CatalogException, duckdb.BinderException):  # built before there were such tables
        return nobody
    people = np.array(sorted(person for person, _ in found), np.int64)
    if len(people) < FEWEST:
        return Passing(people, None)
    since: datetime = min(at for _, at in found)
    return Passing(people, len(people) / max(1.0, (until - since) / timedelta(hours=1)))
