"""Stub."""

from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.parts.block import Block


class FollowScreen(pn.viewable.Viewer):
    def __init__(self, context, user):
        super().__init__()
        self.layout = pmui.Column(Block("<h1>Follow</h1>"))

    def __panel__(self) -> Any:
        return self.layout

    def refresh(self, pulse):
        return None

    def tick(self, pulse):
        pass
