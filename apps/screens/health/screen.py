"""Layout of the health screen: four blocks made once, whose HTML follows the state.

Belongs here: which block shows what, and the filters of the refused rows. Stays out: queries.
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
from apps.screens.health.data import SourcesHealth, read_sources, state_of
from apps.screens.health.deciding import Said, let_send, read_quarantined
from apps.screens.health.queue import MEANING, QueueHealth, read_queue
from apps.screens.health.state import HealthState
from apps.screens.health.system import SystemHealth, read_system
from dmat.store.users import User

Answer = tuple[SourcesHealth | None, QueueHealth, SystemHealth]


class HealthScreen(pn.viewable.Viewer):
    """The health screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user, self.state = context, user, HealthState()
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=5)
        self.said: Said | None = None
        self.head = Block(self._render("head", parts=None, sending=None), on_action=self._on_decision)
        self.sources, self.queue = Block(skeleton), Block(skeleton, on_action=self._on_decision)
        self.refused, self.system = Block(on_action=self._on_action), Block()
        self.layout = pmui.Column(
            self.head, self.sources, self.queue, self.refused, self.system,
            margin=0, sizing_mode="stretch_width", sx={"gap": "16px"},
        )  # fmt: skip

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self.layout

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask the warehouse, the store and the files; the returned function shows the answers."""
        answer = self._ask(pulse)
        return lambda: self._show(answer)

    def _ask(self, pulse: Pulse) -> Answer:
        state = self.state
        sources = (
            read_sources(self.context, pulse.version, state.refused_source, state.refused_search)
            if pulse.version
            else None
        )
        return sources, read_queue(self.context), read_system(self.context, pulse)

    def _show(self, answer: Answer) -> None:
        sources, queue, system = answer
        now = self.context.now()
        states = {(row["source"], row["resource"]): state_of(row, now) for row in sources.resources} if sources else {}
        self.state.param.update(sources=sources, queue=queue, system=system)
        self.head.html = self._render("head", parts=summary_of(sources, states, queue, system), sending=queue.sending)
        self.sources.html = self._render("sources", health=sources, states=states)
        self.queue.html = self._render("queue", queue=queue, meaning=MEANING)
        self.refused.html = self._render("refused", health=sources, state=self.state)
        self.system.html = self._render("system", system=system)

    def _render(self, name: str, **values: Any) -> str:
        values = {"said": self.said, "decides": self.user.may(), **values}
        return render(f"screens/health/{name}.jinja", self.context.now(), self.context.zone, **values)

    async def _on_decision(self, name: str, value: Any) -> None:
        if name in ("let-send", "let-send-fresh"):
            self.said = await asyncio.to_thread(
                let_send, self.context, self.user, drop_overdue=name == "let-send-fresh"
            )
        elif name == "read-again" and str(value).isascii() and str(value).isdigit():
            self.said = await asyncio.to_thread(read_quarantined, self.context, self.user, int(value))
        else:
            return
        self._show(await asyncio.to_thread(self._ask, self.context.pulse()))

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name == "refused-source":
            self.state.refused_source = "" if text == self.state.refused_source else text
        elif name == "refused-search":
            self.state.refused_search = text
        else:
            return
        answer = await asyncio.to_thread(self._ask, self.context.pulse())
        self._show(answer)


def summary_of(
    sources: SourcesHealth | None, states: dict[tuple[str, str], str], queue: QueueHealth, system: SystemHealth
) -> list[tuple[str, str, str, str, str]]:
    """One line for each part: tone, icon, title, words, anchor."""
    bad = sum(state in {"failing", "stale"} for state in states.values())
    unclear, held = len(queue.unclear), queue.quarantined
    refused = sources.refused_fitting if sources else 0
    down = [row for row in system.processes or () if row["state"] != "running"]
    off = sum(not each.is_active for each in system.endpoints)
    return [
        ("danger" if bad else "success", "database", "Sources",
         f"{bad} of {len(states)} need a look" if bad else f"{len(states)} read without trouble", "sources"),
        ("danger" if unclear or not queue.sending.may_send else "success", "send", "Queue",
         "nothing is sent: it waits for a yes" if not queue.sending.may_send
         else f"{unclear} unclear of {queue.total:,}" if unclear
         else f"{queue.total:,} messages, none unclear", "queue"),
        ("warning" if held or refused else "success", "shield", "Put aside",
         f"{refused:,} rows refused, {held:,} in quarantine", "refused"),
        ("danger" if off else "warning" if down or system.is_supervisor_silent or system.endpoints
         else "success" if system.processes else "plain", "server", "Processes",
         _processes_words(system, down) + (f", {off} webhooks off" if off else ""),
         "webhooks" if system.endpoints else "system"),
    ]  # fmt: skip


def _processes_words(system: SystemHealth, down: list[dict[str, Any]]) -> str:
    if system.processes is None:
        return "not started by dmat up"
    if system.is_supervisor_silent:
        return "the supervisor is silent"
    return f"{len(down)} of {len(system.processes)} not running" if down else f"{len(system.processes)} running"
