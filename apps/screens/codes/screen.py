"""Layout of the screen of codes and links: pools, a form for a new one, the workspace's parameters of links.

Belongs here: which block shows what, and what a click does. Stays out: pools (`pools.py`), filling parameters in
(`dmat/messages/tracking.py`).
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
from apps.screens.campaigns.branching import LINK_FIELDS
from apps.screens.campaigns.desk import desks_of
from apps.screens.codes.pools import Row, examples_of, fill_pool, make_pool, read_pools, release
from dmat.errors import DmatError, InvalidInputError
from dmat.messages.tracking import (
    DOMAINS_KEY,
    WORDS,
    get_utm_rule,
    own_domains,
    parameters_of,
    set_own_domains,
    set_utm_rule,
)
from dmat.store.access import caller_of_user
from dmat.store.users import User
from dmat.store.workspace_values import get_value

EXAMPLE = {"channel": "email", "campaign": "Spring Sale", "step": "announcement", "variant": "a", "template": "sale",
           "programme": "campaign:7", "locale": "en"}  # fmt: skip


class CodesScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user, self.desks = context, user, desks_of(context)
        self.may = caller_of_user(user).may
        self.problem = self.told = self.pattern = ""
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=5)
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.pools, self.links = Block(**acts), Block(skeleton, **acts), Block(**acts)
        self._show_head()
        self._show_links()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        return pmui.Column(self.head, self.pools, self.links, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Count the codes; the returned function shows it."""
        rows = self._read()
        return lambda: self._show(rows)

    def _read(self) -> list[Row]:
        return read_pools(self.context.store, self.desks.library.list())

    def _show(self, rows: list[Row]) -> None:
        self.pools.html = self._render("pools", rows=rows)

    def _show_head(self) -> None:
        self.head.html = self._render("head", examples=self._examples())

    def _show_links(self) -> None:
        store, settings = self.context.store, self.context.settings
        rule = get_utm_rule(store)
        self.links.html = self._render(
            "links", rule=rule, fields=(*LINK_FIELDS, "id"), words=WORDS, example=parameters_of(rule, EXAMPLE),
            domains=own_domains(settings, store), added="\n".join(get_value(store, DOMAINS_KEY, [])),
        )  # fmt: skip

    def _examples(self) -> list[str]:
        try:
            return examples_of(self.pattern.strip().upper()) if self.pattern.strip() else []
        except InvalidInputError:
            return []

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/codes/{name}.jinja", self.context.now(), self.context.zone, may=self.may, problem=self.problem,
            told=self.told, pattern=self.pattern, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        form = value if isinstance(value, dict) else {}
        if name == "pattern":
            self.pattern = str(value or "")[:60]
            self._show_head()
        elif name in {"make", "fill", "release"} and self.may("codes:write"):
            await self._do(lambda: self._change_pools(name, form, value))
            self.pattern = "" if not self.problem else self.pattern
            self._show_head()
            self._show(await asyncio.to_thread(self._read))
        elif name in {"utm", "domains"} and self.may("templates:write"):
            await self._do(lambda: self._change_links(name, form))
            self._show_head()
            self._show_links()

    def _change_pools(self, name: str, form: Mapping[str, Any], value: Any) -> str:
        store, clock, by = self.context.store, self.context.settings.clock, self.user.email
        if name == "release":
            return release(store, clock, str(value or "")[:100], by)
        return (make_pool if name == "make" else fill_pool)(store, clock, form, by)

    def _change_links(self, name: str, form: Mapping[str, Any]) -> str:
        store, now, by = self.context.store, self.context.now(), self.user.email
        if name == "domains":
            set_own_domains(store, str(form.get("domains") or "")[:20_000].split(), now, by)
            return "The domains are kept"
        rule = {field: text for field in (*LINK_FIELDS, "id") if (text := str(form.get(field) or "").strip())}
        set_utm_rule(store, rule, now, by)
        return "The parameters are kept; messages that are put together from now on carry them"

    async def _do(self, act: Callable[[], str]) -> None:
        try:
            self.told, self.problem = await asyncio.to_thread(act), ""
        except DmatError as error:
            self.told, self.problem = "", refusal(error)
