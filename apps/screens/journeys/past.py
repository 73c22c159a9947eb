"""Layout of trying a journey out on the past: span and version, figures, messages over time, what differs from live.

Belongs here: which block shows what, and what a click does. Stays out: living it (`trying.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.charts import Series, chart
from apps.parts.render import render
from apps.parts.words import day
from apps.screens.journeys import wording
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.graph import steps_of
from apps.screens.journeys.judging import sentence
from apps.screens.journeys.living import MOST_OUTCOMES
from apps.screens.journeys.outcomes import OutcomePage, page_of
from apps.screens.journeys.trying import DRAFT, SPANS, Tried, Trying, by_period, is_by_hour
from apps.screens.segments.addressing import asked_for, remember
from dmat.errors import DmatError, InvalidInputError
from dmat.journeys.definition import as_document
from dmat.journeys.records import Journey
from dmat.store.access import caller_of_user
from dmat.store.users import User


class PastScreen(pn.viewable.Viewer):
    """One journey tried out by one reader."""

    def __init__(self, context: Context, user: User, desk: JourneyDesk, journey: Journey) -> None:
        super().__init__()
        self.context, self.user, self.desk, self.journey = context, user, desk, journey
        self.trying: Trying = context.part("journeys tried out", lambda made: Trying(desk))
        self.choices = self.trying.choices(journey, user.email)
        asked = asked_for("version")
        self.chosen = asked if asked in self.choices else next(iter(self.choices))
        self.span = asked_for("days") if asked_for("days") in SPANS else "30"
        self.found: Tried | None = None
        self.page, self.may_see_people = 1, caller_of_user(user).may("people:read")
        self.problem, self.is_busy = "", False
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.body = Block(self._render("frame"), **acts), Block(self._render("past"), **acts)

    def __panel__(self) -> Any:
        """The layout, made once."""
        return pmui.Column(self.head, self.body, sx={"gap": "16px"}, margin=0, sizing_mode="stretch_width")

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """The past does not change by itself."""
        return lambda: None

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:80]
        if name == "version" and text in self.choices:
            self.chosen = text
        elif name == "days" and text in SPANS:
            self.span = text
        elif name == "page" and text.isdigit():
            self.page = int(text)
        elif name == "run" and not self.is_busy:
            await self._run()
            return
        remember({"id": self.journey.key, "view": "past", "version": self.chosen, "days": self.span})
        self._show()

    async def _run(self) -> None:
        self.is_busy, self.problem, self.page = True, "", 1
        self._show()
        try:
            self.found = await asyncio.to_thread(self._live)
        except InvalidInputError as error:
            begin = "What you have not saved is not whole yet. " if self.chosen == DRAFT else ""
            self.problem = f"{begin}{sentence(error.problem)}"
        except DmatError as error:
            self.problem = sentence(str(error))
        finally:
            self.is_busy = False
            self._show()

    def _live(self) -> Tried:
        version = self.trying.version_of(self.journey, self.user.email, self.chosen)
        return self.trying.run(self.journey, version, int(self.span))

    def _show(self) -> None:
        self.body.html = self._render("past")

    def _names(self) -> dict[str, str]:
        templates = self.desk.known().template_names
        found = {}
        for version in reversed(self.desk.library.versions(self.journey.key)):
            found |= {s["key"]: wording.title_of(s, templates) for s in steps_of(as_document(version.definition))}
        if self.found:
            plan = as_document(self.found.version.definition)
            found |= {step["key"]: wording.title_of(step, templates) for step in steps_of(plan)}
        return found

    def _chart(self) -> tuple[dict[str, Any] | None, str]:
        if self.found is None or not self.found.report.by_hour:
            return None, ""
        since, until = self.found.since, self.found.until
        counted = by_period(self.found.report, since, until, self.context.zone)
        hourly = is_by_hour(since, until)
        labels = [f"{day(at)}, {at:%H:00}" if hourly else day(at) for at in counted]
        summary = (
            f"{sum(counted.values()):,} messages in {len(counted):,} {'hours' if hourly else 'days'}, at most"
            f" {max(counted.values()):,} in one."
        )
        return chart(labels, [Series("Messages", list(counted.values()))], summary), summary

    def _outcomes(self) -> OutcomePage | None:
        """A page of who would have got what, for readers who may see who is inside."""
        if self.found is None or not self.may_see_people:
            return None
        workspace = self.context.workspace if self.desk.has_tables else None
        return page_of(self.found.report.outcomes, self.page, workspace)

    def _render(self, name: str) -> str:
        options, summary = self._chart() if name == "past" else (None, "")
        return render(
            f"screens/journeys/{name}.jinja", self.context.now(), self.context.zone, journey=self.journey, view="past",
            wording=wording, has_run=self.journey.started_at is not None, choices=self.choices, chosen=self.chosen,
            spans=SPANS, span=self.span, found=self.found, problem=self.problem, is_busy=self.is_busy, options=options,
            summary=summary, names=self._names() if name == "past" else {},
            outcomes=self._outcomes() if name == "past" else None, most=MOST_OUTCOMES,
        )  # fmt: skip
