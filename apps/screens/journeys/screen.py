"""Which of the screens of journeys an address asks for: the list, the canvas, people, the past, or versions.

Belongs here: the choice. Stays out: the screens themselves.
"""

from __future__ import annotations

from typing import Any

from apps.context import Context
from apps.screens.journeys.builder import BuilderScreen
from apps.screens.journeys.building import NEW
from apps.screens.journeys.desk import JourneyDesk, desk_of
from apps.screens.journeys.graph import explicit
from apps.screens.journeys.listing import ListScreen
from apps.screens.journeys.offering import blank_plan
from apps.screens.journeys.past import PastScreen
from apps.screens.journeys.people import PeopleScreen
from apps.screens.journeys.versions import VersionsScreen
from apps.screens.segments.addressing import asked_for
from apps.screens.segments.screen import NothingScreen
from dmat.errors import NotFoundError
from dmat.journeys.definition import as_document
from dmat.journeys.drafts import DRAFTS
from dmat.store.access import caller_of_user
from dmat.store.users import User

BLANK, GO_ON = "blank", "draft"


def journeys_screen(context: Context, user: User) -> Any:
    """The screen that the page's address asks for."""
    desk, key, new = desk_of(context), asked_for("id"), asked_for("new")
    if new in (BLANK, GO_ON) and caller_of_user(user).may("campaigns:write"):
        kept = DRAFTS.load(context.store, user.email, NEW)
        afresh = kept is not None and new == BLANK
        return BuilderScreen(context, user, desk, blank_plan(), afresh=afresh)
    if not key:
        return ListScreen(context, user, desk)
    return _of_journey(context, user, desk, key)


def _of_journey(context: Context, user: User, desk: JourneyDesk, key: str) -> Any:
    try:
        journey = desk.library.get(key[:60])
    except NotFoundError:
        return NothingScreen(context, "No such journey", "It may have another key, or the address is not complete.")
    view = asked_for("view")
    if view == "people":
        return PeopleScreen(context, user, desk, journey)
    if view == "past":
        return PastScreen(context, user, desk, journey)
    if view == "versions":
        return VersionsScreen(context, user, desk, journey)
    plan = explicit(as_document(desk.library.version(journey.key).definition))
    return BuilderScreen(context, user, desk, plan, journey)
