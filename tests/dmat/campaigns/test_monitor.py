"""Under test: the figures of a campaign are those of ledger, counters and warehouse, and they add up."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from campaign_world import document_of
from segment_world import NOW, change_world, number_of

from dmat.campaigns.monitor import Figures, journey, monitor
from dmat.campaigns.running import Runner
from dmat.campaigns.shares import difference_interval
from dmat.ledger.entries import list_entries
from dmat.ledger.post import Move, move
from dmat.store.tables import counters

RESULTS = """
    create schema campaigns;
    create table campaigns.campaign_results as select 1::bigint as campaign_id, 'mail' as step, 'email' as channel,
        '' as variant, 2::bigint as conversions_count, 9000::bigint as revenue_cents;
    create table campaigns.campaign_lift as select 1::bigint as campaign_id, 100 as written_to_count,
        20 as written_to_buyers_count, 50 as held_out_count, 5 as held_out_buyers_count;
"""


@pytest.fixture
def seen(campaign_world):
    """A campaign of six people: two sent, one of them delivered, one suppressed, three waiting."""
    steps = [{"key": "mail", "channel": "email", "template": "cart_recovery", "cost_cents": 1000,
              "cost_micros_each": 100_000}]  # fmt: skip
    campaign_world.start(document_of(steps=steps))
    world = campaign_world
    Runner(world.settings, world.store, world.desk, world.library).look()
    ids = sorted(entry.message_id for entry in list_entries(world.store, programme="campaign:1"))
    with world.store.write() as connection:
        for state in ("claimed", "handed_over", "accepted"):
            move(connection, [Move(each, state, "a test") for each in ids[:2]], NOW)
        move(connection, [Move(ids[2], "suppressed", "no consent: none")], NOW)
        connection.execute(sa.delete(counters))
        place = {"programme": "campaign:1", "step": "mail", "variant": "", "channel": "email", "updated_at": NOW}
        kinds = {"delivered": 2, "opened_human": 1, "opened_machine": 2, "clicked_human": 1}
        connection.execute(sa.insert(counters), [place | {"kind": k, "count": n} for k, n in kinds.items()])
    change_world(world.settings, *RESULTS.split(";")[:-1])
    return monitor(world.settings, world.store, world.desk.workspace, 1)


def test_states_add_up_and_machines_are_counted_apart(seen):
    total = seen.total
    assert (total.planned, total.sent, total.suppressed, total.waiting) == (6, 2, 1, 3)
    assert total.planned == total.waiting + total.sent + total.failed + total.suppressed + total.held_out
    assert (total.opened, total.opened_by_machines, total.rate("opened")) == (1, 2, 0.5)


def test_what_came_back_was_handed_over_and_lowers_the_share_that_arrived():
    some = Figures(sent=64, failed=2, accepted=66, delivered=64, bounced=2)
    assert (some.handed_over, some.rate("delivered"), some.rate("bounced")) == (66, 64 / 66, 2 / 66)
    assert Figures(sent=10, delivered=9).rate("delivered") == 0.9


def test_cost_is_that_of_the_step_and_of_each_message_and_the_return_follows(seen):
    assert (seen.total.cost_cents, seen.total.converted, seen.total.revenue_cents) == (1020, 2, 9000)
    assert seen.total.roi == pytest.approx(9000 / 1020)


def test_the_parts_are_the_whole(seen):
    assert seen.channels["email"] == seen.total == seen.steps[0].figures
    assert [(reason.state, reason.count) for reason in seen.reasons] == [("suppressed", 1)]


def test_lift_is_the_difference_of_buyers_with_its_interval(seen):
    assert seen.lift.difference == pytest.approx(0.1)
    assert seen.lift.low < 0.1 < seen.lift.high


def test_the_interval_of_a_difference_is_that_of_newcombes_paper():
    """Newcombe 1998, table II, row 1 (56/70 - 48/80), method 10."""
    low, high = difference_interval(56, 70, 48, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_without_published_results_the_live_figures_are_there(campaign_world):
    campaign_world.start(document_of())
    found = monitor(campaign_world.settings, campaign_world.store, None, 1)
    assert (found.total.planned, found.results_as_of, found.lift) == (0, None, None)


def test_the_journey_of_a_person_is_every_step_of_every_message(seen, campaign_world):
    [part] = journey(campaign_world.store, 1, number_of(1))
    assert part.transitions[0]["to_state"] == "planned"
    assert journey(campaign_world.store, 1, number_of(2)) == []
