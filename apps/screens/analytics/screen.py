"""Layout of analytics: a head with days and filters, the section, and the panel that a figure opens.

Belongs here: which block shows what, and what a click does. Stays out: sections (`overview.py` and its neighbours),
asking (`desk.py`), what is in the panel (`panel.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import refusal
from apps.screens.analytics import looks
from apps.screens.analytics.desk import desk_of
from apps.screens.analytics.keeping import KEEPS
from apps.screens.analytics.looks import Look, chosen_days, read_look
from apps.screens.analytics.panel import Opened, Panel, read_opened, read_panel, save_people, turned
from apps.screens.analytics.pieces import Side, Trend, point_of
from apps.screens.analytics.reports import GRAINS, changed, grid_of, read_report
from apps.screens.analytics.sections import Section, read_section
from apps.screens.analytics.wording import days_words, shown
from apps.screens.segments.addressing import asked_for, remember
from dmat.errors import DmatError, InvalidInputError
from dmat.metrics.naming import value_words
from dmat.store.access import caller_of_user
from dmat.store.users import User

CHOICES = {"view", "period", "compare", "segment", "campaign", "by", "pick", "who", "page"}
TURNS = {"panel-page", "panel-part", "panel-search"}


class AnalyticsScreen(pn.viewable.Viewer):
    """The analytics of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user, self.caller = context, user, caller_of_user(user)
        self.desk, self.look = desk_of(context), read_look(asked_for)
        self.opened: Opened | None = None
        self.problem = self.told = ""
        self.section: Section | None = None
        self.turn = 0
        acts: dict[str, Any] = {"on_action": self._on_action}
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=8)
        self.head, self.body, self.panel = Block(**acts), Block(skeleton, **acts), Block(**acts)
        self._show_head(None)
        self._open_asked(asked_for("figure"))

    def __panel__(self) -> Any:
        """The layout, made once."""
        return pmui.Column(self.head, self.body, self.panel, margin=0, sizing_mode="stretch_width", sx={"gap": "16px"})

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask for the section again; the returned function shows it."""
        look = self.look
        section = self._ask(look)
        panel = self._read_panel(self.opened)
        return lambda: self._show(section, panel) if look == self.look else None

    def _ask(self, look: Look) -> Section:
        return read_section(self.desk, look, self.user.email)

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:4000]
        if name in CHOICES:
            await self._choose(name, text)
        elif name in {"since", "until"}:
            await self._choose_day(name, text)
        elif name in KEEPS:
            await self._keep(name, value)
        elif name.startswith("report-"):
            await self._go(self.look.but(asked=changed(read_report(self.look.asked), name, value).address))
        elif name == "explore":
            asked = dict(parse_qsl(text.partition("?")[2]))
            await self._go(read_look(lambda part: asked.get(part, "")))
        elif name == "values":
            self._show_values(text)
        elif name in {"campaigns", "to-campaign"}:
            await self._go(_with_campaign(self.look, name, text))
        else:
            await self._on_panel(name, text, value)

    async def _on_panel(self, name: str, text: str, value: Any) -> None:
        if name == "open":
            await self._open(text)
        elif name == "point":
            await self._open_point(value)
        elif name == "close":
            self.opened = None
            self.panel.html = ""
            self._remember()
        elif self.opened is not None and name in TURNS:
            await self._turn(turned(self.opened, name, text))
        elif self.opened is not None and name == "save-people" and self.caller.may("segments:write"):
            await self._save(value)

    async def _choose(self, name: str, text: str) -> None:
        if name == "view":
            text = text if text in looks.VIEWS else "overview"
            look = self.look.but(view=text, campaign="", by="", pick="", who="", page=1)
        elif name == "period" and text == looks.CUSTOM:
            since, until = self.look.days(self.desk.today)
            look = self.look.but(period=text, since=since, until=until)
        else:
            look = self.look.but(**({} if name == "page" else {"page": 1}), **{name: text})
        await self._go(read_look(lambda part: look.parts.get(part, "")))

    async def _choose_day(self, name: str, text: str) -> None:
        try:
            look = chosen_days(self.look, name, text, self.desk.today)
        except InvalidInputError as error:
            self.problem = refusal(error)
            self._show_head(self.section)
            return
        await self._go(look)

    async def _go(self, look: Look) -> None:
        """Show another look; an answer that comes after the reader went on is dropped."""
        self.look, self.problem, self.told = look, "", ""
        self.turn += 1
        turn = self.turn
        self._remember()
        self._show_head(self.section)
        section = await asyncio.to_thread(self._ask, look)
        if turn == self.turn:
            self._show(section, None)

    async def _keep(self, name: str, value: Any) -> None:
        """Write a report or a note, or take one away; then show the section anew."""
        try:
            look, told = await asyncio.to_thread(KEEPS[name], self.desk, self.look, value, self.user)
        except DmatError as error:
            self.problem = refusal(error)
            self._show_head(self.section)
            return
        await self._go(look)
        self.told = told
        self._show_head(self.section)

    def _remember(self) -> None:
        figure = {"figure": self.opened.address} if self.opened else {}
        number = self.opened.report_run_id if self.opened else 0
        remember(self.look.parts | figure | ({"report": str(number)} if number else {}))

    # -- the panel -----------------------------------------------------------------------------------------------

    def _open_asked(self, text: str) -> None:
        try:
            self.opened = read_opened(text, asked_for("report")) if text else None
        except InvalidInputError:
            self.opened = None

    async def _open(self, text: str) -> None:
        try:
            opened = read_opened(text)
        except InvalidInputError as error:
            self.problem = refusal(error)
            self._show_head(self.section)
            return
        await self._turn(opened)
        self._remember()

    async def _open_point(self, value: Any) -> None:
        point = value if isinstance(value, dict) else {}
        trend, at = self._trend(str(point.get("of", ""))), point.get("at")
        address = point_of(trend, str(point.get("series", "")), at) if trend and isinstance(at, int) else ""
        if address:
            await self._open(address)

    def _trend(self, key: str) -> Trend | None:
        pieces = self.section.pieces if self.section else ()
        inner = (part for piece in pieces for part in (piece.pieces if isinstance(piece, Side) else (piece,)))
        return next((each for each in inner if isinstance(each, Trend) and f"trend-{each.key}" == key), None)

    def _show_values(self, key: str) -> None:
        """A chart as a table, in which each value can be opened."""
        trend = self._trend(key)
        if trend is not None:
            self.opened = None
            self.panel.html = self._render("values", piece=grid_of(trend.title, trend.answer), about=trend.about)

    async def _turn(self, opened: Opened) -> None:
        self.opened = opened
        panel = await asyncio.to_thread(self._read_panel, opened)
        if self.opened == opened:
            self._show_panel(panel)

    async def _save(self, value: Any) -> None:
        opened = self.opened
        name = str(value.get("name", "") if isinstance(value, dict) else "")[:200]
        if opened is None:
            return
        try:
            segment, kept, left = await asyncio.to_thread(save_people, self.context, opened, name, self.user.email)
        except DmatError as error:
            await self._turn(replace(opened, told="", problem=refusal(error)))
            return
        without = f" {left:,} have no e-mail address and are left out." if left else ""
        await self._turn(replace(opened, problem="", told=f"{segment.key}|{kept:,} people are in it.{without}"))

    def _read_panel(self, opened: Opened | None) -> Panel | None:
        if opened is None or self.context.version() is None:
            return None
        try:
            return read_panel(self.context, opened, self.caller)
        except InvalidInputError as error:
            self.problem = refusal(error)
            return None

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show(self, section: Section, panel: Panel | None) -> None:
        self.section = section
        self._show_head(section)
        self.body.html = self._render("body", section=section, today=self.desk.today, grains=GRAINS)
        if panel is not None:
            self._show_panel(panel)

    def _show_head(self, section: Section | None) -> None:
        since, until = self.look.days(self.desk.today)
        self.head.html = self._render(
            "head", views=looks.VIEWS, periods=looks.PERIOD_WORDS, compared=looks.COMPARED, problem=self.problem,
            without_comparison=looks.WITHOUT_COMPARISON, told=self.told, since=since,
            last=until - timedelta(days=1), section=section, segments=section.segments if section else (),
            words=days_words(since, until),
        )  # fmt: skip

    def _show_panel(self, panel: Panel | None) -> None:
        self.panel.html = self._render("panel", panel=panel, value_words=value_words) if panel else ""

    def _render(self, name: str, **values: Any) -> str:
        return render(f"screens/analytics/{name}.jinja", self.context.now(), self.context.zone, look=self.look,
                      user=self.user, may=self.caller.may, shown=shown, **values)  # fmt: skip


def _with_campaign(look: Look, name: str, number: str) -> Look:
    """The look with a campaign more or less in the comparison (at most four), or drilled into."""
    if not (number.isdecimal() and len(number) < 19):
        return look
    if name == "to-campaign":
        return look.but(view="campaigns", campaign=number, who="", page=1)
    if number in look.campaigns:
        return look.but(campaigns=tuple(each for each in look.campaigns if each != number))
    return look.but(campaigns=(*look.campaigns, number)[-looks.MOST_COMPARED :])
