"""Tests that run are looked at: decided by their rule, handed to a person, rolled out.

Belongs here: one look, for the stream, for the asset and for the sensor; whether anything is due (cheap, for sensors);
what a check of the split compares. Stays out: the rules (`dmat/experiments`).
"""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from dmat.campaigns.step_runs import find_runs, read_people
from dmat.experiments.assign import NO_ARM
from dmat.experiments.records import DECIDED, LIVE, TEST, Wave, people_of_wave, read_waves
from dmat.experiments.running import TestRunner, TestsLook
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.experiment_tables import experiment_assignments, experiments
from dmat.warehouse import Workspace


def open_test_runner(settings: Settings, store: Store, view: Workspace) -> TestRunner:
    """What looks at the tests of a workspace; a resident process keeps it."""
    return TestRunner(settings, store, view)


def run_due_tests(settings: Settings, store: Store, view: Workspace) -> TestsLook:
    """Do what is due now; twice does nothing twice."""
    return open_test_runner(settings, store, view).look()


def count_live_tests(store: Store) -> int:
    """How many tests run, wait for a decision or for the roll-out: only these need looking at."""
    query = sa.select(sa.func.count()).select_from(experiments).where(experiments.c.status.in_((*LIVE, DECIDED)))
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


def split_faults(store: Store) -> tuple[int, dict[int, str]]:
    """How many parts of tests there are, and what is wrong: number of the test -> words.

    Each person of a part is of the step's frozen people, in one part only, and the counts of the arms are theirs.
    """
    wrong: dict[int, str] = {}
    with store.read() as connection:
        waves = read_waves(connection, experiment_assignments.c.kind == TEST)
        for wave in waves:
            fault = _fault(connection, wave, [other for other in waves if other is not wave])
            if fault:
                wrong[wave.experiment_id] = fault
    return len(waves), wrong


def _fault(connection: sa.engine.Connection, wave: Wave, others: list[Wave]) -> str:
    people, codes = people_of_wave(connection, wave)
    if len(people) != len(codes) or sum(wave.arm_counts.values()) != int((codes != NO_ARM).sum()):
        return f"the counts of wave {wave.wave} of step {wave.step} are not those of its people"
    table = campaign_step_runs.c
    same = (table.campaign_id == wave.campaign_id, table.step == wave.step, table.audience.is_not(None))
    for run in find_runs(connection, *same):
        if len(np.setdiff1d(people, read_people(connection, run))):
            return f"people of wave {wave.wave} are not among the frozen people of step {wave.step}"
    for other in others:
        if (other.experiment_id, other.step) == (wave.experiment_id, wave.step) and len(
            np.intersect1d(people, people_of_wave(connection, other)[0])
        ):
            return f"waves {wave.wave} and {other.wave} of step {wave.step} share people"
    return ""
