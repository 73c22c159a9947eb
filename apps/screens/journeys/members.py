"""People in a journey: where they stand, why and until when; and one person's way through it.

Belongs here: reading pages of members and one way, from the store. Stays out: layout (`people.py`), moving on
(`dmat/journeys`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from apps.screens.campaigns.journeys import MARKS
from apps.screens.segments.members import Person, find_people, read_people
from dmat.journeys.machine import WAITING
from dmat.journeys.members import Member
from dmat.journeys.records import Journey
from dmat.journeys.watchdog import LONG_AGO
from dmat.store import Store
from dmat.store.engine import rows_of
from dmat.store.journey_tables import journey_actions, journey_members
from dmat.store.tables import ledger_entries, message_marks
from dmat.warehouse import Workspace

PAGE, MOST_FOUND = 25, 200
STUCK, HELD_OUT, REACHED = "stuck", "held", "goal"
_COLUMNS = [journey_members.c[name] for name in Member._fields]


@dataclass(frozen=True)
class Wanted:
    """Which members are asked for.

    Attributes:
        only: stuck, held (held out) or goal (reached it).
        words: of the name or address.
    """

    status: str = ""
    step: str = ""
    only: str = ""
    words: str = ""
    page: int = 1


@dataclass(frozen=True)
class Row:
    """A member with who it is; None for somebody whom the tables do not know."""

    member: Member
    person: Person | None

    @property
    def step(self) -> str:
        """The step where it stands, without the way that it is on."""
        return self.member.step.partition(">")[0].removesuffix("!")


@dataclass(frozen=True)
class Page:
    """A page of members, and how many there are in all."""

    rows: tuple[Row, ...]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.count // PAGE))


def read_page(store: Store, workspace: Workspace | None, journey: Journey, wanted: Wanted, now: datetime) -> Page:
    """One page of members: of those who wait the ones first who are due first, otherwise the newest first."""
    table = journey_members.c
    where = [table.journey_id == journey.journey_id, *conditions(wanted, now)]
    if wanted.words:
        found = find_people(workspace, wanted.words, MOST_FOUND) if workspace else ()
        where.append(table.person_id.in_([int(each.person_id) for each in found]))
    with store.read() as connection:
        count = int(connection.execute(sa.select(sa.func.count()).where(*where)).scalar_one())
        page = max(1, min(wanted.page, -(-count // PAGE) or 1))
        query = sa.select(*_COLUMNS).where(*where).order_by(*_order(wanted))
        rows = connection.execute(query.limit(PAGE).offset((page - 1) * PAGE)).all()
    members = [Member(*row._tuple()) for row in rows]
    return Page(tuple(_with_people(workspace, members)), count, page)


def conditions(wanted: Wanted, now: datetime) -> list[sa.ColumnElement[bool]]:
    """What members must meet."""
    table, found = journey_members.c, list[sa.ColumnElement[bool]]()
    if wanted.status:
        found.append(table.status == wanted.status)
    if wanted.status == WAITING:
        found.append(table.due_at.is_not(None))
    if wanted.step:
        at = wanted.step
        found.append(sa.or_(table.step == at, table.step == f"{at}!", table.step.startswith(f"{at}>", autoescape=True)))
    if wanted.only == STUCK:
        found.append(table.due_at < now - LONG_AGO)
    elif wanted.only == HELD_OUT:
        found.append(table.is_holdout.is_(True))
    elif wanted.only == REACHED:
        found.append(table.reached_goal_at.is_not(None))
    return found


def _order(wanted: Wanted) -> tuple[sa.ColumnElement[Any], ...]:
    """By an index, so that the first page of a million is there at once."""
    table = journey_members.c
    is_due_first = wanted.status == WAITING or wanted.only == STUCK
    return (table.due_at, table.member_id) if is_due_first else (table.member_id.desc(),)


def _with_people(workspace: Workspace | None, members: Sequence[Member]) -> list[Row]:
    ids = [member.person_id for member in members]
    known = {each.person_id: each for each in read_people(workspace, ids)} if workspace and ids else {}
    return [Row(member, known.get(str(member.person_id))) for member in members]


# -- one person's way --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """A step that somebody passed, and what became of its message or of what it asked of others."""

    step: str
    at: datetime
    what: tuple[tuple[datetime | None, str], ...] = ()


@dataclass(frozen=True)
class Travelled:
    """One entry of a person: the steps that were passed."""

    row: Row
    stops: tuple[Stop, ...]


def read_way(store: Store, workspace: Workspace | None, journey: Journey, member_id: int) -> Travelled | None:
    """The way of a member; None when there is no such member in this journey."""
    table = journey_members.c
    query = sa.select(*_COLUMNS).where(table.member_id == member_id, table.journey_id == journey.journey_id)
    with store.read() as connection:
        row = connection.execute(query).first()
        if row is None:
            return None
        member = Member(*row._tuple())
        happened = _messages(connection, journey, member) | _actions(connection, member)
    stops = tuple(Stop(step, at, tuple(happened.get(step, ()))) for step, at in passed(member.path))
    return Travelled(_with_people(workspace, [member])[0], stops)


def passed(path: str) -> list[tuple[str, datetime]]:
    """The steps of a path with their moments."""
    found = []
    for part in path.split():
        step, _, at = part.partition("@")
        try:
            found.append((step, datetime.fromisoformat(at)))
        except ValueError:
            continue
    return found


def _messages(connection: sa.Connection, journey: Journey, member: Member) -> dict[str, list[Any]]:
    table, found = ledger_entries.c, dict[str, list[Any]]()
    mine = sa.and_(table.programme == journey.programme, table.occurrence == member.entry_key)
    ids = {}
    for row in rows_of(connection, sa.select(ledger_entries).where(mine)):
        ids[row["message_id"]] = row["step"]
        told = [(row["accepted_at"], "sent")] if row["accepted_at"] else []
        told += [(row["delivered_at"], "delivered")] if row["delivered_at"] else []
        if not told:
            why = f": {row['reason']}" if row["reason"] else ""
            told = [(None, f"{str(row['state']).replace('_', ' ')}{why}")]
        found[row["step"]] = told
    marks = message_marks.c
    query = sa.select(marks.message_id, marks.kind, marks.first_at).where(marks.message_id.in_(list(ids)))
    for message_id, kind, at in connection.execute(query):
        if kind in MARKS and kind not in ("delivered", "accepted"):
            found[ids[message_id]].append((at, MARKS[kind]))
    return {step: sorted(told, key=lambda each: each[0] or datetime.max) for step, told in found.items()}


def _actions(connection: sa.Connection, member: Member) -> dict[str, list[Any]]:
    table = journey_actions.c
    query = sa.select(journey_actions).where(table.member_id == member.member_id)
    found = {}
    for row in rows_of(connection, query):
        note = f": {row['note']}" if row["note"] else ""
        found[row["step"]] = [(row["done_at"], f"{str(row['state']).replace('_', ' ')}{note}")]
    return found


def overdue_since(now: datetime, due_at: datetime | None) -> timedelta | None:
    """How long somebody should have gone on; None when it is not more than an hour."""
    return now - due_at if due_at is not None and now - due_at > LONG_AGO else None
