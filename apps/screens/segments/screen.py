"""Which of the screens of segments an address asks for: the list, the builder or one segment.

Belongs here: the choice, and what is shown when there is nothing to ask yet. Stays out: the screens themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.home.data import missing_tables
from apps.screens.segments.addressing import asked_for
from apps.screens.segments.answers import Answers
from apps.screens.segments.beginning import Beginning
from apps.screens.segments.builder import BuilderScreen
from apps.screens.segments.detail import DetailScreen
from apps.screens.segments.from_tests import read_people_of_test
from apps.screens.segments.listing import ListScreen
from apps.screens.segments.narrowing import read_narrow
from dmat.errors import NotFoundError
from dmat.segments.catalogue import CATALOGUE_TABLE, PEOPLE_TABLE, REGIONS_TABLE
from dmat.store.access import caller_of_user
from dmat.store.users import User

TABLES = (CATALOGUE_TABLE, PEOPLE_TABLE, REGIONS_TABLE)


def answers_of(context: Context) -> Answers:
    """The answers that all pages of one server share."""
    return context.part("segments", Answers)


class NothingScreen(pn.viewable.Viewer):
    """Shown when there is nothing to ask yet, or no such segment."""

    def __init__(self, context: Context, title: str, text: str) -> None:
        super().__init__()
        self.context = context
        html = render("screens/segments/nothing.jinja", context.now(), context.zone, title=title, text=text)
        self.layout = pmui.Column(Block(html), margin=0, sizing_mode="stretch_width")

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self.layout

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Nothing changes here."""
        return lambda: None


def segments_screen(context: Context, user: User) -> Any:
    """The screen that the page's address asks for."""
    if context.version() is None or missing_tables(context, TABLES):
        return NothingScreen(
            context,
            "Nothing to ask yet",
            "Segments can be built when the tables of people are published. Run dmat refresh, then load this page.",
        )
    answers = answers_of(context)
    new, key = asked_for("new"), asked_for("id")
    may_write = caller_of_user(user).may("segments:write")
    if new and may_write:
        narrow, of_test = read_narrow(asked_for("narrow")), read_people_of_test(asked_for("test"))
        beginning = Beginning(None, new, asked_for("within"), narrow, of_test)
        try:
            return BuilderScreen(context, user, answers, beginning)
        except NotFoundError:
            return NothingScreen(
                context, "No such template", "The address is not complete, or the template was renamed."
            )
    if not key:
        return ListScreen(context, user, answers)
    try:
        segment = answers.library.get(key)
    except NotFoundError:
        return NothingScreen(context, "No such segment", "It may have been deleted, or the address is not complete.")
    if asked_for("edit") and may_write:
        return BuilderScreen(context, user, answers, Beginning(segment))
    return DetailScreen(context, user, answers, segment)
