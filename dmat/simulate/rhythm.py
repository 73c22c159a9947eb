"""When things happen: growth, seasons, weekdays, sales, hours of the day, and local time to UTC.

Belongs here: the calendar of one company's history and how moments are drawn from it.
Stays out: what happens at those moments (`traffic.py`, `mailing.py`, `commerce.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from dmat.simulate.markets import TIME_ZONES

DAY = 86_400
HOUR = 3_600
MONTH_FACTORS = np.array([0.86, 0.90, 0.97, 0.98, 1.00, 0.93, 0.88, 0.90, 1.00, 1.05, 1.32, 1.40])
WEEKDAY_FACTORS = np.array([1.03, 1.00, 0.98, 1.00, 0.96, 0.90, 1.13])
HOUR_FACTORS = np.array(
    [8, 5, 3, 2, 2, 4, 9, 18, 28, 34, 38, 40, 44, 42, 38, 36, 36, 40, 48, 60, 68, 62, 42, 20], dtype=float
)
SALE_EVERY_DAYS = 91
SALE_DAYS = 3
SALE_FACTOR = 2.9
GROWTH = 0.6


@dataclass(frozen=True)
class Calendar:
    """The days of a history: `months` months of 30.4 days up to `end` (UTC without zone)."""

    end: datetime
    months: int

    @property
    def days(self) -> int:
        """Number of calendar days, the last one being the day of `end`."""
        return round(self.months * 30.4) + 1

    @property
    def end_second(self) -> int:
        """`end` as seconds since 1970."""
        return int(self.end.replace(tzinfo=UTC).timestamp())

    @property
    def first_midnight(self) -> int:
        """Midnight (UTC) of the first day, as seconds since 1970."""
        return self.end_second // DAY * DAY - (self.days - 1) * DAY

    @cached_property
    def dates(self) -> list[datetime]:
        """Midnight of every day."""
        first = datetime.fromtimestamp(self.first_midnight, UTC).replace(tzinfo=None)
        return [first + timedelta(days=day) for day in range(self.days)]

    @cached_property
    def is_sale(self) -> np.ndarray:
        """Whether a sale was on, by day; one is on in the last days before `end`."""
        return (np.arange(self.days)[::-1] % SALE_EVERY_DAYS) < SALE_DAYS

    @cached_property
    def demand(self) -> np.ndarray:
        """Demand of each day relative to the average day (mean 1)."""
        months = np.array([date.month - 1 for date in self.dates])
        weekdays = np.array([date.weekday() for date in self.dates])
        growth = np.linspace(1 - GROWTH / 2, 1 + GROWTH / 2, self.days)
        demand = growth * MONTH_FACTORS[months] * WEEKDAY_FACTORS[weekdays] * np.where(self.is_sale, SALE_FACTOR, 1.0)
        return np.asarray(demand / demand.mean())

    @cached_property
    def cumulative_demand(self) -> np.ndarray:
        """Demand up to the start of each day, in average days; one entry more than there are days."""
        return np.concatenate([[0.0], np.cumsum(self.demand)])

    @cached_property
    def offsets(self) -> np.ndarray:
        """Seconds that local time is ahead of UTC, by zone (order of `TIME_ZONES`) and day."""
        rows = [
            [int((date.replace(hour=12, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds())
             for date in self.dates]
            for zone in TIME_ZONES
        ]  # fmt: skip
        return np.array(rows, dtype=np.int64)

    def day_of(self, seconds: np.ndarray) -> np.ndarray:
        """Index of the day of each moment, kept within the history."""
        return np.asarray(np.clip((seconds - self.first_midnight) // DAY, 0, self.days - 1))

    def demand_after(self, seconds: np.ndarray) -> np.ndarray:
        """Average days of demand that are left from each moment to the end of the last day."""
        return np.asarray(self.cumulative_demand[-1] - self.cumulative_demand[self.day_of(seconds)])

    def draw_days(self, rng: np.random.Generator, since: np.ndarray) -> np.ndarray:
        """One day for each entry of `since` (seconds), not before it, likelier where demand is higher."""
        low = self.cumulative_demand[self.day_of(since)]
        drawn = low + rng.random(len(since)) * (self.cumulative_demand[-1] - low)
        return np.asarray(np.clip(np.searchsorted(self.cumulative_demand, drawn, "right") - 1, 0, self.days - 1))

    def to_utc(self, day: np.ndarray, local_second: np.ndarray, zone: np.ndarray) -> np.ndarray:
        """Seconds since 1970 of a local second of a day in a zone (index in `TIME_ZONES`)."""
        return np.asarray(self.first_midnight + day * DAY + local_second - self.offsets[zone, day])


def draw_hours(rng: np.random.Generator, best_hour: np.ndarray, loyalty: float = 0.4) -> np.ndarray:
    """A local second of the day for each person: near their best hour in `loyalty` of the cases, else any time."""
    size = len(best_hour)
    anytime = rng.choice(24, size, p=HOUR_FACTORS / HOUR_FACTORS.sum()) * HOUR + rng.integers(0, HOUR, size)
    own = ((best_hour + 0.5 + rng.normal(0, 0.8, size)) % 24 * HOUR).astype(np.int64)
    return np.where(rng.random(size) < loyalty, own, anytime)
