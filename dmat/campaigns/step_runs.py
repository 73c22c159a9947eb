"""Steps that run: when each is due, the people it was frozen for, how far it is planned, how it ended.

Belongs here: reading and writing these rows; the frozen numbers of people, packed. Stays out: deciding who is in
(`audience.py`), planning (`planning.py`).

    waiting ──> frozen ──> planned ──> over          a message to people: over when the ledger adds up
                  └──> testing ──┘                   a part is planned, the rest waits for the winner of a test
       ├──> showing ──────────────────> over          a banner
       ├──> posting ──> posted                        a post that is published by itself (`posting.py`)
       ├──> to_post ──> posted                        a post that a person publishes
       ├──> frozen ──> planned ───────> over          an audience handed to an advertising platform
       └──> skipped, failed                           with the reason
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import NotFoundError
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.engine import rows_of, upsert

if TYPE_CHECKING:  # senders read plans without the tools that audiences need
    from dmat.campaigns.audience import Ids

WAITING, FROZEN, PLANNED_RUN, SHOWING, TO_POST = "waiting", "frozen", "planned", "showing", "to_post"
POSTING = "posting"
TESTING = "testing"
OVER_RUN, POSTED, SKIPPED, FAILED = "over", "posted", "skipped", "failed"
ENDS = (OVER_RUN, POSTED, SKIPPED)


@dataclass(frozen=True)
class StepRun:
    """One step of a campaign as it runs.

    Attributes:
        version: of the plan, as it was frozen with; the ledger's rows carry it.
        data_version: published version of the warehouse that the audience was taken from.
        planned_position: how many of the frozen people are in the ledger, in its order.
        counts: what planning did (`dmat.ledger.bulk.PlannedCounts`).
    """

    campaign_id: int
    step: str
    occurrence: str
    version: int
    channel: str
    state: str
    reason: str
    due_at: datetime
    expires_at: datetime | None
    data_version: int | None
    audience_count: int | None
    planned_position: int
    counts: Mapping[str, int]
    template_version: int | None
    post_url: str
    frozen_at: datetime | None
    planned_at: datetime | None


_COLUMNS = [campaign_step_runs.c[name] for name in StepRun.__dataclass_fields__]
_KEY = ("campaign_id", "step", "occurrence")


def pack_people(people: Ids) -> bytes:
    """Numbers of people in ascending order, as small as they get: differences, compressed."""
    return zlib.compress(np.diff(people, prepend=np.int64(0)).astype("<i8").tobytes(), level=1)


def unpack_people(packed: bytes) -> Ids:
    """What `pack_people` packed."""
    return np.cumsum(np.frombuffer(zlib.decompress(packed), "<i8"), dtype=np.int64)


def read_runs(connection: Connection, campaign_id: int) -> list[StepRun]:
    """The steps of a campaign that are entered, in the order in which they are due."""
    return find_runs(connection, campaign_step_runs.c.campaign_id == campaign_id)


def find_runs(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[StepRun]:
    """Steps that meet the conditions, in the order in which they are due; without their people."""
    query = sa.select(*_COLUMNS).where(*conditions).order_by(campaign_step_runs.c.due_at, campaign_step_runs.c.step)
    return [StepRun(**row) for row in rows_of(connection, query)]


def read_people(connection: Connection, run: StepRun) -> Ids:
    """The frozen people of a step.

    Raises:
        NotFoundError: they are not frozen yet.
    """
    packed = connection.execute(sa.select(campaign_step_runs.c.audience).where(_is(run))).scalar()
    if packed is None:
        raise NotFoundError(f"the audience of step {run.step} of campaign {run.campaign_id} is not frozen yet")
    return unpack_people(packed)


def enter_runs(connection: Connection, runs: Iterable[StepRun], now: datetime) -> None:
    """Enter steps that wait, or bring those that still wait up to date; what has begun stays as it is."""
    for run in runs:
        row = {**vars(run), "updated_at": now}
        changing = ("version", "channel", "due_at", "expires_at", "updated_at")
        statement = upsert(connection, campaign_step_runs).values(row)
        waits = campaign_step_runs.c.state == WAITING
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(_KEY), set_={name: row[name] for name in changing}, where=waits
            )
        )


def forget_waiting(connection: Connection, campaign_id: int, steps: Iterable[str]) -> None:
    """Take steps away that wait and that the plan no longer has; `steps` are those it has."""
    table = campaign_step_runs.c
    connection.execute(
        sa.delete(campaign_step_runs).where(
            table.campaign_id == campaign_id, table.state == WAITING, table.step.not_in(list(steps))
        )
    )


def write_run(connection: Connection, run: StepRun, now: datetime, **values: Any) -> None:
    """Set columns of a step."""
    connection.execute(sa.update(campaign_step_runs).where(_is(run)).values(**values, updated_at=now))


def reopen_failed(connection: Connection, campaign_id: int, now: datetime) -> None:
    """Let steps that failed be tried again: from the start, or with the people that were frozen."""
    for run in find_runs(
        connection, campaign_step_runs.c.campaign_id == campaign_id, campaign_step_runs.c.state == FAILED
    ):
        write_run(connection, run, now, state=WAITING if run.audience_count is None else FROZEN, reason="")


def _is(run: StepRun) -> sa.ColumnElement[bool]:
    return sa.and_(*(campaign_step_runs.c[name] == getattr(run, name) for name in _KEY))
