"""Days: periods that move with today, the period before, buckets, and the workspace's days as moments in UTC.

Belongs here: that arithmetic and the SQL of a local time. Stays out: what is counted in them.

The offset of a time zone changes a few times a year, so a local time is the UTC moment plus a `case` over the changes
that lie in the range: any engine can do that, and it costs an addition a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dmat.errors import InvalidInputError

DAY, HOUR, HALF_HOUR = timedelta(days=1), timedelta(hours=1), timedelta(minutes=30)
Days = tuple[date, date]


def _month(day: date, back: int = 0) -> date:
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


PERIODS: dict[str, Callable[[date], Days]] = {
    "today": lambda day: (day, day + DAY),
    "yesterday": lambda day: (day - DAY, day),
    "last_7_days": lambda day: (day - 6 * DAY, day + DAY),
    "last_28_days": lambda day: (day - 27 * DAY, day + DAY),
    "last_30_days": lambda day: (day - 29 * DAY, day + DAY),
    "last_90_days": lambda day: (day - 89 * DAY, day + DAY),
    "last_365_days": lambda day: (day - 364 * DAY, day + DAY),
    "this_week": lambda day: (_monday(day), day + DAY),
    "last_week": lambda day: (_monday(day) - 7 * DAY, _monday(day)),
    "this_month": lambda day: (_month(day), day + DAY),
    "last_month": lambda day: (_month(day, 1), _month(day)),
    "this_quarter": lambda day: (_quarter(day), day + DAY),
    "last_quarter": lambda day: (_month(_quarter(day), 3), _quarter(day)),
    "this_year": lambda day: (date(day.year, 1, 1), day + DAY),
    "last_year": lambda day: (date(day.year - 1, 1, 1), date(day.year, 1, 1)),
    "last_12_months": lambda day: (_month(day, 11), day + DAY),
}
"""Name of each period -> its days; those of so many days end with today, which is not over yet."""


def period_of(name: str, today: date) -> Days:
    """First day and the day after the last one of a period.

    Raises:
        InvalidInputError: no such period.
    """
    if name not in PERIODS:
        raise InvalidInputError("period", f"{name!r} is not known", ", ".join(PERIODS))
    return PERIODS[name](today)


def before(since: date, until: date, compare: str) -> Days:
    """The period to compare with: as many days just before, or the same days a year before."""
    if compare == "previous":
        return since - (until - since), since
    return _year_before(since), _year_before(until)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return date(day.year - 1, 2, 28)


def bucket_of(day: date, grain: str) -> date:
    """The first day of the day's, week's or month's bucket."""
    return _month(day) if grain == "month" else _monday(day) if grain == "week" else day


def read_bucket(text: str) -> date:
    """A bucket from its ISO text: of an hour a time, else a day."""
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def next_bucket(bucket: date, grain: str) -> date:
    """The first day of the next bucket."""
    return _month(bucket, -1) if grain == "month" else bucket + (7 * DAY if grain == "week" else DAY)


def buckets(since: date, until: date, grain: str, zone: str = "UTC") -> Iterator[tuple[date, datetime]]:
    """All buckets of a range: the first day (of an hour its local time), and the moment in UTC at which it is over.

    The first one may begin before `since`; the last one ends with the range.
    """
    if grain == "hour":
        yield from _hours(since, until, zone)
        return
    bucket = bucket_of(since, grain)
    while bucket < until:
        following = next_bucket(bucket, grain)
        yield bucket, moment(min(following, until), zone)
        bucket = following


def _hours(since: date, until: date, zone: str) -> Iterator[tuple[datetime, datetime]]:
    """An hour that comes twice when clocks are set back is one; one that is skipped is none."""
    at, end, found = moment(since, zone), moment(until, zone), dict[datetime, datetime]()
    while at < end:  # by half hours, since some clocks are set by as much
        found[local_hour(at, zone)] = at + HALF_HOUR
        at += HALF_HOUR
    yield from found.items()


def local_hour(at: datetime, zone: str) -> datetime:
    """The local time, without zone, at which the hour of a moment in UTC began."""
    return at.replace(tzinfo=UTC).astimezone(zone_of(zone)).replace(minute=0, second=0, microsecond=0, tzinfo=None)


def zone_of(name: str) -> ZoneInfo:
    """A time zone.

    Raises:
        InvalidInputError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInputError("workspace_time_zone", f"{name!r} is no time zone", "e.g. Europe/Berlin") from None


def today_in(zone: str, now: datetime) -> date:
    """The day in a time zone at a moment in UTC."""
    return now.replace(tzinfo=UTC).astimezone(zone_of(zone)).date()


def moment(day: date, zone: str) -> datetime:
    """When a day begins, in UTC without zone."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone_of(zone))
    return begins.astimezone(UTC).replace(tzinfo=None)


@lru_cache(256)
def _offsets(since: date, until: date, zone: str) -> tuple[tuple[datetime, int], ...]:
    """(from this moment in UTC on, minutes to add), the first one for all before."""
    place = zone_of(zone)
    found: list[tuple[datetime, int]] = []
    at, end = moment(since, zone) - DAY, moment(until, zone) + DAY
    while at < end:
        minutes = _minutes(at, place)
        if not found or found[-1][1] != minutes:
            found.append((_change(at, place) if found else at, minutes))
        at += DAY
    return tuple(found)


def begins_on_hours(since: date, until: date, zone: str) -> bool:
    """Whether all days of a range begin on whole hours of UTC: not so in India, Nepal and a few other places."""
    return all(minutes % 60 == 0 for _, minutes in _offsets(since, until, zone))


def _minutes(at: datetime, place: ZoneInfo) -> int:
    offset = at.replace(tzinfo=UTC).astimezone(place).utcoffset() or timedelta()
    return int(offset.total_seconds() // 60)


def _change(at: datetime, place: ZoneInfo) -> datetime:
    """The first minute of the day before `at` that has the offset of `at`."""
    low, high, after = at - DAY, at, _minutes(at, place)
    while high - low > timedelta(minutes=1):
        middle = (low + (high - low) / 2).replace(second=0, microsecond=0)
        low, high = (low, middle) if _minutes(middle, place) == after else (middle, high)
    return high


def local_time(expression: str, since: date, until: date, zone: str) -> str:
    """SQL of the local time of a moment in UTC that lies within a range of days."""
    offsets = _offsets(since, until, zone)
    sums = [
        f"{expression} {'+' if minutes > 0 else '-'} interval '{abs(minutes)}' minute" if minutes else expression
        for _, minutes in offsets
    ]
    if len(sums) == 1:
        return sums[0]
    rest = zip(offsets[1:], sums[:-1], strict=True)
    whens = " ".join(f"when {expression} < timestamp '{at}' then {words}" for (at, _), words in rest)
    return f"case {whens} else {sums[-1]} end"
