"""What the screens of campaigns share: the library of campaigns, their tests, segments and templates of one server.

Belongs here: putting them together once. Stays out: what they do (`dmat/campaigns`, `dmat/segments`, `dmat/messages`).
"""

from __future__ import annotations

from apps.context import Context
from apps.screens.segments.screen import answers_of
from dmat.campaigns.library import CampaignLibrary, open_library
from dmat.experiments.library import ExperimentLibrary
from dmat.experiments.library import open_library as open_tests
from dmat.messages.library import Templates
from dmat.segments.desk import Desk


class Desks:
    """Opened once for all pages of one server."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.segments = Desk(context.settings, context.store, context.workspace)
        self.segments.engine = answers_of(context).engine
        self.templates = Templates(context.store, context.settings.clock)
        self.library: CampaignLibrary = open_library(context.settings, context.store, self.segments)
        self.tests: ExperimentLibrary = open_tests(context.settings, context.store)


def desks_of(context: Context) -> Desks:
    """The one of this server."""
    return context.part("campaigns", Desks)
