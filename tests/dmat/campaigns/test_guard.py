"""Under test: the guard. From 200 recipients on, complaints, bounces and refusals warn and then stop a programme."""

from __future__ import annotations

from collections import Counter

import pytest
from sending_fixtures import NOON, plan_messages

from dmat.campaigns.guard import alarms_of, warnings_of
from dmat.campaigns.programmes import paused_programmes, resume_programme
from dmat.ledger.counters import Mark, count_events, count_marks
from dmat.store.workspace_values import read_audit


def reason_of(store):
    with store.read() as connection:
        return paused_programmes(connection).get("cart_recovery")


def mark(store, ids, kind):
    with store.write() as connection:
        count = count_marks if kind == "failed" else count_events
        count(connection, [Mark(i, kind, NOON) for i in ids], NOON)


@pytest.mark.parametrize(("accepted", "kind", "count", "warns", "stops"), [
    (199, "bounced", 199, False, False),
    (200, "bounced", 7, False, False), (200, "bounced", 8, True, False), (200, "bounced", 16, True, True),
    (1000, "complained", 0, False, False), (1000, "complained", 1, True, False), (1000, "complained", 3, True, True),
    (200, "complained", 1, True, True),
    (190, "failed", 10, True, False), (160, "failed", 40, True, True), (0, "failed", 200, True, True),
])  # fmt: skip
def test_limits_hold_from_200_recipients_on(accepted, kind, count, warns, stops):
    alarms = alarms_of("campaign:1", {"accepted": accepted, kind: count}, {})
    assert (bool(alarms), any(alarm.is_stop for alarm in alarms)) == (warns, stops)


def test_a_programme_that_bounces_pauses_itself_and_says_why(both_stores):
    ids = plan_messages(both_stores, 250)
    mark(both_stores, ids, "accepted")
    mark(both_stores, ids[:10], "bounced")
    assert reason_of(both_stores) is None
    assert warnings_of(both_stores) == {"cart_recovery": ["4.00% of 250 recipients bounced; the limit is 4.0%"]}
    mark(both_stores, ids[10:20], "bounced")
    assert reason_of(both_stores) == "8.00% of 250 recipients bounced; the limit is 8.0%"
    actions = Counter((row["actor"], row["action"]) for row in read_audit(both_stores))
    assert actions == {("guard", "programme warned"): 1, ("guard", "programme paused"): 1}


def test_who_resumes_a_programme_gives_it_a_new_chance_and_the_guard_a_new_look(store):
    ids = plan_messages(store, 600)
    mark(store, ids[:300], "accepted")
    mark(store, ids[:30], "bounced")
    assert reason_of(store)
    resume_programme(store, "cart_recovery", NOON, "ann")
    mark(store, ids[30:31], "bounced")
    assert reason_of(store) is None, "nobody got anything since it was resumed"
    mark(store, ids[300:], "accepted")
    mark(store, ids[300:330], "bounced")
    assert "of 300 recipients bounced" in reason_of(store)


def test_one_complaint_among_few_people_stops_nothing(store):
    ids = plan_messages(store, 20)
    mark(store, ids, "accepted")
    mark(store, ids[:5], "complained")
    assert reason_of(store) is None
