"""The calendar: the steps of all campaigns by day, what gets in each other's way, how often people are written to.

Belongs here: entries, conflicts, fatigue, moving a step. Stays out: how a calendar looks (`apps/screens/calendar`).

>>> found = entries(library, date(2026, 3, 1), date(2026, 3, 31))
>>> conflicts(library, desk, found)  # "Spring sale and Newsletter: 82 % of the same people on 15 March by email"
>>> fatigue(library, desk, found)            # "31 % get 3 or more messages that day"
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import numpy as np

from dmat.campaigns.audience import NOBODY, Ids, campaign_audience, step_audience
from dmat.campaigns.library import CampaignLibrary, Wanted
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.records import CANCELLED, DRAFT, FINISHED, IN_REVIEW, PAUSED, RUNNING, SCHEDULED, Campaign
from dmat.campaigns.schedule import due_at, plan_zone
from dmat.campaigns.step_runs import WAITING, read_runs
from dmat.errors import ConflictError, DmatError, NotFoundError
from dmat.segments.desk import Desk

SHOWN = (DRAFT, IN_REVIEW, SCHEDULED, RUNNING, PAUSED, FINISHED)
OVERLAP, SAME = 0.1, 0.95
MANY_A_DAY = 3


@dataclass(frozen=True)
class CalendarEntry:
    """One step on its day.

    Attributes:
        day: the day in the plan's time zone.
        is_movable: whether it may be moved to another time as it stands.
    """

    campaign_id: int
    campaign: str
    status: str
    step: str
    name: str
    channel: str
    due_at: datetime
    day: date
    is_movable: bool


@dataclass(frozen=True)
class CalendarConflict:
    """Two steps of one day that reach the same people on the same channel."""

    day: date
    first: CalendarEntry
    second: CalendarEntry
    people: int
    share: float
    words: str


@dataclass(frozen=True)
class Fatigue:
    """How often people are written to: on `day`, or in the seven days that end with it (`days` is 7)."""

    day: date
    days: int
    most: int
    people: int
    share: float
    words: str


def entries(library: CampaignLibrary, first: date, last: date) -> list[CalendarEntry]:
    """The steps of all campaigns from one day to another, both included, in order of time."""
    found = [
        entry
        for campaign in library.list(Wanted(statuses=SHOWN))
        for entry in _of_campaign(library, campaign)
        if first <= entry.day <= last
    ]
    return sorted(found, key=lambda entry: (entry.due_at, entry.campaign_id, entry.step))


def _of_campaign(library: CampaignLibrary, campaign: Campaign) -> Iterable[CalendarEntry]:
    zone, now = library.settings.workspace_time_zone, library.clock.now()
    with library.store.read() as connection:
        begun = {run.step for run in read_runs(connection, campaign.campaign_id) if run.state != WAITING}
    for step in campaign.plan.steps:
        at = due_at(campaign.plan, step, zone, campaign.starts_at or now)
        day = _day_of(at, campaign.plan, zone)
        movable = campaign.status in (DRAFT, IN_REVIEW, SCHEDULED, PAUSED) and step.key not in begun
        yield CalendarEntry(
            campaign.campaign_id, campaign.name, campaign.status, step.key, step.shown_name, step.channel, at, day,
            movable,
        )  # fmt: skip


def _day_of(at: datetime, plan: CampaignPlan, zone: str) -> date:
    return at.replace(tzinfo=UTC).astimezone(plan_zone(plan, zone)).date()


def move_step(library: CampaignLibrary, campaign_id: int, step_key: str, to: datetime, by: str) -> Campaign:
    """Move a step to another moment (UTC); a step that counted from the start keeps its day and time from now on.

    Raises:
        NotFoundError: there is no such step. ConflictError: it may not be moved as the campaign stands, or not to
            there: that moment is over, or before the campaign starts.
    """
    campaign = library.get(campaign_id)
    step = campaign.plan.step(step_key)
    if step is None:
        raise NotFoundError(f"campaign {campaign_id} has no step {step_key!r}")
    entry = next(found for found in _of_campaign(library, campaign) if found.step == step_key)
    if not entry.is_movable:
        raise ConflictError(f"step {step_key} of campaign {campaign_id} ({campaign.status}) cannot be moved any more")
    if to < library.clock.now():
        raise ConflictError("a step cannot be moved into the past")
    if campaign.starts_at is not None and to < campaign.starts_at:
        raise ConflictError(f"the campaign starts later, on {campaign.starts_at:%Y-%m-%d %H:%M} UTC")
    moved = _moved(campaign, step, to, library.settings.workspace_time_zone, library.clock.now())
    steps = tuple(moved if each.key == step_key else each for each in campaign.plan.steps)
    plan = campaign.plan.model_copy(update={"steps": steps})
    return library.update(
        campaign_id, by=by, plan=plan, note=f"step {step_key} moved", expected_version=campaign.version
    )


def _moved(campaign: Campaign, step: Step, to: datetime, zone: str, now: datetime) -> Step:
    """In the time of people it stays so: the day and the time of day change, not whose they are."""
    if step.clock == "workspace" or step.day is None:
        return step.model_copy(update={"at": to, "day": None, "clock": "workspace"})
    local = to.replace(tzinfo=UTC).astimezone(plan_zone(campaign.plan, zone))
    begins = (campaign.starts_at or now).replace(tzinfo=UTC).astimezone(plan_zone(campaign.plan, zone)).date()
    return step.model_copy(update={"day": max(1, (local.date() - begins).days + 1), "time": f"{local:%H:%M}"})


def conflicts(library: CampaignLibrary, desk: Desk, found: Sequence[CalendarEntry]) -> list[CalendarConflict]:
    """Pairs of steps of different campaigns on one day and channel that reach the same people."""
    people = audiences(library, desk, found)
    by_place: dict[tuple[date, str], list[CalendarEntry]] = defaultdict(list)
    for entry in found:
        if entry.status not in (FINISHED, CANCELLED):
            by_place[(entry.day, entry.channel)].append(entry)
    pairs = (pair for place in by_place.values() for pair in combinations(place, 2))
    made = [_conflict(first, second, people) for first, second in pairs if first.campaign_id != second.campaign_id]
    return sorted((each for each in made if each), key=lambda each: (each.day, -each.share))


def _conflict(
    first: CalendarEntry, second: CalendarEntry, people: Mapping[tuple[int, str], Ids]
) -> CalendarConflict | None:
    one, other = (people.get((entry.campaign_id, entry.step), NOBODY) for entry in (first, second))
    both = len(np.intersect1d(one, other, assume_unique=True))
    share = both / min(len(one), len(other)) if both else 0.0
    if share < OVERLAP:
        return None
    same = "the same audience" if share >= SAME else f"{share:.0%} of the same people"
    words = f"{first.campaign} and {second.campaign}: {same} on {first.day:%d %B %Y} by {first.channel}"
    return CalendarConflict(first.day, first, second, both, share, words)


def fatigue(library: CampaignLibrary, desk: Desk, found: Sequence[CalendarEntry]) -> list[Fatigue]:
    """Days on which people get many messages, and weeks in which they reach the frequency cap."""
    people = audiences(library, desk, [entry for entry in found if entry.status != FINISHED])
    by_day: dict[date, list[Ids]] = defaultdict(list)
    for entry in found:
        by_day[entry.day].append(people.get((entry.campaign_id, entry.step), NOBODY))
    made = []
    cap = library.settings.frequency_cap_per_week
    for day in sorted(by_day):
        made.append(_many(day, 1, by_day[day], MANY_A_DAY, "get {most} or more messages that day"))
        week = [ids for other in by_day if timedelta(0) <= day - other < timedelta(days=7) for ids in by_day[other]]
        made.append(_many(day, 7, week, cap + 1, f"reach the cap of {cap} messages in seven days: the rest waits"))
    return [each for each in made if each]


def _many(day: date, days: int, audiences_of: Sequence[Ids], most: int, words: str) -> Fatigue | None:
    everybody = np.concatenate([NOBODY, *audiences_of])
    _, counts = np.unique(everybody, return_counts=True)
    hit = int((counts >= most).sum())
    if not hit:
        return None
    share = hit / len(counts)
    return Fatigue(day, days, most, hit, share, f"{share:.0%} " + words.format(most=most))


def audiences(library: CampaignLibrary, desk: Desk, found: Iterable[CalendarEntry]) -> dict[tuple[int, str], Ids]:
    """(campaign, step) -> the people whom it would reach now; a segment that cannot be answered reaches nobody."""
    wanted: dict[int, set[str]] = defaultdict(set)
    for entry in found:
        if entry.channel not in ("banner", "social"):
            wanted[entry.campaign_id].add(entry.step)
    made: dict[tuple[int, str], Ids] = {}
    for campaign_id, steps in wanted.items():
        plan = library.get(campaign_id).plan
        try:
            people = campaign_audience(desk, plan)
            made |= {(campaign_id, s.key): step_audience(desk, s, people) for s in plan.steps if s.key in steps}
        except DmatError:
            continue
    return made
