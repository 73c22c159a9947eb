"""Layout of the screen of reports, and what its buttons and forms do.

Belongs here: which block shows what, and schedules from forms. Stays out: what a report says (`dmat/reports`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import refusal
from apps.screens.reports.figures import shown_sections
from apps.screens.segments.addressing import asked_for, remember
from dmat.errors import DmatError, NotFoundError
from dmat.reports.library import (
    find_report,
    next_moments,
    read_reports,
    remove_report,
    save_report,
    shipped_reports,
)
from dmat.reports.mailing import send_report
from dmat.reports.making import Made, days_words, find_made, make_report, read_made
from dmat.reports.plan import Report, check_recipients
from dmat.reports.tracing import told_moves
from dmat.store.access import caller_of_user
from dmat.store.users import User

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MADE_SHOWN, ROWS_SHOWN = 20, 12
ACTS = {"make", "schedule", "mail", "remove"}
Found = tuple[tuple[Report, ...], list[Made], dict[str, datetime]]


class ReportsScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.may = caller_of_user(user).may("analytics:write")
        self.told = self.problem = self.search = ""
        self.made, self.planning = self._asked_for(), ""
        acts: dict[str, Any] = {"on_action": self._on_action}
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=8)
        self.head, self.opened, self.list = Block(**acts), Block(**acts), Block(skeleton, **acts)
        self._show_head()
        self._show_made()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        return pmui.Column(self.head, self.opened, self.list, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Read the reports; the returned function shows them."""
        found = self._read()
        return lambda: self._show(found)

    def _asked_for(self) -> Made | None:
        number = asked_for("made")
        if not number.isdigit() or len(number) > 18:
            return None
        try:
            with self.context.store.read() as connection:
                return find_made(connection, int(number))
        except NotFoundError as error:
            self.problem = refusal(error)
            return None

    def _read(self) -> Found:
        store = self.context.store
        return read_reports(store), read_made(store, limit=MADE_SHOWN), next_moments(store)

    def _show(self, found: Found) -> None:
        reports, made, due = found
        wanted = self.search.lower()
        fitting = [each for each in reports if wanted in f"{each.name} {each.words} {each.topic}".lower()]
        topics, shipped = _by_topic(fitting), {each.key for each in shipped_reports()}
        self.list.html = self._render("list", topics=topics, made=made, due=due, when_words=when_words, shipped=shipped)

    def _show_head(self) -> None:
        self.head.html = self._render("head")

    def _show_made(self) -> None:
        if self.planning:
            self.opened.html = self._render("plan", report=find_report(self.context.store, self.planning))
        else:
            self.opened.html = self._made_html(self.made) if self.made else ""

    def _made_html(self, made: Made) -> str:
        return self._render("made", made=made, sections=shown_sections(made, ROWS_SHOWN), told_moves=told_moves)

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/reports/{name}.jinja", self.context.now(), self.context.zone, may=self.may, told=self.told,
            problem=self.problem, search=self.search, days_words=days_words, weekdays=WEEKDAYS, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        if name == "search":
            self.search = str(value or "")[:80]
        elif name == "close":
            self.made, self.planning = None, ""
        elif name == "plan" and self.may:
            await self._do(self._plan, value)
        elif name == "open":
            await self._do(self._open, str(value or ""))
        elif name in ACTS and self.may:
            act = {"make": self._make, "schedule": self._schedule, "mail": self._mail, "remove": self._remove}[name]
            await self._do(act, value)
        else:
            return
        if name != "search":
            remember({"made": str(self.made.report_run_id) if self.made else ""})
            self._show_head()
            self._show_made()
        self._show(await asyncio.to_thread(self._read))

    async def _do(self, act: Callable[[Any], str], value: Any) -> None:
        try:
            self.told, self.problem = await asyncio.to_thread(act, value), ""
        except DmatError as error:
            self.told, self.problem = "", refusal(error)

    def _open(self, value: Any) -> str:
        self.planning = ""
        with self.context.store.read() as connection:
            self.made = find_made(connection, int(value) if str(value).isdigit() else 0)
        return ""

    def _plan(self, value: Any) -> str:
        self.planning = find_report(self.context.store, str(value or "")[:60]).key
        return ""

    def _make(self, value: Any) -> str:
        self.planning = ""
        report = find_report(self.context.store, str(value or "")[:60])
        self.made = make_report(
            self.context.settings, self.context.store, self.context.workspace, report, self.user.email
        )  # fmt: skip
        return f"{report.name} is made"

    def _schedule(self, value: Any) -> str:
        form: Mapping[str, Any] = value if isinstance(value, dict) else {}
        report = find_report(self.context.store, str(form.get("key") or "")[:60])
        every = str(form.get("every") or "")
        schedule = {"every": every, "hour": _number(form, "hour", 7), "weekday": _number(form, "weekday", 1),
                    "monthday": _number(form, "monthday", 1)}  # fmt: skip
        recipients = check_recipients(str(form.get("recipients") or "").replace(",", " ").split())
        document = report.model_dump(mode="json") | {"schedule": schedule, "recipients": recipients}
        self.planning = ""
        kept = save_report(self.context.store, self.context.settings, document, self.user.email)
        return f"{kept.name} is made {when_words(kept)}"

    def _remove(self, value: Any) -> str:
        report = find_report(self.context.store, str(value or "")[:60])
        remove_report(self.context.store, self.context.settings, report.key, self.user.email)
        return f"{report.name} is taken away; what was made of it stays"

    def _mail(self, value: Any) -> str:
        form: Mapping[str, Any] = value if isinstance(value, dict) else {}
        to = check_recipients(str(form.get("to") or "").replace(",", " ").split())
        number = str(form.get("made") or "")
        with self.context.store.write() as connection:
            made = find_made(connection, int(number) if number.isdigit() else 0)
            send_report(connection, self.context.settings, made, to, self.context.now())
            self.made = find_made(connection, made.report_run_id)
        return f"{self.made.title} goes to {', '.join(to)}"


def _by_topic(reports: Sequence[Report]) -> list[tuple[str, list[Report]]]:
    """Topics of the workspace's own first, then in the order in which reports are shipped."""
    order = {topic: place for place, topic in enumerate(dict.fromkeys(each.topic for each in shipped_reports()))}
    found: dict[str, list[Report]] = {}
    for each in reports:
        found.setdefault(each.topic, []).append(each)
    return sorted(found.items(), key=lambda item: (order.get(item[0], -1), item[0]))


def _number(form: Mapping[str, Any], name: str, default: int) -> int:
    typed = str(form.get(name) or "")
    return int(typed) if typed.isdigit() else default


def when_words(report: Report) -> str:
    """`on Mondays from 7:00`, `when somebody asks`."""
    schedule = report.schedule
    if not schedule.every:
        return "when somebody asks"
    day = {"day": "every day", "week": f"on {WEEKDAYS[schedule.weekday - 1]}s",
           "month": f"on day {schedule.monthday} of each month"}[schedule.every]  # fmt: skip
    return f"{day} from {schedule.hour}:00"
