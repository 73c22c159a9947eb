"""Bandits: each wave of people is shared out by what the waves before it showed, and the chances are written down.

Belongs here: when a wave is due, who is in it, with which propensities; the shares that a health check must expect.
Stays out: the shares themselves (`bandit.py`), planning the messages (`dmat/campaigns/planning.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from dmat.campaigns.records import plan_of_version as campaign_plan_of
from dmat.campaigns.records import programme_of
from dmat.campaigns.splitting import arms_of, left_alone, tested_on
from dmat.campaigns.step_runs import FROZEN, TESTING, find_runs, read_people
from dmat.experiments.assign import wave_of
from dmat.experiments.bandit import Allocation, allocate
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import RUNNING, TEST, Experiment, lock_experiment, waves_of
from dmat.experiments.results import Design, Observed
from dmat.experiments.rows import insert_part, write_log
from dmat.experiments.snapshots import design_of
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.engine import Store
from dmat.warehouse import Workspace

BY = "tests"


def open_wave(
    settings: Settings,
    store: Store,
    workspace: Workspace,
    experiment: Experiment,
    plan: TestPlan,
    now: datetime,
    observe: Callable[[Store, Workspace, Experiment], Observed],
) -> str:
    """Share out the next wave of a bandit when it is due; says which, or nothing."""
    with store.read() as connection:
        number = len(waves_of(connection, experiment.experiment_id, plan.step))
    if plan.allocation != "bandit" or experiment.campaign_id is None or not _is_due(experiment, plan, number, now):
        return ""
    observed = observe(store, workspace, experiment)
    metric = design_of(plan).metric(plan.primary)
    moments = {key: observed.moments[key][plan.primary] for key in plan.arm_keys}
    shares = allocate(moments, f"{experiment.salt}:wave:{number}", metric.kind, metric.better)
    with store.write() as connection:
        fresh = lock_experiment(connection, experiment.experiment_id)
        if fresh.status != RUNNING or len(waves_of(connection, fresh.experiment_id, plan.step)) != number:
            return ""  # somebody else was here
        return _write_wave(connection, settings, fresh, plan, number, shares, now)


def _write_wave(
    connection: Connection,
    settings: Settings,
    experiment: Experiment,
    plan: TestPlan,
    number: int,
    shares: Allocation,
    now: datetime,
) -> str:
    table = campaign_step_runs.c
    same = (table.campaign_id == experiment.campaign_id, table.step == plan.step, table.occurrence == "")
    run = find_runs(connection, *same)[0]
    if run.state not in (FROZEN, TESTING):
        return ""
    people = read_people(connection, run)
    of_campaign = campaign_plan_of(connection, run.campaign_id, run.version)
    silent = left_alone(settings, programme_of(run.campaign_id), of_campaign, people)
    inside = tested_on(experiment, plan, people, silent) & (wave_of(experiment.salt, people, plan.waves) == number)
    codes = arms_of(experiment, plan, people[inside], silent[inside], shares.shares)
    insert_part(connection, experiment, plan, plan.step, number, people[inside], codes, shares.shares, now)
    parts = ", ".join(f"{key} {share:.0%}" for key, share in shares.shares.items())
    words = f"wave {number + 1} of {plan.waves}: {parts}"
    write_log(connection, experiment.experiment_id, "wave", words, BY, now, propensities=shares.shares)
    return f"test {experiment.experiment_id} {words}"


def _is_due(experiment: Experiment, plan: TestPlan, number: int, now: datetime) -> bool:
    """Waves are spread evenly over the duration of the test."""
    began, ends = experiment.began_at, experiment.deadline_at
    if began is None or ends is None or not 0 < number < plan.waves:
        return False
    return now >= began + (ends - began) * (number / plan.waves) and now < ends


def design_now(connection: Connection, experiment: Experiment, plan: TestPlan) -> Design:
    """The plan as the statistics need it; of a bandit with the shares that its waves had on the whole.

    Whoever checks the sample ratio of a bandit against the shares of its plan finds an alarm that is none.
    """
    design = design_of(plan)
    if plan.allocation != "bandit":
        return design
    expected = dict.fromkeys(plan.arm_keys, 0.0)
    for wave in waves_of(connection, experiment.experiment_id):
        if wave.kind == TEST:
            for key, share in wave.propensities.items():
                expected[key] += share * sum(wave.arm_counts.values())
    total = sum(expected.values())
    if not total:
        return design
    arms = tuple(replace(arm, share=expected[arm.key] / total) for arm in design.arms)
    return replace(design, arms=arms)
