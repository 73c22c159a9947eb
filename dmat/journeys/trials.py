"""Experiments on splits, as the machine knows them: when they took people in, who is in which arm, who won. Pure.

Belongs here: which way of a split an experiment gives a person at a moment. Stays out: reading experiments
(`dmat/experiments/in_journeys.py`), the ways of a split without one (`machine.py`).

Everything is asked as of the logical moment at which a member reaches the split, and a change of the experiment counts
for who comes after it. So it does not matter when somebody looks, and a replay gives the same arms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from dmat.experiments.assign import arm_of
from dmat.experiments.records import REST_SUFFIX, salt_of
from dmat.journeys.steps import Split


class Trial(NamedTuple):
    """An experiment on a split.

    Attributes:
        step: key of the split.
        shares: arm -> its share; the arms are those of the split.
        spans: when it took people in: from, and until (None: still does); not while it was paused.
        winner: the arm that everybody new gets since `decided_at`; empty: the split divides as without it.
        arms: of people whose arm was worked out with that of many others (`of_people`).
    """

    experiment_id: int
    step: str
    shares: Mapping[str, float]
    spans: Sequence[tuple[datetime, datetime | None]]
    winner: str = ""
    decided_at: datetime | None = None
    arms: Mapping[int, str] = {}

    @property
    def salt(self) -> str:
        """What decides who is in which arm."""
        return salt_of(self.experiment_id)

    def takes(self, at: datetime) -> bool:
        """Whether who comes at that moment is in the experiment."""
        return any(since < at and (until is None or at <= until) for since, until in self.spans)

    def fits(self, step: Split) -> bool:
        """Whether it is about this split: another version may divide otherwise."""
        return self.step == step.key and dict(self.shares) == {arm.key: arm.share for arm in step.arms}

    def arm(self, person_id: int) -> str:
        """The arm of a person, for ever the same."""
        return self.arms.get(person_id) or self.of_people([person_id]).arms[person_id]

    def of_people(self, people: Collection[int]) -> Trial:
        """The same with the arms of these people worked out at once, which is much faster than one at a time."""
        ids, names = np.fromiter(people, np.int64, len(people)), list(self.shares)
        codes = arm_of(self.salt, ids, self.shares)
        return self._replace(arms=dict(zip(ids.tolist(), [names[code] for code in codes.tolist()], strict=True)))


class Tried(NamedTuple):
    """The way that an experiment gives: key of the arm, what messages behind it carry, and in which experiment.

    Whoever gets the winner's way after the decision has a variant of their own: figures stay those of the test.
    """

    arm: str
    variant: str
    exposed_to: int = 0


def tried_way(trials: Sequence[Trial], step: Split, person_id: int, at: datetime) -> Tried | None:
    """The way of a person who reaches a split at a moment; None when no experiment says anything."""
    for trial in trials:
        if not trial.fits(step):
            continue
        if trial.takes(at):
            arm = trial.arm(person_id)
            return Tried(arm, arm, trial.experiment_id)
        if trial.winner and trial.decided_at is not None and trial.decided_at < at:
            return Tried(trial.winner, f"{trial.winner}{REST_SUFFIX}")
    return None
