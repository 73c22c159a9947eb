"""Layout of the people of a journey: who stands where, why and until when; the way of one of them beside it.

Belongs here: narrowing, paging, choosing somebody. Stays out: reading (`members.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.journeys import wording
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.graph import step_of, steps_of
from apps.screens.journeys.members import Page, Travelled, Wanted, overdue_since, read_page, read_way
from apps.screens.journeys.numbers import Numbers, counting_of
from apps.screens.journeys.saving import save_people
from apps.screens.segments.addressing import asked_for, remember
from dmat.errors import DmatError
from dmat.journeys.definition import as_document
from dmat.journeys.records import Journey
from dmat.segments.records import Segment
from dmat.store.access import caller_of_user
from dmat.store.users import User


class PeopleScreen(pn.viewable.Viewer):
    """The people of one journey, for one reader."""

    NARROWED = ("status", "step", "only", "words")

    def __init__(self, context: Context, user: User, desk: JourneyDesk, journey: Journey) -> None:
        super().__init__()
        self.context, self.desk, self.journey = context, desk, journey
        self.user, self.caller = user, caller_of_user(user)
        self.saved: tuple[Segment, int, int] | None = None
        self.problem = ""
        self.wanted = Wanted(**{name: asked_for(name)[:100] for name in self.NARROWED})
        self.page = Page((), 0, 1)
        self.way: Travelled | None = None
        self.numbers, self.asked = Numbers(), asked_for("member")
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.table = Block(self._render("frame"), **acts), Block(self._skeleton(), **acts)
        self.side = Block(**acts)

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        columns = pmui.Grid(
            pmui.Grid(self.table, size={"xs": 12, "lg": 8.2}), pmui.Grid(self.side, size={"xs": 12, "lg": 3.8}),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, columns, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Read it all again; the returned function shows it."""
        if not self.caller.may("people:read"):
            return self._show
        self._read()
        return self._show

    def _read(self) -> None:
        workspace = self.context.workspace if self.desk.has_tables else None
        self.journey = self.desk.library.get(self.journey.key)
        self.numbers = counting_of(self.context).of(self.journey)
        self.page = read_page(self.context.store, workspace, self.journey, self.wanted, self.context.now())
        if self.asked.isdigit() and len(self.asked) < 19:
            self.way = read_way(self.context.store, workspace, self.journey, int(self.asked))

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:100]
        if not self.caller.may("people:read"):
            return
        if name in self.NARROWED:
            chosen = "" if name in ("status", "only") and text == getattr(self.wanted, name) else text
            self.wanted = replace(self.wanted, page=1, **{name: chosen})
        elif name == "page" and text.isdigit():
            self.wanted = replace(self.wanted, page=int(text))
        elif name == "save-people":
            await self._save(value)
            return
        elif name == "member":
            self.asked, self.way = text, None
        else:
            return
        remember({"id": self.journey.key, "view": "people", "member": self.asked,
                  **{each: getattr(self.wanted, each) for each in self.NARROWED}})  # fmt: skip
        await asyncio.to_thread(self._read)
        self._show()

    async def _save(self, value: Any) -> None:
        """Keep who is in the list as a segment, and say so."""
        name = str(value.get("name", "") if isinstance(value, dict) else "")[:200]
        if not self.caller.may("segments:write") or not self.desk.has_tables:
            return
        what = (self.context, self.desk, self.journey, replace(self.wanted, words=""), name, self.user.email)
        self.saved, self.problem = None, ""
        try:
            self.saved = await asyncio.to_thread(save_people, *what)
        except DmatError as error:
            self.problem = f"{error}."
        self._show()

    def _show(self) -> None:
        self.head.html = self._render("frame")
        self.table.html = self._render("people")
        self.side.html = self._render("way")

    def _render(self, name: str) -> str:
        plan = as_document(self.desk.library.version(self.journey.key).definition)
        known = self.desk.known().template_names
        names = {step["key"]: wording.title_of(step, known) for step in steps_of(plan)}
        return render(
            f"screens/journeys/{name}.jinja", self.context.now(), self.context.zone, journey=self.journey,
            view="people", wanted=self.wanted, page=self.page, way=self.way, numbers=self.numbers, plan=plan,
            names=names, wording=wording, may=self.caller.may, has_run=True, step_of=step_of, asked=self.asked,
            overdue=overdue_since, saved=self.saved, problem=self.problem,
        )  # fmt: skip

    def _skeleton(self) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=10)
