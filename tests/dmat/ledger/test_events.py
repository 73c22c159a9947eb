"""Under test: providers' events. In any order and any number of times the end is the same, and nothing counts twice."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import pytest
from sending_fixtures import NOON, plan_messages

from dmat.consent.permission import find_permissions
from dmat.consent.suppression import find_suppressed
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import get_entry
from dmat.ledger.events import apply_events, apply_waiting
from dmat.ledger.post import Move, move
from dmat.ledger.receive import receive
from dmat.store.inbox import InboundEvent, unapplied


def event(message_id, kind, at=0, number="", **more):
    payload = more.pop("payload", {})
    moment = NOON + timedelta(seconds=at)
    values = {"address": "person1@example.com"} | more
    return InboundEvent("sendgrid", f"{message_id}-{kind}-{number}", kind, moment, payload, message_id, **values)


def hand_over(store, *message_ids):
    with store.write() as connection:
        for state in ("claimed", "handed_over"):
            move(connection, [Move(message_id, state, "test") for message_id in message_ids], NOON)


def counted(store):
    return {row["kind"]: row["count"] for row in read_counters(store)}


COURSE = [("accepted", 1), ("delivered", 2), ("opened", 3), ("bounced", 9)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(COURSE)))))
def test_events_in_any_order_come_to_the_same_end(store, order):
    [message_id] = plan_messages(store)
    hand_over(store, message_id)
    for place in order:
        kind, at = COURSE[place]
        receive(store, [event(message_id, kind, at)], NOON)
        apply_waiting(store, NOON)
    entry = get_entry(store, message_id)
    assert entry.state == "rejected"
    assert entry.delivered_at is not None
    assert counted(store) == {"accepted": 1, "delivered": 1, "opened_human": 1, "bounced": 1}


def test_the_same_events_twice_change_and_count_nothing_more(both_stores):
    [message_id] = plan_messages(both_stores)
    hand_over(both_stores, message_id)
    course = [event(message_id, kind, at) for kind, at in COURSE[:3]]
    assert receive(both_stores, course, NOON) == 3
    rows = unapplied(both_stores)
    apply_events(both_stores, rows, NOON)
    before = get_entry(both_stores, message_id), counted(both_stores)
    assert receive(both_stores, course, NOON) == 0
    apply_events(both_stores, rows, NOON)
    assert (get_entry(both_stores, message_id), counted(both_stores)) == before
    assert before[0].state == "delivered"


def test_a_message_opened_ten_times_counts_once_and_machines_apart(both_stores):
    [message_id] = plan_messages(both_stores)
    opens = [event(message_id, "opened", n, n) for n in range(10)]
    machine = [event(message_id, "opened", 50, "m", is_machine=True), event(message_id, "clicked", 60, is_machine=True)]
    receive(both_stores, opens + machine, NOON)
    found = counted(both_stores)
    assert (found["opened_human"], found["opened_machine"], found["clicked_machine"]) == (1, 1, 1)
    assert "clicked_human" not in found


@pytest.mark.parametrize(("kind", "payload", "reason"), [
    ("complained", {}, "complained"), ("unsubscribed", {}, "unsubscribed"), ("bounced", {"type": "bounce"}, "bounced"),
    ("dropped", {"reason": "Bounced Address"}, "bounced"),
])  # fmt: skip
def test_a_suppression_holds_as_soon_as_the_event_is_taken_in(both_stores, kind, payload, reason):
    [message_id] = plan_messages(both_stores)
    receive(both_stores, [event(message_id, kind, payload=payload)], NOON)
    with both_stores.read() as connection:
        assert find_suppressed(connection, ["PERSON1@example.com "], "email") == {"person1@example.com": reason}
        assert find_suppressed(connection, ["person1@example.com"], "sms") == {}


@pytest.mark.parametrize(("kind", "payload"), [
    ("bounced", {"type": "blocked"}), ("deferred", {}), ("dropped", {"reason": "Spam Content"}), ("opened", {}),
])  # fmt: skip
def test_what_may_pass_does_not_suppress(store, kind, payload):
    receive(store, [event("", kind, payload=payload)], NOON)
    with store.read() as connection:
        assert find_suppressed(connection, ["person1@example.com"], "email") == {}


def test_unsubscribing_withdraws_the_persons_consent_too(both_stores):
    [message_id] = plan_messages(both_stores)
    receive(both_stores, [event(message_id, "unsubscribed")], NOON)
    with both_stores.read() as connection:
        answer = find_permissions(connection, [1], "email")[1]
    assert not answer.is_granted
    assert "withdrawn" in answer.why


def test_an_event_of_an_unknown_message_is_kept_and_harms_nothing(both_stores):
    receive(both_stores, [event("00000000-0000-0000-0000-000000000000", "delivered")], NOON)
    assert apply_waiting(both_stores, NOON).moved_count == 0
    assert counted(both_stores) == {}
    assert unapplied(both_stores) == []


@pytest.mark.parametrize("state", ["planned", "claimed", "handed_over", "ambiguous", "expired", "suppressed"])
def test_an_event_proves_that_a_message_went_out_whatever_we_thought(store, state):
    path = {"claimed": ["claimed"], "handed_over": ["claimed", "handed_over"],
            "ambiguous": ["claimed", "handed_over", "ambiguous"]}.get(state, [state])  # fmt: skip
    [message_id] = plan_messages(store)
    with store.write() as connection:
        for each in path:
            move(connection, [Move(message_id, each, "test")], NOON)
    receive(store, [event(message_id, "delivered", 5)], NOON)
    apply_waiting(store, NOON)
    entry = get_entry(store, message_id)
    assert (entry.state, entry.accepted_at) == ("delivered", NOON + timedelta(seconds=5))


def test_shuffled_and_doubled_streams_of_many_messages_end_alike(both_stores):
    ids = plan_messages(both_stores, 40)
    hand_over(both_stores, *ids)
    stream = [event(i, kind, at, address=f"{i}@example.com") for i in ids[:20] for kind, at in COURSE[:3]]
    stream += [event(i, kind, at, address=f"{i}@example.com") for i in ids[20:] for kind, at in COURSE]
    dice = random.Random(3)
    stream += dice.sample(stream, 50)
    dice.shuffle(stream)
    for start in range(0, len(stream), 17):
        receive(both_stores, stream[start : start + 17], NOON)
        if dice.random() < 0.5:
            apply_waiting(both_stores, NOON)
    apply_waiting(both_stores, NOON)
    states = [get_entry(both_stores, i).state for i in ids]
    assert states == ["delivered"] * 20 + ["rejected"] * 20
    assert counted(both_stores) == {"accepted": 40, "delivered": 40, "opened_human": 40, "bounced": 20}
