"""Under test: the view model of the calendar, without a browser: pages, warnings, moving a step and undo."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import pytest

from apps.screens.calendar.planning import Planning, Shown, key_of, span, turned
from dmat.campaigns.calendar import CalendarConflict, CalendarEntry, Fatigue
from dmat.errors import ConflictError

TODAY = date(2026, 11, 20)
MAIL = CalendarEntry(1, "Sale", "draft", "mail", "Announcement", "email", datetime(2026, 11, 24, 9), date(2026, 11, 24),
                     True)  # fmt: skip
NEWS = CalendarEntry(2, "News", "running", "mail", "Letter", "email", datetime(2026, 11, 24, 11), date(2026, 11, 24),
                     False)  # fmt: skip
CLASH = CalendarConflict(date(2026, 11, 24), MAIL, NEWS, 40, 0.8, "Sale and News: 80 % of the same people")
TIRED = Fatigue(date(2026, 11, 24), 1, 3, 31, 0.31, "31 % get 3 or more messages that day")


class FakeAsked:
    """Two steps on one day; remembers what was moved."""

    def __init__(self):
        self.moves, self.error, self.looked = [], None, []

    def look(self, first, last):
        self.looked.append((first, last))
        return Shown((MAIL, NEWS), (CLASH,), (TIRED,))

    def move(self, campaign_id, step, to, by):
        if self.error:
            raise self.error
        self.moves.append((campaign_id, step, to))


@pytest.fixture
def asked():
    return FakeAsked()


@pytest.fixture
def model(asked):
    made = Planning(asked, "Europe/Berlin", "ana@example.com", lambda: TODAY)
    made.shown = made.look()
    return made


def test_a_month_begins_on_a_monday_and_a_week_has_seven_days():
    assert span("month", TODAY) == (date(2026, 10, 26), date(2026, 12, 6))
    assert span("week", TODAY) == (date(2026, 11, 16), date(2026, 11, 22))
    assert span("list", TODAY) == (date(2026, 11, 1), date(2026, 11, 30))


def test_turning_pages_goes_over_the_end_of_a_year():
    assert turned("month", date(2026, 12, 31), 1) == date(2027, 1, 1)
    assert turned("list", date(2026, 1, 15), -1) == date(2025, 12, 1)
    assert turned("week", date(2026, 12, 30), 1) == date(2027, 1, 6)


def test_a_step_is_shown_on_the_workspaces_clocks_with_its_warnings(model):
    event = model.events[0]
    assert event["start"] == "2026-11-24T10:00:00"
    assert event["tone"] == "draft"
    assert "80 %" in event["warning"]
    assert "31 %" in event["warning"]
    assert model.events[1]["editable"] is False


def test_a_moved_step_can_be_taken_back(model, asked):
    assert asyncio.run(model.move(key_of(MAIL), "2026-11-26T10:00:00"))
    assert asked.moves == [(1, "mail", datetime(2026, 11, 26, 9))]
    assert asyncio.run(model.undo())
    assert asked.moves[-1] == (1, "mail", datetime(2026, 11, 24, 9))
    assert model.moved is None


def test_a_step_that_may_not_move_stays_and_says_why(model, asked):
    asked.error = ConflictError("step mail of campaign 2 (running) cannot be moved any more")
    assert not asyncio.run(model.move(key_of(NEWS), "2026-11-26T10:00"))
    assert "cannot be moved" in model.problem
    assert model.moved is None


def test_nonsense_from_the_browser_moves_nothing(model, asked):
    assert not asyncio.run(model.move(key_of(MAIL), "tomorrow"))
    assert not asyncio.run(model.move("9|nothing", "2026-11-26T10:00"))
    assert asked.moves == []


def test_days_in_a_row_with_the_same_trouble_are_one_line():
    cap = [Fatigue(date(2026, 11, day), 7, 4, 10, 0.5, "50% reach the cap") for day in (24, 25, 27)]
    assert [(first.day, last.day) for first, last, _ in Shown(fatigue=cap).tired] == [(24, 25), (27, 27)]
