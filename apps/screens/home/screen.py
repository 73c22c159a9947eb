"""Layout of the home screen: blocks made once, whose HTML follows the state.

Belongs here: which block stands where and what it is made of. Stays out: queries (`data.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import day, money, percent
from apps.screens.analytics.pieces import Figure, Trend, figure_of, trend_of
from apps.screens.home.ahead import Ahead, read_ahead
from apps.screens.home.data import HomeFigures, Lift, LiveCounts, read_figures, read_live
from apps.screens.home.needs import Waiting, list_needs
from apps.screens.home.state import HomeState
from apps.screens.home.waiting import read_tasks, read_waiting
from dmat.metrics.asking import Answer
from dmat.store.users import User

GROUPS = (
    ("What came in", "inbox", "", ("visits", "carts")),
    ("What went out", "send", "", ("delivered", "clicked")),
    ("What it earned", "coins", "success", ("carts_recovered", "recovered_revenue")),
)
"""The cards of key figures: title, icon, tone, measures."""


@dataclass(frozen=True)
class Group:
    """A card of key figures."""

    title: str
    icon: str
    tone: str
    figures: tuple[Figure, ...]


def groups_of(figures: HomeFigures, live: LiveCounts | None, pulse: Pulse) -> list[Group]:
    """The three cards: what came in, what went out, what it earned."""
    ahead = live_note(figures, live, pulse)
    return [
        Group(title, icon, tone, tuple(key_figure(key, figures.week, ahead if key == "delivered" else "")
                                       for key in keys if figures.week))
        for title, icon, tone, keys in GROUPS
    ]  # fmt: skip


def key_figure(key: str, week: Answer, note: str = "") -> Figure:
    """One figure of the last seven days, with its course over both weeks."""
    before = week.compared.rows if week.compared else []
    return figure_of(key, week, [row[key] for row in (*before, *week.rows)], note)


def live_note(figures: HomeFigures, live: LiveCounts | None, pulse: Pulse) -> str:
    """What the store already knows and the warehouse does not yet; empty when both agree."""
    ahead = live.accepted_week - figures.accepted_in_warehouse if live else 0
    parts = []
    if ahead > 0:
        parts.append(f"{ahead:,} more sent, not yet in the warehouse")
    if pulse.unlanded_events:
        events = "event" if pulse.unlanded_events == 1 else "events"
        parts.append(f"{pulse.unlanded_events:,} {events} not yet in the warehouse")
    return "; ".join(parts)


def trends_of(figures: HomeFigures) -> list[Trend]:
    """Three charts over eight weeks."""
    carts = trend_of("Recovered carts", figures.course, ("carts_written_about", "carts_recovered"),
                     kind="bar")  # fmt: skip
    legend = (("series-0", "Written about"), ("series-1", "Recovered"))
    found = (
        trend_of("Recovered revenue", figures.course, ("recovered_revenue",), kind="bar"),
        replace(carts, legend=legend) if carts else None,
        trend_of("Messages and clicks", figures.course, ("delivered", "clicked")),
    )
    return [trend for trend in found if trend is not None]


def verdict_of(figures: HomeFigures) -> dict[str, Any] | None:
    """What the mail earned beyond what people would have bought anyway, with its interval or the reason why not."""
    if not figures.lifts:
        return None
    lift = figures.lifts[0]
    top = max(lift.treated_rate or 0, lift.held_out_rate or 0, 0.01) * 1.15
    rows = [
        {"label": "With the mail", "rate": lift.treated_rate, "text": percent(lift.treated_rate), "tone": "",
         "of": f"{lift.treated_recovered:,} of {lift.treated:,}", "width": 100 * (lift.treated_rate or 0) / top},
        {"label": "Held out", "rate": lift.held_out_rate, "text": percent(lift.held_out_rate), "tone": "context",
         "of": f"{lift.held_out_recovered:,} of {lift.held_out:,}", "width": 100 * (lift.held_out_rate or 0) / top},
    ]  # fmt: skip
    return {
        "rows": rows, "has_estimate": lift.incremental_cents is not None, "reason": plain_reason(lift.reason),
        "text": _figure_money(lift.incremental_cents, lift), "low": _figure_money(lift.low_cents, lift),
        "high": _figure_money(lift.high_cents, lift), "recovered": _figure_money(lift.recovered_cents, lift),
        "is_sure": lift.low_cents is not None and lift.low_cents > 0, "others": len(figures.lifts) - 1,
        "band": band_of(lift),
    }  # fmt: skip


def plain_reason(reason: str) -> str:
    """The warehouse's reason as a sentence; the words before it on the page already say "not enough data"."""
    words = reason.removeprefix("not enough data").lstrip(": ").strip()
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _figure_money(cents: int | None, lift: Lift) -> str:
    return money(cents, lift.currency, whole_from=100)


def band_of(lift: Lift) -> dict[str, float] | None:
    """Where zero, the estimate and its interval stand on a line from 0 to 100; None without an interval."""
    if lift.incremental_cents is None or lift.low_cents is None or lift.high_cents is None:
        return None
    low, high = float(min(lift.low_cents, 0)), float(max(lift.high_cents, 0))
    size = (high - low) or 1
    low, high = low - size * 0.04, high + size * 0.04
    place = {
        name: 100 * (value - low) / (high - low)
        for name, value in (
            ("zero", 0),
            ("low", lift.low_cents),
            ("high", lift.high_cents),
            ("point", lift.incremental_cents),
        )
    }
    return place


class HomeScreen(pn.viewable.Viewer):
    """The home screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user, self.state = context, user, HomeState()
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=5)
        self.waiting, self.ahead = Waiting(), Ahead()
        self.is_planner = user.may("marketer", "analyst")
        self.head, self.today, self.figures, self.trends = Block(), Block(), Block(skeleton), Block(skeleton)
        self.layout = pmui.Column(
            self.head, self.today, self.figures, self.trends,
            margin=0, sizing_mode="stretch_width", sx={"gap": "16px"},
        )  # fmt: skip
        self.head.html = self._head_html()

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self.layout

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask the warehouse and the store; the returned function shows the answers."""
        figures = read_figures(self.context, pulse.version) if pulse.version else None
        live = read_live(self.context, figures.today) if figures else None
        if self.is_planner:
            waiting, ahead = read_waiting(self.context, self.user.email), read_ahead(self.context)
        else:
            waiting, ahead = Waiting(tasks=read_tasks(self.context, self.user.email)), Ahead()
        return lambda: self._show(figures, live, pulse, waiting, ahead)

    def _show(
        self, figures: HomeFigures | None, live: LiveCounts | None, pulse: Pulse, waiting: Waiting, ahead: Ahead
    ) -> None:
        self.waiting, self.ahead = waiting, ahead
        self.state.param.update(figures=figures, live=live, pulse=pulse)
        self.head.html = self._head_html()
        self.today.html = self._today_html()
        self.figures.html = self._figures_html()
        self.trends.html = self._trends_html()

    def _render(self, name: str, **values: Any) -> str:
        return render(f"screens/home/{name}.jinja", self.context.now(), self.context.zone,
                      is_planner=self.is_planner, **values)  # fmt: skip

    def _head_html(self) -> str:
        figures = self.state.figures
        period = f"{day(figures.today - timedelta(days=6))} to {day(figures.today)}" if figures else ""
        return self._render("head", figures=figures, period=period)

    def _today_html(self) -> str:
        figures, pulse = self.state.figures, self.state.pulse or Pulse(None)
        if figures is None or figures.missing:
            return ""
        needs = list_needs(figures, self.state.live, pulse, self.context.now(), self.waiting)
        return self._render("today", needs=needs, ahead=self.ahead)

    def _figures_html(self) -> str:
        figures, pulse = self.state.figures, self.state.pulse or Pulse(None)
        if figures is None or figures.missing:
            return self._render("first_run", missing=figures.missing if figures else (),
                                is_simulated=self.context.settings.is_simulated)  # fmt: skip
        return self._render("figures", groups=groups_of(figures, self.state.live, pulse))

    def _trends_html(self) -> str:
        figures = self.state.figures
        if figures is None or figures.missing:
            return ""
        now = self.context.now()
        return self._render(
            "trends", trends=trends_of(figures), verdict=verdict_of(figures),
            sources=[(source, source.state(now)) for source in figures.sources],
        )  # fmt: skip
