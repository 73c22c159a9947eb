"""Under test: the log of steps: written once for a set, read for each message, in the order in which it happened."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sending_fixtures import NOON, new_entry

from dmat.ledger.entries import ACCEPTED, CLAIMED, DELIVERED, HANDED_OVER, PLANNED, transitions_of
from dmat.ledger.log import last_step
from dmat.ledger.post import Move, move, plan_entries
from dmat.ledger.sets import SetMove, move_set
from dmat.store.tables import ledger_sets


def plan_three(store):
    with store.write() as connection:
        return plan_entries(connection, [new_entry(number) for number in (1, 2, 3)], NOON)


def together(store, ids, state, at):
    with store.write() as connection:
        return move_set(connection, ids, SetMove(state, f"now {state}"), at)


def alone(store, message_id, state, at):
    with store.write() as connection:
        return move(connection, [Move(message_id, state, f"now {state}")], at)


def test_steps_made_together_and_alone_are_told_in_one_order(both_stores):
    ids = plan_three(both_stores)
    together(both_stores, ids, CLAIMED, NOON)
    alone(both_stores, ids[0], PLANNED, NOON)
    together(both_stores, ids, CLAIMED, NOON)  # the first again; the others are claimed already
    together(both_stores, ids, HANDED_OVER, NOON)
    alone(both_stores, ids[0], ACCEPTED, NOON)
    together(both_stores, ids, DELIVERED, NOON)
    first = [step["to_state"] for step in transitions_of(both_stores, ids[0])]
    assert first == [PLANNED, CLAIMED, PLANNED, CLAIMED, HANDED_OVER, ACCEPTED, DELIVERED]
    second = [step["to_state"] for step in transitions_of(both_stores, ids[1])]
    assert second == [PLANNED, CLAIMED, HANDED_OVER]


def test_each_step_of_a_set_says_whence_why_and_when(both_stores):
    ids = plan_three(both_stores)
    later = NOON + timedelta(minutes=3)
    together(both_stores, ids, CLAIMED, later)
    for message_id in ids:
        assert transitions_of(both_stores, message_id)[-1] == {
            "from_state": PLANNED, "to_state": CLAIMED, "reason": "now claimed", "happened_at": later
        }  # fmt: skip


def test_a_set_is_one_row_that_knows_how_many_it_has(both_stores):
    ids = plan_three(both_stores)
    together(both_stores, ids, CLAIMED, NOON)
    with both_stores.read() as connection:
        counts = list(connection.execute(sa.select(ledger_sets.c.message_count)).scalars())
    assert counts == [3]


def test_messages_that_come_from_different_states_are_logged_apart(both_stores):
    ids = plan_three(both_stores)
    together(both_stores, ids, CLAIMED, NOON)
    alone(both_stores, ids[0], HANDED_OVER, NOON)
    together(both_stores, ids, ACCEPTED, NOON)
    whence = [transitions_of(both_stores, message_id)[-1]["from_state"] for message_id in ids]
    assert whence == [HANDED_OVER, CLAIMED, CLAIMED]


def test_every_step_makes_the_number_of_the_last_one_grow(both_stores):
    def last():
        with both_stores.read() as connection:
            return last_step(connection)

    before = last()
    ids = plan_three(both_stores)
    planned = last()
    together(both_stores, ids, CLAIMED, NOON)
    assert before < planned < last()
