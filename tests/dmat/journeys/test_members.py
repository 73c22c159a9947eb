"""Under test: rows of members on SQLite and PostgreSQL: there once, due by their moment, written when unchanged."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from journey_worlds import DOCUMENT
from sending_fixtures import NOON

from dmat.journeys.acting import finish_action, take_actions, write_actions
from dmat.journeys.definition import parse_definition
from dmat.journeys.entries import Candidate
from dmat.journeys.machine import COMPLETED, State
from dmat.journeys.members import (
    count_passed,
    count_standing,
    insert_members,
    insert_refused,
    known_keys,
    lock_unchanged,
    move_people,
    read_concerned,
    read_due,
    read_stays,
    write_states,
)
from dmat.journeys.records import find_journey
from dmat.store.journey_tables import journey_step_counts, journeys

DEFINITION = parse_definition(DOCUMENT)
TASK = DEFINITION.step("task")
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def made(both_stores):
    row = {"key": "cart", "name": "Cart", "status": "live", "version": 1, "created_at": NOON, "created_by": "ann",
           "updated_at": NOON, "updated_by": "ann"}  # fmt: skip
    with both_stores.write() as connection:
        connection.execute(sa.insert(journeys).values(row))
    return both_stores


def let_in(store, *candidates):
    with store.write() as connection:
        return insert_members(connection, 1, 1, DEFINITION, candidates, NOON)


def test_an_entry_is_there_once_and_a_refused_one_is_no_stay(made):
    assert let_in(made, Candidate(1, "a", NOON), Candidate(2, "b", LATER)) == 2
    assert let_in(made, Candidate(1, "a", NOON), Candidate(3, "c", NOON)) == 1
    with made.write() as connection:
        insert_refused(connection, 1, 1, DEFINITION, [(Candidate(1, "d", NOON), "too soon again")], NOON)
        assert known_keys(connection, 1, ["a", "d", "x"]) == {"a", "d"}
        assert {person: len(stays) for person, stays in read_stays(connection, 1, [1, 2]).items()} == {1: 1, 2: 1}
        assert [member.entry_key for member in read_due(connection, 1, NOON, 10)] == ["a", "c"]
        assert [member.entry_key for member in read_concerned(connection, 1, [2], ["a"])] == ["b", "a"]


def test_a_state_is_written_once_and_whoever_holds_an_old_one_writes_nothing(made):
    let_in(made, Candidate(1, "a", NOON, {"total_cents": 5}))
    with made.write() as connection:
        [member] = read_due(connection, 1, NOON, 10)
        assert lock_unchanged(connection, [member]) == {member.member_id}
        done = State("last", LATER, None, COMPLETED, "the last step is done", NOON)
        write_states(connection, [(member.member_id, done, "mail@2026")])
        assert lock_unchanged(connection, [member]) == set()
        assert count_standing(connection, 1) == {(1, COMPLETED, "last"): 1}
    with made.write() as connection:
        assert read_due(connection, 1, LATER, 10) == []
        assert read_stays(connection, 1, [1])[1][0].ended_at == LATER
        assert member.values == {"total_cents": 5}


def test_counts_add_up_and_merged_people_are_moved(made):
    let_in(made, Candidate(1, "a", NOON))
    with made.write() as connection:
        for _ in range(2):
            count_passed(connection, 1, {(1, "mail"): 3})
        assert connection.execute(sa.select(journey_step_counts.c.count)).scalar() == 6
        assert move_people(connection, 1, {1: 9}) == 1
        assert [member.person_id for member in read_due(connection, 1, NOON, 10)] == [9]


def test_an_action_is_written_once_for_a_member_and_step(made):
    let_in(made, Candidate(1, "a", NOON))
    with made.write() as connection:
        journey = find_journey(connection, "cart")
        [member] = read_due(connection, 1, NOON, 10)
        for _ in range(2):
            write_actions(connection, journey, [(member, TASK, NOON)], NOON)
    [action] = take_actions(made, "create_task")
    assert action.data == {"title": "Call"}
    with made.write() as connection:
        finish_action(connection, action.action_id, LATER)
    assert take_actions(made, "create_task") == []
