"""The view model of the calendar: which days are shown, the steps in them, warnings, moving a step and taking it back.

Belongs here: what happens when she turns a page or drags. Stays out: Panel and HTML (`screen.py`), which steps there
are and whether one may move (`dmat/campaigns/calendar.py`). It is tested without a browser.
"""

from __future__ import annotations

import asyncio
import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import param

from apps.parts.channels import channel_name
from apps.parts.words import local, moment, refusal
from dmat.campaigns.calendar import CalendarConflict, CalendarEntry, Fatigue
from dmat.errors import DmatError

VIEWS = ("month", "week", "list")
OVER = ("finished", "cancelled", "incomplete")


@dataclass(frozen=True)
class Shown:
    """The steps of the days that are shown, and what is wrong with these days."""

    entries: Sequence[CalendarEntry] = ()
    conflicts: Sequence[CalendarConflict] = ()
    fatigue: Sequence[Fatigue] = ()

    @property
    def tired(self) -> list[tuple[date, date, Fatigue]]:
        """Days on which people get many messages; days in a row with the same words are one line."""
        lines: list[tuple[date, date, Fatigue]] = []
        for each in sorted(self.fatigue, key=lambda each: (each.days, each.words, each.day)):
            last = lines[-1] if lines else None
            if last and last[2].words == each.words and each.day - last[1] <= timedelta(days=1):
                lines[-1] = (last[0], each.day, last[2])
            else:
                lines.append((each.day, each.day, each))
        return lines

    @property
    def warned(self) -> dict[date, str]:
        """Day -> what is wrong with it."""
        found: dict[date, list[str]] = {}
        for each in (*self.conflicts, *self.fatigue):
            found.setdefault(each.day, []).append(each.words)
        return {day: "; ".join(words) for day, words in found.items()}


@dataclass(frozen=True)
class Moved:
    """A step that was moved, and where it was."""

    campaign_id: int
    step: str
    name: str
    before: datetime
    after: datetime
    was: str = ""


class Asked(Protocol):
    """Who knows the steps (`answering.Answering`)."""

    def look(self, first: date, last: date) -> Shown: ...
    def move(self, campaign_id: int, step: str, to: datetime, by: str) -> Any: ...


def span(view: str, day: date) -> tuple[date, date]:
    """The first and the last day that a view shows."""
    if view == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    first = day.replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    if view == "list":
        return first, last
    first -= timedelta(days=first.weekday())
    return first, first + timedelta(days=41)


def turned(view: str, day: date, by: int) -> date:
    """The day that a view shows after turning a page."""
    if view == "week":
        return day + timedelta(days=7 * by)
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def key_of(entry: CalendarEntry) -> str:
    """One name for one step of one campaign."""
    return f"{entry.campaign_id}|{entry.step}"


def as_event(entry: CalendarEntry, warning: str, zone: str) -> dict[str, Any]:
    """A step as the component shows it."""
    there = local(entry.due_at, zone)
    tone = "draft" if entry.status in {"draft", "in_review"} else "over" if entry.status in OVER else ""
    words = (
        f"{channel_name(entry.channel)}: {entry.name}, {entry.campaign}, {moment(entry.due_at, zone)}, {entry.status}"
    )
    return {
        "id": key_of(entry), "title": f"{entry.name} · {entry.campaign}", "start": f"{there:%Y-%m-%dT%H:%M:%S}",
        "time": f"{there:%H:%M}", "channel": entry.channel, "tone": tone, "editable": entry.is_movable,
        "words": f"{words}. {warning}".strip(), "warning": warning,
    }  # fmt: skip


class Planning(param.Parameterized):
    """A calendar that somebody looks at."""

    view = param.Selector(default="month", objects=list(VIEWS))
    day = param.Date(default=date(2000, 1, 1), doc="A day of the shown month or week.")
    shown = param.ClassSelector(class_=Shown, default=Shown())
    chosen = param.ClassSelector(class_=CalendarEntry, default=None, allow_None=True)
    moved = param.ClassSelector(class_=Moved, default=None, allow_None=True)
    problem = param.String(default="")

    def __init__(self, asked: Asked, zone: str, by: str, today: Callable[[], date], **first: Any) -> None:
        self._asked, self._zone, self._by, self._today = asked, zone, by, today
        super().__init__(**{"day": today(), **first})

    @property
    def title(self) -> str:
        """The month or week that is shown, in words."""
        first, last = span("week", self.day)
        return f"{first.day} {first:%b} to {last.day} {last:%b %Y}" if self.view == "week" else f"{self.day:%B %Y}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The steps as the component shows them."""
        return [as_event(entry, self._warning(entry), self._zone) for entry in self.shown.entries]

    def _warning(self, entry: CalendarEntry) -> str:
        clashes = [each.words for each in self.shown.conflicts if entry in (each.first, each.second)]
        many = [each.words for each in self.shown.fatigue if each.day == entry.day and each.days == 1]
        return "; ".join([*clashes, *many])

    def look(self) -> Shown:
        """Ask for the days that are shown."""
        return self._asked.look(*span(self.view, self.day))

    async def turn(self, by: int) -> None:
        """The month or week before or after; 0 is today's."""
        self.day = turned(self.view, self.day, by) if by else self._today()
        await self.refresh()

    async def show(self, view: str) -> None:
        """Month, week or list."""
        self.view = view
        await self.refresh()

    async def refresh(self) -> None:
        """Ask again."""
        self.shown = await asyncio.to_thread(self.look)

    def find(self, key: str) -> CalendarEntry | None:
        """The step with this key among those that are shown."""
        return next((entry for entry in self.shown.entries if key_of(entry) == key), None)

    def choose(self, key: str) -> None:
        """Look at one step, or at none."""
        self.param.update(chosen=self.find(key), problem="")

    async def move(self, key: str, to: str) -> bool:
        """Move a step to another moment on the workspace's clocks; False when it may not, with why in `problem`."""
        entry = self.find(key)
        try:
            there = datetime.fromisoformat(to[:16]).replace(tzinfo=ZoneInfo(self._zone))
        except ValueError:
            self.problem = "This is no day and time."
            return False
        if entry is None:
            return False
        after = there.astimezone(UTC).replace(tzinfo=None)
        moved = Moved(entry.campaign_id, entry.step, f"{entry.campaign}: {entry.name}", entry.due_at, after,
                      entry.status)  # fmt: skip
        return await self._move(moved, after, moved)

    async def undo(self) -> bool:
        """Take the last move back."""
        return self.moved is not None and await self._move(self.moved, self.moved.before, None)

    async def _move(self, which: Moved, to: datetime, then: Moved | None) -> bool:
        try:
            await asyncio.to_thread(self._asked.move, which.campaign_id, which.step, to, self._by)
        except DmatError as error:
            self.problem = refusal(error)
            return False
        self.param.update(moved=then, chosen=None, problem="")
        await self.refresh()
        return True
