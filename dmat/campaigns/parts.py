"""The parts of a step that are planned one after the other: those in its test, and the rest once it is decided.

Belongs here: which parts there are, how far each is planned, whether anybody still waits. Stays out: the split
(`splitting.py`), decisions (`dmat/experiments/settling.py`), planning itself (`planning.py`).

A decision writes one more part, the rest. It is planned under the same programme, version, step and occurrence, whose
message ids make each person once, whatever happens in between; until then the step is `testing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from dmat.campaigns.audience import Ids
from dmat.campaigns.splitting import OTHER_ARM
from dmat.campaigns.step_runs import StepRun
from dmat.errors import ConflictError
from dmat.experiments.assign import NO_ARM, Codes
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import (
    REST,
    TEST,
    Wave,
    find_experiment,
    lock_experiment,
    people_of_wave,
    read_waves,
    running_plan_of,
)
from dmat.store.experiment_tables import experiment_assignments


@dataclass(frozen=True)
class Part:
    """People of a step who are planned one after the other; without a test there is one part, all of them.

    Attributes:
        wave: the row that says how far it is planned; None without a test.
        codes: position of each one's variant in `variants`, parallel to `people`; None: one variant for all.
        variants: keys.
        why_not: variant -> why its people do not get the message.
        from_moment: the local time of day that is waited for is the first one from here on; None: on the step's day.
    """

    people: Ids
    wave: Wave | None = None
    codes: Codes | None = None
    variants: Sequence[str] = ()
    why_not: Mapping[str, str] = field(default_factory=dict)
    from_moment: datetime | None = None

    @property
    def keys(self) -> pa.Array | None:
        """The variant of each of the people, "" for none; None without a test."""
        if self.wave is None:
            return None
        if self.codes is None:
            return pa.array(np.full(len(self.people), self.variants[0]), pa.string())
        codes = np.where(self.codes == NO_ARM, len(self.variants), self.codes)
        return pa.array([*self.variants, ""], pa.string()).take(pa.array(codes))

    @property
    def expires_at(self) -> datetime | None:
        """After that nothing of it leaves any more; None: as the step says."""
        return None if self.wave is None else self.wave.expires_at


def parts_of(connection: Connection, run: StepRun, people: Ids) -> list[Part]:
    """What of a step is to be planned now, in order; parts that are planned already are left out."""
    waves = _waves(connection, run)
    if not waves:
        return [Part(people)]
    found = find_experiment(connection, waves[0].experiment_id)
    plan = running_plan_of(connection, found)
    return [
        _part(connection, plan, run, wave, people, waves)
        for wave in waves
        if wave.planned_at is None
    ]  # fmt: skip


def _part(connection: Connection, plan: TestPlan, run: StepRun, wave: Wave, people: Ids, waves: Sequence[Wave]) -> Part:
    if wave.kind == TEST:
        chosen, codes = people_of_wave(connection, wave)
        why = {}
        if plan.kind == "frequency":
            skipping = (arm.key for arm in plan.arms if run.step not in (arm.overrides.steps or ()))
            why = dict.fromkeys(skipping, OTHER_ARM)
        later = wave.assigned_at if wave.wave else None
        return Part(chosen, wave, codes, plan.arm_keys, why, later)
    for other in waves:
        if other.kind == TEST:
            people = np.setdiff1d(people, people_of_wave(connection, other)[0], assume_unique=True)
    if len(people) != wave.people_count:
        raise ConflictError(
            f"step {run.step}: {len(people):,} people wait for the winner, {wave.people_count:,} were counted"
        )
    return Part(
        people, wave, None, (wave.variant,), {wave.variant: wave.why_not} if wave.why_not else {}, wave.opens_at
    )


def is_complete(connection: Connection, run: StepRun) -> bool:
    """Whether all frozen people of a step are in the ledger; with a test, its row is locked: a decision waits."""
    waves = _waves(connection, run)
    if not waves:
        return True
    lock_experiment(connection, waves[0].experiment_id)
    return _all_planned(run, _waves(connection, run))


def _all_planned(run: StepRun, waves: Sequence[Wave]) -> bool:
    return sum(wave.people_count for wave in waves if wave.planned_at is not None) == (run.audience_count or 0)


def rolled_out_variants(connection: Connection, run: StepRun) -> list[str]:
    """What the ledger calls the messages of those who waited."""
    return [wave.variant for wave in _waves(connection, run) if wave.kind == REST and not wave.why_not]


def has_work(connection: Connection, run: StepRun) -> bool:
    """Whether a part of a tested step waits to be planned, or all are and only the step does not say so yet."""
    waves = _waves(connection, run)
    return any(wave.planned_at is None for wave in waves) or _all_planned(run, waves)


def _waves(connection: Connection, run: StepRun) -> list[Wave]:
    table = experiment_assignments.c
    return read_waves(connection, table.campaign_id == run.campaign_id, table.step == run.step)
