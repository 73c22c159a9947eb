"""Under test: each figure of a report that was made leads to exactly what it says."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from apps.context import Context
from apps.screens.analytics.panel import read_opened, read_panel
from apps.screens.analytics.wording import shown, unit_of
from apps.screens.reports.figures import shown_sections
from dmat.metrics.asking import ask
from dmat.metrics.catalogue import metric
from dmat.metrics.question import read_address
from dmat.reports.making import make_report
from dmat.reports.plan import read_report
from dmat.store.access import caller_of_user
from dmat.store.users import User

REPORT = {
    "key": "x", "name": "X", "period": "last_30_days",
    "sections": [
        {"title": "Key figures", "metrics": ["orders", "revenue", "average_order"]},
        {"title": "By week", "metrics": ["orders"], "grain": "week", "chart": "line"},
        {"title": "Shops", "metrics": ["orders", "revenue"], "dimensions": ["source"], "chart": "bar"},
    ],
}  # fmt: skip


@pytest.fixture
def made(quarter):
    return make_report(quarter.settings, quarter.store, quarter.view, read_report(REPORT), "ann")


def cells(sections):
    for section in sections:
        yield from (each.cell for each in section.figures)
        yield from (cell for row in section.rows for cell in row if cell.is_number)


def test_each_figure_says_what_its_link_answers(quarter, made):
    sections = shown_sections(made, 100)
    linked = [cell for cell in cells(sections) if cell.link]
    assert len(linked) == len(list(cells(sections))) > 8
    for cell in linked:
        [token] = parse_qs(urlsplit(cell.link).query)["figure"]
        question = read_address(parse_qsl(token, keep_blank_values=True))
        [key] = question.metrics
        answer = ask(quarter.view, quarter.settings, question)
        assert shown(answer.totals[key], unit_of(metric(key)), answer.currency) == cell.text


def test_a_section_over_time_is_drawn_and_bars_are_shares_of_the_largest(made):
    key_figures, by_week, shops = shown_sections(made, 100)
    assert {key_figures.chart, shops.chart} == {None}
    [line] = by_week.chart.options["series"]
    assert line["data"] == [row[1] for row in made.figures["sections"][1]["rows"]]
    assert "Orders" in by_week.chart.summary
    assert [cell.share for row in by_week.rows for cell in row] == [None] * (2 * len(by_week.rows))
    orders = [row[1] for row in made.figures["sections"][2]["rows"]]
    assert [row[1].share for row in shops.rows] == [pytest.approx(100 * each / max(orders)) for each in orders]
    assert {row[2].share for row in shops.rows} == {None}


def test_a_figure_leads_back_to_its_report(quarter, made):
    linked = next(cell for cell in cells(shown_sections(made, 5)) if cell.link)
    asked = parse_qs(urlsplit(linked.link).query)
    assert asked["report"] == [str(made.report_run_id)]
    context = Context(quarter.settings, quarter.view, quarter.store)
    marketer = User(1, "ann@shop.example", "Ann", "marketer")
    panel = read_panel(context, read_opened(asked["figure"][0], asked["report"][0]), caller_of_user(marketer))
    assert panel.report.title == "X"
    assert panel.report.data_version == panel.lineage.data_version
    assert read_panel(context, read_opened(asked["figure"][0], "99"), caller_of_user(marketer)).report is None
    assert read_opened(asked["figure"][0], "; drop").report_run_id == 0


def test_rows_beyond_the_page_are_counted(made):
    by_week = shown_sections(made, 2)[1]
    assert len(by_week.rows) == 2
    assert by_week.left_out == len(made.figures["sections"][1]["rows"]) - 2 > 0


def test_a_metric_that_is_gone_is_still_shown_and_leads_nowhere(made):
    section = dict(made.figures["sections"][0])
    section |= {"columns": [{"key": "gone", "name": "Gone", "role": "metric", "unit": "count"}],
                "totals": {"gone": 7}, "changes": {"gone": 0.5}, "address": "metrics=gone"}  # fmt: skip
    [shown_one] = shown_sections(replace(made, figures={"insights": [], "sections": [section]}), 5)
    assert [(each.cell.text, each.cell.link, each.change) for each in shown_one.figures] == [("7", "", "")]
