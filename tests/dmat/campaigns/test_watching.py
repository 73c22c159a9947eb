"""Under test: a coordination rule acts once each time its value is crossed, on enough people, and says what it did."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from campaign_world import document_of
from segment_world import NOW, change_world

from dmat.campaigns.changes import paused_channels, read_changes, rest_days
from dmat.campaigns.plan import parse_plan
from dmat.campaigns.running import Runner
from dmat.campaigns.watching import rule_log, rule_states, try_rules
from dmat.store.tables import counters
from dmat.store.web_tables import web_placements


@pytest.fixture
def runner(campaign_world):
    return Runner(campaign_world.settings, campaign_world.store, campaign_world.desk, campaign_world.library)


def rule(then=None, **changes):
    when = {"measure": "open_rate", "channel": "email", "comparison": "below", "value": 0.2, "min_sample": 100}
    then = then or {"do": "pause_channel", "channel": "email"}
    return {"key": "weak", "when": when | changes, "then": then}


def count(world, delivered, opened, channel="email", step="mail"):
    rows = [("delivered", delivered), ("opened_human", opened)]
    with world.store.write() as connection:
        connection.execute(sa.delete(counters))
        place = {"programme": "campaign:1", "step": step, "variant": "", "channel": channel, "updated_at": NOW}
        connection.execute(sa.insert(counters), [place | {"kind": kind, "count": number} for kind, number in rows])


def look(world, runner):
    world.settings.clock.advance(timedelta(minutes=1))
    return runner.look()


def log(world):
    return [(acted.outcome, acted.sample) for acted in rule_log(world.store, 1)]


def test_few_openings_pause_the_channel_and_say_why(campaign_world, runner):
    campaign_world.start(document_of(rules=[rule()]))
    count(campaign_world, 100, 10)
    look(campaign_world, runner)
    with campaign_world.store.read() as connection:
        assert paused_channels(connection, 1) == {"email": "open rate of email below 0.2: 0.1 of 100"}
    assert log(campaign_world) == [("did: pause email", 100)]


def test_a_paused_channel_plans_no_further_step(campaign_world, runner):
    later = {"key": "later", "channel": "email", "template": "cart_recovery", "at": str(NOW + timedelta(hours=1))}
    campaign_world.start(document_of(rules=[rule()], steps=[*document_of()["steps"], later]))
    count(campaign_world, 100, 10)
    look(campaign_world, runner)
    campaign_world.settings.clock.set(NOW + timedelta(hours=2))
    assert look(campaign_world, runner).messages == 0


def test_too_few_people_conclude_nothing(campaign_world, runner):
    campaign_world.start(document_of(rules=[rule()]))
    count(campaign_world, 99, 0)
    look(campaign_world, runner)
    assert log(campaign_world) == []


def test_a_rule_acts_once_a_crossing(campaign_world, runner):
    campaign_world.start(document_of(rules=[rule({"do": "alert", "text": "Look at it"})]))
    for opened in (10, 11, 12):
        count(campaign_world, 100, opened)
        look(campaign_world, runner)
    assert log(campaign_world) == [("did: alert: Look at it", 100)]
    for opened in (50, 10):
        count(campaign_world, 100, opened)
        look(campaign_world, runner)
    assert len(log(campaign_world)) == 2
    [state] = rule_states(campaign_world.store, 1)
    assert (state["is_crossed"], state["measured"]) == (True, 0.1)


def test_a_dry_run_only_says_what_it_would_do(campaign_world, runner):
    campaign_world.start(document_of(rules=[rule() | {"is_dry_run": True}]))
    count(campaign_world, 100, 10)
    look(campaign_world, runner)
    assert log(campaign_world) == [("dry run: would pause email", 100)]
    with campaign_world.store.read() as connection:
        assert paused_channels(connection, 1) == {}


def test_fewer_texts_leave_days_between(campaign_world, runner):
    campaign_world.start(document_of(rules=[rule({"do": "reduce_frequency", "channel": "sms", "days_between": 5})]))
    count(campaign_world, 100, 10)
    look(campaign_world, runner)
    with campaign_world.store.read() as connection:
        assert (rest_days(connection, 1, "sms"), rest_days(connection, 1, "email")) == (5, 0)


@pytest.mark.parametrize(("budget", "raised"), [(0, 12_000), (11_000, 11_000), (10_000, None)])
def test_a_budget_is_raised_within_that_of_the_campaign(campaign_world, runner, budget, raised):
    ads = {"key": "ads", "channel": "retargeting", "at": str(NOW + timedelta(days=1)),
           "retargeting": {"budget_cents": 10_000}}  # fmt: skip
    raise_it = {"do": "raise_budget", "channel": "retargeting", "percent": 20}
    steps = [*document_of()["steps"], ads]
    campaign_world.start(document_of(rules=[rule(raise_it)], steps=steps, budget_cents=budget))
    count(campaign_world, 100, 10)
    look(campaign_world, runner)
    with campaign_world.store.read() as connection:
        assert [change.value for change in read_changes(connection, 1)] == ([raised] if raised else [])


def caps(world):
    with world.store.read() as connection:
        return {row.step: row.cap_count for row in connection.execute(sa.select(web_placements))}


def test_a_banner_is_shown_more_often_than_planned_now_and_later_and_crossing_again_adds_nothing(
    campaign_world, runner
):
    says = {"headline": "Sale", "url": "https://shop.example/sale", "shows_per_person": 3}
    banner = {"key": "first", "channel": "banner", "banner": says}
    later = banner | {"key": "later", "at": str(NOW + timedelta(days=1))}
    more = {"do": "increase_impressions", "channel": "banner", "factor": 2.5}
    often = rule(more, measure="click_rate", channel="banner", comparison="above", value=0.05)
    campaign_world.start(document_of(steps=[banner, later], rules=[often]))
    runner.look()
    assert caps(campaign_world) == {"first": 3}
    for clicked in (10, 1, 10):
        with campaign_world.store.write() as connection:
            connection.execute(sa.delete(counters))
            place = {"programme": "campaign:1", "step": "first", "variant": "", "channel": "banner", "updated_at": NOW}
            kinds = {"shown": 100, "clicked_human": clicked}
            connection.execute(sa.insert(counters), [place | {"kind": k, "count": n} for k, n in kinds.items()])
        look(campaign_world, runner)
        assert caps(campaign_world) == {"first": 8}
    campaign_world.settings.clock.set(NOW + timedelta(days=2))
    look(campaign_world, runner)
    assert caps(campaign_world) == {"first": 8, "later": 8}


def test_trying_a_rule_says_what_it_would_do_and_does_nothing(campaign_world, runner):
    campaign_world.start(document_of(rules=[rule()]))
    count(campaign_world, 100, 10)
    world = campaign_world
    rules = parse_plan(document_of(rules=[rule(), rule(value=0.05) | {"key": "b"}, rule(min_sample=500) | {"key": "c"},
                                          rule(channel="sms") | {"key": "d"}])).rules  # fmt: skip
    tried = try_rules(world.settings, world.store, world.desk.workspace, 1, rules)
    assert [(each.measured, each.is_enough, each.is_crossed, each.would) for each in tried] == [
        (0.1, True, True, "pause email"), (0.1, True, False, ""), (0.1, False, False, ""), (None, False, False, ""),
    ]  # fmt: skip
    assert log(world) == []
    assert list(rule_states(world.store, 1)) == []


def test_a_workspace_that_knows_no_visits_concludes_nothing_from_them(campaign_world, runner):
    change_world(campaign_world.settings, "drop table engagement.fct_visits")
    traffic = rule(measure="traffic_ratio", channel="social", comparison="above", value=2)
    campaign_world.start(document_of(rules=[traffic]))
    assert runner.look().failed == {}
    assert log(campaign_world) == []
