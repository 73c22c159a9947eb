"""Layout of the screen of alerts, and what its buttons and forms do.

Belongs here: which block shows what. Stays out: rows and forms (`standing.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.alerts.standing import (
    SNOOZES,
    Standing,
    Tried,
    has_past,
    is_published,
    read_standing,
    rule_of_form,
    rule_words,
    snoozed_until,
    try_rule,
    typed_value,
)
from apps.screens.analytics.desk import desk_of
from apps.screens.segments.addressing import asked_for
from dmat.alerts.desk import AlertDesk
from dmat.alerts.records import acknowledge, reopen, snooze
from dmat.alerts.rules import AlertRule, find_rule, remove_rule, save_rule
from dmat.errors import DmatError
from dmat.metrics.catalogue import load
from dmat.store.access import caller_of_user
from dmat.store.users import User

OF_ALERTS = {"acknowledge", "snooze", "reopen"}
OF_RULES = {"keep", "remove", "switch", "look", "change", "leave"}


class AlertsScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.may = caller_of_user(user).may
        self.told = self.problem = ""
        self.tried: Tried | None = None
        self.changing: AlertRule | None = None
        self.watched = asked_for("watch") if asked_for("watch") in load().metrics else ""
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=6)
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.list, self.rules = Block(**acts), Block(skeleton, **acts), Block(**acts)
        self._show_head()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        return pmui.Column(self.head, self.list, self.rules, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Read what stands open; the returned function shows it."""
        found = read_standing(self.context)
        return lambda: self._show(found)

    def _show(self, found: Standing) -> None:
        now = self.context.now()
        states = {each.alert_id: each.state(now) for each in found.standing}
        self.list.html = self._render("open", found=found, states=states)
        self.rules.html = self._render("rules", found=found, names=desk_of(self.context).segment_names())

    def _show_head(self) -> None:
        metrics = sorted(load().metrics.values(), key=lambda each: each.name)
        segments = desk_of(self.context).segments() if is_published(self.context) else ()
        self.head.html = self._render("head", metrics=metrics, segments=segments, changing=self.changing,
                                      watched=self.watched)  # fmt: skip

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/alerts/{name}.jinja", self.context.now(), self.context.zone,
            may=self.may("analytics:write"), told=self.told, problem=self.problem, tried=self.tried,
            snoozes=SNOOZES, rule_words=rule_words, typed_value=typed_value, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        if name not in OF_ALERTS | OF_RULES or not self.may("analytics:write"):
            return
        form = value if isinstance(value, dict) else {"value": str(value or "")}
        self.watched = ""
        act = self._on_alert if name in OF_ALERTS else self._on_rule
        try:
            self.told, self.problem = await asyncio.to_thread(act, name, form), ""
        except DmatError as error:
            self.told, self.problem = "", f"{str(error)[:1].upper()}{str(error)[1:]}."
        self._show_head()
        self._show(await asyncio.to_thread(read_standing, self.context))

    def _on_alert(self, name: str, form: Mapping[str, Any]) -> str:
        store, clock, by = self.context.store, self.context.settings.clock, self.user.email
        number, _, hours = str(form.get("value") or "0").partition(":")
        alert_id = int(number) if number.isdigit() else 0
        if name == "acknowledge":
            return f"{acknowledge(store, clock, alert_id, by).title}: you look after it"
        if name == "reopen":
            return f"{reopen(store, clock, alert_id, by).title}: open again"
        found = snooze(store, clock, alert_id, snoozed_until(self.context, hours), by)
        return f"{found.title}: quiet for {SNOOZES[hours]}"

    def _on_rule(self, name: str, form: Mapping[str, Any]) -> str:
        store, clock, by = self.context.store, self.context.settings.clock, self.user.email
        key = str(form.get("value") or "")[:60]
        self.changing = find_rule(store, key) if name == "change" else None
        if name == "look":
            return self._look()
        if name in {"change", "leave"}:
            return ""
        if name == "remove":
            remove_rule(store, clock, key, by)
            return "The rule is gone"
        if name == "switch":
            rule = find_rule(store, key)
            save_rule(store, clock, rule.model_dump(mode="json") | {"is_active": not rule.is_active}, by)
            return f"{rule.name} is {'off' if rule.is_active else 'on'}"
        old = find_rule(store, str(form["changing"])[:60]) if form.get("changing") else None
        rule = rule_of_form(form, old)
        self.tried = try_rule(self.context, rule) if has_past(rule) and is_published(self.context) else None
        if form.get("only_try"):
            return "Tried, and not kept"
        save_rule(store, clock, rule.model_dump(mode="json"), by, is_new=old is None)
        return f"{rule.name} is {'changed' if old else 'kept'}"

    def _look(self) -> str:
        if not is_published(self.context):
            return "There are no figures yet"
        look = AlertDesk(self.context.settings, self.context.store, self.context.workspace).look()
        return f"Looked at {look.judged} rules: {look.standing} stand open"
