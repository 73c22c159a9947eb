"""Under test: use case 8 on the simulated company. Every table of measurement equals plain SQL on what lies beneath it,
down to what vendors sent, and credits equal the plain mathematics."""

from __future__ import annotations

import numpy as np
import pytest

from dmat.attribution.paths import Paths
from dmat.attribution.rules import RULES
from dmat.attribution.shapley import shapley_credits
from dmat.settings import load_settings
from dmat.warehouse import Workspace

COUNTS = "status not in ('cancelled', 'credit_note', 'adjustment')"
MODELS = (*RULES, "shapley", "markov")


@pytest.fixture(scope="module")
def view(demo_home):
    return Workspace(load_settings(home=demo_home))


def one(view, query):
    return view.cursor().execute(query).fetchone()


def test_the_rules_in_sql_are_those_of_the_mathematics(view):
    columns = ", ".join(f"{model}_credit" for model in (*RULES, "shapley"))
    rows = view.rows(
        f"select conversion_id, touch_number, channel, coalesce(age_days, 0) as age_days, {columns}"
        " from attribution.fct_touches order by conversion_id, touch_number"
    )
    channels = sorted({row["channel"] for row in rows})
    starts = [place for place, row in enumerate(rows) if row["touch_number"] == 1]
    count = len(starts)
    paths = Paths(
        tuple(channels), np.array([channels.index(row["channel"]) for row in rows]), np.array([*starts, len(rows)]),
        np.ones(count), np.zeros(count), np.zeros(count), np.array([row["age_days"] for row in rows]),
    )  # fmt: skip
    assert count > 500
    for model, credit in {
        **{name: rule(paths) for name, rule in RULES.items()},
        "shapley": shapley_credits(paths),
    }.items():
        found = np.array([row[f"{model}_credit"] for row in rows], np.float64)
        assert found == pytest.approx(credit, abs=1e-9), model


def test_the_credits_of_each_model_are_all_orders_and_all_their_revenue(view):
    orders, cents = one(view, f"select count(*), sum(net_cents) from commerce.fct_orders where {COUNTS}")
    found = view.rows(
        "select model, sum(credit) as credit, sum(credited_cents) as cents from attribution.hourly_credits"
        " where kind = 'order' group by model"
    )
    assert {row["model"] for row in found} == set(MODELS)
    for row in found:
        assert (row["credit"], row["cents"]) == (pytest.approx(orders), cents), row["model"]


def test_what_channels_are_worth_to_the_chain_is_all_conversions_in_every_order(view):
    rows = view.rows("select kind, chain_order, sum(attributed_count) as parts, min(conversions_count) as whole"
                     " from attribution.channel_effects group by 1, 2")  # fmt: skip
    assert len(rows) >= 3
    for row in rows:
        assert row["parts"] == pytest.approx(row["whole"])


def test_no_touch_was_made_by_a_machine(view):
    [count] = one(
        view,
        """
        select count(*) from attribution.fct_touches as t
        where t.touch_kind = 'message' and not exists (
            select 1 from engagement.fct_message_events as e
            where t.touch_id = 'message:' || coalesce(e.message_id, e.provider_message_id, e.event_key)
                and e.event_type in ('clicked', 'replied') and not e.is_machine)
    """,
    )
    assert count == 0
    assert one(view, "select count(*) from attribution.fct_touches where touch_kind = 'message'")[0] > 0


def test_the_funnel_narrows_and_its_ends_are_counted_by_hand(view):
    rows = view.rows("select stage, count(*) as entered, sum(has_advanced::int) as advanced from funnel.fct_stages"
                     " group by stage, stage_number order by stage_number")  # fmt: skip
    entered = {row["stage"]: row["entered"] for row in rows}
    assert list(entered) == ["visitor", "lead", "mql", "sql", "won"]
    assert list(entered.values()) == sorted(entered.values(), reverse=True)
    [leads, won] = one(view, "select count(*), count(won_at) from leads.fct_leads")
    [visitors] = one(
        view,
        """
        select count(*) from (
            select coalesce('person:' || person_id, 'client:' || client_id) as unit from engagement.fct_visits
            where person_id is not null or client_id is not null
            union
            select lead_key from leads.fct_leads)
    """,
    )
    assert (entered["visitor"], entered["lead"], entered["won"]) == (visitors, leads, won)
    assert [row["advanced"] for row in rows[:-1]] == [row["entered"] for row in rows[1:]]


def test_everybody_who_filled_in_a_form_before_buying_is_a_lead(view):
    [missing] = one(
        view,
        """
        select count(distinct f.person_id) from engagement.fct_form_submissions as f
        join people.dim_people as p using (person_id)
        where p.email is not null and (p.first_order_at is null or f.submitted_at < p.first_order_at)
            and f.person_id not in (select person_id from leads.fct_leads where person_id is not null)
    """,
    )
    assert missing == 0
    assert one(view, "select count(*) from leads.fct_leads where sql_at < created_at or won_at < created_at")[0] == 0


def test_spend_on_ads_is_what_the_platforms_sent(view):
    [meta] = one(
        view,
        """
        select sum(cast(round(cast(json_extract_string(payload, '$.spend') as decimal(18, 4)) * 100) as bigint))
        from (select payload, row_number() over (
            partition by record_id order by record_updated_at desc, _loaded_at desc, payload_hash desc) as n
            from raw.meta_ad_insights) where n = 1
    """,
    )
    assert one(view, "select sum(spend_cents) from marketing.fct_spend where platform = 'meta'")[0] == meta
    whole = one(view, "select sum(spend_cents) from marketing.fct_spend")
    assert one(view, "select sum(spend_cents) from channels.daily_channels") == whole


def test_messages_cost_what_the_plan_or_else_the_ledger_says_and_campaigns_spend_what_is_theirs(view):
    [micros] = one(
        view,
        """
        select sum(case when s.cost_micros_each > 0 then case when accepted_at is not null then s.cost_micros_each end
                   else m.cost_micros end)
        from deliveries.fct_messages as m left join campaigns.dim_campaign_steps as s using (programme, step)
    """,
    )
    [cents] = one(view, "select sum(spend_cents) from marketing.fct_spend where kind = 'messages'")
    assert cents == pytest.approx(micros / 10_000, abs=2)
    rows = view.rows("""
        select s.spend_cents, s.revenue_cents, s.conversions_count, s.budget_cents,
            (select coalesce(sum(p.spend_cents), 0) from marketing.fct_spend as p
             where p.campaign_id = s.campaign_id and p.currency_code = s.currency_code) as spent,
            (select count(*) from campaigns.fct_campaign_conversions as c
             where c.campaign_id = s.campaign_id and not c.is_holdout) as converted
        from campaigns.campaign_summary as s
    """)
    assert rows
    assert [(row["spend_cents"], row["conversions_count"]) for row in rows] == [
        (r["spent"], r["converted"]) for r in rows
    ]
    assert any(row["spend_cents"] > 0 for row in rows)


def test_the_pipeline_of_today_is_the_deals_that_are_open(view):
    by_hand = one(view, "select count(*), sum(amount_cents) from crm.fct_deals where outcome = 'open'")
    assert one(view, "select sum(open_count), sum(open_cents) from pipeline.daily_pipeline"
                     " where day = (select max(day) from pipeline.daily_pipeline)") == by_hand  # fmt: skip
    won = one(view, "select count(*), sum(amount_cents) from crm.fct_deals where outcome = 'won'")
    assert one(view, "select sum(won_count), sum(won_cents) from pipeline.daily_pipeline") == won
    assert (
        one(view, "select sum(case when outcome = 'won' then 1 else 0 end) from pipeline.fct_opportunities")[0]
        == won[0]
    )


def test_a_cohort_of_first_orders_bought_in_its_own_period_and_revenue_is_all_there(view):
    rows = view.rows("select people_count, buyers_count from cohorts.cohort_activity"
                     " where cohort_kind = 'first_order' and period_number = 0 and people_count > 0")  # fmt: skip
    assert rows
    assert all(row["people_count"] == row["buyers_count"] for row in rows)
    by_hand = one(
        view, f"select count(*), sum(net_cents) from commerce.fct_orders where {COUNTS} and person_id is not null"
    )
    for grain in ("week", "month"):
        assert one(view, f"select sum(orders_count), sum(revenue_cents) from cohorts.cohort_revenue"
                         f" where cohort_kind = 'first_order' and grain = '{grain}'") == by_hand  # fmt: skip


def test_every_customer_has_one_place_in_rfm_and_one_value(view):
    by_hand = one(view, "select count(*), sum(revenue_cents) from people.dim_people where orders_count > 0")
    assert one(view, "select count(*), sum(revenue_cents) from customers.rfm") == by_hand
    assert one(view, "select count(*), sum(revenue_cents) from customers.clv") == by_hand
    [count, converged] = one(view, "select count(*), bool_and(is_converged) from customers.clv_models")
    assert (count, converged) == (2, True)
    low, high, expected = one(view, "select min(probability_alive), max(probability_alive), sum(expected_orders)"
                                    " from customers.clv")  # fmt: skip
    assert 0 <= low <= high <= 1
    assert expected > 0


def test_visits_by_device_and_country_are_all_visits(view):
    by_hand = one(view, "select count(*), count(person_id), sum(page_views) from engagement.fct_visits")
    sums = "select sum(visits_count), sum(known_visits_count), sum(page_views_count) from engagement.daily_visits"
    assert one(view, sums) == by_hand
    last = "touch_kind = 'visit' and touch_number = touches_count"
    orders = one(view, f"select count(*) from attribution.fct_touches where kind = 'order' and {last}")
    assert one(view, "select sum(orders_count) from engagement.daily_visits") == orders
