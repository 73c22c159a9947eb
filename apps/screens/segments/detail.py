"""One segment: who is in it, how it grew, who came and went, what it shares with others, its versions and its uses.

Belongs here: which block shows what, and what a click does. Stays out: queries (`knowing.py`, `members.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.segments.addressing import asked_for, leave_for, remember
from apps.screens.segments.answers import Answers
from apps.screens.segments.explaining import Explanation, explain_person
from apps.screens.segments.knowing import Known, know
from apps.screens.segments.members import Members, Person, find_people, find_person, read_members
from apps.screens.segments.narrowing import Narrow, channel_of, in_words, narrowed, read_narrow
from dmat.errors import InUseError, InvalidInputError
from dmat.segments.records import Segment
from dmat.store.access import caller_of_user
from dmat.store.users import User


class DetailState(param.Parameterized):
    """What is looked at in one segment."""

    known = param.ClassSelector(class_=Known, default=None, allow_None=True)
    members = param.ClassSelector(class_=Members, default=None, allow_None=True)
    narrow = param.String(default="", doc="A part of the members, as country_code:DE.")
    search = param.String(default="")
    page = param.Integer(default=1)
    person = param.String(default="", doc="Number of the person whose reasons are shown.")
    asked = param.String(default="", doc="Words of the search for somebody.")
    found = param.ClassSelector(class_=tuple, default=())
    explanation = param.ClassSelector(class_=Explanation, default=None, allow_None=True)
    problem = param.String(default="")

    @property
    def narrowing(self) -> Narrow | None:
        """The part of the members that is looked at."""
        return read_narrow(self.narrow)

    @property
    def narrowing_words(self) -> str:
        """The same in a few words."""
        return in_words(self.narrowing)


class DetailScreen(pn.viewable.Viewer):
    """The screen of one segment and one reader."""

    def __init__(self, context: Context, user: User, answers: Answers, segment: Segment) -> None:
        super().__init__()
        self.context, self.user, self.answers, self.segment = context, user, answers, segment
        self.caller = caller_of_user(user)
        self.state = DetailState(narrow=asked_for("narrow"), person=asked_for("person"))
        self._why: dict[str, Explanation] = {}
        self.head = Block(self._render("detail_head"), on_action=self._on_action)
        self.growth = Block(self._skeleton(6), on_action=self._on_action)
        self.members = Block(self._skeleton(6), on_action=self._on_action)
        self.reasons, self.rest = Block(on_action=self._on_action), Block(on_action=self._on_action)
        blocks = self.head, self.growth, self.members, self.reasons, self.rest
        self.layout = pmui.Column(*blocks, margin=0, sizing_mode="stretch_width", sx={"gap": "16px"})

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self.layout

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask for everything about the segment; the returned function shows it."""
        self.segment = self.answers.library.get(self.segment.key)
        known = know(self.answers, self.segment)
        members = self._members()
        person = self._explained(self.state.person)
        return lambda: self._show(known, members, person)

    def _members(self) -> Members | None:
        if not self.caller.may("people:read"):
            return None
        state = self.state
        rule = narrowed(self.answers.rule_of(self.segment), state.narrowing)
        return read_members(self.answers, rule, state.search, state.page, channel_of(state.narrowing))

    def _explained(self, person_id: str) -> tuple[Person | None, Explanation | None]:
        person = (
            find_person(self.context.workspace, person_id) if person_id and self.caller.may("people:read") else None
        )
        return person, explain_person(self.answers, self.segment, person_id) if person else None

    def _show(self, known: Known, members: Members | None, person: tuple[Person | None, Explanation | None]) -> None:
        self.state.param.update(known=known, members=members, explanation=person[1])
        self.head.html = self._render("detail_head")
        self.growth.html = self._render("detail_growth", known=known)
        self._show_members()
        self._show_reasons(person[0])
        self.rest.html = self._render("detail_rest", known=known)

    def _show_members(self) -> None:
        self.members.html = self._render("detail_members", members=self.state.members, why=self._why)

    def _show_reasons(self, person: Person | None) -> None:
        self.reasons.html = self._render("detail_reasons", person=person, known=self.state.known)

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/segments/{name}.jinja", self.context.now(), self.context.zone, segment=self.segment,
            state=self.state, may=self.caller.may, saved=asked_for("saved"), **values,
        )  # fmt: skip

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:300]
        acts = {"archive": self._archive, "restore": self._restore, "delete": self._delete, "copy": self._copy}
        if name in {"narrow", "search", "page"}:
            await self._look(name, text)
        elif name == "why" and self.caller.may("people:read"):
            await self._toggle_why(text)
        elif name in {"ask", "person"} and self.caller.may("people:read"):
            await self._ask_about(name, text)
        elif name in acts and self.caller.may("segments:write"):
            await self._change(acts[name])

    async def _look(self, name: str, text: str) -> None:
        if name == "narrow":
            self.state.param.update(narrow="" if text == self.state.narrow else text, page=1)
        elif name == "search":
            self.state.param.update(search=text, page=1)
        else:
            self.state.page = int(text) if text.isdigit() else 1
        self._remember()
        self.state.members = await asyncio.to_thread(self._members)
        self._show_members()
        if name == "narrow" and self.state.known is not None:
            self.growth.html = self._render("detail_growth", known=self.state.known)

    async def _toggle_why(self, person_id: str) -> None:
        if self._why.pop(person_id, None) is None:
            self._why[person_id] = await asyncio.to_thread(explain_person, self.answers, self.segment, person_id)
        self._show_members()

    async def _ask_about(self, name: str, text: str) -> None:
        if name == "ask":
            found = await asyncio.to_thread(find_people, self.context.workspace, text) if text.strip() else ()
            self.state.param.update(asked=text, found=found, person="", explanation=None)
            self._show_reasons(None)
            return
        person, explanation = await asyncio.to_thread(self._explained, text)
        self.state.param.update(person=text if person else "", explanation=explanation)
        self._remember()
        self._show_reasons(person)

    def _remember(self) -> None:
        state = self.state
        remember({"id": self.segment.key, "narrow": state.narrow, "person": state.person})

    async def _change(self, act: Callable[[], str]) -> None:
        try:
            address = await asyncio.to_thread(act)
        except InUseError as error:
            self.state.problem = f"It stays: {error}."
            self.head.html = self._render("detail_head")
        except InvalidInputError as error:
            self.state.problem = f"{error.problem[:1].upper()}{error.problem[1:]}."
            self.head.html = self._render("detail_head")
        else:
            self.answers.forget()
            leave_for(address)

    def _archive(self) -> str:
        self.answers.library.archive(self.segment.key, self.user.email)
        return f"/segments?id={self.segment.key}"

    def _restore(self) -> str:
        self.answers.library.restore(self.segment.key, self.user.email)
        return f"/segments?id={self.segment.key}"

    def _delete(self) -> str:
        self.answers.library.delete(self.segment.key, self.user.email)
        return "/segments"

    def _copy(self) -> str:
        return f"/segments?id={self.answers.library.duplicate(self.segment.key, self.user.email).key}&edit=1"
