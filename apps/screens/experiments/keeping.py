"""Where the form and the monitor keep what they change: the library of tests and drafts, behind one face.

Belongs here: one name for each button, and which scope each needs. Stays out: what a button may do
(`dmat/experiments/library.py`).
"""

from __future__ import annotations

from typing import Any

from dmat.errors import NotFoundError
from dmat.experiments.drafts import DRAFTS
from dmat.experiments.library import ExperimentLibrary
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.records import Experiment
from dmat.store.drafts import Draft

WRITE, SEND = "campaigns:write", "campaigns:send"
SCOPES = {
    "pause": SEND,
    "resume": SEND,
    "stop": SEND,
    "decide": SEND,
    "override": SEND,
    "learned": WRITE,
    "longer": SEND,
}
"""What each button of the monitor needs."""
LONGEST_HOURS = 24 * 90


class Keeping:
    """The tests and drafts of one workspace."""

    def __init__(self, library: ExperimentLibrary) -> None:
        self.library = library

    # -- the form ------------------------------------------------------------------------------------------------

    def save(self, experiment_id: int, document: dict[str, Any], by: str, version: int | None) -> Experiment:
        """A new test, or a new version of one.

        Raises:
            InvalidInputError: it is not whole. ConflictError: somebody else changed it in the meantime.
        """
        plan = parse_test_plan(document)
        if not experiment_id:
            return self.library.create(plan, by)
        return self.library.change(experiment_id, plan, by, expected_version=version)

    def start(self, experiment_id: int, by: str) -> Experiment:
        """Fix the plan and let it run."""
        return self.library.start(experiment_id, by)

    def keep_draft(self, user: str, experiment_id: int, document: dict[str, Any], version: int | None) -> Draft:
        """Keep what a form holds."""
        now = self.library.clock.now()
        return DRAFTS.save(self.library.store, user, experiment_id, document, now, version)

    def find_draft(self, user: str, experiment_id: int) -> Draft | None:
        """What this user did not save, or None."""
        return DRAFTS.load(self.library.store, user, experiment_id)

    def drop_draft(self, user: str, experiment_id: int) -> None:
        """Forget it."""
        DRAFTS.drop(self.library.store, user, experiment_id)

    # -- the monitor ---------------------------------------------------------------------------------------------

    def act(self, name: str, experiment: Experiment, by: str, arm: str = "", words: str = "") -> Experiment:
        """What a button says; `words` are the reason, `arm` the variant that all others get.

        Raises:
            NotFoundError: there is no such button.
        """
        number, library = experiment.experiment_id, self.library
        if name == "pause":
            return library.pause(number, by, words)
        if name == "resume":
            return library.resume(number, by)
        if name == "stop":
            return library.stop(number, by, words, arm)
        if name == "decide":
            return library.declare_winner(number, arm, by, words)
        if name == "override":
            return library.override(number, arm, by, words)
        if name == "learned":
            return library.note_learning(number, by, words)
        if name == "longer":
            return self._prolong(experiment, by, words)
        raise NotFoundError(f"there is nothing called {name!r} to do with a test")

    def _prolong(self, experiment: Experiment, by: str, hours: str) -> Experiment:
        """More time, as a new version of the plan."""
        more = float(hours) if hours.replace(".", "", 1).isdigit() else 0.0
        length = min((experiment.plan.duration_hours or 0) + more, LONGEST_HOURS)
        plan = experiment.plan.model_copy(update={"duration_hours": length})
        return self.library.change(experiment.experiment_id, plan, by, note=f"{more:g} hours more")
