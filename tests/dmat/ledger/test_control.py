"""Under test: what a person may do to planned messages, and figures that add up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sending_fixtures import NOON, new_entry, plan_messages

from dmat.errors import FencedError
from dmat.ledger.claim import Verdict, claim, has_due
from dmat.ledger.control import cancel, claim_one, pause, plain_reason, reasons, resend_failed, resume, standing
from dmat.ledger.entries import audience_report, counts_by_state, get_entry, list_entries
from dmat.ledger.fence import take_fence
from dmat.ledger.post import Move, move, plan_entries

PROGRAMME = "cart_recovery"


def let_all_pass(_connection, entries, _now):
    return {entry.message_id: Verdict("claimed", "passed") for entry in entries}


def step(store, ids, state, reason="test"):
    with store.write() as connection:
        move(connection, [Move(message_id, state, reason) for message_id in ids], NOON)


def fail(store, ids):
    step(store, ids, "claimed")
    step(store, ids, "rejected", "bounced: no such user")


def test_a_paused_programme_is_not_claimed_and_goes_on_at_once(both_settings, both_stores):
    plan_messages(both_stores, 3)
    fence = take_fence(both_settings, both_stores, NOON)
    pause(both_stores, PROGRAMME, "look again", NOON, "ann@shop.example")
    assert not has_due(both_stores, NOON)
    assert claim(both_stores, fence, let_all_pass, NOON).examined_count == 0
    resume(both_stores, PROGRAMME, NOON)
    assert len(claim(both_stores, fence, let_all_pass, NOON).entries) == 3


def test_programmes_take_turns_so_that_a_large_one_holds_up_no_small_one(both_settings, both_stores):
    plan_messages(both_stores, 60)
    with both_stores.write() as connection:
        plan_entries(connection, [new_entry(900 + n, programme="welcome") for n in range(2)], NOON)
    fence = take_fence(both_settings, both_stores, NOON)
    first = claim(both_stores, fence, let_all_pass, NOON, 16)
    second = claim(both_stores, fence, let_all_pass, NOON, 16, after=first.last)
    assert {entry.programme for entry in first.entries} == {PROGRAMME}
    assert sum(entry.programme == "welcome" for entry in second.entries) == 2


def test_what_is_cancelled_ends_and_what_has_left_stays(both_stores):
    ids = plan_messages(both_stores, 5)
    step(both_stores, ids[:1], "claimed")
    assert cancel(both_stores, PROGRAMME, "wrong price", NOON, "ann@shop.example") == 4
    counts = counts_by_state(both_stores)
    assert (counts["expired"], counts["claimed"]) == (4, 1)
    assert get_entry(both_stores, ids[1]).reason == "cancelled: wrong price"
    assert cancel(both_stores, PROGRAMME, "wrong price", NOON) == 0


def test_only_those_for_whom_it_failed_are_planned_again_and_once(both_stores):
    ids = plan_messages(both_stores, 6)
    fail(both_stores, ids[:2])
    again = resend_failed(both_stores, PROGRAMME, NOON + timedelta(hours=1), "ann@shop.example")
    assert (again.given, again.planned) == (2, 2)
    assert resend_failed(both_stores, PROGRAMME, NOON + timedelta(hours=2)).given == 0
    entries = list_entries(both_stores, occurrence="resend-1")
    failed = {entry.person_id: entry.context for entry in (get_entry(both_stores, i) for i in ids[:2])}
    assert {entry.person_id: entry.context for entry in entries} == failed
    fail(both_stores, [entries[0].message_id])
    assert resend_failed(both_stores, PROGRAMME, NOON + timedelta(hours=3)).planned == 1
    assert len(list_entries(both_stores, occurrence="resend-2")) == 1


def test_how_steps_and_channels_stand_adds_up_to_the_whole(both_stores):
    ids = plan_messages(both_stores, 4)
    with both_stores.write() as connection:
        plan_entries(connection, [new_entry(9, step="second", channel="sms", address="+491701234567")], NOON)
    step(both_stores, ids[:2], "suppressed")
    found = standing(both_stores, PROGRAMME)
    assert set(found) == {("first_mail", "email"), ("second", "sms")}
    assert (found["first_mail", "email"].suppressed, found["first_mail", "email"].waiting) == (2, 2)
    assert sum(report.audience for report in found.values()) == audience_report(both_stores, PROGRAMME).audience
    assert set(standing(both_stores, PROGRAMME, "second")) == {("second", "sms")}


def test_reasons_are_counted_without_what_is_personal(both_stores):
    ids = plan_messages(both_stores, 4)
    step(both_stores, ids[:2], "suppressed", "no consent: marketing by email withdrawn on 2026-01-02 (a form)")
    step(both_stores, ids[2:3], "suppressed", "no consent: no consent on record")
    found = {(item.state, item.reason): item.count for item in reasons(both_stores, PROGRAMME)}
    assert found == {("suppressed", "no consent"): 3}
    assert (
        plain_reason("later, at 2026-03-04 12:05 UTC: quiet hours in Europe/Berlin") == "quiet hours in Europe/Berlin"
    )


def test_a_door_takes_one_message_through_the_gate_once(both_settings, both_stores):
    [first, second] = plan_messages(both_stores, 2)
    assert claim_one(both_stores, None, let_all_pass, first, NOON).message_id == first
    assert claim_one(both_stores, None, let_all_pass, first, NOON) is None
    no = Verdict("suppressed", "no")
    assert claim_one(both_stores, None, lambda _c, entries, _n: {second: no}, second, NOON) == no
    take_fence(both_settings, both_stores, NOON)
    assert get_entry(both_stores, first).state == "claimed", "a sender that starts leaves the doors their claims"


def test_a_door_with_a_fence_is_shut_out_when_another_sender_took_over(both_settings, both_stores):
    [message_id] = plan_messages(both_stores, 1)
    fence = take_fence(both_settings, both_stores, NOON)
    take_fence(both_settings, both_stores, NOON)
    with pytest.raises(FencedError):
        claim_one(both_stores, fence, let_all_pass, message_id, NOON)
