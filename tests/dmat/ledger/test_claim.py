"""Under test: claiming and handing over. One sender, small batches, nothing leaves before its id is on disk."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sending_fixtures import NOON, plan_messages

from dmat.channels.contract import Abilities
from dmat.errors import FencedError, VendorRefusedError
from dmat.ledger.claim import BATCH, Verdict, claim, has_due
from dmat.ledger.entries import counts_by_state, get_entry, message_as_sent, unresolved
from dmat.ledger.events import apply_waiting
from dmat.ledger.fence import take_fence
from dmat.ledger.hand_over import accepted, hand_over, not_taken, uncertain, write_answers
from dmat.ledger.receive import receive
from dmat.ledger.reconcile import reconcile
from dmat.store.inbox import InboundEvent


def let_all_pass(_connection, entries, _now):
    return {entry.message_id: Verdict("claimed", "passed") for entry in entries}


def rendered(message_id):
    return {
        "message_id": message_id, "from_address": "a", "to_address": "b", "subject": "Hello", "html": "<p>",
        "text": "t", "headers": {}, "rendered_at": NOON,
    }  # fmt: skip


@pytest.fixture
def fence(both_settings, both_stores):
    return take_fence(both_settings, both_stores, NOON)


def take(store, fence, now=NOON):
    return [entry.message_id for entry in claim(store, fence, let_all_pass, now).entries]


def send_off(store, fence):
    ids = take(store, fence)
    assert hand_over(store, fence, [rendered(i) for i in ids], "fake", NOON) == set(ids)
    return ids


def test_a_claim_is_small_and_takes_each_message_once(both_stores, fence):
    plan_messages(both_stores, 40)
    taken = [take(both_stores, fence) for _ in range(4)]
    assert [len(batch) for batch in taken] == [BATCH, BATCH, 8, 0]
    assert len({message_id for batch in taken for message_id in batch}) == 40


def test_workers_that_claim_at_the_same_time_never_take_the_same_message(both_stores, fence):
    plan_messages(both_stores, 120)
    taken: list[str] = []

    def work():
        while ids := take(both_stores, fence):
            taken.extend(ids)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    while ids := take(both_stores, fence):  # a worker that found everything locked stopped early
        taken.extend(ids)
    assert max(Counter(taken).values()) == 1
    assert len(taken) == 120


def test_what_is_not_due_yet_is_not_claimed(both_stores, fence):
    plan_messages(both_stores, 1, now=NOON + timedelta(hours=1))
    assert not has_due(both_stores, NOON)
    assert take(both_stores, fence) == []
    assert has_due(both_stores, NOON + timedelta(hours=1))


def test_the_message_as_sent_is_on_disk_before_it_may_leave(both_stores, fence):
    plan_messages(both_stores)
    [message_id] = send_off(both_stores, fence)
    entry = get_entry(both_stores, message_id)
    assert (entry.state, entry.subject, entry.provider, entry.attempts) == ("handed_over", "Hello", "fake", 1)
    assert message_as_sent(both_stores, message_id)["html"] == "<p>"


def test_a_claim_that_was_taken_over_may_not_be_handed_over(both_settings, both_stores, fence):
    plan_messages(both_stores)
    [message_id] = take(both_stores, fence)
    take_fence(both_settings, both_stores, NOON)
    with pytest.raises(FencedError):
        hand_over(both_stores, fence, [rendered(message_id)], "fake", NOON)
    with pytest.raises(FencedError):
        take(both_stores, fence)


def test_a_dead_workers_claims_are_planned_again_and_its_letters_in_flight_are_ambiguous(
    both_settings, both_stores, fence
):
    plan_messages(both_stores, BATCH + 4)
    flying = send_off(both_stores, fence)
    held = take(both_stores, fence)
    take_fence(both_settings, both_stores, NOON)
    assert counts_by_state(both_stores)["ambiguous"] == len(flying) == BATCH
    assert {get_entry(both_stores, i).state for i in held} == {"planned"}
    assert {entry.message_id for entry in unresolved(both_stores)} == set(flying)


def test_an_answer_that_comes_after_an_event_changes_nothing(both_stores, fence):
    plan_messages(both_stores)
    [message_id] = send_off(both_stores, fence)
    receive(both_stores, [InboundEvent("sendgrid", "e", "delivered", NOON, {}, message_id)], NOON)
    apply_waiting(both_stores, NOON)
    write_answers(both_stores, [accepted(message_id, "p", NOON), uncertain(message_id, "late")], NOON)
    assert get_entry(both_stores, message_id).state == "delivered"


def test_what_a_provider_did_not_take_is_planned_again_with_a_pause_after_several_times(both_stores, fence):
    plan_messages(both_stores)
    now = NOON
    for attempt in range(1, 5):
        [entry] = claim(both_stores, fence, let_all_pass, now).entries
        hand_over(both_stores, fence, [rendered(entry.message_id)], "fake", now)
        entry = get_entry(both_stores, entry.message_id)
        write_answers(both_stores, [not_taken(entry, "503", now)], now)
        pause = get_entry(both_stores, entry.message_id).not_before - now
        assert pause == timedelta(seconds=0 if attempt < 3 else 2**attempt)
        now += pause


class Lookup:
    name, channel = "fake", "email"
    abilities = Abilities()

    def __init__(self, known=(), works=True):
        self.known, self.works, self.asked = set(known), works, []

    def find_message(self, sought):
        message_id = sought.message_id
        self.asked.append(message_id)
        if not self.works:
            raise VendorRefusedError("fake", 403, "no search in this plan")
        return f"p-{message_id}" if message_id in self.known else None


def make_ambiguous(store, fence, count=2, settle_seconds=0.0):
    plan_messages(store, count)
    ids = sorted(send_off(store, fence))
    write_answers(store, [uncertain(i, "time-out", settle_seconds) for i in ids], NOON)
    return ids


def test_ambiguous_messages_are_resolved_by_asking_the_provider(both_stores, fence):
    taken, lost = make_ambiguous(both_stores, fence)
    report = reconcile(both_stores, Lookup([taken]), NOON)
    assert (report.accepted_count, report.planned_again_count, report.unresolved) == (1, 1, [])
    assert get_entry(both_stores, taken).state == "accepted"
    assert get_entry(both_stores, taken).provider_message_id == f"p-{taken}"
    assert get_entry(both_stores, lost).state == "planned"


def test_nobody_is_asked_before_the_settle_time_is_over(both_stores, fence):
    make_ambiguous(both_stores, fence, settle_seconds=60)
    lookup = Lookup()
    reconcile(both_stores, lookup, NOON)
    assert lookup.asked == []
    assert counts_by_state(both_stores)["ambiguous"] == 2


def test_without_a_look_up_they_stay_listed_by_name_and_are_never_sent_again(both_stores, fence):
    ids = make_ambiguous(both_stores, fence)
    report = reconcile(both_stores, Lookup(works=False), NOON)
    assert sorted(report.unresolved) == ids
    assert sorted(entry.message_id for entry in unresolved(both_stores)) == ids
    assert take(both_stores, fence, NOON + timedelta(days=1)) == []
    assert "no search in this plan" in unresolved(both_stores)[0].reason


@pytest.mark.parametrize(("hours", "is_made_again"), [(21, True), (22, False)])
def test_where_a_key_is_known_the_same_request_is_made_again_as_long_as_that_is_sure(
    both_stores, fence, hours, is_made_again
):
    ids = make_ambiguous(both_stores, fence)
    lookup = Lookup(works=False)
    lookup.abilities = Abilities(key_hours=24.0)
    report = reconcile(both_stores, lookup, NOON + timedelta(hours=hours))
    assert report.planned_again_count == (len(ids) if is_made_again else 0)
    assert counts_by_state(both_stores)["planned" if is_made_again else "ambiguous"] == len(ids)
    if is_made_again:  # and never after the key is forgotten, whatever puts it off
        assert {get_entry(both_stores, each).expires_at for each in ids} == {NOON + timedelta(hours=21.6)}


def test_an_event_in_the_inbox_is_evidence_before_anybody_is_asked(both_stores, fence):
    first, second = make_ambiguous(both_stores, fence)
    receive(both_stores, [InboundEvent("sendgrid", "e", "accepted", NOON, {}, first)], NOON)
    lookup = Lookup([second])
    reconcile(both_stores, lookup, NOON)
    assert lookup.asked == [second]
    assert counts_by_state(both_stores)["accepted"] == 2
