"""Time as rules mean it: spans back and forth from now, days in a zone, weeks, months and anniversaries.

Belongs here: turning words of time into moments (UTC, without zone) and days; every backend uses these functions, so
that no engine's own idea of zones or calendars decides. Stays out: SQL and arrays.

Hours, days and weeks are exact spans. Months and years go by the calendar of UTC; a day that the month does not have
becomes its last day. A day begins with the first moment at which a clock in the zone shows its date.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dmat.segments.tree import Duration

_HOURS = {"hours": 1, "days": 24, "weeks": 168}
_DAYS = {"hours": 1 / 24, "days": 1, "weeks": 7, "months": 30, "years": 365}


def nominal_days(duration: Duration) -> float:
    """About how many days a span has; for comparing spans only."""
    return duration.amount * _DAYS[duration.unit]


def exact_hours(duration: Duration) -> int | None:
    """How many hours a span has; None for months and years."""
    return None if duration.unit in ("months", "years") else duration.amount * _HOURS[duration.unit]


def months_of(duration: Duration) -> int:
    """How many months a span of months or years has."""
    return duration.amount * (12 if duration.unit == "years" else 1)


def shift(moment: datetime, duration: Duration, sign: int) -> datetime:
    """The moment that is a span later (`sign` 1) or earlier (-1)."""
    hours = exact_hours(duration)
    if hours is not None:
        return moment + sign * timedelta(hours=hours)
    return datetime.combine(_shift_months(moment.date(), sign * months_of(duration)), moment.time())


def shift_day(day: date, duration: Duration, sign: int) -> date:
    """The day that is a span of days, weeks, months or years later or earlier."""
    hours = exact_hours(duration)
    if hours is not None:
        return day + sign * timedelta(days=hours // 24)
    return _shift_months(day, sign * months_of(duration))


def _shift_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@lru_cache(maxsize=100_000)
def day_start(day: date, zone: str) -> datetime:
    """The first moment of a day in a zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


@lru_cache(maxsize=100_000)
def local_day(moment: datetime, zone: str) -> date:
    """The date that a clock in the zone shows."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def next_day(day: date) -> date:
    """The day after."""
    return day + timedelta(days=1)


def week_of(day: date) -> tuple[date, date]:
    """Monday of the week, and Monday of the next one."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)


def month_of(day: date) -> tuple[date, date]:
    """The first of the month, and the first of the next one."""
    first = day.replace(day=1)
    return first, _shift_months(first, 1)


def anniversaries_between(first: date, last: date) -> tuple[tuple[int, int], ...]:
    """Ranges of month * 100 + day, both ends included, whose anniversary falls on a day from `first` to `last`.

    Who was born on 29 February has the anniversary on 28 February in years without a 29th.
    """
    ranges = []
    for year in range(first.year, last.year + 1):
        low, high = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        end = high.month * 100 + high.day
        ranges.append((low.month * 100 + low.day, 229 if end == 228 and not calendar.isleap(year) else end))
    return tuple(ranges)
