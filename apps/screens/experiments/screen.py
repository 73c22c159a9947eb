"""Which of the screens of tests an address asks for: the list, the form or the monitor.

Belongs here: the choice. Stays out: the screens themselves.
"""

from __future__ import annotations

from typing import Any

from apps.context import Context
from apps.screens.experiments.desk import TestDesk, desk_of
from apps.screens.experiments.edits import at_split, in_journey
from apps.screens.experiments.form import FormScreen
from apps.screens.experiments.judging import judging_of, ways_of
from apps.screens.experiments.listing import ListScreen
from apps.screens.experiments.monitor import MonitorScreen
from apps.screens.experiments.patterns import PATTERNS, copy_of, document_of, fitting_pattern, pattern_of
from apps.screens.segments.addressing import asked_for
from apps.screens.segments.screen import NothingScreen
from dmat.errors import NotFoundError
from dmat.experiments.drafts import DRAFTS, NEW
from dmat.experiments.plan import as_document
from dmat.experiments.records import DRAFT
from dmat.store.access import caller_of_user
from dmat.store.users import User

PICK, GO_ON = "1", "draft"


def experiments_screen(context: Context, user: User) -> Any:
    """The screen that the page's address asks for."""
    desk, key, new = desk_of(context), asked_for("id"), asked_for("new")
    if new and new != PICK and caller_of_user(user).may("campaigns:write"):
        return _new(context, user, desk, new)
    again = asked_for("again")
    if again.isdigit() and caller_of_user(user).may("campaigns:write"):
        return _again(context, user, desk, int(again))
    if not key:
        return ListScreen(context, user, desk)
    try:
        test = desk.library.get(int(key) if key.isdigit() else 0)
    except NotFoundError:
        return NothingScreen(context, "No such test", "It may have been deleted, or the address is not complete.")
    if test.status == DRAFT:
        return FormScreen(context, user, desk, as_document(test.plan), test.experiment_id, test.version)
    return MonitorScreen(context, user, desk, test)


def _new(context: Context, user: User, desk: TestDesk, pattern: str) -> Any:
    """A new test of a pattern, begun at a step of a campaign, at a split of a journey or nowhere; or the one kept."""
    campaign, step = asked_for("campaign"), asked_for("step")
    kept = DRAFTS.load(context.store, user.email, NEW)
    if pattern == GO_ON:
        pattern = PATTERNS[0].key
    try:
        chosen = pattern_of(pattern)
    except NotFoundError:
        return NothingScreen(context, "No such test", "The address is not complete.")
    number = int(campaign) if campaign.isdigit() and len(campaign) < 10 else None
    document = document_of(chosen, number, step if number else "")
    if asked_for("journey"):
        document = _inside(desk, document, asked_for("journey")[:60], step)
    place = judging_of(desk).place_of(document)
    if place.step is not None:
        document = document_of(fitting_pattern(chosen, place.step.channel), number, step)
    afresh = kept is not None and asked_for("new") != GO_ON
    return FormScreen(context, user, desk, document, NEW, None, afresh=afresh)


def _inside(desk: TestDesk, document: dict[str, Any], journey: str, split: str) -> dict[str, Any]:
    """Begun at a split of a journey."""
    document = in_journey(document, journey)
    found = judging_of(desk).place_of(document).journey
    return document if found is None else at_split(document, split, ways_of(found, split))


def _again(context: Context, user: User, desk: TestDesk, number: int) -> Any:
    """A new test with the plan of another one."""
    try:
        plan = desk.library.get(number).plan
    except NotFoundError:
        return NothingScreen(context, "No such test", "It may have been deleted, or the address is not complete.")
    return FormScreen(context, user, desk, copy_of(as_document(plan)), NEW, None, afresh=True)
