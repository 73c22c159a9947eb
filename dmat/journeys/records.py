"""What is known of a journey: its card, its versions, the spans in which it stood still.

Belongs here: these shapes and reading them. Stays out: changing them (`library.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import NotFoundError
from dmat.journeys.definition import Definition, parse_definition
from dmat.store.engine import rows_of
from dmat.store.journey_tables import journey_gaps, journey_versions, journeys

DRAFT, LIVE, PAUSED, ARCHIVED = "draft", "live", "paused", "archived"
STATUSES = (DRAFT, LIVE, PAUSED, ARCHIVED)


@dataclass(frozen=True)
class Journey:
    """A journey as it is kept.

    Attributes:
        version: the newest; `live_version` is the one that people enter, None before it was switched on.
        looked_until: up to when it was looked at; what lies between two looks too far apart is a gap.
        data_version: published version of the warehouse that was looked at last.
    """

    journey_id: int
    key: str
    name: str
    status: str
    status_reason: str
    version: int
    live_version: int | None
    started_at: datetime | None
    looked_until: datetime | None
    data_version: int | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str

    @property
    def programme(self) -> str:
        """Its name in the ledger."""
        return f"journey:{self.key}"


@dataclass(frozen=True)
class JourneyVersion:
    """One version of the definition, with the versions of templates that it was switched on with."""

    journey_id: int
    version: int
    definition: Definition
    templates: Mapping[str, int]
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Gap:
    """A span in which nobody looked at a journey: `from_at < moment <= until_at`."""

    from_at: datetime
    until_at: datetime
    reason: str = ""


class Gaps:
    """The gaps of a journey; called with a moment it gives the one at which a wait really ends."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self.all = sorted(gaps, key=lambda gap: gap.until_at)
        self._ends = [gap.until_at for gap in self.all]

    def __call__(self, moment: datetime) -> datetime:
        place = bisect_left(self._ends, moment)
        while place < len(self.all) and self.all[place].from_at < moment:
            moment = self.all[place].until_at
            place += 1
        return moment


_COLUMNS = [journeys.c[name] for name in Journey.__dataclass_fields__]


def read_journeys(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Journey]:
    """Journeys that meet the conditions, by name."""
    query = sa.select(*_COLUMNS).where(*conditions).order_by(journeys.c.name, journeys.c.journey_id)
    return [Journey(**row) for row in rows_of(connection, query)]


def find_journey(connection: Connection, key: str | int) -> Journey:
    """The journey with this key or number.

    Raises:
        NotFoundError: there is none.
    """
    is_it = journeys.c.journey_id == key if isinstance(key, int) else journeys.c.key == key
    found = read_journeys(connection, is_it)
    if not found:
        raise NotFoundError(f"there is no journey {key}")
    return found[0]


def read_versions(connection: Connection, journey_id: int, *conditions: sa.ColumnElement[bool]) -> list[JourneyVersion]:
    """Versions of a journey, the newest first."""
    table = journey_versions.c
    query = sa.select(journey_versions).where(table.journey_id == journey_id, *conditions)
    return [_version(row) for row in rows_of(connection, query.order_by(table.version.desc()))]


def _version(row: Mapping[str, Any]) -> JourneyVersion:
    kept = {name: row[name] for name in JourneyVersion.__dataclass_fields__ if name != "definition"}
    return JourneyVersion(definition=parse_definition(row["definition"]), **kept)


def find_version(connection: Connection, journey_id: int, version: int) -> JourneyVersion:
    """One version.

    Raises:
        NotFoundError: there is none.
    """
    found = read_versions(connection, journey_id, journey_versions.c.version == version)
    if not found:
        raise NotFoundError(f"journey {journey_id} has no version {version}")
    return found[0]


def read_gaps(connection: Connection, journey_id: int) -> Gaps:
    """The spans in which a journey stood still."""
    table = journey_gaps.c
    query = sa.select(table.from_at, table.until_at, table.reason).where(table.journey_id == journey_id)
    return Gaps([Gap(**row) for row in rows_of(connection, query)])
