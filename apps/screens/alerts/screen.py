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
from apps.parts.words import refusal
from apps.screens.alerts.drafting import NEW, Draft, changed, choices_of, draft_of, rule_of_form
from apps.screens.alerts.standing import (
    SNOOZES,
    Standing,
    Tried,
    has_past,
    read_standing,
    rule_words,
    snoozed_until,
    try_rule,
)
from apps.screens.analytics.desk import desk_of
from apps.screens.segments.addressing import asked_for
from dmat.alerts.desk import AlertDesk
from dmat.alerts.records import acknowledge, reopen, snooze
from dmat.alerts.rules import find_rule, read_rules, remove_rule, save_rule
from dmat.errors import DmatError
from dmat.metrics.catalogue import load
from dmat.store.access import caller_of_user
from dmat.store.users import User

OF_ALERTS = {"acknowledge", "snooze", "reopen"}
OF_RULES = {"keep", "remove", "switch", "look"}
OF_DIALOG = {"new", "change", "leave", "choose-metric", "choose-dimension", "choose-value", "drop-filter"}


class AlertsScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.may = caller_of_user(user).may
        self.told = self.problem = ""
        self.tried: Tried | None = None
        watched = asked_for("watch") if asked_for("watch") in load().metrics else ""
        self.draft: Draft | None = Draft({**NEW, "metric": watched}) if watched else None
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
        self.rules.html = self._render("rules", found=found, labels=desk_of(self.context).labels())

    def _show_head(self) -> None:
        metrics = sorted(load().metrics.values(), key=lambda each: each.name)
        desk = desk_of(self.context)
        segments = desk.segments() if self.context.version() else ()
        choices = choices_of(self.draft, desk) if self.draft else None
        self.head.html = self._render("head", metrics=metrics, segments=segments, draft=self.draft, choices=choices)

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/alerts/{name}.jinja", self.context.now(), self.context.zone,
            may=self.may("analytics:write"), told=self.told, problem=self.problem, tried=self.tried,
            snoozes=SNOOZES, rule_words=rule_words, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        if name not in OF_ALERTS | OF_RULES | OF_DIALOG or not self.may("analytics:write"):
            return
        form = value if isinstance(value, dict) else {"value": str(value or "")}
        act = self._on_alert if name in OF_ALERTS else self._on_rule if name in OF_RULES else self._on_dialog
        try:
            self.told, self.problem = await asyncio.to_thread(act, name, form), ""
        except DmatError as error:
            self.told, self.problem = "", refusal(error)
        await asyncio.to_thread(self._show_head)
        if name not in OF_DIALOG:
            self._show(await asyncio.to_thread(read_standing, self.context))

    def _on_dialog(self, name: str, form: Mapping[str, Any]) -> str:
        value = str(form.get("value") or "")[:600]
        if name == "new":
            self.draft = Draft()
        elif name == "change":
            self.draft = draft_of(find_rule(self.context.store, value[:60]))
        elif name == "leave":
            self.draft = None
        elif self.draft is not None:
            self.draft = changed(self.draft, name, value)
        return ""

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
        if name == "look":
            return self._look()
        if name == "remove":
            remove_rule(store, clock, key, by)
            return "The rule is gone"
        if name == "switch":
            rule = find_rule(store, key)
            save_rule(store, clock, rule.model_dump(mode="json") | {"is_active": not rule.is_active}, by)
            return f"{rule.name} is {'off' if rule.is_active else 'on'}"
        return self._keep(form)

    def _keep(self, form: Mapping[str, Any]) -> str:
        """Keep or try what was typed; what is refused stays in its dialog, with the reason."""
        draft, self.tried = self.draft or Draft(), None
        old = draft.changing
        try:
            rule = rule_of_form(form, draft, [each.key for each in read_rules(self.context.store)])
            if has_past(rule) and self.context.version():
                self.tried = try_rule(self.context, rule)
            if not form.get("only_try"):
                by = self.user.email
                save_rule(self.context.store, self.context.settings.clock, rule.model_dump(mode="json"), by,
                          is_new=old is None)  # fmt: skip
        except DmatError as error:
            self.draft, self.tried = draft.typed(form, refusal(error)), None
            return ""
        self.draft = None
        return "Tried, and not kept" if form.get("only_try") else f"{rule.name} is {'changed' if old else 'kept'}"

    def _look(self) -> str:
        if self.context.version() is None:
            return "There are no figures yet"
        look = AlertDesk(self.context.settings, self.context.store, self.context.workspace).look()
        return f"Looked at {look.judged} rules: {look.standing} stand open"
