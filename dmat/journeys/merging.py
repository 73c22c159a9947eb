"""People who turned out to be one: their members become those of the person who stands for both.

Belongs here: what that means for members. Stays out: which people were merged (`people.py`), the machine.

Where nobody may be in a journey twice at once, the entry that began first goes on; the others leave, and what is
planned for them and has not left is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from dmat.journeys.acting import leave_lists
from dmat.journeys.machine import EXITED, WAITING, State
from dmat.journeys.members import AT_ONCE, Member, move_people, read_members, write_states
from dmat.journeys.records import Journey, JourneyVersion
from dmat.journeys.withdrawing import withdraw_planned
from dmat.store.engine import chunks
from dmat.store.journey_tables import journey_members
from dmat.store.sets import among

IS_IN_ALREADY = "they turned out to be somebody who is in the journey already"


def follow_merges(
    connection: Connection, journey: Journey, live: JourneyVersion, merged: Mapping[int, int], now: datetime
) -> int:
    """Members follow merged person -> who stands for both, inside the caller's transaction; gives how many leave."""
    move_people(connection, journey.journey_id, merged)
    if not live.definition.entry.one_at_a_time:
        return 0
    leaving = [member for people in chunks(sorted(set(merged.values())), AT_ONCE)
               for member in _later_entries(_waiting(connection, journey, people))]  # fmt: skip
    write_states(connection, ((each.member_id, _left(each, now), each.path) for each in leaving))
    withdraw_planned(connection, journey.programme, {each.entry_key: IS_IN_ALREADY for each in leaving}, now)
    leave_lists(connection, [each.member_id for each in leaving])
    return len(leaving)


def _waiting(connection: Connection, journey: Journey, people: Sequence[int]) -> list[Member]:
    table = journey_members.c
    mine = (table.journey_id == journey.journey_id, table.status == WAITING)
    return read_members(connection, *mine, among(connection, table.person_id, people))


def _later_entries(members: Sequence[Member]) -> Iterator[Member]:
    """Every entry of a person but the one that began first."""
    seen: set[int] = set()
    for member in sorted(members, key=lambda member: (member.entered_at, member.member_id)):
        if member.person_id in seen:
            yield member
        seen.add(member.person_id)


def _left(member: Member, now: datetime) -> State:
    return member.state._replace(at=now, due_at=None, status=EXITED, why=IS_IN_ALREADY)
