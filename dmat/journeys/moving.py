"""Members who are moved from the version that they are on to the one that people enter: a preview, then the move.

Belongs here: where everybody would go on, writing it. Stays out: switching a version on (`library.py`), moving on from
there (`machine.py`).

Members stay on their version until somebody moves them. Whoever waits at a step that the new version has as well waits
on there, by the new version's words and since the moment at which the wait began; never for less than nothing: what
would be over is over now. For every other step the one who moves says where its members go on (`places`), or they stay
on their version. A step that a member passed is never done again, whichever version it was in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError
from dmat.journeys.acting import leave_lists
from dmat.journeys.definition import Definition
from dmat.journeys.entries import Source
from dmat.journeys.machine import EXITED, NO_SUCH_DATE, WAITING, Person, State, due_after
from dmat.journeys.members import Member, lock_unchanged, read_members, steps_passed, write_states
from dmat.journeys.people import dates_needed, read_people
from dmat.journeys.records import LIVE, PAUSED, Journey, JourneyVersion, find_journey, find_version, read_versions
from dmat.journeys.steps import END, Wait
from dmat.journeys.withdrawing import withdraw_planned
from dmat.store.engine import chunks
from dmat.store.journey_tables import journey_members, journey_moved_members, journey_moves
from dmat.store.workspace_values import write_audit

STAY = "stay"
LONGEST_TARGET = 59
AT_ONCE = 5_000
WAITS_ON, GOES_ON, LEAVES, STAYS = "waits on", "goes on", "leaves", "stays"
Places = Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Members of one version at one step, and what becomes of them.

    Attributes:
        step: where they wait now; empty: they have entered and done nothing yet.
        target: the step of the new version at which they go on; `end`: they leave; empty: they stay as they are.
        what: waits on, goes on, leaves, or stays (on their version).
        words: the same as a sentence.
    """

    version: int
    step: str
    step_name: str
    count: int
    target: str
    what: str
    words: str


@dataclass(frozen=True)
class MovePreview:
    """What a move would do.

    Attributes:
        to_version: the version that members would be on.
        places: by version and step, the most members first.
        busy: members of these places who are due right now; they go on in their version first and are not moved.
        is_possible: whether the version is the one that people enter, so that `move` would do it.
    """

    journey: str
    to_version: int
    places: tuple[Place, ...]
    busy: int
    is_possible: bool

    def count(self, what: str) -> int:
        """How many members wait on, go on, leave or stay."""
        return sum(place.count for place in self.places if place.what == what)

    @property
    def moving(self) -> int:
        """How many would be moved."""
        return sum(place.count for place in self.places) - self.count(STAYS)


@dataclass(frozen=True)
class Moved:
    """What a move did: how many were moved, of these how many left, how many messages were taken back."""

    move_id: int
    to_version: int
    count: int
    left: int
    withdrawn: int


def preview_move(
    source: Source, key: str | int, places: Places | None = None, to_version: int = 0,
    from_versions: Collection[int] = (),
) -> MovePreview:  # fmt: skip
    """What moving everybody to a version would do; nothing is written.

    Args:
        source: the workspace.
        key: of the journey, or its number.
        places: step of an older version -> where its members go on: a step, `end` or `stay`.
        to_version: 0: the one that people enter.
        from_versions: of which versions; none: of all others.

    Raises:
        NotFoundError: there is no such journey or version.
        InvalidInputError: a place names a step that there is not.
    """
    now = source.settings.clock.now()
    with source.store.read() as connection:
        journey = find_journey(connection, key)
        plan = _plan(connection, journey, places or {}, to_version, from_versions)
        counted = _count_waiting(connection, journey, plan)
        busy = 0 if journey.status == PAUSED else _count_due(connection, journey, plan, now)
    found = [plan.place(version, step, count) for (version, step), count in counted.items()]
    return MovePreview(
        journey.key, plan.new.version, tuple(sorted(found, key=lambda each: (-each.count, each.version, each.step))),
        busy, plan.new.version == journey.live_version and journey.status in (LIVE, PAUSED),
    )  # fmt: skip


def move(
    source: Source, key: str | int, by: str, places: Places | None = None, from_versions: Collection[int] = (),
    reason: str = "",
) -> Moved:  # fmt: skip
    """Move members to the version that people enter, as `preview_move` says.

    Whoever is due at this moment in a live journey is left to the next look. Killed in between, some are moved and the
    others are not: move again.

    Raises:
        NotFoundError: there is no such journey. ConflictError: it is neither live nor paused.
        InvalidInputError: a place names a step that there is not.
    """
    now = source.settings.clock.now()
    with source.store.write() as connection:
        journey = find_journey(connection, key)
        if journey.status not in (LIVE, PAUSED):
            raise ConflictError(f"journey {journey.key} is {journey.status}: nobody in it can be moved")
        plan = _plan(connection, journey, places or {}, 0, from_versions)
        row = {"journey_id": journey.journey_id, "to_version": plan.new.version, "places": dict(places or {}),
               "count": 0, "moved_at": now, "moved_by": by, "reason": reason}  # fmt: skip
        made = connection.execute(sa.insert(journey_moves).values(row).returning(journey_moves.c.move_id))
        moving = _Moving(source, journey, plan, int(made.scalar_one()), now, reason)
        write_audit(connection, now, by, "journey members moved", journey.key, version=str(plan.new.version))
    done: Counter[str] = Counter()
    for members in moving.batches():
        done.update(moving.write(members))
    return Moved(moving.move_id, plan.new.version, done["moved"], done["left"], done["withdrawn"])


# -- where everybody goes on -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """Where members of which versions go on."""

    new: JourneyVersion
    old: Mapping[int, Definition]
    places: Places

    def target(self, step: str) -> str:
        """The step of the new version at which members of a step go on; `stay` when nobody says."""
        if step in self.places:
            return self.places[step]
        is_there = not step or isinstance(self.new.definition.step(step), Wait)
        return step if is_there else STAY

    def place(self, version: int, step: str, count: int) -> Place:
        target = self.target(step)
        found = self.old[version].step(step)
        name = found.shown_name if found else step.removeprefix(">") or "the beginning"
        what, words = _in_words(self.new, step, target)
        return Place(version, step, name, count, "" if what == STAYS else target, what, f"{name}: {words}")

    def state(self, member: Member, person: Person, now: datetime, reason: str) -> State | None:
        """Where a member stands in the new version; None: it stays where it is."""
        target = self.target(member.step)
        if target == STAY:
            return None
        if target == END:
            why = f"taken out: {reason or f'version {self.new.version} came'}"
            return member.state._replace(at=now, due_at=None, status=EXITED, why=why)
        if target != member.step:
            return member.state._replace(step=f">{target}", at=now, due_at=now, why=f"goes on with {target}")
        return _waits_on(self.old[member.version], self.new.definition, member.state, person, now)


def _waits_on(old: Definition, new: Definition, state: State, person: Person, now: datetime) -> State:
    """A member at a wait that both versions have; it ends by the new one's words."""
    step = new.step(state.step)
    if not isinstance(step, Wait) or old.step(state.step) == step:
        return state
    due_at = due_after(step, state.at, person)
    if due_at is None:
        return state._replace(at=now, due_at=None, status=EXITED, why=NO_SUCH_DATE)
    return state._replace(due_at=max(due_at, now), why=step.words)


def _in_words(new: JourneyVersion, step: str, target: str) -> tuple[str, str]:
    if target == STAY:
        return STAYS, "they stay on their version until it ends for them"
    if target == END:
        return LEAVES, "they leave the journey; what is planned and has not left is taken back"
    if target == step:
        found = new.definition.step(step)
        words = found.words if isinstance(found, Wait) else "they begin with the first step"
        return WAITS_ON, f"they wait on, by version {new.version}: {words}"
    return GOES_ON, f"they go on at once with {target}, unless they passed it before"


def _plan(
    connection: Connection, journey: Journey, places: Places, to_version: int, from_versions: Collection[int]
) -> _Plan:
    new = find_version(connection, journey.journey_id, to_version or journey.live_version or journey.version)
    old = {
        each.version: each.definition
        for each in read_versions(connection, journey.journey_id)
        if each.version != new.version and (not from_versions or each.version in from_versions)
    }
    _refuse_unknown(places, old, new)
    return _Plan(new, old, places)


def _refuse_unknown(places: Places, old: Mapping[int, Definition], new: JourneyVersion) -> None:
    before = {step.key for definition in old.values() for step in definition.steps}
    after = [step.key for step in new.definition.steps if len(step.key) <= LONGEST_TARGET]
    for step, target in places.items():
        if step and step not in before:
            raise InvalidInputError(f"places.{step}", "no older version has this step", ", ".join(sorted(before)))
        if target not in (*after, END, STAY):
            what = f"version {new.version} has no step {target!r}"
            raise InvalidInputError(f"places.{step}", what, ", ".join((*after, END, STAY)))


def _waiting(journey: Journey, plan: _Plan) -> sa.ColumnElement[bool]:
    table = journey_members.c
    return sa.and_(
        table.journey_id == journey.journey_id, table.status == WAITING, table.version.in_(plan.old),
    )  # fmt: skip


def _count_waiting(connection: Connection, journey: Journey, plan: _Plan) -> dict[tuple[int, str], int]:
    table = journey_members.c
    query = sa.select(table.version, table.step, sa.func.count().label("n")).where(_waiting(journey, plan))
    counted: Counter[tuple[int, str]] = Counter()
    for row in connection.execute(query.group_by(table.version, table.step)):
        counted[(row.version, row.step)] += row.n
    return dict(counted)


def _count_due(connection: Connection, journey: Journey, plan: _Plan, now: datetime) -> int:
    table = journey_members.c
    staying = [step for step, target in plan.places.items() if target == STAY]
    query = sa.select(sa.func.count()).where(_waiting(journey, plan), table.due_at <= now, table.step.not_in(staying))
    return int(connection.execute(query).scalar_one())


# -- writing it ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moving:
    """One move while it goes on."""

    source: Source
    journey: Journey
    plan: _Plan
    move_id: int
    now: datetime
    reason: str

    def batches(self) -> Iterator[Sequence[Member]]:
        """Who may be moved, in the order of their numbers; each once."""
        table, last = journey_members.c, 0
        may = _waiting(self.journey, self.plan)
        if self.journey.status == LIVE:
            may = sa.and_(may, table.due_at > self.now)
        while True:
            numbers = sa.select(table.member_id).where(may, table.member_id > last)
            with self.source.store.read() as connection:
                ids: Sequence[int] = (
                    connection.execute(numbers.order_by(table.member_id).limit(AT_ONCE)).scalars().all()
                )
                found = read_members(connection, table.member_id.in_(ids)) if ids else []
            if not ids:
                return
            last = ids[-1]
            yield found

    def write(self, members: Sequence[Member]) -> Counter[str]:
        """Move some members in one transaction; whoever was changed meanwhile is left out."""
        states = self._states(members)
        done: Counter[str] = Counter()
        if not states:
            return done
        with self.source.store.write() as connection:
            mine = lock_unchanged(connection, [member for member in members if member.member_id in states])
            moving = [member for member in members if member.member_id in mine]
            rows = [(member.member_id, states[member.member_id], member.path) for member in moving]
            write_states(connection, rows)
            self._note(connection, moving, states)
            left = [member for member in moving if states[member.member_id].status != WAITING]
            why = {member.entry_key: states[member.member_id].why for member in left}
            done["withdrawn"] = withdraw_planned(connection, self.journey.programme, why, self.now)
            leave_lists(connection, [member.member_id for member in left])
            counted = journey_moves.c.count + len(moving)
            mine_alone = journey_moves.c.move_id == self.move_id
            connection.execute(sa.update(journey_moves).where(mine_alone).values(count=counted))
        done["moved"], done["left"] = len(moving), len(left)
        return done

    def _states(self, members: Sequence[Member]) -> dict[int, State]:
        dates = dates_needed([self.plan.new.definition])
        people = read_people(self.source.desk.workspace, {member.person_id for member in members}, dates)
        found = {}
        for member in members:
            state = self.plan.state(member, people[member.person_id], self.now, self.reason)
            if state is not None:
                found[member.member_id] = state
        return found

    def _note(self, connection: Connection, members: Sequence[Member], states: Mapping[int, State]) -> None:
        """Put them on the version, and write down from where to where, so that a replay can do it again."""
        table = journey_members.c
        to_version = sa.update(journey_members).where(table.member_id == sa.bindparam("number"))
        rows = []
        for member in members:
            state = states[member.member_id]
            rows.append({
                "move_id": self.move_id, "member_id": member.member_id, "from_version": member.version,
                "from_step": member.step, "step": state.step, "at": state.at, "due_at": state.due_at,
                "status": state.status, "passed": len(steps_passed(member.path)),
            })  # fmt: skip
        for batch in chunks(rows):
            connection.execute(sa.insert(journey_moved_members), batch)
            numbers = [{"number": row["member_id"]} for row in batch]
            connection.execute(to_version.values(version=self.plan.new.version), numbers)
