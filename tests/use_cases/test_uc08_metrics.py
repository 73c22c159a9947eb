"""Under test: figures of the metric layer on the simulated company equal SQL written by hand, and add up.

Each figure is asked for as screens do; beside it stands SQL over other tables or raw rows where there are some.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dmat.metrics import lineage, people
from dmat.metrics.asking import ask
from dmat.metrics.catalogue import load
from dmat.metrics.overviews import KEY_FIGURES, overview
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings, load_settings
from dmat.warehouse import Workspace

YEAR = "last_365_days"
NOT_STAFF = "programme not in ('sales_notice', 'alert_notice', 'report')"
COUNTS = "status not in ('cancelled', 'credit_note', 'adjustment')"
BY_HAND = {
    "sent": "select count(accepted_at) from deliveries.fct_messages where purpose <> 'test'"
    f" and programme not like 'test:%' and {NOT_STAFF} and accepted_at {{days}}",
    "delivered": "select count(distinct message_id) from deliveries.fct_messages where delivered_at is not null"
    f" and purpose <> 'test' and {NOT_STAFF} and accepted_at {{days}}",
    "revenue": "select sum(revenue_cents) from operations.home_daily where day {days}",
    "orders": f"select count(*) from commerce.fct_orders where {COUNTS} and ordered_at {{days}}",
    "visits": "select sum(visits_count) from operations.home_daily where day {days}",
    "form_submissions": "select sum(form_submissions_count) from operations.home_daily where day {days}",
    "carts": "select sum(carts_count) from operations.home_daily where day {days}",
    "new_customers": f"select count(*) from (select person_id, min(ordered_at) as first_at from commerce.fct_orders"
    f" where {COUNTS} and person_id is not null group by 1) where first_at {{days}}",
    "conversions": "select sum(conversions_count) from campaigns.campaign_results",
    "campaign_revenue": "select sum(revenue_cents) from campaigns.campaign_results",
    "leads": "select count(*) from leads.fct_leads where created_at {days}",
    "mqls": "select count(*) from leads.fct_leads where mql_at {days}",
    "deals_won": "select count(*) from crm.fct_deals where outcome = 'won' and closed_at {days}",
    "won_value": "select sum(amount_cents) from crm.fct_deals where outcome = 'won' and closed_at {days}",
    "ad_spend": "select sum(spend_cents) from marketing.fct_ad_spend where spend_date {days}",
    "spend": "select sum(spend_cents) from marketing.fct_spend where spend_date {days}",
    "channel_revenue": "select sum(revenue_cents) from channels.daily_channels where day {days}",
    "funnel_won": "select sum(entered_count) from funnel.daily_stages where stage = 'won' and day {days}",
    "open_deals": "select count(*) from crm.fct_deals where closed_at is null and created_at < {until}",
}


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest) -> Settings:
    """The demo of the session; a home that is there already can be named for a quick look."""
    named = os.environ.get("DMAT_TEST_DEMO_HOME")
    home: Path = Path(named) if named else request.getfixturevalue("demo_home")
    return load_settings(home)


@pytest.fixture(scope="module")
def view(settings: Settings) -> Workspace:
    return Workspace(settings)


def year(settings: Settings, *metrics: str, **more: object) -> Question:
    today = settings.clock.now().date()
    return Question(metrics=metrics, period=YEAR, currency="EUR", **more).dated(today)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", BY_HAND)
def test_a_figure_equals_sql_written_by_hand(key: str, view: Workspace, settings: Settings) -> None:
    question = year(settings, key)
    since, until = question.days
    days = f"between timestamp '{since}' and timestamp '{until}' - interval '1' microsecond"
    [row] = view.rows(BY_HAND[key].format(days=days, until=f"timestamp '{until}'"))
    [expected] = row.values()
    assert ask(view, settings, question).totals[key] == int(expected or 0)


def test_every_metric_has_an_answer_that_adds_up_over_days(view: Workspace, settings: Settings) -> None:
    found = load()
    for key, metric in found.metrics.items():
        answer = ask(view, settings, year(settings, key, grain="month", dimensions=metric.needs))
        assert answer.missing == (), f"{key}: {answer.missing}"
        is_sum = metric.kind in ("count", "sum") and not found.base_of(metric).is_state and not metric.needs
        if is_sum and metric.unit in ("count", "cents"):
            months = sum(row[key] for row in answer.rows)
            assert months == pytest.approx(answer.totals[key], abs=len(answer.rows)), key
        if metric.unit == "rate":
            assert all(row[key] is None or 0 <= row[key] <= 1 for row in answer.rows), key


def test_the_overview_is_whole_and_opens_to_its_rows(view: Workspace, settings: Settings) -> None:
    found = overview(view, settings, year(settings, "sent"))
    assert found.figures.missing == ()
    assert set(found.figures.totals) == set(KEY_FIGURES)
    origin = lineage.of(view, settings, year(settings, "sent"), "revenue")
    assert origin.value == found.figures.totals["revenue"]
    assert {"raw.shopify_orders", "raw.woocommerce_orders"} <= {each.table for each in origin.inputs}
    assert all(each.run_id for each in origin.inputs)
    counted = next(each for each in origin.origins if each.is_counted)
    assert counted.run_id
    assert "select" in counted.model.sql
    assert {row["table_name"] for row in origin.raw} <= {"raw.shopify_orders", "raw.woocommerce_orders"}
    assert origin.raw


def test_as_many_people_stand_behind_a_figure_as_it_says(view: Workspace, settings: Settings) -> None:
    for key in ("buyers", "people_reached"):
        question = year(settings, key)
        assert len(people.ids_behind(view, settings, question, key)) == ask(view, settings, question).totals[key]


def test_nothing_between_live_counters_and_the_warehouse_stays_unexplained(view: Workspace, settings: Settings) -> None:
    kinds = ("counted_live", "counted_in_warehouse", "gap_late", "gap_machine", "gap_test", "gap_erased")
    answer = ask(view, settings, year(settings, *kinds, "gap_unexplained", dimensions=("campaign", "counter_kind")))
    assert answer.totals["gap_unexplained"] == 0
    assert {row["counter_kind"] for row in answer.rows} >= {"accepted", "delivered"}
    for row in answer.rows:
        gap = row["counted_live"] - row["counted_in_warehouse"]
        assert gap == sum(row[key] for key in kinds[2:]), row


def test_credits_of_a_model_add_up_to_the_conversions_that_they_share_out(view: Workspace, settings: Settings) -> None:
    order = Filter(dimension="conversion_kind", values=("order",))
    by_model = ask(
        view, settings,
        year(settings, "credited_conversions", "conversions_with_touches", dimensions=("attribution_model",),
             filters=(order,)),
    )  # fmt: skip
    assert len(by_model.rows) >= 6
    for row in by_model.rows:
        assert row["credited_conversions"] == pytest.approx(row["conversions_with_touches"]), row
