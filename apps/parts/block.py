"""Block: one component of ours that shows HTML, keeps focus and open folds, and sends back what was clicked.

Belongs here: the bridge between a string of HTML and the browser. Stays out: what is in the HTML (it comes from
autoescaping templates, see `render.py`). The script is `block.js`; scripts inside the HTML are never run.

In the HTML, `data-action="name"` (with `data-value`) on a button, link, form or input makes the block call
`on_action(name, value)`. `data-chart` holds the options of an ECharts chart, drawn as SVG.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import panel as pn
import param
from panel.custom import JSComponent

Handler = Callable[[str, Any], Any]


@cache
def _mark() -> str:
    return hashlib.sha256((Path(__file__).parent / "block.js").read_bytes()).hexdigest()[:12]


class Block(JSComponent):
    """A piece of a page. Change `html` to change what it shows; nothing else is synced."""

    html = param.String(default="", doc="What to show; made by an autoescaping template.")

    _bundle = Path(__file__).parent / "block.js"
    _esm = Path(__file__).parent / "block.js"

    @classmethod
    def _render_esm(cls, compiled: Any = True, server: bool = False) -> Any:
        """The script's address, with a mark of its content, so that browsers never keep an old one."""
        rendered = super()._render_esm(compiled=compiled, server=server)
        return f"{rendered}?v={_mark()}" if server and rendered and "\n" not in rendered else rendered

    def __init__(self, html: str = "", on_action: Handler | None = None, **params: Any) -> None:
        self._on_action = on_action
        params.setdefault("sizing_mode", "stretch_width")
        params.setdefault("margin", 0)
        super().__init__(html=str(html), **params)

    def _handle_msg(self, data: Any) -> None:
        """Called by Panel with what the browser sent."""
        if self._on_action is None or not isinstance(data, dict) or not isinstance(data.get("action"), str):
            return
        pn.state.execute(partial(self._on_action, data["action"], data.get("value")))
