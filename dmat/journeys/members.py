"""Members of journeys in the store: entering, finding who is due, writing where they stand; always many at once.

Belongs here: reading and writing the rows of members. Stays out: what becomes of them (`machine.py`), in which order
all is done (`runner.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.holdout import is_held_out
from dmat.journeys.admitting import Stay
from dmat.journeys.definition import Definition
from dmat.journeys.entries import Candidate
from dmat.journeys.machine import WAITING, State, enter
from dmat.store.engine import chunks, lock_rows, rows_of, upsert
from dmat.store.journey_tables import journey_members, journey_step_counts
from dmat.store.sets import among

AT_ONCE = 5_000
REFUSED = "refused"  # no member: an entry that was not let in


class Member(NamedTuple):
    """One entry of a person.

    Attributes:
        entered_at: logical; `seen_at` is when the entry was found.
        context: what the trigger gave, as JSON.
        variant: its arm in an experiment, of a split that it passed.
        path: the steps that were passed, `step@moment` separated by blanks.
        revision: grows with each change; who writes with an old one writes nothing.
    """

    member_id: int
    journey_id: int
    version: int
    person_id: int
    entry_key: str
    status: str
    step: str
    at: datetime
    due_at: datetime | None
    why: str
    context: str
    path: str
    is_holdout: bool
    entered_at: datetime
    seen_at: datetime
    reached_goal_at: datetime | None
    ended_at: datetime | None
    variant: str
    revision: int

    @property
    def state(self) -> State:
        """As the machine sees it."""
        return State(self.step, self.at, self.due_at, self.status, self.why, self.reached_goal_at, self.variant)

    @property
    def values(self) -> Mapping[str, Any]:
        """What the trigger gave."""
        found: Mapping[str, Any] = orjson.loads(self.context)
        return found


_COLUMNS = [journey_members.c[name] for name in Member._fields]


def steps_passed(path: str) -> list[str]:
    """The steps of a path, in the order in which they were passed."""
    return [part.partition("@")[0] for part in path.split()]


def read_members(connection: Connection, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> list[Member]:
    """Members that meet the conditions, in the order in which they are due."""
    table = journey_members.c
    query = sa.select(*_COLUMNS).where(*conditions).order_by(table.due_at, table.member_id).limit(limit)
    rows: Iterable[Any] = connection.execute(query)
    return list(map(Member._make, rows))


_DUE = (
    f"select {', '.join(Member._fields)} from journey_members"
    " where journey_id = {0} and due_at <= {0} order by due_at, member_id limit {0}"
)
_MOMENTS = [place for place, name in enumerate(Member._fields) if isinstance(journey_members.c[name].type, sa.DateTime)]
_IS_HOLDOUT = Member._fields.index("is_holdout")


def read_due(connection: Connection, journey_id: int, now: datetime, limit: int) -> list[Member]:
    """Who is due, by the index of due moments; as the driver gives it, since they are many."""
    is_sqlite = connection.dialect.name == "sqlite"
    asked = (journey_id, _text(now) if is_sqlite else now, limit)
    found = connection.exec_driver_sql(_DUE.format("?" if is_sqlite else "%s"), asked).cursor
    rows = found.fetchall() if found is not None else []
    return list(map(_from_sqlite if is_sqlite else Member._make, rows))


def _from_sqlite(row: Sequence[Any]) -> Member:
    values = list(row)
    for place in _MOMENTS:
        if values[place] is not None:
            values[place] = datetime.fromisoformat(values[place])
    values[_IS_HOLDOUT] = bool(values[_IS_HOLDOUT])
    return Member._make(values)


def read_concerned(
    connection: Connection, journey_id: int, people: Collection[int], keys: Collection[str]
) -> list[Member]:
    """Members that wait and are one of these people, or whose entry has one of these keys."""
    table, found = journey_members.c, dict[int, Member]()
    for column, values in ((table.person_id, people), (table.entry_key, keys)):
        for batch in chunks(values, AT_ONCE):
            mine = (table.journey_id == journey_id, table.status == WAITING, among(connection, column, batch))
            found |= {member.member_id: member for member in read_members(connection, *mine)}
    return list(found.values())


def known_keys(connection: Connection, journey_id: int, keys: Sequence[str]) -> set[str]:
    """Which of these entries there are already."""
    table, found = journey_members.c, set[str]()
    for batch in chunks(keys, AT_ONCE):
        query = sa.select(table.entry_key).where(
            table.journey_id == journey_id, among(connection, table.entry_key, batch)
        )
        found |= {str(row.entry_key) for row in connection.execute(query)}
    return found


def read_stays(connection: Connection, journey_id: int, people: Collection[int]) -> dict[int, list[Stay]]:
    """The entries so far of these people."""
    table, found = journey_members.c, defaultdict[int, list[Stay]](list)
    for batch in chunks(people, AT_ONCE):
        query = sa.select(table.person_id, table.entered_at, table.ended_at).where(
            among(connection, table.person_id, batch), table.journey_id == journey_id, table.status != REFUSED
        )
        for row in connection.execute(query):
            found[row.person_id].append(Stay(row.entered_at, row.ended_at))
    return found


def insert_members(
    connection: Connection, journey_id: int, version: int, definition: Definition,
    candidates: Iterable[Candidate], now: datetime,
) -> int:  # fmt: skip
    """Let candidates enter, inside the caller's transaction; whose entry is there already does not enter twice."""
    count = 0
    for batch in chunks(candidates, AT_ONCE):
        rows = [new_row(journey_id, version, definition, each, now) for each in batch]
        statement = upsert(connection, journey_members).on_conflict_do_nothing(
            index_elements=["journey_id", "entry_key"]
        )  # fmt: skip
        made = connection.execute(statement.returning(journey_members.c.member_id), rows)
        count += len(made.all())
    return count


def insert_refused(
    connection: Connection, journey_id: int, version: int, definition: Definition,
    refused: Iterable[tuple[Candidate, str]], now: datetime,
) -> None:  # fmt: skip
    """Write down who may not enter and why, so that the same entry is not looked at again."""
    for batch in chunks(refused, AT_ONCE):
        rows = [
            new_row(journey_id, version, definition, each, now)
            | {"status": REFUSED, "why": why, "due_at": None, "ended_at": each.at}
            for each, why in batch
        ]
        statement = upsert(connection, journey_members).on_conflict_do_nothing(
            index_elements=["journey_id", "entry_key"]
        )  # fmt: skip
        connection.execute(statement, rows)


def new_row(
    journey_id: int, version: int, definition: Definition, candidate: Candidate, now: datetime
) -> dict[str, Any]:
    """The row of somebody who enters."""
    state = enter(candidate.lives_from or candidate.at)
    is_holdout = is_held_out(definition.programme, candidate.person_id, definition.holdout.share)
    return {
        "journey_id": journey_id, "version": version, "person_id": candidate.person_id,
        "entry_key": candidate.entry_key, "status": state.status, "step": state.step, "at": state.at,
        "due_at": state.due_at, "why": state.why, "context": orjson.dumps(dict(candidate.values)).decode(), "path": "",
        "is_holdout": is_holdout, "entered_at": candidate.at, "seen_at": now, "reached_goal_at": None,
        "ended_at": None, "variant": "", "revision": 1,
    }  # fmt: skip


def lock_unchanged(connection: Connection, members: Sequence[Member]) -> set[int]:
    """The numbers of those that nobody changed meanwhile, locked until the end of the transaction."""
    table, found = journey_members.c, set[int]()
    revisions = {member.member_id: member.revision for member in members}
    for batch in chunks(sorted(revisions), AT_ONCE):
        query = sa.select(table.member_id, table.revision).where(among(connection, table.member_id, batch))
        rows: Sequence[Any] = connection.execute(lock_rows(connection, query)).all()
        found.update([number for number, revision in rows if revisions[number] == revision])
    return found


_UPDATE = (
    "update journey_members set status = {0}, step = {0}, at = {0}, due_at = {0}, why = {0}, path = {0},"
    " reached_goal_at = {0}, ended_at = {0}, variant = {0}, revision = revision + 1 where member_id = {0}"
)


def write_states(connection: Connection, moved: Iterable[tuple[int, State, str]]) -> None:
    """Write where members stand: (number, state, path)."""
    is_sqlite = connection.dialect.name == "sqlite"
    text = _text if is_sqlite else _same
    statement = _UPDATE.format("?" if is_sqlite else "%s")
    for batch in chunks(moved, AT_ONCE):
        rows = [
            (status, step, text(at), due_at and text(due_at), why, path, goal_at and text(goal_at),
             None if status == WAITING else text(at), variant, number)
            for number, (step, at, due_at, status, why, goal_at, variant), path in batch
        ]  # fmt: skip
        connection.exec_driver_sql(statement, rows)


def _text(value: datetime) -> str:
    return value.isoformat(" ", "microseconds")


def _same(value: datetime) -> datetime:
    return value


def count_passed(connection: Connection, journey_id: int, passed: Mapping[tuple[int, str], int]) -> None:
    """Add to how many members passed each step of a version."""
    table = journey_step_counts
    for (version, step), count in sorted(passed.items()):
        row = {"journey_id": journey_id, "version": version, "step": step, "count": count}
        statement = upsert(connection, table).values(row)
        keys = ["journey_id", "version", "step"]
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=keys, set_={"count": table.c.count + statement.excluded.count}
            )
        )


def move_people(connection: Connection, journey_id: int, merged: Mapping[int, int]) -> int:
    """Members of people who turned out to be somebody else become members of that person; gives how many."""
    table, count = journey_members.c, 0
    for batch in chunks(sorted(merged), AT_ONCE):
        members = read_members(connection, table.journey_id == journey_id, among(connection, table.person_id, batch))
        rows = [{"number": each.member_id, "person": merged[each.person_id]} for each in members]
        if rows:
            statement = sa.update(journey_members).where(table.member_id == sa.bindparam("number"))
            connection.execute(statement.values(person_id=sa.bindparam("person"), revision=table.revision + 1), rows)
        count += len(rows)
    return count


def count_standing(connection: Connection, journey_id: int) -> Counter[tuple[int, str, str]]:
    """(version, status, step) -> how many members."""
    table = journey_members.c
    columns = (table.version, table.status, table.step)
    query = sa.select(*columns, sa.func.count().label("n")).where(table.journey_id == journey_id).group_by(*columns)
    return Counter({(row["version"], row["status"], row["step"]): row["n"] for row in rows_of(connection, query)})
