"""MailEditor: drag and drop, or code, on one and the same text of a message.

Belongs here: what is synced. Stays out: the component itself (`assets/mail`) and what a template may say
(`dmat/messages`). One value is synced both ways: `source`, the text and the serial of its edit.
"""

from __future__ import annotations

import param

from apps.assets import BUILD
from apps.parts.bundled import Bundled, address_of, mark_of, script_of

_SCRIPT = script_of("mail_editor.js")
_FRAME = BUILD / "mail_frame.js"


class MailEditor(Bundled):
    """The editor of one reader."""

    source = param.Dict(default={"serial": "0", "mjml": ""}, doc="Serial of the edit, and the text.")
    mode = param.Selector(default="code", objects=["visual", "code", "none"], doc="Drag and drop, text, or neither.")
    label = param.String(default="Text of the template", doc="What the text area is called.")
    blocks = param.List(default=[], doc="Saved blocks: key, name, mjml.")
    variables = param.List(default=[], doc="Personal values to insert: insert, label.")
    faults = param.List(default=[], doc="Lines to mark: line, text.")
    bundle = param.String(default="", doc="Mark of the frame's script, so that no old one is kept.")

    _address = address_of(_SCRIPT)
    _bundle = _SCRIPT
    _esm = _SCRIPT

    def __init__(self, **params: object) -> None:
        params.setdefault("bundle", mark_of(_FRAME) if _FRAME.exists() else "")
        super().__init__(**params)  # type: ignore[arg-type]
