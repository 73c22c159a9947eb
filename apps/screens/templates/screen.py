"""Which of the screens of templates an address asks for: the list or one template.

Belongs here: the choice. Stays out: the screens themselves.
"""

from __future__ import annotations

from typing import Any

from apps.context import Context
from apps.screens.campaigns.desk import desks_of
from apps.screens.segments.addressing import asked_for
from apps.screens.segments.screen import NothingScreen
from apps.screens.templates.editor import EditorScreen
from apps.screens.templates.listing import ListScreen
from dmat.errors import NotFoundError
from dmat.messages.library import Templates
from dmat.store.users import User


def templates_of(context: Context) -> Templates:
    """The library of templates that all pages of one server share."""
    return context.part("templates", lambda each: Templates(each.store, each.settings.clock))


def templates_screen(context: Context, user: User) -> Any:
    """The screen that the page's address asks for."""
    library, campaigns, key = templates_of(context), desks_of(context).library, asked_for("id")
    if not key:
        return ListScreen(context, user, library, campaigns)
    try:
        template = library.get(key)
    except NotFoundError:
        return NothingScreen(context, "No such template", "It may have been renamed, or the address is not complete.")
    return EditorScreen(context, user, library, campaigns, template)
