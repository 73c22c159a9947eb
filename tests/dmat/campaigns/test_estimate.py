"""Under test: the estimate loses at each gate whom the gate would stop, and what it promises is what happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from campaign_world import document_of, plan_of
from segment_world import NOW, change_world, number_of

from dmat.campaigns import estimate as estimating
from dmat.campaigns.estimate import estimate
from dmat.campaigns.gate import make_gate
from dmat.campaigns.running import Runner
from dmat.consent.permission import Decision, record_decisions
from dmat.consent.suppression import Suppression, suppress
from dmat.ledger.entries import list_entries


def estimated(world, plan, number=0):
    return estimate(world.settings, world.store, world.desk, plan, number)


def everybody(**changes):
    return document_of(audience={"is_everybody": True}, **changes)


def test_each_loss_is_named_and_all_of_them_add_up(campaign_world):
    change_world(
        campaign_world.settings,
        f"update people.dim_people set email = null where person_id = {number_of(1)}",
        f"update people.dim_people set email = 'person2@example.com' where person_id = {number_of(3)}",
    )
    with campaign_world.store.write() as connection:
        suppress(connection, [Suppression("person5@example.com", "email", "bounced")], NOW)
    [step] = estimated(campaign_world, plan_of(**everybody())).steps
    assert dict(step.losses) == {
        "there is no address for this channel": 1,
        "somebody who shares the address gets this message": 1,
        "no consent": 3,  # people 4, 8 and 12
        "the address is suppressed": 1,
    }
    assert step.audience == 12 == step.recipients + step.held_out + sum(step.losses.values())


def test_quiet_hours_delay_and_lose_nobody(campaign_world):
    campaign_world.settings.clock.set(NOW.replace(hour=22))
    [step] = estimated(campaign_world, plan_of()).steps
    assert (step.recipients, dict(step.losses)) == (6, {})
    assert dict(step.delayed) == {"quiet hours": 6}


def test_what_quiet_hours_delay_beyond_the_end_of_the_step_is_lost(campaign_world):
    campaign_world.settings.clock.set(NOW.replace(hour=22))
    steps = [{"key": "mail", "channel": "email", "template": "cart_recovery", "expires_after_hours": 1}]
    [step] = estimated(campaign_world, plan_of(steps=steps)).steps
    assert (step.recipients, sum(step.losses.values())) == (0, 6)


def test_who_gets_it_at_eleven_in_the_morning_is_in_no_quiet_hours(campaign_world):
    campaign_world.settings.clock.set(NOW.replace(hour=22))
    steps = [{"key": "mail", "channel": "email", "template": "cart_recovery", "day": 3, "time": "11:00",
              "clock": "person"}]  # fmt: skip
    [step] = estimated(campaign_world, plan_of(steps=steps)).steps
    assert (step.recipients, dict(step.delayed)) == (6, {})


def test_a_list_at_advertisers_is_for_those_who_agreed_to_it(campaign_world):
    with campaign_world.store.write() as connection:
        record_decisions(
            connection,
            [Decision(number_of(each), "retargeting", "marketing", True, NOW, "form") for each in (1, 2)],
            NOW,
        )
    steps = [{"key": "ads", "channel": "retargeting", "retargeting": {"platform": "meta", "budget_cents": 500}}]
    found = estimated(campaign_world, plan_of(**everybody(steps=steps)))
    assert (found.steps[0].recipients, dict(found.steps[0].losses)) == (2, {"no consent": 10})
    assert found.cost_cents == 500


def test_the_cost_is_that_of_the_step_and_of_each_message(campaign_world):
    steps = [{"key": "mail", "channel": "email", "template": "cart_recovery", "cost_cents": 100,
              "cost_micros_each": 20_000}]  # fmt: skip
    assert estimated(campaign_world, plan_of(steps=steps)).cost_cents == 112


def sms(world, **changes):
    """One text to everybody, four of them with French numbers, the others with German ones."""
    change_world(
        world.settings,
        "update people.dim_people set has_sms_consent = true",
        "delete from consent.person_channel_consent where channel = 'sms'",
        f"update people.dim_people set phone = '+33600000' || (person_id % 10) where person_id <= {number_of(4)}",
        "insert into consent.person_channel_consent (person_id, channel, purpose, is_granted, decided_at, _build)"
        " select person_id, 'sms', 'marketing', true, '2025-01-01', 1 from people.dim_people",
    )
    step = {"key": "text", "channel": "sms", "template": "news-sms"} | changes
    return plan_of(**everybody(steps=[step], holdout={"share": 0, "reason": "a test"}, currency_code="EUR"))


def test_texts_cost_their_parts_times_the_price_of_each_country(campaign_world, tmp_path):
    plan = sms(campaign_world)
    prices = tmp_path / "prices.csv"
    prices.write_text("prefix,micros,currency,as_of\n,100000,EUR,2026-01-01\n49,50000,EUR,2026-02-01\n")
    world = replace(campaign_world, settings=campaign_world.settings.model_copy(update={"sms_prices_file": prices}))
    [step] = estimated(world, plan).steps
    assert (step.recipients, step.texts.parts, step.texts.currency) == (12, 1, "EUR")
    assert step.cost_cents == 4 * 10 + 8 * 5
    assert step.texts.as_of == "2026-01-01"


def test_texts_priced_in_another_currency_are_told_beside_the_cost_and_a_price_of_the_plan_goes_first(
    campaign_world, tmp_path
):
    prices = tmp_path / "prices.csv"
    prices.write_text("prefix,micros,currency,as_of\n,100000,USD,2026-01-01\n")
    world = replace(campaign_world, settings=campaign_world.settings.model_copy(update={"sms_prices_file": prices}))
    found = estimated(world, sms(campaign_world))
    assert found.cost_cents == 0
    assert [note for note in found.notes if note.endswith("USD beside that")]
    fixed = estimated(world, plan_of(**everybody(
        steps=[{"key": "text", "channel": "sms", "template": "news-sms", "cost_micros_each": 70_000}],
        holdout={"share": 0, "reason": "a test"},
    )))  # fmt: skip
    assert fixed.steps[0].texts is None
    assert fixed.cost_cents == 7 * fixed.recipients


def test_a_sample_stands_for_all(campaign_world, monkeypatch):
    monkeypatch.setattr(estimating, "SAMPLE", 5)
    [step] = estimated(campaign_world, plan_of(**everybody())).steps
    assert step.sampled == 5
    assert step.audience == step.recipients + sum(step.losses.values())


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_what_was_estimated_is_what_the_gate_then_lets_through(campaign_world, share):
    holdout = {"share": share, "reason": "a test"}
    document = everybody(holdout=holdout)
    [step] = estimated(campaign_world, plan_of(**document), 1).steps
    campaign_world.start(document)
    Runner(campaign_world.settings, campaign_world.store, campaign_world.desk, campaign_world.library).look()
    planned = list_entries(campaign_world.store, programme="campaign:1", states=("planned",))
    with campaign_world.store.write() as connection:
        verdicts = make_gate(campaign_world.settings)(connection, planned, NOW)
    states = Counter(verdict.state for verdict in verdicts.values())
    assert states["claimed"] == step.recipients
