"""Block: one component of ours that shows HTML, keeps focus and open folds, and sends back what was clicked.

Belongs here: the bridge between a string of HTML and the browser. Stays out: what is in the HTML (it comes from
autoescaping templates, see `render.py`). The script is `block.js`; scripts inside the HTML are never run.

In the HTML, `data-action="name"` (with `data-value`) on a button, link, form or input makes the block call
`on_action(name, value)`. `data-chart` holds the options of an ECharts chart, drawn as SVG.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

Handler = Callable[[str, Any], Any]


class Block(JSComponent):
    """A piece of a page. Change `html` to change what it shows; nothing else is synced."""

    html = param.String(default="", doc="What to show; made by an autoescaping template.")

    _bundle = Path(__file__).parent / "block.js"
    _esm = Path(__file__).parent / "block.js"

    def __init__(self, html: str = "", on_action: Handler | None = None, **params: Any) -> None:
        self._on_action = on_action
        params.setdefault("sizing_mode", "stretch_width")
        params.setdefault("margin", 0)
        super().__init__(html=str(html), **params)

    def _handle_msg(self, data: Any) -> Any:
        """Called by Panel with what the browser sent."""
        if self._on_action is None or not isinstance(data, dict):
            return None
        name = data.get("action")
        return self._on_action(name, data.get("value")) if isinstance(name, str) else None
