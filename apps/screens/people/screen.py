"""Layout of the screen of people: a search, and one person with everything that happened and stands.

Belongs here: which block shows what, and what a click does. Stays out: reading (`knowing.py`, `timeline.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.home.data import missing_tables
from apps.screens.people.knowing import Person360, read_person
from apps.screens.people.messages import programme_names
from apps.screens.people.moment import Moment
from apps.screens.people.noting import ACTS, Act
from apps.screens.people.state import PeopleState
from apps.screens.people.timeline import KINDS, narrowed, read_timeline
from apps.screens.segments.addressing import asked_for, remember
from apps.screens.segments.members import Person, find_people, read_people
from dmat.errors import DmatError
from dmat.messages.archive import as_sent
from dmat.metrics.periods import today_in
from dmat.store.access import caller_of_user
from dmat.store.users import User, list_users

TABLE = "people.dim_people"
FOUND, STEP, MOST = 25, 50, 1000
Answer = tuple[tuple[Person, ...], Person360 | None, Sequence[Moment], dict[str, str]]
NOBODY: Answer = ((), None, (), {})


class PeopleScreen(pn.viewable.Viewer):
    """The screen of one reader who looks at people."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user, self.caller = context, user, caller_of_user(user)
        kind = asked_for("kind")
        self.state = PeopleState(person=asked_for("id"), search=asked_for("search"), kind=kind if kind in KINDS else "")
        self.answer: Answer = NOBODY
        self.told = self.problem = ""
        self.colleagues = [each for each in list_users(context.store) if each.is_active]
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=8)
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.card = (
            Block(self._render("head", person=None, done="", problem=""), **acts),
            Block(skeleton, **acts),
        )
        self.timeline, self.beside, self.dialog = Block(**acts), Block(**acts), Block(**acts)

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide: dict[str, Any] = {"margin": 0, "sizing_mode": "stretch_width"}
        below = pmui.Grid(
            pmui.Grid(self.timeline, size={"xs": 12, "lg": 7.6}), pmui.Grid(self.beside, size={"xs": 12, "lg": 4.4}),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, self.card, below, self.dialog, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Read again; the returned function shows it."""
        answer = self._ask()
        return lambda: self._show(answer)

    def _ask(self) -> Answer:
        context = self.context
        if context.version() is None or missing_tables(context, (TABLE,)):
            return NOBODY
        if not self.state.person:
            return self._find(), None, (), {}
        person = read_person(context, self.state.person)
        if person is None:
            return NOBODY
        names = programme_names(context.store, {entry.programme for entry in person.coming})
        return (), person, read_timeline(context, person), names

    def _find(self) -> tuple[Person, ...]:
        """Who fits the words; without words those who were seen last."""
        workspace = self.context.workspace
        if self.state.search.strip():
            return find_people(workspace, self.state.search, FOUND)
        order = "last_seen_at desc nulls last, person_id"
        rows = workspace.rows(f"select person_id from {TABLE} order by {order} limit {FOUND}")
        return read_people(workspace, [int(row["person_id"]) for row in rows])

    def _show(self, answer: Answer) -> None:
        self.answer = answer
        found, person, moments, names = answer
        self.head.html = self._render("head", person=person, done=self.told, problem=self.problem)
        if person is None:
            self.card.html = self._render("list", found=found, has_data=self.context.version() is not None)
            self.timeline.html = self.beside.html = ""
            return
        self.card.html = self._render("card", person=person)
        told = narrowed(moments, self.state.kind, self.state.most, self.context.zone)
        self.timeline.html = self._render("timeline", told=told, kinds=KINDS, step=STEP)
        self.beside.html = self._render("beside", person=person, names=names)

    def _render(self, name: str, **values: Any) -> str:
        now, zone = self.context.now(), self.context.zone
        return render(
            f"screens/people/{name}.jinja", now, zone, state=self.state, may=self.caller.may, user=self.user,
            today=today_in(zone, now), colleagues=self.colleagues, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name == "message":
            await self._open(text)
            return
        if name in ACTS:
            await self._note(ACTS[name], value)
            return
        self.told = self.problem = ""
        if name == "close":
            self.dialog.html = ""
            return
        if name == "search":
            self.state.param.update(search=text, person="")
        elif name == "person":
            self.state.param.update(person=text, kind="", most=STEP)
        elif name == "kind" and (text in KINDS or not text):
            self.state.param.update(kind="" if text == self.state.kind else text, most=STEP)
        elif name == "more":
            self.state.most = min(self.state.most + STEP, MOST)
        else:
            return
        remember({"id": self.state.person, "kind": self.state.kind, "search": self.state.search})
        self._show(await asyncio.to_thread(self._ask) if name in {"search", "person"} else self.answer)

    async def _note(self, act: Act, value: Any) -> None:
        person = self.answer[1]
        if person is None or not self.caller.may("people:write"):
            return
        try:
            self.told, self.problem = await asyncio.to_thread(act, self.context, person, value, self.user), ""
        except DmatError as error:
            self.told, self.problem = "", f"{error}."
        self._show(await asyncio.to_thread(self._ask))

    async def _open(self, message_id: str) -> None:
        """Show a message as it was sent; only one of this person."""
        if message_id not in {moment.message_id for moment in self.answer[2]}:
            return
        try:
            message = await asyncio.to_thread(as_sent, self.context.store, self.context.settings, message_id)
        except DmatError as error:
            message = {"problem": f"{error}."}
        self.dialog.html = render(
            "screens/campaigns/monitor_message.jinja", self.context.now(), self.context.zone, message=message
        )
