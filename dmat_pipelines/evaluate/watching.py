"""Watching the figures: alerts are judged and told, reports whose moment has come are made and mailed.

Belongs here: one look, for the sensor; what it tells the graph. Stays out: the rules (`dmat/alerts`, `dmat/reports`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dmat.settings import Settings
from dmat.store import Store
from dmat.warehouse import Workspace


@dataclass(frozen=True)
class Watched:
    """What one look did."""

    rules_judged: int = 0
    alerts_open: int = 0
    alerts_told: int = 0
    reports_made: int = 0
    mails_planned: int = 0
    faults: tuple[str, ...] = ()

    def facts(self) -> dict[str, int]:
        """As numbers, for Dagster."""
        found = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return found | {"faults": len(self.faults)}


def watch_figures(settings: Settings, store: Store, view: Workspace) -> Watched:
    """Judge, tell, make and mail what is due.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    from dmat.alerts.desk import AlertDesk
    from dmat.reports.running import make_due_reports

    look = AlertDesk(settings, store, view).look()
    made = make_due_reports(settings, store, view)
    faults = {**look.faulty, **made.faulty}
    return Watched(
        look.judged, look.standing, look.told, len(made.made), made.mails,
        tuple(f"{key}: {words}" for key, words in sorted(faults.items())),
    )  # fmt: skip
