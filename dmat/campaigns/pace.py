"""Pace: quiet hours where the person lives, and how many messages a week are enough.

Belongs here: pure rules on times. Stays out: looking up what was sent (`dmat/campaigns/gate.py`).
All times are UTC without zone; only the hour is looked at in the person's time zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

CAP_WINDOW = timedelta(days=7)


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


def _is_quiet(hour: int, start_hour: int, end_hour: int) -> bool:
    if start_hour <= end_hour:
        return start_hour <= hour < end_hour
    return hour >= start_hour or hour < end_hour


def capped_until(sent_at: Iterable[datetime], cap: int, now: datetime) -> datetime | None:
    """When the person may get one more message, or None when they may now: at most `cap` in seven days."""
    recent = sorted(at for at in sent_at if at > now - CAP_WINDOW)
    return None if len(recent) < cap else recent[len(recent) - cap] + CAP_WINDOW
