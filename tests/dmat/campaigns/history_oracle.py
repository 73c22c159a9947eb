"""Random histories of people, and an answer of its own to "may this message leave now?", worked out on whole columns.

Nothing here is taken from the gate or from what it reads: consent is the newest of a row of moments (numpy), hours are
those of Arrow's time zones, holidays those of dateutil.
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dateutil.easter import easter

ZONES = tuple(sorted(zoneinfo.available_timezones() - {"Factory", "localtime"}))
CHANNELS = np.array(["email", "sms", "whatsapp", "push"])
PURPOSES = np.array(["marketing", "events", "transactional"])
COUNTRIES = np.array(["FR", "US", "IN", "DE", "BR"])
PREFIX = {"FR": "+33", "US": "+1", "IN": "+91", "DE": "+49", "BR": "+55"}
REASONS = np.array(["", "unsubscribed", "bounced", "complained", "erased"])
DAY = 86_400
DECISIONS, SENDS = 5, 5


def change_of_clocks(dice: np.random.Generator) -> datetime:
    """A moment at which the clocks of some zone change, to the minute."""
    while True:
        zone = zoneinfo.ZoneInfo(ZONES[dice.integers(len(ZONES))])
        day = datetime(2019, 1, 1) + timedelta(days=int(dice.integers(0, 4000)))
        for start in range(0, 400, 20):
            low, high = day + timedelta(days=start), day + timedelta(days=start + 20)
            if _offset(zone, low) != _offset(zone, high):
                while high - low > timedelta(minutes=1):
                    middle = low + (high - low) / 2
                    low, high = (middle, high) if _offset(zone, middle) == _offset(zone, low) else (low, middle)
                return high.replace(second=0, microsecond=0)


def _offset(zone: zoneinfo.ZoneInfo, at: datetime) -> timedelta | None:
    return at.replace(tzinfo=UTC).astimezone(zone).utcoffset()


class Histories:
    """Some people with all that the gate asks about, and one moment."""

    def __init__(self, seed: int, count: int) -> None:
        self.dice = dice = np.random.default_rng(seed)
        near = timedelta(minutes=int(dice.integers(-2 * 1440, 2 * 1440)))
        anywhen = datetime(2019, 1, 1) + timedelta(minutes=int(dice.integers(0, 11 * 365 * 1440)))
        self.now = change_of_clocks(dice) + near if dice.random() < 0.6 else anywhen
        self.count = count
        self.quiet = int(dice.integers(24)), int(dice.integers(24))
        self.cap = int(dice.integers(1, 6))
        self.zone = dice.integers(len(ZONES), size=count)
        self.channel = dice.choice(4, size=count, p=[0.4, 0.35, 0.15, 0.1])
        self.purpose = dice.choice(3, size=count, p=[0.6, 0.25, 0.15])
        self.country = dice.integers(5, size=count)
        self.knows_country = dice.random(count) < 0.7
        self.suppressed = dice.choice(5, size=count, p=[0.9, 0.04, 0.02, 0.02, 0.02])
        self._decide()
        self._send()

    def _decide(self) -> None:
        size = (self.count, DECISIONS)
        self.is_decision = self.dice.random(size) < 0.5
        self.decided_ago = self.dice.integers(0, 30, size=size) * DAY  # days, so that ties are frequent
        self.decided_purpose = self.dice.choice(3, size=size, p=[0.6, 0.3, 0.1])
        self.is_yes = self.dice.random(size) < 0.75

    def _send(self) -> None:
        size = (self.count, SENDS)
        self.is_sent = self.dice.random(size) < 0.45
        near_a_week = self.dice.integers(7 * DAY - 5, 7 * DAY + 6, size=size)
        self.sent_ago = np.where(self.dice.random(size) < 0.2, near_a_week, self.dice.integers(1, 40 * DAY, size=size))
        self.sent_counts = self.dice.random(size) < 0.9  # else it was transactional
        self.sent_left = self.dice.random(size) < 0.9  # else it never left
        self.own_cap = np.where(self.dice.random(self.count) < 0.15, self.dice.integers(1, 4, self.count), 0)
        self.own_days = self.dice.choice([1, 7, 30], size=self.count)

    def address(self, number: int) -> str:
        """Where the message goes."""
        channel = CHANNELS[self.channel[number]]
        if channel == "email":
            return f"person{number}@example.com"
        if channel == "push":
            return f"token-{number:08d}"
        return f"{PREFIX[str(COUNTRIES[self.country[number]])]}{612_000_000 + number}"

    # the oracle

    def may_leave(self) -> np.ndarray:
        """Whether each message may leave now."""
        is_transaction = self.purpose == 2
        asked = self._agrees() & self._is_under_cap() & self._is_awake(self.now)
        left_the_list = (self.suppressed == 1) & is_transaction & (self.channel == 0)
        reachable = (self.suppressed == 0) | left_the_list
        return reachable & (is_transaction | asked)

    def _agrees(self) -> np.ndarray:
        own_at, own_yes = self._newest(self.purpose[:, None])
        all_at, all_yes = self._newest(np.zeros((self.count, 1), dtype=int))
        counts_own = (own_at >= 0) & ~((all_at > own_at) & ~all_yes)
        return np.where(counts_own, own_yes, all_yes & (all_at >= 0))

    def _newest(self, purpose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When the newest decision was made (-1: never) and what it says; at a tie a no counts."""
        counts = self.is_decision & (self.decided_purpose == purpose)
        at = np.where(counts, 40 * DAY - self.decided_ago, -1)
        newest = at.max(axis=1)
        says_no = (counts & (at == newest[:, None]) & ~self.is_yes).any(axis=1)
        return newest, (newest >= 0) & ~says_no

    def _is_under_cap(self) -> np.ndarray:
        counts = self.is_sent & self.sent_counts & self.sent_left
        week = (counts & (self.sent_ago < 7 * DAY)).sum(axis=1) < self.cap
        own = (counts & (self.sent_ago < self.own_days[:, None] * DAY)).sum(axis=1) < self.own_cap
        return week & ((self.own_cap == 0) | own)

    def _is_awake(self, at: datetime) -> np.ndarray:
        local = {zone: local_time(ZONES[zone], at) for zone in np.unique(self.zone)}
        return np.array([self._is_open(local[self.zone[i]], i) for i in range(self.count)])

    def _is_open(self, local: datetime, number: int) -> bool:
        is_text = CHANNELS[self.channel[number]] == "sms"
        return is_open(local, self.quiet, str(COUNTRIES[self.country[number]]) if is_text else "")

    def is_open_at(self, number: int, at: datetime) -> bool:
        """Whether no quiet hour and no rule of the country forbids a message to one person at that moment."""
        return self._is_open(local_time(ZONES[self.zone[number]], at), number)


@lru_cache(maxsize=200_000)
def local_time(zone: str, at: datetime) -> datetime:
    """The time on the clocks of a zone, by Arrow."""
    moment = pa.array([at], pa.timestamp("us", tz=zone))
    found: datetime = pc.local_timestamp(moment)[0].as_py()
    return found


@lru_cache(maxsize=200_000)
def is_open(local: datetime, quiet: tuple[int, int], text_country: str) -> bool:
    """Whether an hour on local clocks is open for advertising."""
    start, end = quiet
    hours = {(start + n) % 24 for n in range((end - start) % 24)}
    if local.hour in hours:
        return False
    if text_country == "US":
        return 8 <= local.hour < 21
    if text_country == "IN":
        return 9 <= local.hour < 21
    if text_country == "FR":
        is_holiday = local.isoweekday() == 7 or local.date() in french_holidays(local.year)
        return 8 <= local.hour < 20 and not is_holiday
    return True


@lru_cache(maxsize=64)
def french_holidays(year: int) -> frozenset[date]:
    """The public holidays of France."""
    sunday = easter(year)
    moving = {sunday + timedelta(days=days) for days in (1, 39, 50)}
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    return frozenset(moving | {date(year, month, day) for month, day in fixed})
