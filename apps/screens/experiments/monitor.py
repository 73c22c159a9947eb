"""Layout of the monitor: the verdict, two statements, bands over time, the table, health, the log; and its buttons.

Belongs here: which block shows what, and what a click does. Stays out: reading (`watching.py`), words (`telling.py`),
what a button may do (`dmat/experiments/library.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import refusal
from apps.screens.experiments import telling, wording
from apps.screens.experiments.bands import bands, summary_of
from apps.screens.experiments.bringing import gain_told, gain_words
from apps.screens.experiments.desk import TestDesk
from apps.screens.experiments.keeping import SCOPES, Keeping
from apps.screens.experiments.listing import OUTCOMES
from apps.screens.experiments.standing import last_words
from apps.screens.experiments.together import Together, together_of
from apps.screens.experiments.watching import Watched, watching_of
from apps.screens.segments.addressing import asked_for, leave_for, remember
from apps.screens.segments.from_tests import people_of_test
from dmat.errors import DmatError
from dmat.experiments.deciding import may_decide_otherwise
from dmat.experiments.records import LIVE, PAUSED, Experiment
from dmat.store.access import caller_of_user
from dmat.store.users import User


class MonitorScreen(pn.viewable.Viewer):
    """The monitor of one reader and one test."""

    def __init__(self, context: Context, user: User, desk: TestDesk, test: Experiment) -> None:
        super().__init__()
        self.context, self.user, self.desk, self.test = context, user, desk, test
        self.caller, self.keeping = caller_of_user(user), Keeping(desk.library)
        self.watching = watching_of(desk)
        self.found: Watched | None = None
        self.problem = self.told = ""
        self.metric = asked_for("metric") or test.plan.primary
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.figures = Block(**acts), Block(self._skeleton(8), **acts)
        self.results, self.course = Block(**acts), Block(**acts)
        self.side, self.below = Block(**acts), Block(**acts)
        self._show_head()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        columns = pmui.Grid(
            pmui.Grid(pmui.Column(self.course, self.below, sx={"gap": "16px"}, **wide), size={"xs": 12, "lg": 8.2}),
            pmui.Grid(self.side, size={"xs": 12, "lg": 3.8}), container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, self.figures, self.results, columns, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Read it all again; the returned function shows it."""
        found = self.watching.look(self.test.experiment_id)
        return lambda: self._show(found)

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        if name == "metric":
            self._choose(str(value or ""))
        elif name == "copy" and self.caller.may("campaigns:write"):
            leave_for(f"/experiments?again={self.test.experiment_id}")
        elif name in SCOPES and self.caller.may(SCOPES[name]):
            given = value if isinstance(value, dict) else {"words": value}
            await self._act(name, str(given.get("arm") or "")[:20], str(given.get("words") or "")[:2000])

    def _choose(self, metric: str) -> None:
        if metric in self.test.plan.guardrails or metric == self.test.plan.primary:
            self.metric = metric
            chosen = "" if metric == self.test.plan.primary else metric
            remember({"id": str(self.test.experiment_id), "metric": chosen})
            self._show_course()

    async def _act(self, name: str, arm: str, words: str) -> None:
        act = self.keeping.act
        try:
            self.test = await asyncio.to_thread(act, name, self.test, self.user.email, arm, words)
        except DmatError as error:
            self.problem, self.told = refusal(error), ""
        else:
            self.problem, self.told = "", {"learned": "Written down.", "longer": "It runs longer."}.get(name, "")
        self._show(await asyncio.to_thread(self.watching.look, self.test.experiment_id))

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show(self, found: Watched) -> None:
        self.found, self.test = found, found.test
        self._show_head()
        analysis = found.analysis
        self.figures.html = self._render(
            "monitor_figures", caution=telling.caution_of(analysis), headline=self._headline(found),
            proven=telling.is_proven(analysis, self._currency(), preview=telling.is_preview(self.test, analysis)),
            bet=telling.best_bet(analysis, self._currency()), gain=self._gain(found),
            health=telling.health_of(analysis),
        )  # fmt: skip
        self._show_course()
        self.side.html = self._render(
            "monitor_side", guards=telling.guards_of(analysis, self._currency()), outcomes=OUTCOMES,
            gain=self._gain(found),
        )  # fmt: skip
        self.below.html = self._render("monitor_below", log_words=telling.log_words)

    def _headline(self, found: Watched) -> telling.Headline:
        words = last_words(found.test)
        return telling.headline_of(found.test, found.analysis, found.decision, words, self._currency())

    def _gain(self, found: Watched) -> str:
        if telling.is_preview(self.test, found.analysis):
            return ""
        gain = gain_told(self.test, found.plan, found.analysis, found.waiting)
        return gain_words(gain, found.analysis.design, self._currency(), is_decided=found.decision is not None)

    def _show_course(self) -> None:
        found = self.found
        if found is None:
            return
        metric = self.metric if self.metric in found.points else found.plan.primary
        names = {arm.key: arm.shown_name for arm in found.plan.arms}
        points = found.points[metric]
        said = summary_of(points, names, metric)
        rows = telling.rows_of(
            found.analysis, metric, found.plan, self._currency(), preview=telling.is_preview(self.test, found.analysis)
        )
        self.results.html = self._render(
            "monitor_results",
            metric=metric,
            metrics=list(found.points),
            rows=rows,
            both=self._both(found, metric),
            people_of=partial(people_of_test, self.test.experiment_id),
        )
        self.course.html = self._render(
            "monitor_course", metric=metric, said=said,
            options=bands(points, names, metric, said) if len(points) > 1 else None,
            unit=f"money:{self._currency()}" if wording.is_money(metric) else "percent",
        )  # fmt: skip

    def _both(self, found: Watched, metric: str) -> Together | None:
        is_sound = found.analysis.health_level != "block"
        preview = telling.is_preview(self.test, found.analysis)
        return together_of(found.factors, metric, self._currency(), is_sound=is_sound, preview=preview)

    def _show_head(self) -> None:
        test = self.test
        self.head.html = self._render(
            "monitor_head", is_live=test.status in LIVE, is_paused=test.status == PAUSED,
            is_open=may_decide_otherwise(test),
            left=test.deadline_at - self.context.now() if test.deadline_at else None,
        )  # fmt: skip

    def _currency(self) -> str:
        place = self.found.place if self.found else None
        return place.campaign.plan.currency_code if place and place.campaign else "EUR"

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/experiments/{name}.jinja", self.context.now(), self.context.zone, test=self.test,
            found=self.found, plan=self.found.plan if self.found else self.test.plan, may=self.caller.may,
            wording=wording, problem=self.problem, told=self.told, **values,
        )  # fmt: skip

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)
