"""Layout of the home screen: blocks made once, whose HTML follows the state.

Belongs here: which block stands where and what it is made of. Stays out: queries (`data.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.charts import Series, chart
from apps.parts.render import render
from apps.parts.words import day, money, number, percent
from apps.screens.home.data import HomeFigures, Lift, LiveCounts, read_figures, read_live
from apps.screens.home.needs import Waiting, list_needs
from apps.screens.home.state import HomeState
from apps.screens.home.waiting import read_tasks, read_waiting
from dmat.store.users import User

Figure = dict[str, Any]


def figure(label: str, key: str, figures: HomeFigures, good: str = "up", note: str = "") -> Figure:
    """One key figure: this week, the week before, and its fourteen days as a line."""
    is_money = key.endswith("_cents")
    now, before = figures.this_week.get(key, 0), figures.week_before.get(key, 0)
    words = (lambda value: money(value, figures.currency, whole_from=1000)) if is_money else number
    return {
        "key": key, "label": label, "text": words(now), "before_text": words(before), "value": now, "before": before,
        "good": good, "note": note, "points": [sums[key] for _, sums in figures.days],
    }  # fmt: skip


def groups_of(figures: HomeFigures, live: LiveCounts | None, pulse: Pulse) -> list[dict[str, Any]]:
    """The three cards: what came in, what went out, what it earned."""
    sent = _sent_note(figures, live, pulse)
    return [
        {"title": "What came in", "icon": "inbox", "tone": "", "figures": [
            figure("Visits", "visits_count", figures),
            figure("Carts left", "carts_left_count", figures, good="none"),
        ]},
        {"title": "What went out", "icon": "send", "tone": "", "figures": [
            figure("Messages delivered", "messages_delivered_count", figures, good="none", note=sent),
            figure("Clicked by people", "messages_clicked_count", figures),
        ]},
        {"title": "What it earned", "icon": "coins", "tone": "success", "figures": [
            figure("Carts recovered", "carts_recovered_count", figures),
            figure("Recovered revenue", "recovered_cents", figures),
        ]},
    ]  # fmt: skip


def _sent_note(figures: HomeFigures, live: LiveCounts | None, pulse: Pulse) -> str:
    accepted = figures.this_week.get("messages_accepted_count", 0)
    parts = [f"{accepted:,} accepted by the provider"] if accepted else []
    ahead = live_note(figures, live, pulse)
    return "; ".join([*parts, *([ahead] if ahead else [])])


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


def trends_of(figures: HomeFigures) -> list[dict[str, Any]]:
    """Three charts over eight weeks."""
    labels = [day(week.last_day - timedelta(days=6)) for week in figures.weeks]
    column = {key: [week.sums[key] for week in figures.weeks] for key in figures.this_week}
    earned = [cents / 100 for cents in column.get("recovered_cents", [])]
    total = money(sum(column.get("recovered_cents", [])), figures.currency)
    carts, saved = column.get("carts_left_count", []), column.get("carts_recovered_count", [])
    sent, clicked = column.get("messages_delivered_count", []), column.get("messages_clicked_count", [])
    return [
        {"key": "earned", "title": "Recovered revenue", "about": "By week in which the order came", "legend": [],
         "unit": f"money:{figures.currency or 'EUR'}", "summary": f"{total} recovered in eight weeks.",
         "options": chart(labels, [Series("Recovered revenue", earned)], f"{total} recovered in eight weeks.")},
        {"key": "carts", "title": "Carts left and recovered", "about": "By week",
         "legend": [("context", "Left"), ("series-0", "Recovered")], "unit": "count",
         "summary": f"{sum(carts):,} carts left, {sum(saved):,} recovered in eight weeks.",
         "options": chart(labels, [Series("Left", carts, "context"), Series("Recovered", saved)],
                          f"{sum(carts):,} carts left, {sum(saved):,} recovered in eight weeks.")},
        {"key": "messages", "title": "Messages", "about": "Delivered, and clicked by people, by week",
         "legend": [], "unit": "count", "summary": f"{sum(sent):,} delivered, {sum(clicked):,} clicked in eight weeks.",
         "options": chart(labels, [Series("Delivered", sent, "series-0", "line"),
                                   Series("Clicked", clicked, "series-1", "line")],
                          f"{sum(sent):,} delivered, {sum(clicked):,} clicked in eight weeks.", label_room=72)},
    ]  # fmt: skip


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
        self.waiting = Waiting()
        self.head, self.figures, self.trends = Block(), Block(skeleton), Block(skeleton)
        self.layout = pmui.Column(
            self.head, self.figures, self.trends,
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
        if self.user.may("marketer", "analyst"):
            waiting = read_waiting(self.context, self.user.email)
        else:
            waiting = Waiting(tasks=read_tasks(self.context, self.user.email))
        return lambda: self._show(figures, live, pulse, waiting)

    def _show(self, figures: HomeFigures | None, live: LiveCounts | None, pulse: Pulse, waiting: Waiting) -> None:
        self.waiting = waiting
        self.state.param.update(figures=figures, live=live, pulse=pulse)
        self.head.html = self._head_html()
        self.figures.html = self._figures_html()
        self.trends.html = self._trends_html()

    def _render(self, name: str, **values: Any) -> str:
        return render(f"screens/home/{name}.jinja", self.context.now(), self.context.zone, **values)

    def _head_html(self) -> str:
        figures = self.state.figures
        period = f"{day(figures.today - timedelta(days=6))} to {day(figures.today)}" if figures else ""
        return self._render("head", figures=figures, period=period, may_follow=self.user.may("marketer", "analyst"))

    def _figures_html(self) -> str:
        figures, pulse = self.state.figures, self.state.pulse or Pulse(None)
        if figures is None or figures.missing:
            return self._render("first_run", missing=figures.missing if figures else (),
                                is_simulated=self.context.settings.is_simulated)  # fmt: skip
        return self._render("figures", groups=groups_of(figures, self.state.live, pulse))

    def _trends_html(self) -> str:
        figures, pulse = self.state.figures, self.state.pulse or Pulse(None)
        if figures is None or figures.missing:
            return ""
        now = self.context.now()
        return self._render(
            "trends", trends=trends_of(figures), verdict=verdict_of(figures),
            needs=list_needs(figures, self.state.live, pulse, now, self.waiting),
            sources=[(source, source.state(now)) for source in figures.sources],
            may_check=self.user.may("marketer", "analyst"),
        )  # fmt: skip
