"""The watchdog: members of live journeys who were due long ago and still stand where they stood, and why.

Belongs here: finding them, in one question by the index of due moments. Stays out: who is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dmat.journeys.records import LIVE
from dmat.store.engine import Store, rows_of
from dmat.store.journey_tables import journey_members, journeys

LONG_AGO = timedelta(hours=1)


@dataclass(frozen=True)
class Stuck:
    """Members of a journey that stand at one step and should not."""

    journey: str
    step: str
    count: int
    since: datetime


def find_stuck(store: Store, now: datetime, long_ago: timedelta = LONG_AGO) -> list[Stuck]:
    """Who was due more than an hour ago in a journey that is live, the longest first."""
    table = journey_members.c
    since = sa.func.min(table.due_at).label("since")
    query = (
        sa.select(journeys.c.key.label("journey"), table.step, sa.func.count().label("count"), since)
        .join(journeys, journeys.c.journey_id == table.journey_id)
        .where(journeys.c.status == LIVE, table.due_at < now - long_ago)
        .group_by(journeys.c.key, table.step)
        .order_by(since)
    )
    with store.read() as connection:
        return [Stuck(**row) for row in rows_of(connection, query)]
