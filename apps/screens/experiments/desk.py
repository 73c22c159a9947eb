"""What the screens of tests share: the library of tests, and those of campaigns, segments and templates beside it.

Belongs here: putting them together once for all pages of one server. Stays out: what they do (`dmat/experiments`,
`dmat/campaigns`, `dmat/messages`).
"""

from __future__ import annotations

from apps.context import Context
from apps.screens.campaigns.desk import desks_of
from dmat.experiments.library import ExperimentLibrary, open_library
from dmat.warehouse import Workspace


class TestDesk:
    """Opened once for all pages of one server."""

    __test__ = False  # no test case, whatever its name begins with

    def __init__(self, context: Context) -> None:
        self.context = context
        self.campaigns = desks_of(context)
        self.library: ExperimentLibrary = open_library(context.settings, context.store)

    @property
    def workspace(self) -> Workspace | None:
        """The published tables; None when nothing has been published yet."""
        return self.context.workspace if self.context.version() else None


def desk_of(context: Context) -> TestDesk:
    """The one of this server."""
    return context.part("experiments", TestDesk)
