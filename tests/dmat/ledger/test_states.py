"""Under test: the state machine. Only allowed steps are made, every step is logged, states add up to the audience."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, FakeProvider, new_entry, plan_messages

from dmat.errors import NotFoundError
from dmat.ledger.entries import (
    MAY_FOLLOW,
    STATES,
    audience_report,
    counts_by_state,
    get_entry,
    list_entries,
    transitions_of,
    unexported,
    unresolved,
)
from dmat.ledger.post import Move, mark_exported, move, plan_entries
from dmat.ledger.reconcile import channels_to_settle, reconcile
from dmat.store.tables import ledger_entries


def step(store, message_id, to_state, **more):
    with store.write() as connection:
        return bool(move(connection, [Move(message_id, to_state, "test", **more)], NOON))


def force(store, message_id, state):
    with store.write() as connection:
        connection.execute(
            sa.update(ledger_entries).where(ledger_entries.c.message_id == message_id).values(state=state)
        )


def test_planning_twice_plans_once(both_stores):
    first = plan_messages(both_stores, 30)
    assert len(first) == 30
    assert plan_messages(both_stores, 30) == []
    assert counts_by_state(both_stores)["planned"] == 30


def test_the_same_key_within_one_plan_is_planned_once(both_stores):
    with both_stores.write() as connection:
        assert len(plan_entries(connection, [new_entry(), new_entry(), new_entry(2)], NOON)) == 2


@pytest.mark.parametrize("change", [
    {"person_id": 9}, {"programme": "other"}, {"programme_version": 2}, {"step": "second"}, {"occurrence": "cart-x"},
])  # fmt: skip
def test_each_part_of_the_key_makes_another_message(store, change):
    with store.write() as connection:
        assert len(plan_entries(connection, [new_entry(), new_entry(**change)], NOON)) == 2


def test_a_message_has_the_same_id_when_a_store_is_put_back_and_planned_again(both_stores):
    [message_id] = plan_messages(both_stores)
    with both_stores.write() as connection:
        connection.execute(sa.text("delete from ledger_transitions"))
        connection.execute(sa.text("delete from ledger_entries"))
    assert plan_messages(both_stores) == [message_id]


@pytest.mark.parametrize(("start", "end"), list(itertools.product(STATES, STATES)))
def test_only_allowed_steps_are_made(store, start, end):
    [message_id] = plan_messages(store)
    force(store, message_id, start)
    is_allowed = end in MAY_FOLLOW[start]
    assert step(store, message_id, end) is is_allowed
    assert get_entry(store, message_id).state == (end if is_allowed else start)
    assert len(transitions_of(store, message_id)) == 1 + is_allowed


def test_a_held_out_or_rejected_message_never_moves_again():
    assert MAY_FOLLOW["held_out"] == MAY_FOLLOW["rejected"] == frozenset()


def test_a_step_may_demand_the_holder_of_the_claim(both_stores):
    [message_id] = plan_messages(both_stores)
    assert step(both_stores, message_id, "claimed", values={"claimed_by": "a"})
    assert not step(both_stores, message_id, "handed_over", only_claimed_by="b")
    assert not step(both_stores, message_id, "planned", only_from=frozenset({"handed_over"}))
    assert step(both_stores, message_id, "handed_over", only_claimed_by="a")


def test_every_step_is_logged_with_its_time_and_reason(both_stores):
    [message_id] = plan_messages(both_stores)
    step(both_stores, message_id, "claimed")
    logged = transitions_of(both_stores, message_id)
    assert [(row["from_state"], row["to_state"], row["reason"]) for row in logged] == [
        ("", "planned", ""), ("planned", "claimed", "test"),
    ]  # fmt: skip
    assert {row["happened_at"] for row in logged} == {NOON}


def test_states_add_up_to_the_audience_and_it_is_finished_only_when_none_is_open(both_stores):
    ids = plan_messages(both_stores, 5)
    for message_id, state in zip(ids, ("suppressed", "held_out", "expired", "accepted"), strict=False):
        assert step(both_stores, message_id, state)
    report = audience_report(both_stores, "cart_recovery")
    assert (report.audience, report.sent, report.suppressed, report.held_out, report.expired) == (5, 1, 1, 1, 1)
    assert not report.is_finished
    step(both_stores, ids[4], "claimed")
    step(both_stores, ids[4], "rejected")
    assert audience_report(both_stores, "cart_recovery").is_finished


def test_a_change_made_at_the_same_moment_still_has_a_later_time(both_stores):
    [message_id] = plan_messages(both_stores)
    times = [get_entry(both_stores, message_id).updated_at]
    for state in ("claimed", "handed_over", "accepted"):
        step(both_stores, message_id, state)
        times.append(get_entry(both_stores, message_id).updated_at)
    assert times == sorted(set(times))


def test_every_change_is_exported_once_also_one_made_during_the_export(both_stores):
    [message_id] = plan_messages(both_stores)
    rows = unexported(both_stores)
    step(both_stores, message_id, "claimed")
    mark_exported(both_stores, rows)
    again = unexported(both_stores)
    assert [(row["message_id"], row["state"]) for row in again] == [(message_id, "claimed")]
    mark_exported(both_stores, again)
    assert unexported(both_stores) == []


def test_a_message_that_does_not_exist_is_an_error(store):
    with pytest.raises(NotFoundError):
        get_entry(store, "nothing")
    assert not step(store, "nothing", "claimed")


def test_entries_are_found_by_state_person_and_occurrence(store):
    ids = plan_messages(store, 3)
    step(store, ids[0], "claimed")
    assert [entry.message_id for entry in list_entries(store, states=("claimed",))] == [ids[0]]
    assert [entry.person_id for entry in list_entries(store, occurrence="cart-2", programme="cart_recovery")] == [2]
    assert [entry.person_id for entry in list_entries(store, person_id=3)] == [3]


def test_what_is_under_way_is_found_without_reading_the_whole_ledger(store):
    asked = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *event: asked.append(event[2:4]))
    unresolved(store)
    channels_to_settle(store)
    reconcile(store, FakeProvider(), NOON)
    plans = []
    with store.read() as connection:
        for statement, values in [each for each in asked if "from ledger_entries" in each[0].lower()]:
            rows = connection.exec_driver_sql(f"explain query plan {statement}", values)
            plans.append(" ".join(row.detail for row in rows))
    assert len(plans) == 3
    assert all("USING INDEX ix_ledger_entries_in_flight" in plan for plan in plans), plans
