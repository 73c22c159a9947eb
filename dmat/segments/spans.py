"""Conditions on time as spans of values: where on the line of time (or of days) a value must lie, at a given moment.

Belongs here: the spans of every operator on dates and of every window of events, how two sets of spans differ, and
what makes them move. Stays out: columns and events (`conditions.py`, `event_conditions.py`).

A set of spans is a sorted list of bounds: from the first up to below the second a value is in, then out, and so on.
Moments count in microseconds since 1970, days in days.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from dmat.segments.bitmaps import Flags
from dmat.segments.blocks import in_blocks
from dmat.segments.comparisons import Asked
from dmat.segments.moments import (
    day_start,
    exact_hours,
    local_day,
    month_of,
    next_day,
    shift,
    shift_day,
    week_of,
)
from dmat.segments.predicates import anniversary_ranges
from dmat.segments.rules import AgoWindow, DayWindow, Duration, LastWindow

Bounds = tuple[int, ...]
LOWEST, HIGHEST = -(2**62), 2**62
EPOCH = datetime(1970, 1, 1)
_TICK = timedelta(microseconds=1)
_ANNIVERSARIES = ("anniversary_within_next", "anniversary_within_last", "anniversary_this_month")


@dataclass(frozen=True)
class Moves:
    """What moves the bounds as time passes: time itself, and midnights of the zone or of UTC."""

    with_time: bool = False
    at_midnight: bool = False


def ticks(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // _TICK


def moment_of(number: int) -> datetime:
    """The UTC moment of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=number)


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH.date()).days


def moves_of_window(window: LastWindow | DayWindow | AgoWindow | None) -> Moves:
    """How a window of events moves; without one all events count, also those to come."""
    if window is None or isinstance(window, DayWindow):
        return Moves()
    spans = (window.last,) if isinstance(window, LastWindow) else window.between
    return Moves(True, any(exact_hours(span) is None for span in spans))


def moves_of(asked: Asked, is_day: bool) -> Moves:
    """How a condition on a date moves."""
    if asked.op in ("before", "after", "on", "between", "is_known"):
        return Moves()
    if is_day or not isinstance(asked.value, Duration) or asked.op in _ANNIVERSARIES:
        return Moves(at_midnight=True)
    return Moves(True, exact_hours(asked.value) is None)


def window_bounds(window: LastWindow | DayWindow | AgoWindow | None, now: datetime, zone: str) -> Bounds:
    """Where an event must lie."""
    if window is None:
        return (LOWEST, HIGHEST)
    if isinstance(window, LastWindow):
        return (ticks(shift(now, window.last, -1)) + 1, ticks(now) + 1)
    if isinstance(window, AgoWindow):
        older, newer = (ticks(shift(now, span, -1)) + 1 for span in window.between)
        return (older, max(older, newer))
    first = None if window.from_day is None else date.fromisoformat(window.from_day)
    end = None if window.to_day is None else next_day(date.fromisoformat(window.to_day))
    return _ticked(first, end, zone)


def date_bounds(asked: Asked, is_day: bool, now: datetime, zone: str, years: tuple[int, int]) -> Bounds:
    """Where a date must lie; `years` are the first and the last year of the values."""
    today = local_day(now, zone)
    if asked.op in _ANNIVERSARIES:
        days = _anniversary_days(asked, today, years)
    elif isinstance(asked.value, Duration) and not is_day:
        return _around_now(asked, now)
    else:
        days = _days(asked, today)
    if is_day:
        return _joined([_numbered(low, high) for low, high in days])
    return _joined([_ticked(low, high, zone) for low, high in days])


Days = tuple[date | None, date | None]


def _days(asked: Asked, today: date) -> list[Days]:
    """Ranges of days: the first included, the last not."""
    value = asked.value
    if asked.op == "before":
        return [(None, date.fromisoformat(value))]
    if asked.op == "after":
        return [(next_day(date.fromisoformat(value)), None)]
    if asked.op in ("on", "between"):
        first, last = (value, value) if asked.op == "on" else value
        return [(date.fromisoformat(first), next_day(date.fromisoformat(last)))]
    if asked.op == "within_last":
        return [(shift_day(today, value, -1), next_day(today))]
    if asked.op == "within_next":
        return [(today, next_day(shift_day(today, value, 1)))]
    return [{"today": (today, next_day(today)), "this_week": week_of(today), "this_month": month_of(today)}[asked.op]]


def _around_now(asked: Asked, now: datetime) -> Bounds:
    if asked.op == "within_last":
        return (ticks(shift(now, asked.value, -1)) + 1, ticks(now) + 1)
    return (ticks(now) + 1, ticks(shift(now, asked.value, 1)) + 1)


def _anniversary_days(asked: Asked, today: date, years: tuple[int, int]) -> list[Days]:
    ranges = anniversary_ranges(asked.op, asked.value, today)
    return [
        (_first_from(year, low), next_day(_last_until(year, high)))
        for year in range(years[0], years[1] + 1)
        for low, high in ranges
    ]


def _first_from(year: int, month_day: int) -> date:
    """The first day of a year from month * 100 + day on."""
    month, day = divmod(month_day, 100)
    _, end = month_of(date(year, month, 1))
    return min(date(year, month, 1) + timedelta(days=day - 1), end)


def _last_until(year: int, month_day: int) -> date:
    month, day = divmod(month_day, 100)
    _, end = month_of(date(year, month, 1))
    return min(date(year, month, 1) + timedelta(days=day - 1), end - timedelta(days=1))


def _numbered(low: date | None, high: date | None) -> tuple[int, int]:
    return (LOWEST if low is None else day_number(low), HIGHEST if high is None else day_number(high))


def _ticked(low: date | None, high: date | None, zone: str) -> tuple[int, int]:
    return (
        LOWEST if low is None else ticks(day_start(low, zone)),
        HIGHEST if high is None else ticks(day_start(high, zone)),
    )


def _joined(ranges: list[tuple[int, int]]) -> Bounds:
    """Overlapping and touching ranges as one."""
    bounds: list[int] = []
    for low, high in sorted(found for found in ranges if found[0] < found[1]):
        if bounds and low <= bounds[-1]:
            bounds[-1] = max(bounds[-1], high)
        else:
            bounds += [low, high]
    return tuple(bounds)


def difference(one: Bounds, other: Bounds) -> Bounds:
    """Where the two disagree: every bound of one of them turns in into out."""
    kept: list[int] = []
    for bound in sorted((*one, *other)):
        if kept and kept[-1] == bound:
            kept.pop()
        else:
            kept.append(bound)
    return tuple(kept)


def is_within(bounds: Bounds, value: int) -> bool:
    """Whether one value lies in the spans."""
    return bisect_right(bounds, value) % 2 == 1


def within(bounds: Bounds, values: npt.NDArray[np.integer]) -> Flags:
    """Which values lie in the spans."""
    if len(bounds) > 8:
        return _within_many(bounds, values)
    return in_blocks(lambda some: _within_few(bounds, some), values)


def _within_few(bounds: Bounds, values: npt.NDArray[np.integer]) -> Flags:
    found = np.zeros(len(values), np.bool_)
    for low, high in zip(bounds[::2], bounds[1::2], strict=True):
        if low == LOWEST:
            found |= _below(values, high)
        elif high == HIGHEST:
            found |= ~_below(values, low)
        else:
            found |= ~_below(values, low) & _below(values, high)
    return found


def _below(values: npt.NDArray[np.integer], bound: int) -> Flags:
    limits = np.iinfo(values.dtype)
    if bound > limits.max or bound < limits.min:
        return np.full(len(values), bound > limits.max, np.bool_)
    found: Flags = values < values.dtype.type(bound)
    return found


def _within_many(bounds: Bounds, values: npt.NDArray[np.integer]) -> Flags:
    if not len(values):
        return np.zeros(0, np.bool_)
    low, high = int(values.min()), int(values.max())
    if high - low > 200_000:
        return (np.searchsorted(np.array(bounds, np.int64), values, "right") & 1).astype(np.bool_)
    table = (np.searchsorted(np.array(bounds, np.int64), np.arange(low, high + 1), "right") & 1).astype(np.bool_)
    found: Flags = table[values.astype(np.int64) - low]
    return found
