"""Under test: the figures of the home screen are those of the tables; what is not known is not shown as a figure."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
from serving_fixture import NOW, build_home, republish

from apps.context import Pulse, open_context, take_pulse
from apps.screens.home.data import Source, read_figures, read_live
from apps.screens.home.needs import list_needs
from apps.screens.home.screen import band_of, groups_of, live_note, trends_of, verdict_of
from dmat.metrics.asking import ask
from dmat.metrics.question import Question, read_address

TODAY = date(2026, 11, 20)


def test_the_figures_are_those_of_the_metrics_for_seven_days_and_the_seven_before(context):
    figures = read_figures(context, context.version())
    assert figures.missing == ()
    assert [row["day"] for row in figures.week.rows] == [TODAY - timedelta(days=back) for back in range(6, -1, -1)]
    question = Question(metrics=("visits", "delivered"), since=TODAY - timedelta(days=6),
                        until=TODAY + timedelta(days=1), compare="previous")  # fmt: skip
    told = ask(context.workspace, context.settings, question)
    assert figures.week.totals["visits"] == told.totals["visits"] > 8000
    assert figures.week.totals["delivered"] == told.totals["delivered"] == 7
    assert figures.week.compared.totals["visits"] == told.compared.totals["visits"]


def test_a_card_shows_a_figure_with_its_change_and_the_question_that_opens_it(context):
    figures = read_figures(context, context.version())
    sent = groups_of(figures, None, Pulse(None, unlanded_events=2))[1].figures[0]
    assert (sent.key, sent.text, sent.before, sent.note) == ("delivered", "7", "0", "2 events not yet in the warehouse")
    assert len(sent.points) == 14
    question = read_address(parse_qsl(sent.opens))
    assert ask(context.workspace, context.settings, question).totals["delivered"] == 7


def test_figures_are_read_once_for_a_version(context, monkeypatch):
    first = read_figures(context, context.version())
    monkeypatch.setattr(context.workspace, "rows", None)
    assert read_figures(context, context.version()) is first


def test_tables_that_are_not_built_yet_are_named_and_nothing_is_made_up(tmp_path):
    settings = build_home(tmp_path)
    republish(settings, "drop table evaluation.cart_recovery_summary")
    context = open_context(settings)
    figures = read_figures(context, context.version())
    assert figures.missing == ("evaluation.cart_recovery_summary",)
    assert figures.week is None
    context.store.close()


def test_what_the_store_knows_and_the_warehouse_does_not_is_said(context):
    figures = read_figures(context, context.version())
    live = read_live(context, figures.today)
    assert live.accepted_week == figures.accepted_in_warehouse == 7
    assert live_note(figures, live, Pulse(None)) == ""
    ahead = type(live)(live.accepted_week + 3, None, 0)
    assert live_note(figures, ahead, Pulse(None, unlanded_events=1)) == (
        "3 more sent, not yet in the warehouse; 1 event not yet in the warehouse"
    )


@pytest.mark.parametrize(
    ("hours", "error", "is_read", "state"),
    [(1, "", True, "fresh"), (30, "", True, "late"), (90, "", True, "stale"), (1, "401", True, "failing"),
     (None, "", True, "never"), (900, "", False, "received")],
)  # fmt: skip
def test_a_source_is_judged_by_its_last_read_and_its_last_error(hours, error, is_read, state):
    at = NOW - timedelta(hours=hours) if hours is not None else None
    assert Source("shopify", at, is_read, 1, 0, error).state(NOW) == state


@pytest.mark.parametrize("source", ["import", "experiment", "form"])
def test_what_comes_by_itself_is_never_late(source):
    assert Source(source, NOW - timedelta(days=90), True, 1, 0, "").state(NOW) == "received"


def test_what_needs_somebody_is_listed_most_urgent_first(context):
    figures = read_figures(context, context.version())
    needs = list_needs(figures, read_live(context, figures.today), take_pulse(context), NOW)
    assert [need.what for need in needs] == [
        "1 message may or may not have left", "LinkedIn could not be read", "1 webhook in quarantine",
        "WooCommerce has sent nothing for days", "2 rows were refused in seven days",
    ]  # fmt: skip


def test_nothing_needs_anybody_in_a_quiet_workspace():
    assert list_needs(None, None, Pulse(None), NOW) == []


def test_the_verdict_shows_the_interval_or_the_reason_why_there_is_none(context):
    figures = read_figures(context, context.version())
    verdict = verdict_of(figures)
    assert (verdict["text"], verdict["low"], verdict["high"]) == ("€3,882", "€415", "€7,349")
    assert verdict["is_sure"]
    few = type(figures.lifts[0])(
        "EUR", 4, 1, 1, 0, 4000, None, None, None, "not enough data: at least 5 held-out carts are needed"
    )
    shy = verdict_of(type(figures)(**{**figures.__dict__, "lifts": (few,)}))
    assert not shy["has_estimate"]
    assert shy["reason"] == "At least 5 held-out carts are needed."
    assert shy["band"] is None


def test_an_interval_that_includes_nothing_is_not_called_proven(context):
    lift = read_figures(context, context.version()).lifts[0]
    unsure = type(lift)(**{**lift.__dict__, "low_cents": -100})
    place = band_of(unsure)
    assert place["low"] < place["zero"] < place["point"] < place["high"]


def test_each_card_shows_two_figures_and_each_chart_eight_weeks(context):
    figures = read_figures(context, context.version())
    groups = groups_of(figures, None, take_pulse(context))
    assert [len(group.figures) for group in groups] == [2, 2, 2]
    assert [trend.title for trend in trends_of(figures)] == [
        "Recovered revenue", "Recovered carts", "Messages and clicks",
    ]  # fmt: skip
    for trend in trends_of(figures):
        assert len(trend.options["xAxis"]["data"]) == 8
