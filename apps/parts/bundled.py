"""What components with a bundle of their own share: their script's address, and hearing what the browser sent.

Belongs here: the bridge. Stays out: the components (`rules.py`, `mail.py`, `calendar.py`) and their scripts
(`apps/assets`, bundled at set-up by `python -m apps.assets.build`). Without a bundle, a script says how to make it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import panel as pn
from panel.custom import JSComponent

from apps.assets import BUILD, FOLDER

MISSING = FOLDER / "bundle_missing.js"
Handler = Callable[[str, Any], Any]


def script_of(bundle: str) -> Path:
    """The bundle of that name, or the script that says that it is not there."""
    return BUILD / bundle if (BUILD / bundle).exists() else MISSING


def mark_of(script: Path) -> str:
    """A mark of a file's content, so that browsers never keep an old one."""
    return hashlib.sha256(script.read_bytes()).hexdigest()[:12]


def address_of(script: Path) -> str:
    """Where browsers find a script among our own files."""
    return f"/assets/{script.relative_to(FOLDER).as_posix()}?v={mark_of(script)}"


class Bundled(JSComponent):
    """A component of ours; `on_action(name, value)` is called with what the browser sent."""

    _address: ClassVar[str] = address_of(MISSING)
    _esm = MISSING
    __abstract = True

    @classmethod
    def _render_esm(cls, compiled: Any = True, server: bool = False) -> Any:
        """The script's address among our own files, with a mark of its content, so that none is kept that is old."""
        return cls._address if server else super()._render_esm(compiled=compiled, server=server)

    def __init__(self, on_action: Handler | None = None, **params: Any) -> None:
        self._on_action = on_action
        params.setdefault("sizing_mode", "stretch_width")
        params.setdefault("margin", 0)
        super().__init__(**params)

    def tell(self, command: str, value: Any = None) -> None:
        """Ask the browser's side to do something once."""
        self._send_msg({"command": command, "value": value})

    def _handle_msg(self, data: Any) -> None:
        """Called by Panel with what the browser sent."""
        if self._on_action is None or not isinstance(data, dict) or not isinstance(data.get("action"), str):
            return
        pn.state.execute(partial(self._on_action, data["action"], data.get("value")))
