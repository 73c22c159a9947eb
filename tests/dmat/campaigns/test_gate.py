"""Under test: the gate, in all its branches and in its order; every no has its reason, every later its time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, cart_context, grant, make_settings, new_entry, plan_messages

from dmat.campaigns.gate import make_gate
from dmat.campaigns.programmes import pause_programme, resume_programme
from dmat.consent.permission import record_decisions
from dmat.consent.suppression import Suppression, lift, suppress
from dmat.ledger.claim import claim
from dmat.ledger.entries import get_entry, transitions_of
from dmat.ledger.fence import take_fence
from dmat.ledger.post import plan_entries
from dmat.store.tables import ledger_entries

NIGHT = datetime(2026, 3, 4, 22, 0)  # 23 h in Berlin


def run_gate(settings, store, now=NOON):
    return claim(store, take_fence(settings, store, now), make_gate(settings), now)


def ask(settings, store, message_id, now=NOON):
    """The gate's verdict on one message, whether or not a sender would look at it."""
    with store.write() as connection:
        return make_gate(settings)(connection, [get_entry(store, message_id)], now)[message_id]


def state_of(store, message_id):
    entry = get_entry(store, message_id)
    return entry.state, entry.reason


def test_somebody_who_agreed_passes(settings, store):
    [message_id] = plan_messages(store)
    assert [entry.message_id for entry in run_gate(settings, store).entries] == [message_id]
    assert state_of(store, message_id) == ("claimed", "passed the gate")


def test_a_message_whose_time_is_over_is_not_sent(settings, store):
    [message_id] = plan_messages(store)
    run_gate(settings, store, NOON + timedelta(hours=41))
    state, reason = state_of(store, message_id)
    assert state == "expired"
    assert "its time was over at 2026-03-06 04:00 UTC" in reason


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "a b@example.com", "a@example.com\nbcc: x@example.com"])
def test_an_address_that_is_not_one_is_not_written_to(settings, store, address):
    [message_id] = plan_messages(store, address=address)
    run_gate(settings, store)
    assert state_of(store, message_id) == ("suppressed", "the address is not valid")


def test_a_suppressed_address_is_not_written_to(settings, store):
    [message_id] = plan_messages(store)
    with store.write() as connection:
        suppress(connection, [Suppression("person1@example.com", "email", "complained")], NOON)
    run_gate(settings, store)
    assert state_of(store, message_id) == ("suppressed", "the address is suppressed: complained")


def test_a_person_who_unsubscribed_is_never_sent_to(settings, store):
    [message_id] = plan_messages(store)
    with store.write() as connection:
        record_decisions(connection, [grant(1, False, NOON - timedelta(days=1))], NOON)
    run_gate(settings, store)
    state, reason = state_of(store, message_id)
    assert (state, "withdrawn on 2026-03-03" in reason) == ("suppressed", True)


def test_a_person_who_never_said_yes_is_not_written_to(settings, store):
    with store.write() as connection:
        [message_id] = plan_entries(connection, [new_entry()], NOON)
    run_gate(settings, store)
    assert state_of(store, message_id) == ("suppressed", "no consent: no consent on record")


def test_a_held_out_person_is_left_alone_from_the_moment_at_which_the_others_are_written_to(settings, store):
    [message_id] = plan_messages(store, is_holdout=True)
    run_gate(settings, store)
    assert state_of(store, message_id)[0] == "held_out"
    assert get_entry(store, message_id).claimed_at == NOON


def test_a_held_out_person_without_consent_is_not_counted_as_held_out(settings, store):
    """Else the two groups would differ by more than the message."""
    with store.write() as connection:
        [message_id] = plan_entries(connection, [new_entry(is_holdout=True)], NOON)
    run_gate(settings, store)
    assert state_of(store, message_id)[0] == "suppressed"
    assert get_entry(store, message_id).claimed_at is None


@pytest.mark.parametrize("is_holdout", [True, False])
def test_at_night_both_groups_wait_until_morning(settings, store, is_holdout):
    [message_id] = plan_messages(store, is_holdout=is_holdout)
    run_gate(settings, store, NIGHT)
    entry = get_entry(store, message_id)
    assert entry.state == "planned"
    assert entry.not_before == datetime(2026, 3, 5, 7, 0)
    assert entry.reason == "later, at 2026-03-05 07:00 UTC: quiet hours in Europe/Berlin"
    assert run_gate(settings, store, NIGHT + timedelta(hours=1)).examined_count == 0
    run_gate(settings, store, datetime(2026, 3, 5, 7, 0))
    assert get_entry(store, message_id).state == ("held_out" if is_holdout else "claimed")


def test_a_person_without_a_time_zone_has_the_workspaces(home, store):
    settings = make_settings(home, workspace_time_zone="America/New_York")
    [message_id] = plan_messages(store, context=cart_context() | {"time_zone": None})
    run_gate(settings, store)
    assert "quiet hours in America/New_York" in state_of(store, message_id)[1]


def test_the_fourth_message_in_a_week_waits_also_within_one_batch(settings, store):
    with store.write() as connection:
        record_decisions(connection, [grant(1)], NOON)
        ids = plan_entries(connection, [new_entry(1, occurrence=f"cart-{n}", expires_at=None) for n in range(5)], NOON)
    assert len(run_gate(settings, store).entries) == 3
    waiting = [get_entry(store, i) for i in ids if get_entry(store, i).state == "planned"]
    assert {entry.not_before for entry in waiting} == {NOON + timedelta(days=7)}
    assert all("3 messages in seven days are enough" in entry.reason for entry in waiting)


def test_messages_that_left_count_for_the_week_and_those_that_did_not_do_not(settings, store):
    with store.write() as connection:
        record_decisions(connection, [grant(1)], NOON)
        ids = plan_entries(connection, [new_entry(1, occurrence=f"cart-{n}") for n in range(7)], NOON)
        states = ["delivered", "ambiguous", "rejected", "expired", "suppressed", "planned", "planned"]
        for message_id, state in zip(ids, states, strict=True):
            connection.execute(
                sa.update(ledger_entries).where(ledger_entries.c.message_id == message_id)
                .values(state=state, handed_over_at=NOON - timedelta(days=1))
            )  # fmt: skip
    assert len(run_gate(settings, store).entries) == 1


def test_a_paused_programme_sends_nothing_until_it_goes_on(settings, store):
    [message_id] = plan_messages(store)
    pause_programme(store, "cart_recovery", "wrong prices", NOON, "ann")
    assert run_gate(settings, store).entries == []
    verdict = ask(settings, store, message_id)
    assert verdict.reason == "later, at 2026-03-04 12:05 UTC: the programme is paused (wrong prices)"
    resume_programme(store, "cart_recovery", NOON, "ann")
    assert len(run_gate(settings, store, NOON + timedelta(minutes=5)).entries) == 1


def test_a_channel_that_nobody_sends_waits(settings, store):
    with store.write() as connection:
        decision = grant(1).__class__(1, "social", "marketing", True, NOON)
        record_decisions(connection, [decision], NOON)
        [message_id] = plan_entries(connection, [new_entry(channel="social", address="someone")], NOON)
    assert "nothing sends by social yet" in ask(settings, store, message_id).reason


def test_the_reasons_are_asked_in_their_order(settings, store):
    """Everything is wrong with this message: each reason that is put right shows the next."""
    [message_id] = plan_messages(store, is_holdout=True)
    pause_programme(store, "cart_recovery", "x", NOON)
    with store.write() as connection:
        suppress(connection, [Suppression("person1@example.com", "email", "bounced")], NOON)
        record_decisions(connection, [grant(1, False, NOON)], NOON)
    assert ask(settings, store, message_id, NIGHT).reason == "the address is suppressed: bounced"
    lift(store, "person1@example.com", "email", NOON)
    assert ask(settings, store, message_id, NIGHT).reason.startswith("no consent")
    with store.write() as connection:
        record_decisions(connection, [grant(1, True, NOON + timedelta(hours=1))], NOON)
    assert "quiet hours" in ask(settings, store, message_id, NIGHT).reason
    assert "paused" in ask(settings, store, message_id).reason
    resume_programme(store, "cart_recovery", NOON)
    assert ask(settings, store, message_id).state == "held_out"


def test_every_answer_of_the_gate_is_in_the_log(settings, store):
    [message_id] = plan_messages(store)
    run_gate(settings, store, NIGHT)
    run_gate(settings, store, NIGHT + timedelta(hours=9))
    assert [row["to_state"] for row in transitions_of(store, message_id)] == ["planned", "planned", "claimed"]
