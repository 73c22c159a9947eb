"""Pace: quiet hours where the person lives, how many messages a week are enough, and who keeps a place among them.

Belongs here: pure rules on times. Stays out: looking up what was sent (`dmat/campaigns/facts.py`), what countries
demand (`dmat/campaigns/country_rules.py`).
All times are UTC without zone; only the hour is looked at in the person's time zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dmat.campaigns.country_rules import CountryRule, allowed_from

CAP_WINDOW = timedelta(days=7)
_LONGEST_SEARCH = 32
_A_MOMENT = timedelta(minutes=1)


@lru_cache(maxsize=1024)
def find_zone(name: str, otherwise: str = "UTC") -> ZoneInfo:
    """The IANA time zone of that name, else `otherwise`, else UTC."""
    for candidate in (name, otherwise):
        try:
            return ZoneInfo(candidate)
        except (KeyError, ValueError, OSError):  # no such zone, not a name, a folder of zones
            continue
    return ZoneInfo("UTC")


def quiet_until(now: datetime, zone: ZoneInfo, start_hour: int, end_hour: int) -> datetime | None:
    """When sending may start again (UTC), or None when it may go on now.

    Args:
        now: UTC without zone.
        zone: where the person lives.
        start_hour: local hour from which it is quiet; it may be later than `end_hour` (over midnight).
        end_hour: local hour at which it ends; the same hour as `start_hour` means that it is never quiet.
    """
    local = now.replace(tzinfo=UTC).astimezone(zone)
    if not _is_quiet(local.hour, start_hour, end_hour):
        return None
    end = local.replace(hour=end_hour, minute=0, second=0, microsecond=0, fold=0)
    if end <= local:
        end = (local + timedelta(days=1)).replace(hour=end_hour, minute=0, second=0, microsecond=0, fold=0)
    return end.astimezone(UTC).replace(tzinfo=None)


def rests_until(
    now: datetime, zone: ZoneInfo, start_hour: int, end_hour: int, rule: CountryRule | None
) -> datetime | None:
    """When neither the workspace's quiet hours nor the country's rule forbid sending (UTC), or None: it may go now.

    Raises:
        ValueError: the two leave no hour in two weeks.
    """
    at = now
    for _ in range(_LONGEST_SEARCH):
        until = quiet_until(at, zone, start_hour, end_hour)
        if until is None and rule is not None:
            until = allowed_from(rule, at, zone)
        if until is None:
            return None if at == now else at
        at = until
    raise ValueError("quiet hours and the rule of the country leave no hour for sending")


def _is_quiet(hour: int, start_hour: int, end_hour: int) -> bool:
    if start_hour <= end_hour:
        return start_hour <= hour < end_hour
    return hour >= start_hour or hour < end_hour


def capped_until(
    sent_at: Iterable[datetime], cap: int, now: datetime, window: timedelta = CAP_WINDOW
) -> datetime | None:
    """When the person may get one more message, or None when they may now: at most `cap` in the window."""
    recent = sorted(at for at in sent_at if at > now - window)
    return None if len(recent) < cap else recent[len(recent) - cap] + window


def place_kept_until(
    sent_at: Iterable[datetime], more_important: Sequence[datetime], cap: int, now: datetime
) -> datetime | None:
    """When a message that would take the place of a more important one may be looked at again, or None: it may go.

    Args:
        sent_at: when the person's messages left.
        more_important: when planned messages of higher priority are due.
        cap: how many messages the person gets in seven days.
        now: when this one would leave.

    The more important ones are thought to leave when they are due; if one of them would then be over the cap because
    of this one, this one waits for it.
    """
    past = [at for at in sent_at if at > now - CAP_WINDOW]
    planned = sorted(max(at, now) for at in more_important)
    for number, at in enumerate(planned, start=1):
        if at >= now + CAP_WINDOW:
            break
        before = sum(each > at - CAP_WINDOW for each in past)
        if before + number + 1 > cap:
            return at + _A_MOMENT
    return None
