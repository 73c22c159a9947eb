"""Figures of a small world that one can count by hand: counts, rates, money, days, time zones, comparison."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dmat.errors import InvalidInputError
from dmat.metrics.asking import Answer, ask, figure
from dmat.metrics.catalogue import load
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings
from dmat.warehouse import Workspace

MARCH = {"since": date(2026, 3, 1), "until": date(2026, 3, 11)}


class Asker:
    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self.workspace, self.settings = workspace, settings

    def __call__(self, *metrics: str, **more: Any) -> Answer:
        return ask(self.workspace, self.settings, Question(metrics=metrics, **(MARCH | more)))


@pytest.fixture
def asked(metric_world: Workspace, metric_settings: Settings) -> Asker:
    return Asker(metric_world, metric_settings)


def test_messages_are_counted_without_test_sends_and_without_those_held_out(asked: Asker) -> None:
    answer = asked("sent", "delivered", "opened", "clicked", "people_reached", "suppressed", "held_out")
    assert answer.totals == {
        "sent": 5, "delivered": 4, "opened": 2, "clicked": 2, "people_reached": 4, "suppressed": 1, "held_out": 1,
    }  # fmt: skip


def test_metrics_of_tables_that_are_older_than_the_data_say_so(asked: Asker) -> None:
    answer = asked("sent", "win_rate", "spend")
    assert answer.behind == {"win_rate": datetime(2026, 3, 10, 11, 22)}
    assert answer.counted_at(("sent", "win_rate")) == datetime(2026, 3, 10, 11, 22)
    assert answer.counted_at(("sent", "spend")) is None


def test_rates_are_quotients_of_sums_and_not_means_of_rates(asked: Asker) -> None:
    answer = asked("open_rate", "delivery_rate", dimensions=("channel",), order="channel")
    assert answer.totals == {"open_rate": 2 / 4, "delivery_rate": 4 / 5}
    assert answer.rows == [
        {"channel": "email", "open_rate": 2 / 3, "delivery_rate": 3 / 4},
        {"channel": "sms", "open_rate": 0.0, "delivery_rate": 1.0},
    ]


def test_a_rate_without_denominator_is_none_and_never_zero(asked: Asker) -> None:
    answer = asked("open_rate", "average_order", "sales_cycle", since=date(2025, 1, 1), until=date(2025, 2, 1))
    assert answer.totals == {"open_rate": None, "average_order": None, "sales_cycle": None}


def test_each_day_is_there_and_days_after_the_data_are_not_made_up(asked: Asker) -> None:
    answer = asked("sent", "open_rate", grain="day", until=date(2026, 3, 20))
    assert [row["day"].day for row in answer.rows] == list(range(1, 11))
    assert [row["sent"] for row in answer.rows] == [2, 2, 1, 0, 0, 0, 0, 0, 0, 0]
    assert [row["open_rate"] for row in answer.rows][:4] == [1.0, 0.0, 0.0, None]
    assert sum(row["sent"] for row in answer.rows) == answer.totals["sent"]


def test_days_are_those_of_the_marketers(metric_world: Workspace, untouched_metric_home: Any) -> None:
    from dmat.settings import load_settings

    berlin = load_settings(untouched_metric_home, workspace_time_zone="Europe/Berlin")
    answer = ask(metric_world, berlin, Question(metrics=("sent", "revenue"), **MARCH, grain="day"))
    assert [row["sent"] for row in answer.rows][:3] == [2, 1, 2]  # 23:30 in UTC is the next day in Berlin
    one_day = Question(metrics=("sent",), since=date(2026, 3, 3), until=date(2026, 3, 4))
    assert ask(metric_world, berlin, one_day).totals == {"sent": 2}


def test_weeks_begin_on_monday_and_months_on_the_first(asked: Asker) -> None:
    weeks = asked("sent", grain="week", since=date(2026, 2, 16))
    assert [(row["week"], row["sent"]) for row in weeks.rows] == [
        (date(2026, 2, 16), 1), (date(2026, 2, 23), 2), (date(2026, 3, 2), 3), (date(2026, 3, 9), 0),
    ]  # fmt: skip
    months = asked("sent", grain="month", since=date(2026, 2, 1))
    assert [(row["month"], row["sent"]) for row in months.rows] == [(date(2026, 2, 1), 1), (date(2026, 3, 1), 5)]


def test_amounts_of_other_currencies_are_never_added(asked: Asker) -> None:
    answer = asked("revenue", "orders", "average_order")
    assert answer.currency == "EUR"
    assert answer.totals == {"revenue": 9_000, "orders": 4, "average_order": 3_000}
    assert asked("revenue", "average_order", currency="USD").totals == {"revenue": 9_999, "average_order": 9_999}
    by_currency = asked("revenue", "orders", dimensions=("currency",), order="currency")
    assert by_currency.rows == [
        {"currency": "EUR", "revenue": 9_000, "orders": 3}, {"currency": "USD", "revenue": 9_999, "orders": 1},
    ]  # fmt: skip


def test_a_segment_leaves_only_its_members_of_now(asked: Asker) -> None:
    assert asked("sent", "revenue", segment="vip").totals == {"sent": 2, "revenue": 5_000}
    assert asked("sent", segment="germans").totals == {"sent": 3}


def test_a_segment_that_nobody_knows_is_refused(asked: Asker) -> None:
    with pytest.raises(InvalidInputError, match="never evaluated"):
        asked("sent", segment="vip' or 1=1 --")


def test_people_in_two_segments_count_in_both_and_once_in_the_total(asked: Asker) -> None:
    answer = asked("sent", dimensions=("segment",), order="segment")
    assert answer.rows == [{"segment": "germans", "sent": 3}, {"segment": "vip", "sent": 2}]
    assert answer.totals == {"sent": 5}


def test_values_that_are_not_known_stand_as_none_and_can_be_asked_for(asked: Asker) -> None:
    answer = asked("sent", dimensions=("country",), order="-sent")
    assert answer.rows == [
        {"country": "DE", "sent": 3}, {"country": "FR", "sent": 1}, {"country": None, "sent": 1},
    ]  # fmt: skip
    unknown = asked("sent", filters=(Filter(dimension="country", values=("",)),))
    assert unknown.totals == {"sent": 1}
    both = asked("sent", filters=(Filter(dimension="country", values=("", "FR")),))
    assert both.totals == {"sent": 2}


def test_campaigns_have_their_names_beside_them(asked: Asker) -> None:
    answer = asked("sent", "conversions", "campaign_revenue", dimensions=("campaign",), order="-sent")
    assert answer.rows == [
        {"campaign": "7", "sent": 4, "conversions": 2, "campaign_revenue": 8_000},
        {"campaign": None, "sent": 1, "conversions": 0, "campaign_revenue": 0},
    ]
    assert answer.labels == {"campaign": {"7": "Spring; sale"}}


def test_text_that_looks_like_sql_is_text(asked: Asker) -> None:
    answer = asked("sent", filters=(Filter(dimension="channel", values=("email') or ('1'='1", "x'; drop table y --")),))
    assert answer.totals == {"sent": 0}


def test_the_period_before_is_answered_beside(asked: Asker) -> None:
    answer = asked("sent", "revenue", "open_rate", grain="day", compare="previous")
    assert answer.compared is not None
    assert (answer.compared.since, answer.compared.until) == (date(2026, 2, 19), date(2026, 3, 1))
    assert answer.compared.totals == {"sent": 1, "revenue": 2_000, "open_rate": 1.0}
    assert answer.compared.changes == {"sent": 4.0, "revenue": 3.5, "open_rate": -0.5}
    assert len(answer.compared.rows) == len(answer.rows)
    year = asked("sent", compare="year")
    assert year.compared is not None
    assert year.compared.changes == {"sent": None}


def test_a_state_is_that_at_the_end_of_each_period(asked: Asker) -> None:
    answer = asked("open_deals", "pipeline_value", grain="month", since=date(2026, 1, 1), until=date(2026, 4, 1))
    assert [(row["month"].month, row["open_deals"], row["pipeline_value"]) for row in answer.rows] == [
        (1, 1, 100_000), (2, 4, 260_000), (3, 1, 70_000),
    ]  # fmt: skip
    assert answer.totals == {"open_deals": 1, "pipeline_value": 70_000}


def test_deals_are_dated_by_their_opening_or_their_end(asked: Asker) -> None:
    answer = asked("deals_created", "deals_won", "deals_closed", "win_rate", "average_deal", "sales_cycle")
    assert answer.totals == {
        "deals_created": 0, "deals_won": 2, "deals_closed": 3, "win_rate": 2 / 3, "average_deal": 70_000,
        "sales_cycle": pytest.approx((50 + 8) / 2),
    }  # fmt: skip
    assert set(answer.statements) == {"deals", "deals.closed"}


def test_days_of_ads_are_those_of_the_vendor(metric_world: Workspace, untouched_metric_home: Any) -> None:
    from dmat.settings import load_settings

    far = load_settings(untouched_metric_home, workspace_time_zone="Pacific/Auckland")
    answer = ask(metric_world, far, Question(metrics=("ad_spend", "ad_click_rate"), **MARCH, grain="day"))
    assert [row["ad_spend"] for row in answer.rows][:3] == [700, 300, 0]
    assert answer.totals["ad_spend"] == 1_000


def test_a_half_cent_is_rounded_as_sql_rounds_it() -> None:
    cost = load().metric("message_cost")
    assert [figure(cost, load(), {"message_cost": Decimal(half)}) for half in ("1076.5", "1077.5", "-0.5")] == [
        1077, 1078, -1,
    ]  # fmt: skip


def test_costs_divide_across_bases(asked: Asker) -> None:
    answer = asked("cost_per_click", "cost_per_customer", "new_customers", "message_cost", "cost_per_message")
    assert answer.totals == {
        "cost_per_click": 10, "cost_per_customer": 2_600, "new_customers": 1, "message_cost": 83,
        "cost_per_message": 400,
    }  # fmt: skip


def test_what_a_campaign_brought_stands_against_what_it_cost(asked: Asker) -> None:
    answer = asked("campaign_spend", "roi", "campaign_profit", "cost_per_conversion", dimensions=("campaign",))
    spring = {"campaign_spend": 1_600, "roi": 5.0, "campaign_profit": 6_400, "cost_per_conversion": 800}
    assert [row for row in answer.rows if row["campaign"]] == [{"campaign": "7"} | spring]
    assert answer.totals == spring


def test_different_visitors_are_counted_once_over_all_days(asked: Asker) -> None:
    answer = asked("visits", "visitors", "pages_per_visit", grain="day", until=date(2026, 3, 3))
    assert [row["visitors"] for row in answer.rows] == [1, 2]
    assert answer.totals == {"visits": 3, "visitors": 2, "pages_per_visit": 2.0}


def test_what_has_no_table_yet_is_none_and_named(asked: Asker) -> None:
    answer = asked("carts", "sent", grain="week")
    assert answer.totals == {"carts": None, "sent": 5}
    assert all(row["carts"] is None for row in answer.rows)
    assert answer.missing == ("commerce.fct_carts",)


def test_a_table_of_an_older_build_is_missing_and_breaks_nothing(asked: Asker) -> None:
    old = Question(metrics=("sent", "visits"), **MARCH)
    changed = replace(load().bases["visits"], where="base.a_column_of_tomorrow")
    catalogue = replace(load(), bases=dict(load().bases) | {"visits": changed})
    found = ask(asked.workspace, asked.settings, old, catalogue)
    assert found.totals == {"sent": 5, "visits": None}
    assert found.missing == ("engagement.fct_visits",)


def test_rows_beyond_the_limit_are_cut_and_the_total_still_holds_them(asked: Asker) -> None:
    answer = asked("sent", dimensions=("country",), limit=1)
    assert (len(answer.rows), answer.is_cut, answer.totals) == (1, True, {"sent": 5})


def test_rows_that_repeat_are_never_added_up(asked: Asker) -> None:
    with pytest.raises(InvalidInputError, match="repeats over attribution_model"):
        asked("credited_revenue", dimensions=("channel",))
    one = asked("stage_entered", filters=(Filter(dimension="funnel_stage", values=("lead",)),))
    assert one.missing == ("funnel.fct_stages",)


def test_what_is_shown_is_what_was_run(asked: Asker, metric_world: Workspace) -> None:
    answer = asked("sent", "open_rate", dimensions=("channel",), segment="germans")
    assert list(answer.statements) == ["messages"]
    again = metric_world.rows(answer.statements["messages"])
    assert {(row["channel"], row["sent"]) for row in again if not row["is_total"]} == {("email", 2), ("sms", 1)}


def test_a_period_with_a_name_ends_today(asked: Asker) -> None:
    answer = asked("sent", since=None, until=None, period="last_7_days")
    assert answer.question.days == (date(2026, 3, 4), date(2026, 3, 11))
    assert answer.totals == {"sent": 0}
