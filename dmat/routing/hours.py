"""Working hours: whether a rep is at work, and when an answer is due in their own time.

Belongs here: local clocks and absences. Stays out: who is a rep (`reps.py`).
Hours are those of a wall clock: on the day that clocks change, 9 to 17 is still 9 to 17 there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD_DAYS = 60


@dataclass(frozen=True)
class Hours:
    """When somebody works: weekday -> (from, to) as "09:00"; `away` are dates, both ends included."""

    time_zone: str
    week: Mapping[str, Sequence[str]]
    away: Sequence[Sequence[str]] = ()

    def spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans of work that end after `now`, in UTC, in order; none when there is none within two months."""
        zone = ZoneInfo(self.time_zone)
        today = now.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=1)
        for ahead in range(LOOK_AHEAD_DAYS + 2):
            day = today + timedelta(days=ahead)
            hours = self.week.get(DAYS[day.weekday()])
            if not hours or self.is_away(day):
                continue
            begin, end = (_utc(day, text, zone) for text in hours)
            if end > now:
                yield max(begin, now), end

    def is_away(self, day: date) -> bool:
        """Whether somebody is away on a local day."""
        return any(date.fromisoformat(first) <= day <= date.fromisoformat(last) for first, last in self.away)

    def is_at_work(self, now: datetime) -> bool:
        """Whether somebody is at work at a moment (UTC)."""
        return any(begin == now for begin, _ in self.spans(now))

    def works_within(self, now: datetime, days: int) -> bool:
        """Whether somebody works at all within so many days."""
        first = next(self.spans(now), None)
        return first is not None and first[0] <= now + timedelta(days=days)

    def after(self, now: datetime, minutes: int) -> datetime | None:
        """The moment (UTC) at which somebody has been at work for so many minutes from `now` on."""
        left = timedelta(minutes=minutes)
        for begin, end in self.spans(now):
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return None


def _utc(day: date, text: str, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, time.fromisoformat(text) if text != "24:00" else time.max, zone)
    return local.astimezone(UTC).replace(tzinfo=None)
