"""RuleBuilder: the bridge between a rule in the browser's hands and the screen that holds it.

Belongs here: what is synced. Stays out: the component itself (`assets/rules`, bundled at set-up by
`python -m apps.assets.build`) and what a rule means (`dmat/segments`). One value is synced both ways: `state`, the rule
and the serial of its edit; answers name the serial they are for, so that a late one is never shown at the wrong line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import panel as pn
import param
from panel.custom import JSComponent

from apps.assets import BUILD, FOLDER

BUNDLE = BUILD / "rule_builder.js"
MISSING = FOLDER / "rules_missing.js"
_SCRIPT = BUNDLE if BUNDLE.exists() else MISSING
Handler = Callable[[str, Any], Any]


def _address(script: Path) -> str:
    mark = hashlib.sha256(script.read_bytes()).hexdigest()[:12]
    return f"/assets/{script.relative_to(FOLDER).as_posix()}?v={mark}"


ADDRESS = _address(_SCRIPT)


class RuleBuilder(JSComponent):
    """The rule builder of one reader; without its bundle it says how to make it."""

    state = param.Dict(default={"serial": "0", "rule": {"version": 1, "where": {"all": []}}}, doc="Serial and rule.")
    catalogue = param.String(default="{}", doc="What can be asked, as JSON; fixed while the page is open.")
    answers = param.Dict(default={}, doc="Counts by path, faults, total and everybody, and the serial they are for.")
    suggestions = param.Dict(default={}, doc="Values of one subject with how many people have each.")
    possible = param.Dict(default={"undo": False, "redo": False}, doc="Which of undo and redo there is.")

    _bundle = _SCRIPT
    _esm = _SCRIPT

    @classmethod
    def _render_esm(cls, compiled: Any = True, server: bool = False) -> Any:
        """The script's address among our own files, with a mark of its content, so that none is kept that is old."""
        return ADDRESS if server else super()._render_esm(compiled=compiled, server=server)

    def __init__(self, on_action: Handler | None = None, **params: Any) -> None:
        self._on_action = on_action
        params.setdefault("sizing_mode", "stretch_width")
        params.setdefault("margin", 0)
        super().__init__(**params)

    def _handle_msg(self, data: Any) -> None:
        """Called by Panel with what the browser sent."""
        if self._on_action is None or not isinstance(data, dict) or not isinstance(data.get("action"), str):
            return
        pn.state.execute(partial(self._on_action, data["action"], data.get("value")))
