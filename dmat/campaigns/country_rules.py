"""Countries in which advertising by text message may arrive only at some hours and on some days.

Belongs here: that table as data, each rule with its source and the day it was looked up, and the next allowed moment.
Stays out: the workspace's own quiet hours (`dmat/campaigns/pace.py`), what other countries forbid (nothing here says
that a country without a rule has none).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SUNDAY = 6
_LONGEST_REST_DAYS = 14


@dataclass(frozen=True)
class CountryRule:
    """When advertising may arrive, in the person's local time.

    Attributes:
        from_hour: first hour that is allowed.
        to_hour: first hour that is not allowed any more.
        days_off: weekdays without advertising, Monday is 0.
        fixed_holidays: (month, day) without advertising.
        easter_holidays: days after Easter Sunday without advertising.
    """

    country_code: str
    calling_code: str
    channels: frozenset[str]
    from_hour: int
    to_hour: int
    source: str
    looked_up_on: date
    days_off: frozenset[int] = frozenset()
    fixed_holidays: frozenset[tuple[int, int]] = frozenset()
    easter_holidays: frozenset[int] = frozenset()

    @property
    def words(self) -> str:
        """The rule in a sentence's part."""
        extra = ", not on Sundays and public holidays" if SUNDAY in self.days_off else ""
        return f"{self.country_code} allows advertising from {self.from_hour} to {self.to_hour} h{extra}"


_TEXTS = frozenset({"sms"})
RULES: tuple[CountryRule, ...] = (
    CountryRule(
        "US", "+1", _TEXTS, 8, 21,
        "47 CFR 64.1200(c)(1): local time of the person called; some states are stricter", date(2026, 11, 21),
    ),
    CountryRule(
        "FR", "+33", _TEXTS, 8, 20,
        "carriers take advertising from 8 to 20 h, Monday to Saturday (Vonage, Acoustic; Brevo says until 22 h)",
        date(2026, 11, 21), days_off=frozenset({SUNDAY}),
        fixed_holidays=frozenset({(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}),
        easter_holidays=frozenset({1, 39, 50}),
    ),
    CountryRule(
        "IN", "+91", _TEXTS, 9, 21,
        "promotional messages are taken from 9 to 21 h (Twilio, limitations for India)", date(2026, 11, 21),
    ),
)  # fmt: skip


_CHANNELS = frozenset(channel for rule in RULES for channel in rule.channels)


def has_rules(channel: str) -> bool:
    """Whether any country says when messages of this channel may arrive."""
    return channel in _CHANNELS


def find_rule(country_code: str, channel: str, address: str = "") -> CountryRule | None:
    """The rule for a person of that country, else (when no country is known) of the number's calling code."""
    if channel not in _CHANNELS:
        return None
    for rule in RULES:
        if channel in rule.channels and (
            rule.country_code == country_code or (not country_code and address.startswith(rule.calling_code))
        ):
            return rule
    return None


def allowed_from(rule: CountryRule, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When advertising may arrive (UTC), or None when it may now."""
    local = now.replace(tzinfo=UTC).astimezone(zone)
    if _is_open(rule, local.date()) and rule.from_hour <= local.hour < rule.to_hour:
        return None
    day = local.date() if local.hour < rule.from_hour else local.date() + timedelta(days=1)
    for _ in range(_LONGEST_REST_DAYS):
        if _is_open(rule, day):
            return _opening(rule, day, zone)
        day += timedelta(days=1)
    raise ValueError(f"the rule of {rule.country_code} leaves no day within {_LONGEST_REST_DAYS}")


def _opening(rule: CountryRule, day: date, zone: ZoneInfo) -> datetime:
    local = datetime(day.year, day.month, day.day, rule.from_hour, tzinfo=zone)
    return local.astimezone(UTC).replace(tzinfo=None)


def _is_open(rule: CountryRule, day: date) -> bool:
    if day.weekday() in rule.days_off or (day.month, day.day) in rule.fixed_holidays:
        return False
    return not rule.easter_holidays or (day - easter(day.year)).days not in rule.easter_holidays


@lru_cache(maxsize=256)
def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)
