"""Under test: live counters. By variant and hour, once per message and kind, and alike in whatever order they come."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from datetime import datetime, timedelta

from sending_fixtures import NOON, new_entry, plan_messages

from dmat.ledger.counters import (
    Conversion,
    Mark,
    Place,
    count_conversions,
    count_events,
    count_marks,
    mark_hours_exported,
    read_counters,
    read_hours,
    unexported_hours,
)
from dmat.ledger.post import Move, move, plan_entries
from dmat.ledger.receive import receive
from dmat.store.inbox import InboundEvent
from dmat.store.tables import message_marks


def totals(store):
    return {(row["variant"], row["kind"]): row["count"] for row in read_counters(store)}


def hours(store):
    return {(row["variant"], row["kind"], row["hour"]): row["count"] for row in read_hours(store)}


def at(hour, minute=0):
    return datetime(2026, 3, 4, hour, minute)


def marks_count(store):
    with store.read() as connection:
        return len(connection.execute(message_marks.select()).all())


def accept(store, message_id, moment):
    with store.write() as connection:
        for state in ("claimed", "handed_over"):
            move(connection, [Move(message_id, state, "test")], moment)
        move(connection, [Move(message_id, "accepted", "test", {"accepted_at": moment}, happened_at=moment)], moment)


def test_variants_are_counted_apart_and_add_up(both_stores):
    with both_stores.write() as connection:
        ids = plan_entries(connection, [new_entry(n, variant="ab"[n % 2]) for n in range(1, 6)], NOON)
        count_events(connection, [Mark(i, "opened_human", at(12, 5)) for i in ids], NOON)
    assert totals(both_stores) == {("a", "opened_human"): 2, ("b", "opened_human"): 3}
    assert hours(both_stores) == {("a", "opened_human", NOON): 2, ("b", "opened_human", NOON): 3}


def test_what_a_sender_is_told_needs_no_mark_and_events_of_it_count_nothing_more(both_stores):
    [message_id] = plan_messages(both_stores)
    accept(both_stores, message_id, at(12, 30))
    with both_stores.write() as connection:
        count_events(connection, [Mark(message_id, "accepted", at(12, 31))], NOON)
    assert marks_count(both_stores) == 0
    assert totals(both_stores) == {("", "accepted"): 1}


def test_an_earlier_moment_that_is_learnt_of_later_moves_the_count_to_its_hour(both_stores):
    [message_id] = plan_messages(both_stores)
    for moment in (at(14, 5), at(15, 0), at(13, 59), at(13, 1)):
        with both_stores.write() as connection:
            count_events(connection, [Mark(message_id, "clicked_human", moment)], NOON)
    assert hours(both_stores) == {("", "clicked_human", at(13)): 1}


def test_the_sender_and_the_provider_may_tell_of_the_same_in_any_order(store):
    """What the sender saw and two events of the provider, in all orders: one count, in the hour of the earliest."""
    for number, order in enumerate(itertools.permutations(["ledger", at(11, 59), at(13, 1)]), start=1):
        [message_id] = plan_messages(store, first=number, variant=str(number))
        for what in order:
            if what == "ledger":
                accept(store, message_id, at(12, 0))
            else:
                with store.write() as connection:
                    count_events(connection, [Mark(message_id, "accepted", what)], NOON)
        assert totals(store)[(str(number), "accepted")] == 1
        assert hours(store)[(str(number), "accepted", at(11))] == 1
    assert sum(hours(store).values()) == 6


def test_a_caller_who_knows_the_places_gets_the_same_counts(both_stores):
    ids = plan_messages(both_stores, 3)
    place = Place("cart_recovery", "first_mail", "", "email")
    with both_stores.write() as connection:
        marks = [Mark(i, "accepted", at(12)) for i in ids]
        count_marks(connection, marks, NOON, dict.fromkeys(ids, place))
    assert totals(both_stores) == {("", "accepted"): 3}
    assert marks_count(both_stores) == 0


def test_shuffled_doubled_streams_end_like_an_ordered_one(both_stores):
    dice = random.Random(5)
    ids = plan_messages(both_stores, 30)
    kinds = ["accepted", "delivered", "opened_human", "opened_machine", "clicked_human", "read", "replied", "bounced"]
    stream = [
        Mark(i, kind, at(9) + timedelta(minutes=dice.randrange(600)))
        for i in ids for kind in kinds for _ in range(dice.randrange(3))
    ]  # fmt: skip
    first = {}
    for mark in stream:
        key = (mark.message_id, mark.kind)
        first[key] = min(mark.happened_at, first.get(key, mark.happened_at))
    stream += dice.sample(stream, 100)
    dice.shuffle(stream)
    while stream:
        batch, stream = stream[: (size := dice.randrange(1, 40))], stream[size:]
        with both_stores.write() as connection:
            count_events(connection, batch, NOON)
    expected = Counter(("", kind, moment.replace(minute=0)) for (_, kind), moment in first.items())
    assert hours(both_stores) == expected
    assert totals(both_stores) == Counter(("", kind) for _, kind in first)


def test_an_order_is_counted_once_for_ever(both_stores):
    place, other = Place("campaign:1", "first", "a", "email"), Place("campaign:2", "first", "", "sms")
    with both_stores.write() as connection:
        assert (
            count_conversions(connection, [Conversion("o1", place, at(9)), Conversion("o2", place, at(9))], NOON) == 2
        )
        assert (
            count_conversions(connection, [Conversion("o1", other, at(9)), Conversion("o3", other, at(9))], NOON) == 1
        )
    assert totals(both_stores) == {("a", "converted"): 2, ("", "converted"): 1}


def test_a_refusal_by_the_provider_counts_as_failed_once(both_stores):
    [message_id] = plan_messages(both_stores)
    with both_stores.write() as connection:
        for _ in range(2):
            count_marks(connection, [Mark(message_id, "failed", at(12))], NOON)
    assert totals(both_stores) == {("", "failed"): 1}


def test_a_banner_is_counted_at_its_place_once_for_each_time_it_is_shown(both_stores):
    payload = {"programme": "campaign:1", "step": "banner", "variant": "b", "view_id": "v"}
    shown = InboundEvent("dmat", "shown:v", "shown", at(9), payload, channel="banner")
    clicked = InboundEvent("dmat", "click:v", "clicked", at(9), payload, channel="banner", is_machine=True)
    receive(both_stores, [shown, clicked], NOON)
    receive(both_stores, [shown, clicked], NOON)
    forged = InboundEvent("sendgrid", "x", "shown", at(9), payload, channel="banner")
    receive(both_stores, [forged], NOON)
    assert totals(both_stores) == {("b", "shown"): 1, ("b", "clicked_machine"): 1}


def test_hours_are_exported_when_they_change_and_only_then(both_stores):
    ids = plan_messages(both_stores, 2)
    with both_stores.write() as connection:
        count_events(connection, [Mark(ids[0], "read", at(9)), Mark(ids[0], "delivered", at(9))], NOON)
    rows = unexported_hours(both_stores)
    assert {row["kind"] for row in rows} == {"read", "delivered"}
    with both_stores.write() as connection:
        count_events(connection, [Mark(ids[1], "read", at(9))], NOON)
    mark_hours_exported(both_stores, rows)
    assert [(row["kind"], row["count"]) for row in unexported_hours(both_stores)] == [("read", 2)]
    mark_hours_exported(both_stores, unexported_hours(both_stores))
    assert unexported_hours(both_stores) == []
