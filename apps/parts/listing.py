"""The frame of every list: a head with what narrows it, over the table; both are made once.

Belongs here: that frame. Stays out: what a list shows, and what a click in it does (each screen's `listing.py`).
"""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context
from apps.parts.block import Block
from apps.parts.render import render


class ListPage(pn.viewable.Viewer):
    """A list that calls `lay_out` when it is made; later only the HTML of its two blocks changes."""

    head: Block
    table: Block

    def lay_out(self, context: Context, head: str) -> None:
        """Make the frame: the head with its HTML, and a skeleton until the table is there."""
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=8)
        self.head = Block(head, on_action=self._on_action)
        self.table = Block(skeleton, on_action=self._on_action)
        self._layout = pmui.Column(self.head, self.table, margin=0, sizing_mode="stretch_width", sx={"gap": "16px"})

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self._layout

    async def _on_action(self, name: str, value: Any) -> None:
        """What a click or a field does; each list has its own."""
        raise NotImplementedError
