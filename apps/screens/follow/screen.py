"""Layout of the screen of one cart: the list on the left, the path on the right, SQL in a dialog.

Belongs here: what a click does and which block shows what. Stays out: queries (`carts.py`, `path.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.follow.carts import STATUSES, Listed, best_cart, list_carts
from apps.screens.follow.origins import sql_of
from apps.screens.follow.path import Path, read_path
from apps.screens.follow.state import FollowState
from dmat.store.users import User

_STICKY = {"position": "sticky", "top": "16px"}
Answer = tuple[Listed | None, Path | None]


def asked_for(name: str) -> str:
    """A value of the page's address (`?id=...`), from the request: a late websocket has no address of its own."""
    values = pn.state.session_args.get(name) if pn.state.session_args else None
    return values[0].decode(errors="replace")[:200] if values else ""


class FollowScreen(pn.viewable.Viewer):
    """The screen of one reader who follows one cart."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.state = FollowState(cart_id=asked_for("id"), status=asked_for("status"), search=asked_for("search"))
        self.state.is_chosen = bool(self.state.cart_id)
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=6)
        self.head, self.sql = Block(self._render("head")), Block(on_action=self._on_action)
        self.picker = Block(skeleton, on_action=self._on_action)
        self.path = Block(skeleton, on_action=self._on_action)
        columns = pmui.Grid(
            pmui.Grid(self.picker, size={"xs": 12, "lg": 3.6}, styles=_STICKY),
            pmui.Grid(self.path, size={"xs": 12, "lg": 8.4}),
            container=True, spacing=2, margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
        self.layout = pmui.Column(
            self.head, columns, self.sql, margin=0, sizing_mode="stretch_width", sx={"gap": "16px"}
        )

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self.layout

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask for the list and the path; the returned function shows them."""
        answer = self._ask(pulse)
        return lambda: self._show(answer)

    def _ask(self, pulse: Pulse) -> Answer:
        if pulse.version is None:
            return None, None
        listed = list_carts(self.context, pulse.version, self.state.status, self.state.search)
        cart_id = self.state.cart_id or best_cart(listed)
        return listed, read_path(self.context, pulse.version, cart_id) if cart_id else None

    def _show(self, answer: Answer) -> None:
        listed, path = answer
        if path is not None and not self.state.cart_id:
            self.state.cart_id = path.cart_id
        self.state.param.update(listed=listed, path=path)
        self.picker.html = self._render("picker", listed=listed, state=self.state, statuses=STATUSES)
        self.path.html = self._render("path", path=path, state=self.state, statuses=STATUSES, listed=listed,
                                      status=self._status(listed))  # fmt: skip

    def _status(self, listed: Listed | None) -> str:
        carts = listed.carts if listed else ()
        return next((cart.status for cart in carts if cart.cart_id == self.state.cart_id), "")

    def _render(self, name: str, **values: Any) -> str:
        return render(f"screens/follow/{name}.jinja", self.context.now(), self.context.zone, **values)

    async def _on_action(self, name: str, value: Any) -> None:
        if name == "sql" or name == "close-sql":
            self._show_sql(str(value or ""))
            return
        text = str(value or "")[:200]
        if name == "cart":
            self.state.param.update(cart_id=text, is_chosen=True)
        elif name == "list":
            self.state.is_chosen = False
        elif name in {"status", "search"}:
            setattr(self.state, name, "" if text == getattr(self.state, name) and name == "status" else text)
        else:
            return
        self._remember()
        answer = await asyncio.to_thread(self._ask, self.context.pulse())
        self._show(answer)

    def _remember(self) -> None:
        """Keep the address in step, so that it can be shared and reloaded."""
        if pn.state.location:
            wanted = {
                "id": self.state.cart_id if self.state.is_chosen else "",
                "status": self.state.status,
                "search": self.state.search,
            }
            parts = {name: value for name, value in wanted.items() if value}
            pn.state.location.search = "?" + "&".join(f"{name}={quote(value)}" for name, value in parts.items())

    def _show_sql(self, table: str) -> None:
        known = self.state.path.origins if self.state.path else {}
        sql, is_compiled = sql_of(table, self.context.settings) if table in known else ("", False)
        origin = known.get(table)
        self.sql.html = self._render("sql", origin=origin, sql=sql, is_compiled=is_compiled) if sql else ""
