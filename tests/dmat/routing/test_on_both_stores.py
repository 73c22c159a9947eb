"""Under test: the same on SQLite and PostgreSQL: leads are given once, pushes made once, points add up."""

from __future__ import annotations

import threading
from datetime import timedelta

from sending_fixtures import NOON

from dmat.loyalty.ledger import EARN, Posting, balances, expire_points, out_of_balance, post, spend
from dmat.loyalty.offers import grant_offer, put_offer, redeem
from dmat.loyalty.rules import keep_rules
from dmat.loyalty.tiers import update_tiers
from dmat.routing.assigning import assignments_of, route_due
from dmat.routing.figures import rep_figures
from dmat.routing.reps import put_rep
from dmat.scoring.alerts import note_scores
from dmat.scoring.leads import set_status, take_in
from dmat.scoring.live import note_activity
from dmat.scoring.matrix import change_rule
from dmat.scoring.pushing import SLACK, plan_push, push_due
from dmat.store.loyalty_tables import loyalty_members
from dmat.warehouse import Workspace


def hot(settings, store, view, number):
    lead, _ = take_in(store, {"email": f"lead{number}@example.com", "region": "California"}, NOON, "ann")
    for activity in ("demo_request", "form_submission"):
        noted = note_activity(store, view, lead.lead_id, activity, NOON, "ann")
    note_scores(settings, store, [noted.after], NOON)
    return lead.lead_id


def test_processes_that_route_at_once_give_each_lead_once_and_nobody_more_than_the_cap(both_settings, both_stores):
    view = Workspace(both_settings)
    for key in ("a", "b"):
        put_rep(both_stores, {"rep_key": key, "name": key, "email": f"{key}@shop.example", "capacity": 3}, NOON, "boss")
    change_rule(both_stores, "demo_request", NOON, "ann", points=60)
    ids = [hot(both_settings, both_stores, view, number) for number in range(8)]
    threads = [
        threading.Thread(target=route_due, args=(both_settings, both_stores, view, NOON)) for _ in range(3)
    ]  # fmt: skip
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    places = [[each.place for each in assignments_of(both_stores, lead_id) if not each.ended_at] for lead_id in ids]
    assert all(len(each) == 1 for each in places)
    assert sorted(each[0] for each in places) == ["queue"] * 2 + ["rep"] * 6
    assert [each.open_count for each in rep_figures(both_stores, NOON)] == [3, 3]
    given = next(lead_id for lead_id, each in zip(ids, places, strict=True) if each == ["rep"])
    set_status(both_stores, given, "lost", NOON, "a")
    assert route_due(both_settings, both_stores, view, NOON).given == 1


def test_a_push_is_claimed_once(both_settings, both_stores):
    lead_id = take_in(both_stores, {"email": "a@example.com"}, NOON, "ann")[0].lead_id
    with both_stores.write() as connection:
        plan_push(connection, "k", SLACK, lead_id, {"channel": "C", "text": "t"}, NOON)
    made = []
    assert push_due(both_stores, {SLACK: lambda sent: made.append(sent) or "1"}, NOON).done_count == 1
    assert push_due(both_stores, {SLACK: lambda sent: made.append(sent) or "1"}, NOON).done_count == 0
    assert len(made) == 1


def test_points_tiers_and_offers(both_settings, both_stores):
    keep_rules(both_stores, {}, NOON, "ann")
    row = {"person_id": 7, "joined_at": NOON, "tier": "silver", "tier_since": NOON, "updated_at": NOON}
    with both_stores.write() as connection:
        connection.execute(loyalty_members.insert().values(row | {"revision": 1, "exported_revision": 0}))
        post(connection, [Posting("k", 7, EARN, 120, NOON, "", NOON + timedelta(days=10))], NOON, "test")
        post(connection, [Posting("k", 7, EARN, 120, NOON, "", NOON + timedelta(days=10))], NOON, "test")
        spend(connection, 7, 20, "s", "", NOON, "shop")
    assert [each.to_tier for each in update_tiers(both_stores, NOON)] == ["gold"]
    offer = {"offer_key": "mug", "name": "A mug", "kind": "gift", "points_cost": 30, "tiers": ["gold"]}
    put_offer(both_stores, offer, NOON, "ann")
    grant = grant_offer(both_stores, "mug", 7, "once", NOON, "shop")
    assert redeem(both_stores, grant.code, "o1", NOON).order_id == "o1"
    assert [each.points for each in expire_points(both_stores, NOON + timedelta(days=11))] == [-70]
    with both_stores.read() as connection:
        assert balances(connection, [7]) == {7: 0}
    assert out_of_balance(both_stores) == []
