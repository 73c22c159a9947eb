"""Segments in the past: who was in one at a moment, as known at another, and how it grew.

Belongs here: questions to `segments.segment_memberships` and `segments.segment_sizes`. Stays out: who is in now
(`engine.py`), what comes next (`forecast.py`).

>>> members_at(workspace, "vip", at)                      # who was in at `at`, as far as is known today
>>> members_at(workspace, "vip", at, known_at=at)         # ... as it was known then
>>> growth(workspace, "vip", since, until)
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dmat.warehouse import Workspace

if TYPE_CHECKING:
    import pandas as pd

_MEMBERS = """
    select person_id from segments.segment_memberships
    where segment_key = ? and entered_at <= ? and recorded_at <= ?
        and (left_at is null or left_at > ? or left_recorded_at > ?)
    order by person_id
"""
_DAYS = """
    select day, members_count, entered_count, left_count from segments.segment_sizes
    where segment_key = ? and day between ? and ?
    order by day
"""
_MOVES = """
    select * from (
        select person_id, 'entered' as change, entered_at as at, entered_cause as cause, rule_version
        from segments.segment_memberships where segment_key = $key
        union all
        select person_id, 'left' as change, left_at as at, left_cause as cause, rule_version
        from segments.segment_memberships where segment_key = $key and left_at is not null
    )
    order by at desc, person_id limit $most
"""


def members_at(workspace: Workspace, key: str, at: datetime, known_at: datetime | None = None) -> npt.NDArray[np.int64]:
    """Numbers of the people who were in a segment at a moment, in ascending order.

    Args:
        workspace: the published tables.
        key: the segment, also one that was archived or deleted since.
        at: the moment (UTC, without zone).
        known_at: only what was written down until then counts; None for all that is known.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    known = known_at or datetime.max
    found = workspace.cursor().execute(_MEMBERS, [key, at, known, at, known]).fetchnumpy()["person_id"]
    return np.asarray(found, np.int64)


def growth(workspace: Workspace, key: str, since: date = date.min, until: date = date.max) -> pd.DataFrame:
    """One row a day: day, members_count, entered_count, left_count; empty for a segment that never had anybody.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    return workspace.sql(_DAYS, [key, since, until])


def newest_moves(workspace: Workspace, key: str, most: int = 100) -> pd.DataFrame:
    """The newest entries and leavings: person_id, change, at, cause, rule_version.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    return workspace.cursor().execute(_MOVES, {"key": key, "most": most}).df()
