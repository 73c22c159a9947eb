"""Layout of the screen of leads: tabs, and below them the part that the address asks for.

Belongs here: which part is shown, what a click or key does, and who may. Stays out: what the parts say (`queue.py`,
`team.py`, `ruling.py`, `scores.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import refusal
from apps.screens.leads import telling
from apps.screens.leads.acting import Acts, Done
from apps.screens.leads.queue import Queue
from apps.screens.leads.ruling import Ruling
from apps.screens.leads.scores import ScoreTable
from apps.screens.leads.state import ALL, AT_ONCE, MATRIX, MINE, QUEUES, RULES, TEAM, WAITING, LeadState
from apps.screens.leads.team import Team
from apps.screens.segments.addressing import asked_for, remember
from dmat.errors import DmatError
from dmat.routing.answering import rep_of
from dmat.store.access import caller_of_user
from dmat.store.users import User

TABS = (
    (MINE, "My leads"), (WAITING, "Waiting"), (ALL, "All leads"), (TEAM, "Team"), (RULES, "Routing rules"),
    (MATRIX, "Score matrix"),
)  # fmt: skip
NARROWED = ("search", "status", "days", "rep")


class LeadsScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user, self.caller = context, user, caller_of_user(user)
        with context.store.read() as connection:
            self.rep = rep_of(connection, user.email)
        self.state = self._asked()
        self.queue = Queue(context, self.caller, user.role, self.rep)
        self.acts = Acts(context, self.caller)
        self.done, self.problem = Done(""), ""
        self._acts_count = 0
        self.parts = {
            TEAM: Team(context, self.caller), RULES: Ruling(context, self.caller),
            MATRIX: ScoreTable(context, self.caller),
        }  # fmt: skip
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=8)
        self.head = Block(self._head_html(), on_action=self._on_action)
        self.body = Block(skeleton, on_action=self._on_action)

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        return pmui.Column(self.head, self.body, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask for the part that is shown; the returned function shows it, unless the reader went on meanwhile."""
        before, html = self._acts_count, self._body_html()

        def show() -> None:
            if self._acts_count == before:
                self.body.html = html

        return show

    def _asked(self) -> LeadState:
        view = asked_for("view")
        may_see = [name for name, _ in self._tabs()]
        if view not in may_see:
            view = MINE if self.rep is not None else ALL
        days = asked_for("days")
        return LeadState(
            view=view, lead=asked_for("id")[:20], search=asked_for("search")[:200], status=asked_for("status")[:20],
            rep=asked_for("rep")[:60] if self.caller.may("leads:route") else "",
            days=int(days) if days in {"7", "30", "90", "365"} else 30,
        )  # fmt: skip

    def _tabs(self) -> list[tuple[str, str]]:
        hidden = set() if self.caller.may("leads:route") else {TEAM}
        return [(name, words) for name, words in TABS if name not in hidden]

    def _head_html(self) -> str:
        return self._render("head", tabs=self._tabs(), done=self.done, problem=self.problem)

    def _body_html(self) -> str:
        if self.state.view in QUEUES:
            return self._render("queue", **self.queue.values(self.state), telling=telling)
        part = self.parts[self.state.view]
        return self._render(part.template, **({"problem": self.problem} | part.values(self.state)))

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/leads/{name}.jinja", self.context.now(), self.context.zone, state=self.state,
            may=self.caller.may, rep=self.rep, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        self._acts_count += 1
        if name == "view":
            self._go(view=str(value or ""), lead="", search="", status="", rep="")
            self.state.most = AT_ONCE
        elif name == "more":
            self.state.most += AT_ONCE
        elif name == "rep":
            self._go(view=MINE, rep=str(value or "")[:60], lead="")
        elif name in {"open", "back"}:
            self._go(lead=str(value or "")[:20])
        elif name in NARROWED:
            self._narrow(name, str(value or "")[:200])
        elif self.acts.knows(name):
            await self._act(name, value)
        elif self.state.view in self.parts:
            await self._do(lambda: Done(self.parts[self.state.view].act(name, value)))
        await self._show()

    def _go(self, **values: str) -> None:
        if values.get("view", self.state.view) in dict(self._tabs()):
            self.state.param.update(**values)
            self.done, self.problem = Done(""), ""
            remember(self.state.address())

    def _narrow(self, name: str, text: str) -> None:
        if name == "days":
            self.state.days = int(text) if text in {"7", "30", "90", "365"} else 30
        else:
            setattr(self.state, name, "" if name == "status" and text == self.state.status else text)
        remember(self.state.address())

    async def _act(self, name: str, value: Any) -> None:
        form = value if isinstance(value, dict) else {"lead": value}
        lead, _, more = str(form.get("lead") or "").partition(":")
        form = {**form, **({"status": more, "rep": more, "reason": more} if more else {})}
        if not (lead.isdigit() and len(lead) < 18):
            return
        await self._do(lambda: self.acts.do(name, int(lead), form))
        if self.state.lead == "" and name != "note":
            self.state.lead = lead  # it may have left the list, and stays in sight
            remember(self.state.address())

    async def _do(self, act: Callable[[], Done]) -> None:
        try:
            self.done, self.problem = await asyncio.to_thread(act), ""
        except DmatError as error:
            self.done, self.problem = Done(""), refusal(error)

    async def _show(self) -> None:
        html = await asyncio.to_thread(self._body_html)
        self.head.html = self._head_html()
        self.body.html = html
