"""Under test: sections show what the metric layer answers, figure by figure, and each figure opens to itself."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import parse_qsl

import pytest

from apps.parts.render import render
from apps.screens.analytics.comparing import against_words, compare
from apps.screens.analytics.desk import Named
from apps.screens.analytics.looks import CUSTOM, VIEWS, Look
from apps.screens.analytics.panel import read_opened, read_panel, save_people, turned
from apps.screens.analytics.pieces import Figure, Figures, Side, Table, figures_of, opens, table_of, trend_of
from apps.screens.analytics.sections import Section, read_section
from apps.screens.analytics.wording import days_words, moved, shown
from dmat.errors import InvalidInputError
from dmat.experiments.proportions import wilson
from dmat.metrics.asking import ask
from dmat.metrics.catalogue import metric
from dmat.metrics.naming import value_words
from dmat.metrics.overviews import Rate
from dmat.metrics.question import Filter, read_address
from dmat.store.access import caller_of_user

MARCH = Look(period=CUSTOM, since=date(2026, 3, 1), until=date(2026, 3, 8))


def every_figure(pieces) -> list[Figure]:
    found: list[Figure] = []
    for piece in pieces:
        if isinstance(piece, Side):
            found += every_figure(piece.pieces)
        elif isinstance(piece, Figures):
            found += piece.figures
        elif isinstance(piece, Table):
            found += [figure for row in piece.rows for figure in row.figures] + list(piece.total)
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_every_section_can_be_asked_for(desk, marketer, view):
    section = read_section(desk, MARCH.but(view=view), marketer.email)
    assert section.problem == ""
    assert section.pieces


@pytest.mark.parametrize("look", [MARCH, MARCH.but(view="campaigns"), MARCH.but(view="campaigns", campaign="7"),
                                  MARCH.but(view="channels"), MARCH.but(view="pipeline")])  # fmt: skip
def test_what_a_figure_shows_is_what_its_own_question_answers(desk, marketer, look):
    figures = [each for each in every_figure(read_section(desk, look, marketer.email).pieces) if each.opens]
    assert len(figures) > 5
    for figure in figures:
        question = read_address(parse_qsl(figure.opens, keep_blank_values=True))
        answer = ask(desk.context.workspace, desk.context.settings, question)
        assert answer.totals[figure.key] == pytest.approx(figure.value), figure


def test_a_card_with_figures_of_hourly_tables_says_when_they_were_counted(desk, marketer):
    pieces = read_section(desk, MARCH.but(view="pipeline"), marketer.email).pieces
    deals = next(each for each in pieces if isinstance(each, Figures) and "win_rate" in {f.key for f in each.figures})
    assert deals.counted_at == datetime(2026, 3, 10, 11, 22)
    section = Section((deals,), as_of=None)
    words = render("screens/analytics/body.jinja", desk.context.now(), desk.context.zone, section=section, look=MARCH)
    assert "Some of these were counted" in words
    assert "38 min ago" in words


def test_figures_are_those_that_one_counts_by_hand(desk, marketer):
    found = {each.key: each for each in every_figure(read_section(desk, MARCH, marketer.email).pieces[:2])}
    assert found["sent"].text == "5"  # m1 to m5 were accepted in these days; m8 is a test, m9 was sent in February
    assert found["delivered"].text == "4"
    assert found["delivery_rate"].text == "80.0%"
    assert found["click_rate"].text == "50.0%"


def test_a_comparison_tells_the_change_and_whether_it_is_good(desk):
    answer = desk.asked(MARCH, ("revenue", "refunds"), grain="day")
    card = figures_of("Sales", answer, ("revenue", "refunds"), "coins")
    revenue = card.figures[0]
    assert revenue.text == "€90.00"  # o1 50, o2 30, o6 10; o3 is in dollars, o4 was cancelled
    assert revenue.before == shown(answer.compared.totals["revenue"], "cents", "EUR")
    assert moved(0.5, metric("revenue")) == ("+50%", "up", "good")
    assert moved(0.5, metric("refunds")) == ("+50%", "up", "bad")
    assert moved(-0.05, metric("sent")) == ("−5.0%", "down", "neutral")
    assert moved(None, metric("sent"))[0] == ""


def test_a_trend_draws_the_period_before_in_grey_and_notes_as_lines(desk):
    answer = desk.asked(MARCH, ("sent",), grain="day")
    trend = trend_of("Sent", answer, ("sent",), [(date(2026, 3, 3), "Sale"), (date(2025, 1, 1), "Long ago")])
    before, now = trend.options["series"]
    assert now["data"] == [2, 2, 1, 0, 0, 0, 0]
    assert before["itemStyle"]["color"] == "token:context"
    assert [line["xAxis"] for line in now["markLine"]["data"]] == ["3 Mar"]


def test_a_row_of_what_is_not_known_opens_to_exactly_these_rows(desk):
    answer = desk.asked(MARCH, ("orders",), by=("discount_code",), is_compared=False)
    table = table_of("Codes", answer, "discount_code", ("orders",), "Code")
    names = {row.name for row in table.rows}
    assert "SPRING" in names
    assert "No code" in names


def test_a_sum_that_means_nothing_does_not_open():
    question = MARCH.question(("stage_entered",), by=("funnel_stage",))
    assert opens("stage_entered", question) == ""
    assert "funnel_stage%3Awon" in opens(
        "stage_entered", question, (Filter(dimension="funnel_stage", values=("won",)),)
    )


def test_rates_of_campaigns_stand_beside_each_other_with_wilsons_interval(desk):
    desk.campaigns = lambda: (Named("7", "Spring"), Named("8", "Quiet"))
    choice, table = compare(desk, MARCH.but(view="compare", campaigns=("7", "8")), ())
    assert choice.chosen == ("7", "8")
    delivery = next(line for line in table.rates if line.metric.key == "delivery_rate")
    low, high = wilson(3, 4)  # of m1 to m4, m4 was rejected
    assert delivery.cells[0].figure.note == "3 of 4"
    assert delivery.cells[0].figure.between == f"{shown(low, 'rate', '')} to {shown(high, 'rate', '')}"
    assert delivery.cells[0].against == ""
    assert delivery.cells[1].figure.text == "–"
    sent = next(line for line in table.others if line.metric.key == "sent")
    assert [cell.figure.text for cell in sent.cells] == ["4", "–"]


def test_one_campaign_alone_is_not_compared(desk):
    desk.campaigns = lambda: (Named("7", "Spring"),)
    choice, note = compare(desk, MARCH.but(view="compare", campaigns=("7", "99")), ())
    assert choice.chosen == ("7",)
    assert note.title == "Choose campaigns"


def test_a_difference_says_where_it_may_truly_lie():
    rate = Rate(0.3, 30, 100, 0.22, 0.4, difference=0.1, difference_low=-0.02, difference_high=0.21)
    assert against_words(rate) == "+10.0 points, truly −2.0 to +21.0"
    assert not rate.is_different
    assert against_words(Rate(None, 0, 0, None, None)) == ""


def test_the_panel_tells_definition_sql_rows_and_people(figures_context, marketer):
    opened = read_opened("metrics=clicked&since=2026-03-01&until=2026-03-08")
    panel = read_panel(figures_context, opened, caller_of_user(marketer))
    assert panel.value == "2"
    assert panel.lineage.metric.formula
    assert "fct_messages" in panel.lineage.statements["messages"]
    assert [row["email"] for row in panel.people] == ["ann@shop.example"]
    assert panel.people_count == 1
    assert turned(opened, "panel-search", "bob").search == "bob"


def test_who_may_not_see_people_is_shown_none(figures_context, analyst):
    opened = read_opened("metrics=clicked&since=2026-03-01&until=2026-03-08")
    panel = read_panel(figures_context, opened, caller_of_user(analyst))
    assert panel.people == ()
    assert panel.people_count == 0


def test_a_quotient_has_people_above_and_below_the_line(figures_context, marketer):
    opened = read_opened("metrics=click_rate&since=2026-03-01&until=2026-03-08")
    above = read_panel(figures_context, opened, caller_of_user(marketer))
    below = read_panel(figures_context, turned(opened, "panel-part", "denominator"), caller_of_user(marketer))
    assert above.is_quotient
    assert (above.people_count, below.people_count) == (1, 3)


@pytest.mark.parametrize("text", ["", "metrics=", "metrics=nonsense&period=last_7_days", "period=last_7_days",
                                  "metrics=sent", "metrics=sent&period=last_7_days&filter=channel"])  # fmt: skip
def test_a_figure_that_is_none_is_refused(text):
    with pytest.raises(InvalidInputError):
        read_opened(text)


def test_a_segment_without_a_name_is_refused(figures_context):
    opened = read_opened("metrics=clicked&since=2026-03-01&until=2026-03-08")
    with pytest.raises(InvalidInputError, match="name"):
        save_people(figures_context, opened, "  ", "mia@example.com")


def test_figures_are_written_as_people_read_them():
    assert shown(None, "cents", "EUR") == "–"
    assert shown(123456, "cents", "EUR") == "€1,235"
    assert shown(0.125, "rate", "") == "12.5%"
    assert shown(83, "seconds", "") == "1 min 23 s"
    assert shown(47.25, "days", "") == "47.2 days"
    assert value_words("channel", "email", {}) == "E-mail"
    assert value_words("campaign", "7", {"campaign": {"7": "Spring; sale"}}) == "Spring; sale"
    assert value_words("campaign", None, {}) == "Outside campaigns"
    assert days_words(date(2026, 3, 1), date(2026, 3, 8)) == "1 Mar to 7 Mar 2026"
