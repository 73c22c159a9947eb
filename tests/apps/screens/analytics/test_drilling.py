"""Under test: from a point of a chart, a row of a table or a segment down to exactly what is behind it."""

from __future__ import annotations

import asyncio
from datetime import date
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa

from apps.screens.analytics.looks import CUSTOM, Look, read_look
from apps.screens.analytics.panel import read_opened, read_panel
from apps.screens.analytics.pieces import point_of, table_of, trend_of
from apps.screens.analytics.reports import changed, read_report, reports
from apps.screens.analytics.screen import AnalyticsScreen
from dmat.metrics.asking import ask
from dmat.metrics.question import read_address
from dmat.store.access import caller_of_user
from dmat.store.tables import segments

MARCH = Look(period=CUSTOM, since=date(2026, 3, 1), until=date(2026, 3, 8))


@pytest.fixture
def named_segments(figures_context):
    """The segment `germans` has a name of its own."""
    now = figures_context.now()
    row = {"key": "germans", "name": "People in Germany", "kind": "rule", "state": "active", "version": 1, "tags": [],
           "created_at": now, "created_by": "mia", "updated_at": now, "updated_by": "mia"}  # fmt: skip
    with figures_context.store.write() as connection:
        connection.execute(sa.insert(segments).values(row))
    yield
    with figures_context.store.write() as connection:
        connection.execute(sa.delete(segments))


def test_a_point_opens_to_what_it_shows(desk):
    trend = trend_of("Messages", desk.asked(MARCH, ("sent", "delivered"), grain="day"), ("sent", "delivered"))
    assert [line.get("id") for line in trend.options["series"]] == ["sent", "delivered"]
    for at, drawn in enumerate(trend.options["series"][1]["data"]):
        question = read_address(parse_qsl(point_of(trend, "delivered", at)))
        assert question.days == (date(2026, 3, 1 + at), date(2026, 3, 2 + at))
        answer = ask(desk.context.workspace, desk.context.settings, question)
        assert (answer.totals["delivered"] or 0) == (drawn or 0)


def test_a_week_that_begins_before_the_days_opens_to_the_days_only(desk):
    trend = trend_of("Messages", desk.asked(MARCH, ("sent",), grain="week"), ("sent",))
    assert read_address(parse_qsl(point_of(trend, "sent", 0))).days == (date(2026, 3, 1), date(2026, 3, 2))


@pytest.mark.parametrize(("key", "at"), [("sent", 7), ("sent", -1), ("revenue", 0), ("", 0)])
def test_what_is_no_point_opens_nothing(desk, key, at):
    trend = trend_of("Messages", desk.asked(MARCH, ("sent",), grain="day"), ("sent",))
    assert point_of(trend, key, at) == ""


def test_the_period_before_has_no_name_for_clicks(desk):
    before, now = trend_of("Sent", desk.asked(MARCH, ("sent",), grain="day"), ("sent",)).options["series"]
    assert "id" not in before
    assert now["id"] == "sent"


def test_a_row_leads_to_itself_over_time(desk):
    table = table_of("Channels", desk.asked(MARCH, ("sent", "clicked"), by=("channel",)), "channel",
                     ("sent", "clicked"), "Channel")  # fmt: skip
    mail = next(row for row in table.rows if row.key == "email")
    asked = read_report(mail.explore)
    assert (asked.metrics, asked.grain, asked.filters) == (("sent", "clicked"), "day", (("channel", "email"),))
    _, trend, grid = reports(desk, MARCH.but(view="reports", asked=mail.explore), ())
    assert [figure.value for figure in grid.total] == [figure.value for figure in mail.figures]
    assert trend.about.startswith("By day")


def test_a_report_told_apart_over_time_draws_its_largest_values_and_each_point_opens(desk):
    asked = "metrics=sent%2Cclicked&by=channel&grain=day"
    _, trend, grid = reports(desk, MARCH.but(view="reports", asked=asked), ())
    names = [line["name"] for line in trend.options["series"]]
    assert sorted(names) == sorted({row.detail for row in grid.rows})
    assert trend.about.startswith("By day, 1 Mar to 7 Mar 2026")
    drawn = [(line, at) for line in trend.options["series"] for at in range(7)]
    for line, at in drawn:
        question = read_address(parse_qsl(point_of(trend, line["id"], at)))
        assert (question.metrics, question.days) == (("sent",), (date(2026, 3, 1 + at), date(2026, 3, 2 + at)))
        answer = ask(desk.context.workspace, desk.context.settings, question)
        assert (answer.totals["sent"] or 0) == line["data"][at]
    sent = sum(line["data"][at] for line, at in drawn)
    assert sent == grid.total[0].value > 0
    assert [point_of(trend, line, at) for line, at in (("line-0", 7), ("line-0", -1), ("line-9", 0))] == ["", "", ""]


def test_a_segment_over_time_opens_to_the_segments_figures(desk, named_segments):
    asked = "metrics=sent&by=segment&grain=day"
    _, trend, _ = reports(desk, MARCH.but(view="reports", asked=asked), ())
    line = next(line for line in trend.options["series"] if line["name"] == "People in Germany")
    question = read_address(parse_qsl(point_of(trend, line["id"], 1)))
    assert (question.segment, question.filters) == ("germans", ())


def test_what_is_not_told_by_time_or_by_two_things_has_no_chart(desk):
    for asked in ("metrics=sent&by=channel", "metrics=sent&by=channel%2Ccampaign&grain=day"):
        assert [piece.kind for piece in reports(desk, MARCH.but(view="reports", asked=asked), ())] == [
            "builder",
            "grid",
        ]


def test_a_report_is_narrowed_to_a_value_that_is_chosen_by_its_name(desk):
    report = changed(read_report("metrics=orders"), "report-filter-by", "source")
    builder, _ = reports(desk, MARCH.but(view="reports", asked=report.address), ())
    assert [(each.key, each.name) for each in builder.values] == [
        ("=shopify", "Shopify"),
        ("=woocommerce", "WooCommerce"),
    ]
    narrowed = changed(report, "report-filter", "=shopify")
    assert (narrowed.filters, narrowed.asking) == ((("source", "shopify"),), "")
    again = changed(narrowed, "report-filter-by", "source")
    builder, grid = reports(desk, MARCH.but(view="reports", asked=again.address), ())
    assert [words for _, _, words in builder.filters] == ["Source: Shopify"]
    assert [each.name for each in builder.values] == ["WooCommerce"]
    assert [figure.value for figure in grid.total] == [3]


def test_who_is_not_known_can_be_asked_for_too(desk):
    report = changed(read_report("metrics=orders"), "report-filter-by", "country")
    builder, _ = reports(desk, MARCH.but(view="reports", asked=report.address), ())
    assert {(each.key, each.name) for each in builder.values} == {
        ("=DE", "Germany"),
        ("=FR", "France"),
        ("=", "Not known"),
    }
    _, grid = reports(desk, MARCH.but(view="reports", asked=changed(report, "report-filter", "=").address), ())
    assert [figure.value for figure in grid.total] == [1]
    germany = reports(desk, MARCH.but(view="reports", asked=changed(report, "report-filter", "=DE").address), ())[0]
    assert [words for _, _, words in germany.filters] == ["Country: Germany"]
    assert changed(report, "report-filter-by", "no_such").asking == ""


def test_segments_are_told_by_their_names(figures_context, desk, marketer, named_segments):
    answer = desk.answer(MARCH.question(("sent",), by=("segment",)))
    table = table_of("Segments", answer, "segment", ("sent",), "Segment")
    assert {row.name for row in table.rows} >= {"People in Germany"}
    opened = read_opened("metrics=sent&since=2026-03-01&until=2026-03-08&segment=germans&filter=campaign%3A7")
    panel = read_panel(figures_context, opened, caller_of_user(marketer))
    assert ("Members of", "People in Germany") in panel.narrowed


def test_a_click_on_a_chart_opens_the_panel_and_a_chart_is_a_table_too(figures_context, marketer):
    address = {"period": CUSTOM, "since": "2026-03-01", "until": "2026-03-08"}
    screen = AnalyticsScreen(figures_context, marketer)
    asyncio.run(screen._go(read_look(lambda part: address.get(part, ""))))
    trend = screen._trend("trend-visits")
    asyncio.run(screen._on_action("point", {"of": "trend-visits", "series": "visits", "at": 1}))
    assert screen.opened.question.days == (date(2026, 3, 2), date(2026, 3, 3))
    assert 'data-figure="panel">2<' in screen.panel.html
    asyncio.run(screen._on_action("values", "trend-visits"))
    assert screen.panel.html.count("data-figure=") == len(trend.answer.rows) + 1
    asyncio.run(screen._on_action("close", None))
    for nonsense in (None, "x", {"of": "trend-visits", "series": "visits", "at": "1"}, {"of": [], "at": 99}):
        asyncio.run(screen._on_action("point", nonsense))
    assert screen.panel.html == ""
