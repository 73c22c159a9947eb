"""The list of journeys: status, how many are inside and came through, who is stuck; and playbooks to begin with.

Belongs here: rows and what they are narrowed to, beginning a journey. Stays out: one journey (`builder.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import param

from apps.context import Context, Pulse
from apps.parts.listing import ListPage
from apps.parts.render import render
from apps.screens.journeys import wording
from apps.screens.journeys.building import NEW
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.judging import sentence
from apps.screens.journeys.keeping import WRITE, Keeping
from apps.screens.journeys.numbers import Numbers, counting_of
from apps.screens.segments.addressing import asked_for, leave_for, remember
from dmat.errors import DmatError
from dmat.journeys.definition import Definition, as_document
from dmat.journeys.drafts import DRAFTS
from dmat.journeys.playbook import Playbook, list_playbooks
from dmat.journeys.records import ARCHIVED, STATUSES, Journey
from dmat.journeys.watchdog import Stuck, find_stuck
from dmat.store.access import caller_of_user
from dmat.store.users import User

ICONS = {"cart_abandoned": "cart", "event": "bolt", "segment": "people", "date": "calendar", "schedule": "clock",
         "tier_reached": "flag", "api": "code"}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One journey in the list."""

    journey: Journey
    starts: str
    numbers: Numbers
    messages: int
    stuck: int
    version_waits: bool


@dataclass(frozen=True)
class Listed:
    """The journeys that fit, and how many there are of each status."""

    rows: tuple[Row, ...]
    every: int
    statuses: tuple[tuple[str, int], ...]


class ListState(param.Parameterized):
    """What the list is narrowed to."""

    search = param.String(default="")
    status = param.String(default="")


def row_of(journey: Journey, definition: Definition, numbers: Numbers, stuck: Sequence[Stuck]) -> Row:
    """A journey as the list shows it."""
    starts = wording.trigger_words(as_document(definition)["trigger"])
    caught = sum(each.count for each in stuck if each.journey == journey.key)
    sent = sum(kinds.get("accepted", 0) for kinds in numbers.messages.values())
    waits = journey.live_version is not None and journey.version > journey.live_version
    return Row(journey, starts, numbers, sent, caught, waits)


def list_journeys(rows: Sequence[Row], state: ListState) -> Listed:
    """The journeys that fit what the list is narrowed to; archived ones only when they are asked for."""
    words = state.search.lower().split()
    counted = Counter(row.journey.status for row in rows)
    fitting = tuple(
        row for row in rows
        if (row.journey.status == state.status if state.status else row.journey.status != ARCHIVED)
        and all(word in f"{row.journey.name} {row.starts}".lower() for word in words)
    )  # fmt: skip
    return Listed(fitting, len(rows), tuple((each, counted[each]) for each in STATUSES if counted[each]))


def open_playbooks(rows: Sequence[Row]) -> tuple[Playbook, ...]:
    """Playbooks that are not there yet."""
    known = {row.journey.key for row in rows}
    return tuple(each for each in list_playbooks() if each.key not in known)


class ListScreen(ListPage):
    """The list of journeys of one reader."""

    NARROWED = ("search", "status")

    def __init__(self, context: Context, user: User, desk: JourneyDesk) -> None:
        super().__init__()
        self.context, self.user, self.desk = context, user, desk
        self.may_write = caller_of_user(user).may(WRITE)
        self.state, self.problem = ListState(**{name: asked_for(name) for name in self.NARROWED}), ""
        self.lay_out(context, self._head_html())

    def refresh(self, pulse: Pulse) -> Any:
        """Ask for the list; the returned function shows it."""
        html = self._table_html()

        def show() -> None:
            self.table.html = html

        return show

    def _rows(self) -> list[Row]:
        library, counting = self.desk.library, counting_of(self.context)
        stuck = find_stuck(self.context.store, self.context.now())
        found = [*library.list(), *library.list(ARCHIVED)]
        return [row_of(each, library.version(each.key).definition, counting.of(each), stuck) for each in found]

    def _table_html(self) -> str:
        rows = self._rows()
        draft = DRAFTS.load(self.context.store, self.user.email, NEW)
        return self._render("list", listed=list_journeys(rows, self.state), draft=draft, playbooks=open_playbooks(rows),
                            icons=ICONS)  # fmt: skip

    def _head_html(self) -> str:
        playbooks: Mapping[str, Playbook] = {each.key: each for each in list_playbooks()}
        return self._render("list_head", playbooks=playbooks.values(), icons=ICONS, asks_new=asked_for("new") == "1")

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/journeys/{name}.jinja", self.context.now(), self.context.zone, state=self.state,
            may_write=self.may_write, wording=wording, problem=self.problem, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name in self.NARROWED:
            setattr(self.state, name, "" if name == "status" and text == self.state.status else text)
            remember({each: getattr(self.state, each) for each in self.NARROWED})
            self.table.html = await asyncio.to_thread(self._table_html)
        elif name == "begin" and self.may_write:
            await self._begin(text)

    async def _begin(self, playbook: str) -> None:
        if playbook == "blank":
            leave_for("/journeys?new=blank")
            return
        try:
            made = await asyncio.to_thread(Keeping(self.desk.library).install, playbook, self.user.email)
        except DmatError as error:
            self.problem = sentence(str(error))
            self.head.html = self._head_html()
        else:
            leave_for(f"/journeys?id={made.key}")
