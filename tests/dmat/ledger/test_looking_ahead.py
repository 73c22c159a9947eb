"""Under test: a sender that works alone looks ahead. What was looked at may leave only when the gate says so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, plan_messages

from dmat.campaigns.programmes import pause_programme
from dmat.ledger.claim import Batched, Verdict, claim, look
from dmat.ledger.control import cancel
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import counts_by_state, get_entry, transitions_of
from dmat.ledger.fence import take_fence
from dmat.ledger.hand_over import Answers, Leaving, all_accepted, exchange
from dmat.ledger.kept import Request, line_of
from dmat.store.ledger_tables import ledger_sets

COUNT = 12
TOGETHER = {"template": "spring", "template_version": 1}
COMMON = {"from_address": "a", "rendered_at": NOON, "template": "spring", "template_version": 1, "locale": ""}


def let_all_pass(_connection, entries, _now):
    return {entry.message_id: Verdict("claimed", "passed") for entry in entries}


def refuse_even_people(_connection, entries, _now):
    no = Verdict("suppressed", "no consent")
    return {e.message_id: no if e.person_id % 2 == 0 else Verdict("claimed", "passed") for e in entries}


@pytest.fixture
def fence(both_settings, both_stores):
    return take_fence(both_settings, both_stores, NOON)


def looked_at(store, besides=(), limit=COUNT):
    return look(store, NOON, batched=Batched(limit), besides=besides).entries


def leaving(entries, failures=()):
    kept = {entry.message_id: line_of(entry.message_id, "b", {}, {"-dm0-": "x"}) for entry in entries}
    wanted = [*entries, *(entry for entry, _ in failures)]
    return Leaving(requests=[Request("batch-1", kept, COMMON)], unclaimed=wanted, failures=failures)


def hand(store, fence, entries, gate=let_all_pass, failures=()):
    return exchange(store, fence, Answers(), leaving(entries, failures), "fake", NOON, gate)


def test_looking_takes_nothing_and_the_next_look_sees_others(both_stores):
    plan_messages(both_stores, COUNT, **TOGETHER)
    first = {entry.message_id for entry in looked_at(both_stores, limit=5)}
    second = {entry.message_id for entry in looked_at(both_stores, besides=first, limit=5)}
    assert len(first) == 5
    assert first & second == set()
    assert counts_by_state(both_stores)["planned"] == COUNT


def test_what_passes_the_gate_is_claimed_and_handed_over_in_one_change_and_both_steps_are_told(both_stores, fence):
    ids = plan_messages(both_stores, COUNT, **TOGETHER)
    entries = looked_at(both_stores)
    assert hand(both_stores, fence, entries).made == set(ids)
    with both_stores.write() as connection:
        Answers(sets=[all_accepted(entries, "r1", NOON)]).write(connection, NOON)
    entry = get_entry(both_stores, ids[0])
    assert (entry.attempts, entry.claimed_by, entry.batch_id, entry.claimed_at) == (1, fence.owner, "batch-1", NOON)
    steps = [(step["from_state"], step["to_state"]) for step in transitions_of(both_stores, ids[0])]
    assert steps == [
        ("", "planned"), ("planned", "claimed"), ("claimed", "handed_over"), ("handed_over", "accepted")
    ]  # fmt: skip


def test_whom_the_gate_refuses_never_leaves_though_the_message_was_put_together(both_stores, fence):
    plan_messages(both_stores, COUNT, **TOGETHER)
    handed = hand(both_stores, fence, looked_at(both_stores), refuse_even_people)
    assert {get_entry(both_stores, message_id).person_id % 2 for message_id in handed.made} == {1}
    counts = counts_by_state(both_stores)
    assert (counts["handed_over"], counts["suppressed"]) == (COUNT / 2, COUNT / 2)
    assert handed.verdicts == {"claimed": COUNT / 2, "suppressed": COUNT / 2}


def test_what_was_cancelled_paused_or_claimed_since_the_look_does_not_leave(both_stores, fence):
    plan_messages(both_stores, 4, first=1, programme="cancelled", **TOGETHER)
    plan_messages(both_stores, 4, first=11, programme="paused", **TOGETHER)
    plan_messages(both_stores, 4, first=21, programme="taken", **TOGETHER)
    entries = looked_at(both_stores)
    cancel(both_stores, "cancelled", "a mistake", NOON)
    pause_programme(both_stores, "paused", "a look first", NOON)
    claim(both_stores, fence, let_all_pass, NOON, batched=Batched(COUNT))
    handed = hand(both_stores, fence, entries)
    assert (len(entries), handed.made) == (COUNT, set())
    counts = counts_by_state(both_stores)
    assert (counts["expired"], counts["planned"], counts["claimed"]) == (4, 4, 4)


def test_what_cannot_be_put_together_is_rejected_only_if_the_gate_let_it_through(both_stores, fence):
    plan_messages(both_stores, COUNT, **TOGETHER)
    entries = {entry.person_id: entry for entry in looked_at(both_stores)}
    good, failures = [entries[n] for n in range(1, 7)], [(entries[7], "no name"), (entries[8], "no name")]
    handed = hand(both_stores, fence, good, refuse_even_people, failures)
    assert handed.rejected_count == 1
    states = [get_entry(both_stores, entry.message_id).state for entry, _ in failures]
    assert states == ["rejected", "suppressed"]


def test_answers_that_come_too_late_for_some_count_and_log_only_the_others(both_stores, fence):
    plan_messages(both_stores, COUNT, **TOGETHER)
    entries = looked_at(both_stores)
    hand(both_stores, fence, entries)
    early = entries[:3]
    exchange(both_stores, fence, Answers(sets=[all_accepted(early, "b-0", NOON)]), Leaving(), "fake", NOON)
    exchange(both_stores, fence, Answers(sets=[all_accepted(entries, "b-1", NOON)]), Leaving(), "fake", NOON)
    assert counts_by_state(both_stores)["accepted"] == COUNT
    assert [row["count"] for row in read_counters(both_stores) if row["kind"] == "accepted"] == [COUNT]
    assert {get_entry(both_stores, entry.message_id).provider_message_id for entry in early} == {"b-0"}
    for entry in entries:
        steps = [step["to_state"] for step in transitions_of(both_stores, entry.message_id)]
        assert steps == ["planned", "claimed", "handed_over", "accepted"]
    with both_stores.read() as connection:
        sizes = sa.select(ledger_sets.c.message_count).where(ledger_sets.c.to_state == "accepted")
        assert sorted(connection.execute(sizes).scalars()) == [3, COUNT - 3]
