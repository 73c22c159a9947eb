"""Under test: quiet hours where people live, and how many messages a week are enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dmat.campaigns.holdout import is_held_out
from dmat.campaigns.pace import capped_until, find_zone, quiet_until

NOON = datetime(2026, 3, 4, 12, 0)


@pytest.mark.parametrize(("zone", "now", "until"), [
    ("UTC", "2026-03-04 12:00", None),
    ("UTC", "2026-03-04 20:59", None),
    ("UTC", "2026-03-04 21:00", "2026-03-05 08:00"),
    ("UTC", "2026-03-05 03:00", "2026-03-05 08:00"),
    ("UTC", "2026-03-05 08:00", None),
    ("America/New_York", "2026-03-04 12:00", "2026-03-04 13:00"),
    ("America/New_York", "2026-03-04 13:00", None),
    ("Asia/Kolkata", "2026-03-04 16:00", "2026-03-05 02:30"),
    ("Europe/Berlin", "2026-03-28 22:00", "2026-03-29 06:00"),
    ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 07:00"),
])  # fmt: skip
def test_nothing_is_sent_at_night_where_the_person_lives(zone, now, until):
    """The two nights of Berlin are those in which the clock changes."""
    expected = datetime.fromisoformat(until) if until else None
    assert quiet_until(datetime.fromisoformat(now), ZoneInfo(zone), 21, 8) == expected


def test_quiet_hours_may_lie_within_a_day_or_be_off():
    assert quiet_until(NOON, ZoneInfo("UTC"), 11, 14) == NOON + timedelta(hours=2)
    assert quiet_until(NOON, ZoneInfo("UTC"), 13, 14) is None
    assert quiet_until(NOON, ZoneInfo("UTC"), 8, 8) is None


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Europe", "\x00"])
def test_a_zone_that_does_not_exist_becomes_the_workspaces(name):
    assert find_zone(name, "Europe/Berlin").key == "Europe/Berlin"
    assert find_zone(name, "nonsense").key == "UTC"


def test_after_three_messages_the_fourth_waits_until_the_first_is_a_week_old():
    sent = [NOON - timedelta(days=days) for days in (6, 3, 1)]
    assert capped_until(sent[1:], 3, NOON) is None
    assert capped_until(sent, 3, NOON) == NOON + timedelta(days=1)
    assert capped_until([*sent, NOON - timedelta(days=2)], 3, NOON) == NOON + timedelta(days=4)
    assert capped_until([NOON - timedelta(days=7)] * 9, 3, NOON) is None


def test_the_held_out_share_is_as_large_as_asked_and_always_the_same_people():
    people = range(20_000)
    held = {n for n in people if is_held_out("cart_recovery:1", n, 0.1)}
    assert 0.09 < len(held) / 20_000 < 0.11
    assert held == {n for n in people if is_held_out("cart_recovery:1", n, 0.1)}
    other = {n for n in people if is_held_out("birthday:1", n, 0.1)}
    assert 0.005 < len(held & other) / 20_000 < 0.015
    assert not any(is_held_out("x", n, 0.0) for n in range(100))
