"""When a step is due: for the workspace, in each person's own time, or at the hour at which each person reads.

Belongs here: pure rules on plans and times. Stays out: which hour is best for whom (`best_hour.py`), quiet hours
(`pace.py`), doing it (`freezing.py`).
All times are UTC without zone. Nothing leaves before the campaign starts: whose own time lies before that gets the
message at the start.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dmat.campaigns.pace import find_zone
from dmat.campaigns.plan import CampaignPlan, Step, variant_of

EARLIEST, LATEST = ZoneInfo("Etc/GMT-14"), ZoneInfo("Etc/GMT+12")
MIDNIGHT = time(0, 0)


def plan_zone(plan: CampaignPlan, workspace_zone: str) -> ZoneInfo:
    """The time zone in which a plan counts days."""
    return find_zone(plan.time_zone, workspace_zone)


def step_date(plan: CampaignPlan, step: Step, workspace_zone: str, started: datetime) -> date:
    """The day of a step that has one: day 1 is the day of the start in the plan's time zone."""
    begins = (plan.starts_at or started).replace(tzinfo=UTC).astimezone(plan_zone(plan, workspace_zone))
    return begins.date() + timedelta(days=(step.day or 1) - 1)


def due_at(plan: CampaignPlan, step: Step, workspace_zone: str, started: datetime) -> datetime:
    """When the audience of a step is frozen and planned: when its time comes for the first of all people."""
    start = plan.starts_at or started
    if step.at is not None:
        return max(step.at, start)
    if step.day is None:
        return start
    day = step_date(plan, step, workspace_zone, started)
    if step.clock == "workspace":
        return max(_utc(day, step_time(step), plan_zone(plan, workspace_zone)), start)
    return max(_utc(day, MIDNIGHT if step.clock == "best_hour" else step_time(step), EARLIEST), start)


def last_moment(plan: CampaignPlan, step: Step, workspace_zone: str, started: datetime) -> datetime:
    """After that nothing of a step leaves any more."""
    return last_due(plan, step, workspace_zone, started) + timedelta(hours=step.expires_after_hours)


def last_due(plan: CampaignPlan, step: Step, workspace_zone: str, started: datetime) -> datetime:
    """When the time of a step comes for the last of all people."""
    if step.clock == "workspace" or step.day is None:
        return due_at(plan, step, workspace_zone, started)
    day = step_date(plan, step, workspace_zone, started)
    last = _utc(day, time(23, 0) if step.clock == "best_hour" else step_time(step), LATEST)
    return max(last, due_at(plan, step, workspace_zone, started))


def local_moment(day: date, hour: int, minute: int, zone: str, otherwise: str) -> datetime:
    """A time of day where somebody lives, as UTC; an hour that the change of clocks leaves out is the one after."""
    return _utc(day, time(hour, minute), find_zone(zone, otherwise))


def next_local_moment(after: datetime, hour: int, minute: int, zone: str, otherwise: str) -> datetime:
    """The first such time of day where somebody lives that is not before a moment, as UTC."""
    day = after.replace(tzinfo=UTC).astimezone(find_zone(zone, otherwise)).date()
    today = local_moment(day, hour, minute, zone, otherwise)
    return today if today >= after else local_moment(day + timedelta(days=1), hour, minute, zone, otherwise)


def step_time(step: Step, variant: str = "") -> time:
    """The time of day of a step, or of one of its variants that has its own."""
    found = variant_of(step, variant) if variant else None
    hour, minute = (found.time if found is not None and found.time else step.time).split(":")
    return time(int(hour), int(minute))


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC).replace(tzinfo=None)
