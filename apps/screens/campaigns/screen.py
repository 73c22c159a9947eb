"""Which of the screens of campaigns an address asks for: the list, the composer or the monitor.

Belongs here: the choice. Stays out: the screens themselves.
"""

from __future__ import annotations

from typing import Any

from apps.context import Context
from apps.screens.campaigns.composer import ComposerScreen
from apps.screens.campaigns.desk import desks_of
from apps.screens.campaigns.listing import ListScreen
from apps.screens.campaigns.monitor import MonitorScreen
from apps.screens.segments.addressing import asked_for
from apps.screens.segments.screen import NothingScreen
from dmat.errors import NotFoundError
from dmat.store.users import User


def campaigns_screen(context: Context, user: User) -> Any:
    """The screen that the page's address asks for."""
    desks, key = desks_of(context), asked_for("id")
    if not key:
        return ListScreen(context, user, desks)
    try:
        campaign = desks.library.get(int(key) if key.isdigit() else 0)
    except NotFoundError:
        return NothingScreen(context, "No such campaign", "It may have been deleted, or the address is not complete.")
    if campaign.started_at is None or asked_for("edit"):
        return ComposerScreen(context, user, desks, campaign)
    return MonitorScreen(context, user, desks, campaign)
