"""Layout of the calendar: turning pages, warnings, the calendar itself, and one step in a dialog.

Belongs here: which block shows what, and what a click does. Stays out: what happens then (`planning.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.calendar import Calendar
from apps.parts.render import render
from apps.parts.words import local
from apps.screens.calendar.planning import VIEWS, Planning, Shown
from apps.screens.campaigns.desk import Desks, desks_of
from apps.screens.segments.addressing import asked_for, remember
from dmat.campaigns.calendar import conflicts, entries, fatigue, move_step
from dmat.errors import DmatError
from dmat.store.access import caller_of_user
from dmat.store.users import User

MOST_WARNINGS = 6


class Answering:
    """Answers for the calendars of one server."""

    def __init__(self, desks: Desks) -> None:
        self.desks = desks

    def look(self, first: date, last: date) -> Shown:
        """The steps of these days; without published people there are no warnings."""
        library, desk = self.desks.library, self.desks.segments
        found = entries(library, first, last)
        try:
            return Shown(found, conflicts(library, desk, found), fatigue(library, desk, found))
        except DmatError:
            return Shown(found)

    def move(self, campaign_id: int, step: str, to: Any, by: str) -> Any:
        """Move a step."""
        return move_step(self.desks.library, campaign_id, step, to, by)


def day_asked(text: str, otherwise: date) -> date:
    """The day of the address, or today."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


class CalendarScreen(pn.viewable.Viewer):
    """The calendar of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.may_move = caller_of_user(user).may("campaigns:write")
        asked = asked_for("view")
        is_narrow = pn.state.cookies.get("dmat_narrow") == "1"
        self.model = Planning(
            Answering(desks_of(context)), context.zone, user.email, self._today,
            view=asked if asked in VIEWS else "list" if is_narrow else "month",
            day=day_asked(asked_for("day"), self._today()),
        )  # fmt: skip
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.warnings, self.dialog = Block(**acts), Block(**acts), Block(**acts)
        now = local(context.now(), context.zone)
        self.calendar = Calendar(
            on_action=self._on_action, view=self.model.view, date=self.model.day.isoformat(),
            today=f"{now:%Y-%m-%dT%H:%M:%S}",
        )  # fmt: skip
        self._show_head()
        self.model.param.watch(lambda *_: self._show(), "shown")
        self.model.param.watch(lambda *_: self._show_head(), ["moved", "problem", "view", "day"])
        self.model.param.watch(lambda *_: self._show_dialog(), "chosen")

    def _today(self) -> date:
        return local(self.context.now(), self.context.zone).date()

    def __panel__(self) -> Any:
        """The layout, made once."""
        blocks = self.head, self.warnings, self.calendar, self.dialog
        return pmui.Column(*blocks, margin=0, sizing_mode="stretch_width", sx={"gap": "16px"})

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask for the days that are shown; the returned function shows them."""
        shown = self.model.look()

        def show() -> None:
            self.model.shown = shown
            self._show()

        return show

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        model = self.model
        if name == "turn" and str(value) in {"-1", "0", "1"}:
            await model.turn(int(value))
        elif name == "view" and value in VIEWS:
            await model.show(value)
        elif name == "open":
            model.choose(str(value))
        elif name == "close":
            model.choose("")
        elif name == "move" and self.may_move and isinstance(value, dict):
            await model.move(str(value.get("key", "")), str(value.get("to", "")))
        elif name == "undo" and self.may_move:
            await model.undo()
        self.calendar.param.update(view=model.view, date=model.day.isoformat())
        remember({"view": model.view, "day": model.day.isoformat() if model.day != self._today() else ""})
        await asyncio.sleep(0)

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show(self) -> None:
        model = self.model
        events = [{**each, "editable": each["editable"] and self.may_move} for each in model.events]
        if events != self.calendar.entries:
            self.calendar.param.update(warned=[day.isoformat() for day in model.shown.warned], entries=events)
        self.warnings.html = self._render("warnings", most=MOST_WARNINGS)

    def _show_head(self) -> None:
        self.head.html = self._render("head")

    def _show_dialog(self) -> None:
        self.dialog.html = self._render("entry") if self.model.chosen else ""

    def _render(self, name: str, **values: Any) -> str:
        chosen = self.model.chosen
        field = f"{local(chosen.due_at, self.context.zone):%Y-%m-%dT%H:%M}" if chosen else ""
        return render(
            f"screens/calendar/{name}.jinja", self.context.now(), self.context.zone, model=self.model, views=VIEWS,
            may_move=self.may_move, field=field, zone_name=self.context.zone, **values,
        )  # fmt: skip
