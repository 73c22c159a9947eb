"""The arms of tests as variants of the steps of a campaign: what a step says depends on who is asked.

Belongs here: which test has a step, and the plan of a campaign as its tests make it. Stays out: who is in which arm
(`splitting.py`), plans and decisions of tests (`dmat/experiments`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from dmat.campaigns.plan import CampaignPlan, Step, Variant
from dmat.errors import ConflictError
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import (
    DECIDED,
    DRAFT,
    LIVE,
    ROLLED_OUT,
    STOPPED,
    Experiment,
    find_experiment,
    read_experiments,
    read_waves,
    running_plan_of,
)
from dmat.store.engine import Store
from dmat.store.experiment_tables import experiment_assignments, experiments

if TYPE_CHECKING:
    from dmat.campaigns.step_runs import StepRun


def tested_plan(connection: Connection, campaign_id: int, plan: CampaignPlan) -> CampaignPlan:
    """The plan with the arms of its tests as variants of their steps."""
    table = experiments.c
    started = read_experiments(connection, table.campaign_id == campaign_id, table.status != DRAFT)
    if not started:
        return plan
    steps = []
    for step in plan.steps:
        found = _governing(connection, started, campaign_id, step.key)
        steps.append(step if found is None else _with_arms(step, running_plan_of(connection, found)))
    return plan.model_copy(update={"steps": tuple(steps)})


def _governing(connection: Connection, started: Sequence[Experiment], campaign_id: int, step: str) -> Experiment | None:
    """Of the tests of a campaign the one that split a step, or that will."""
    touching = [each for each in started if step in each.plan.steps]
    if len(touching) > 1 or (touching and not touching[0].is_live):
        table = experiment_assignments.c
        split = read_waves(connection, table.campaign_id == campaign_id, table.step == step)
        if split:
            return find_experiment(connection, split[0].experiment_id)
    going = [each for each in touching if each.is_live or has_winner(each)]
    return max(going, key=lambda each: each.experiment_id, default=None)


def has_winner(experiment: Experiment) -> bool:
    """Whether it is decided what steps get that begin from now on."""
    return experiment.status in (DECIDED, ROLLED_OUT, STOPPED) and bool(experiment.winner)


def _with_arms(step: Step, plan: TestPlan) -> Step:
    variants = tuple(
        Variant(
            key=arm.key, share=arm.share, template=arm.overrides.template, subject=arm.overrides.subject,
            template_version=arm.overrides.template_version, time=arm.overrides.time,
            code_pool=arm.overrides.code_pool,
        )
        for arm in plan.arms
    )  # fmt: skip
    changes: dict[str, object] = {"variants": variants}
    times = sorted(arm.overrides.time for arm in plan.arms if arm.overrides.time)
    if times:
        gap = _minutes(times[-1]) - _minutes(times[0])
        changes |= {"time": times[0], "expires_after_hours": step.expires_after_hours + -(-gap // 60)}
    return step.model_copy(update=changes)


def _minutes(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)


def is_tested(store: Store, run: StepRun) -> bool:
    """Whether the people of a step are to be split."""
    with store.read() as connection:
        return test_of(connection, run) is not None


def test_of(connection: Connection, run: StepRun) -> Experiment | None:
    """The test that split a step, or that will."""
    table = experiments.c
    started = read_experiments(connection, table.campaign_id == run.campaign_id, table.status != DRAFT)
    return _governing(connection, started, run.campaign_id, run.step)


def refuse_loss_of_tested(connection: Connection, campaign_id: int, plan: CampaignPlan) -> None:
    """Stop a plan that no longer has a step which is tested.

    Raises:
        ConflictError: names the step and the test.
    """
    table = experiments.c
    for found in read_experiments(connection, table.campaign_id == campaign_id, table.status.in_((*LIVE, DECIDED))):
        for key in found.plan.steps:
            if plan.step(key) is None:
                raise ConflictError(f"step {key} is tested by test {found.experiment_id}: stop the test first")
