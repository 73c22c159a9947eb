"""Under test: the screen of reports makes one, schedules one, mails one, and says what cannot be."""

from __future__ import annotations

import asyncio

import pytest

from apps.context import Context
from apps.screens.reports.screen import ReportsScreen, when_words
from dmat.reports.library import find_report, save_report
from dmat.reports.making import read_made
from dmat.store.users import create_user, list_users


@pytest.fixture
def screen(quarter):
    create_user(quarter.store, "ann@shop.example", "correct horse battery", "marketer", "Ann")
    screen = ReportsScreen(Context(quarter.settings, quarter.view, quarter.store), list_users(quarter.store)[0])
    screen.refresh(None)()
    return screen


def act(screen, name, value=None):
    asyncio.run(screen._on_action(name, value))


def test_reports_are_listed_by_topic_and_found(screen):
    html = screen.list.html
    assert html.index("Management") < html.index("Revenue") < html.index("Attribution")
    act(screen, "search", "pipeline")
    assert "Sales pipeline" in screen.list.html
    assert "Daily digest" not in screen.list.html
    act(screen, "search", "no such thing")
    assert "No report fits" in screen.list.html


def test_a_report_is_made_shown_sent_and_closed(screen, quarter):
    act(screen, "make", "revenue-by-day")
    [made] = read_made(quarter.store)
    assert "Revenue by day is made" in screen.head.html
    assert f"/reports-file?made={made.report_run_id}&amp;kind=pdf" in screen.opened.html
    act(screen, "mail", {"made": str(made.report_run_id), "to": "boss@shop.example"})
    assert "Sent to boss@shop.example" in screen.opened.html
    act(screen, "mail", {"made": str(made.report_run_id), "to": "boss"})
    assert "To[0]:" in screen.head.html
    act(screen, "close")
    assert screen.opened.html == ""
    act(screen, "open", str(made.report_run_id))
    assert "/analytics?figure=metrics%3Drevenue" in screen.opened.html


def test_a_schedule_and_recipients_are_kept(screen, quarter):
    form = {"key": "weekly-executive", "every": "week", "weekday": "1", "hour": "8"}
    act(screen, "plan", "weekly-executive")
    assert "Weekly executive summary: when, and for whom" in screen.opened.html
    form["recipients"] = "a@x.example b@x.example"
    act(screen, "schedule", form)
    report = find_report(quarter.store, "weekly-executive")
    assert screen.opened.html == ""
    assert when_words(report) == "on Mondays from 8:00"
    assert report.recipients == ("a@x.example", "b@x.example")
    assert "Weekly executive summary is made on Mondays from 8:00" in screen.head.html
    act(screen, "schedule", form | {"recipients": "nobody"})
    assert "to[0]" in screen.head.html.lower()


def test_a_report_of_ones_own_is_taken_away_and_what_was_made_of_it_stays(screen, quarter):
    document = {"key": "mine", "name": "Mine", "sections": [{"title": "All", "metrics": ["orders"]}]}
    save_report(quarter.store, quarter.settings, document, "ann")
    act(screen, "make", "mine")
    assert "remove-mine" in screen.list.html
    assert "remove-daily-digest" not in screen.list.html
    act(screen, "remove", "mine")
    assert "Mine is taken away" in screen.head.html
    assert "make-mine" not in screen.list.html
    assert [each.report_key for each in read_made(quarter.store)] == ["mine"]


def test_names_of_reports_are_text(screen, quarter):
    document = {"key": "x", "name": "<script>1</script>", "sections": [{"title": "<b>", "metrics": ["orders"]}]}
    save_report(quarter.store, quarter.settings, document, "ann")
    act(screen, "make", "x")
    assert "<script>1" not in screen.list.html + screen.opened.html + screen.head.html
