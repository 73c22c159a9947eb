"""What a test is, as the store keeps it: its card, its plan, its waves of people, its decision and its log.

Belongs here: statuses and which may follow which, these shapes, and reading them. Stays out: changing them
(`library.py`, `settling.py`), what a plan says (`plan.py`).

    draft ──> running <──> paused
                │ ^          │
                │ └──────────┼── (resume)
                ├──> deciding (a person is asked) ──┐
                ├──> decided <──────────────────────┘ ──> rolled_out
                └──> stopped              ^    every wave is in the ledger │
                                          └── (a person decides otherwise) ┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.records import programme_of
from dmat.campaigns.step_runs import unpack_people
from dmat.errors import NotFoundError
from dmat.experiments.assign import Codes, Ids, unpack_codes
from dmat.experiments.plan import TestPlan
from dmat.store.engine import lock_rows, rows_of
from dmat.store.experiment_tables import (
    experiment_assignments,
    experiment_decisions,
    experiment_log,
    experiment_versions,
    experiments,
)

DRAFT, RUNNING, PAUSED, DECIDING = "draft", "running", "paused", "deciding"
DECIDED, ROLLED_OUT, STOPPED = "decided", "rolled_out", "stopped"
MAY_FOLLOW: Mapping[str, frozenset[str]] = {
    DRAFT: frozenset({RUNNING}),
    RUNNING: frozenset({PAUSED, DECIDING, DECIDED, STOPPED}),
    PAUSED: frozenset({RUNNING, DECIDED, STOPPED}),
    DECIDING: frozenset({RUNNING, DECIDED, STOPPED}),
    DECIDED: frozenset({ROLLED_OUT, DECIDED}),
    ROLLED_OUT: frozenset({DECIDED}),
    STOPPED: frozenset(),
}
STATUSES = tuple(MAY_FOLLOW)
LIVE = (RUNNING, PAUSED, DECIDING)
"""Statuses in which no decision has been made yet."""
OVER = (ROLLED_OUT, STOPPED)
WINNER, CHOSEN, MANUAL, STOP = "winner", "chosen", "manual", "stopped"
TEST, REST = "test", "rest"
REST_SUFFIX = "-rest"
"""The roll-out to the rest has a variant of its own, so that figures of the test stay those of the test."""


@dataclass(frozen=True)
class Experiment:
    """A test with the newest version of its plan.

    Attributes:
        version: the newest version of the plan.
        running_version: the version that runs; None before the start.
        group_low: where its part of the exclusion group begins; None without a group.
        began_at: when the first people were given an arm.
        deadline_at: when it is over; None before it began, or when only its sample ends it.
        verdict: what the last look concluded, in words and figures.
        looks: how often it was looked at while it ran.
        learning: what somebody wrote down as learnt.
    """

    experiment_id: int
    key: str
    name: str
    kind: str
    status: str
    status_reason: str
    campaign_id: int | None
    journey: str
    step: str
    page: str
    exclusion_group: str
    group_low: float | None
    group_high: float | None
    version: int
    running_version: int | None
    started_at: datetime | None
    began_at: datetime | None
    deadline_at: datetime | None
    paused_at: datetime | None
    decided_at: datetime | None
    ended_at: datetime | None
    winner: str
    verdict: Mapping[str, Any] | None
    looks: int
    looked_at: datetime | None
    learning: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    plan: TestPlan

    @property
    def salt(self) -> str:
        """What decides who is in which arm."""
        return salt_of(self.experiment_id)

    @property
    def programme(self) -> str:
        """Where its messages are in the ledger; empty for a test of pages."""
        if self.journey:
            return f"journey:{self.journey}"
        return "" if self.campaign_id is None else programme_of(self.campaign_id)

    @property
    def is_live(self) -> bool:
        """Whether it was started and no decision has been made yet."""
        return self.status in LIVE


@dataclass(frozen=True)
class ExperimentVersion:
    """One version of a plan, who made it and when."""

    version: int
    plan: TestPlan
    plan_hash: str
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Decision:
    """What was decided about a test; when a person decides otherwise afterwards, the log keeps what was before.

    Attributes:
        kind: winner (proven by the rule), chosen (not proven), manual, or stopped.
        arm: who wins; empty when nobody does.
        figures: what was known then.
    """

    kind: str
    arm: str
    reason: str
    figures: Mapping[str, Any] | None
    snapshot_id: str
    decided_at: datetime
    decided_by: str


@dataclass(frozen=True)
class LogLine:
    """Something that happened to a test."""

    happened_at: datetime
    actor: str
    kind: str
    words: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Wave:
    """People of a step who are planned together: a part of the test, or the rest.

    Attributes:
        kind: test or rest.
        people_count: how many.
        propensities: arm -> with which probability a person of the wave got it.
        arm: of a rest: the arm that all of them get; empty: what the step says, or nobody (`why_not`).
        why_not: of a rest: why nobody of them gets the message.
        planned_position: how many of them are in the ledger, in its order.
    """

    experiment_id: int
    step: str
    wave: int
    kind: str
    campaign_id: int | None
    people_count: int
    arm_counts: Mapping[str, int]
    propensities: Mapping[str, float]
    arm: str
    why_not: str
    opens_at: datetime | None
    expires_at: datetime | None
    planned_position: int
    planned_at: datetime | None
    assigned_at: datetime

    @property
    def variant(self) -> str:
        """What the ledger calls the message of a rest."""
        return f"{self.arm}{REST_SUFFIX}" if self.arm else ""


@dataclass(frozen=True)
class Assignment:
    """People of the test who have one arm at one step."""

    step: str
    arm: str
    ids: Ids
    assigned_at: datetime
    wave: int
    propensity: float


def salt_of(experiment_id: int) -> str:
    """What decides who is in which arm of a test."""
    return f"experiment:{experiment_id}"


def read_experiments(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Experiment]:
    """Tests that meet the conditions, the last changed first; one query."""
    same = sa.and_(
        experiment_versions.c.experiment_id == experiments.c.experiment_id,
        experiment_versions.c.version == experiments.c.version,
    )
    query = (
        sa.select(experiments, experiment_versions.c.plan)
        .join(experiment_versions, same)
        .where(*conditions)
        .order_by(experiments.c.updated_at.desc(), experiments.c.experiment_id.desc())
    )
    return [_experiment(row) for row in rows_of(connection, query)]


def find_experiment(connection: Connection, experiment_id: int) -> Experiment:
    """The test with this number.

    Raises:
        NotFoundError: there is none.
    """
    found = read_experiments(connection, experiments.c.experiment_id == experiment_id)
    if not found:
        raise NotFoundError(f"there is no test {experiment_id}")
    return found[0]


def lock_experiment(connection: Connection, experiment_id: int) -> Experiment:
    """The same, its row locked for the rest of the transaction: whoever changes or plans it takes turns.

    Raises:
        NotFoundError: there is none.
    """
    query = sa.select(experiments.c.experiment_id).where(experiments.c.experiment_id == experiment_id)
    connection.execute(lock_rows(connection, query))
    return find_experiment(connection, experiment_id)


def plan_of_version(connection: Connection, experiment_id: int, version: int) -> TestPlan:
    """One version of a plan.

    Raises:
        NotFoundError: there is none.
    """
    table = experiment_versions.c
    query = sa.select(table.plan).where(table.experiment_id == experiment_id, table.version == version)
    document = connection.execute(query).scalar()
    if document is None:
        raise NotFoundError(f"test {experiment_id} has no version {version}")
    return TestPlan.model_validate(document)


def read_decision(connection: Connection, experiment_id: int) -> Decision | None:
    """What was decided; None when nothing was yet."""
    columns = [experiment_decisions.c[name] for name in Decision.__dataclass_fields__]
    query = sa.select(*columns).where(experiment_decisions.c.experiment_id == experiment_id)
    found = rows_of(connection, query)
    return Decision(**found[0]) if found else None


def read_log(connection: Connection, experiment_id: int, limit: int = 500) -> list[LogLine]:
    """What happened to a test, the newest first."""
    columns = [experiment_log.c[name] for name in LogLine.__dataclass_fields__]
    query = sa.select(*columns).where(experiment_log.c.experiment_id == experiment_id)
    query = query.order_by(experiment_log.c.log_id.desc()).limit(limit)
    return [LogLine(**row) for row in rows_of(connection, query)]


def read_waves(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Wave]:
    """Waves that meet the conditions, in their order; without their people."""
    table = experiment_assignments.c
    columns = [table[name] for name in Wave.__dataclass_fields__]
    query = sa.select(*columns).where(*conditions).order_by(table.experiment_id, table.step, table.wave)
    return [Wave(**row) for row in rows_of(connection, query)]


def waves_of(connection: Connection, experiment_id: int, step: str = "") -> list[Wave]:
    """The waves of a test, of one step or of all."""
    table = experiment_assignments.c
    return read_waves(connection, table.experiment_id == experiment_id, *([table.step == step] if step else []))


def people_of_wave(connection: Connection, wave: Wave) -> tuple[Ids, Codes]:
    """The people of a part of the test, in ascending order, and the position of each one's arm among the arms.

    Who is in no arm (held out) has `assign.NO_ARM`.

    Raises:
        NotFoundError: it is no part of a test: its people are all the others.
    """
    table = experiment_assignments.c
    query = sa.select(table.people, table.arms).where(
        table.experiment_id == wave.experiment_id, table.step == wave.step, table.wave == wave.wave
    )
    row = connection.execute(query).one()
    if row.people is None or row.arms is None:
        raise NotFoundError(f"wave {wave.wave} of test {wave.experiment_id} lists no people")
    return unpack_people(row.people), unpack_codes(row.arms)


def read_assignments(connection: Connection, experiment_id: int) -> list[Assignment]:
    """Who was given which arm, by step and wave: people of the test only, never those of the roll-out."""
    running = running_plan_of(connection, find_experiment(connection, experiment_id))
    found = []
    for wave in waves_of(connection, experiment_id):
        if wave.kind != TEST:
            continue
        people, codes = people_of_wave(connection, wave)
        for code, key in enumerate(running.arm_keys):
            of_arm = people[codes == code]
            share = float(wave.propensities.get(key, 0.0))
            found.append(Assignment(wave.step, key, of_arm, wave.assigned_at, wave.wave, share))
    return found


def count_assigned(waves: Sequence[Wave], step: str = "") -> dict[str, int]:
    """Arm -> people of the test who were given it at a step (the first one, when none is named)."""
    tested = [wave for wave in waves if wave.kind == TEST]
    wanted = step or (tested[0].step if tested else "")
    total: dict[str, int] = {}
    for wave in tested:
        if wave.step == wanted:
            for arm, count in wave.arm_counts.items():
                total[arm] = total.get(arm, 0) + int(count)
    return total


def counts_of(plan: TestPlan, codes: Codes) -> dict[str, int]:
    """Arm -> how many people have it."""
    counts = np.bincount(codes, minlength=256)
    return {key: int(counts[code]) for code, key in enumerate(plan.arm_keys)}


def running_plan_of(connection: Connection, experiment: Experiment) -> TestPlan:
    """The plan that a test runs with; the newest before it was started."""
    if experiment.running_version in (None, experiment.version):
        return experiment.plan
    return plan_of_version(connection, experiment.experiment_id, experiment.running_version or experiment.version)


def _experiment(row: Mapping[str, Any]) -> Experiment:
    card = {name: row[name] for name in Experiment.__dataclass_fields__}
    return Experiment(**card | {"plan": TestPlan.model_validate(row["plan"])})
