"""Could this test start? Its campaign, its step, its templates and codes, its part of the exclusion group.

Belongs here: everything about a plan that needs the store, and what a start means for the campaign's approval. Stays
out: what makes a plan whole in itself (`plan.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.approval import is_approved
from dmat.campaigns.library_rows import move_to as move_campaign
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.records import DRAFT, IN_REVIEW, OVER, REFUSED, SCHEDULED, Campaign, find_campaign
from dmat.campaigns.schedule import due_at
from dmat.campaigns.step_runs import WAITING, read_runs
from dmat.campaigns.templates_of_steps import newest_version, template_fault
from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.assign import free_part
from dmat.experiments.in_journeys import refuse_unfit_split
from dmat.experiments.plan import Arm, TestPlan
from dmat.experiments.records import DECIDED, LIVE, Experiment, read_experiments
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_approvals
from dmat.store.experiment_tables import experiments
from dmat.store.message_tables import code_pools


def refuse_unfit(connection: Connection, settings: Settings, experiment: Experiment) -> None:
    """Stop a test that could not run.

    Raises:
        InvalidInputError: names the first place that is wrong. NotFoundError: there is no such campaign or journey.
        ConflictError: the campaign or journey is over, the step has begun, or another test has it.
    """
    plan = experiment.plan
    if plan.is_of_a_journey:
        refuse_unfit_split(connection, experiment)
    if plan.campaign_id is None:
        return
    campaign = find_campaign(connection, plan.campaign_id)
    if campaign.status in OVER:
        raise ConflictError(f"campaign {campaign.campaign_id} is {campaign.status}: nothing of it can be tested")
    for step in _steps(campaign.plan, plan):
        _refuse_begun(connection, campaign, step)
        _refuse_tested(connection, experiment, step)
        _refuse_unfit_step(settings, campaign.plan, step, plan)
        for number, arm in enumerate(plan.arms):
            _refuse_unfit_arm(connection, step, arm, f"arms[{number}].overrides")


def _steps(campaign: CampaignPlan, plan: TestPlan) -> Iterator[Step]:
    known = ", ".join(step.key for step in campaign.steps) or "none yet"
    for key in plan.steps:
        step = campaign.step(key)
        if step is None:
            raise InvalidInputError("step", f"the campaign has no step {key!r}", known)
        if not step.plans_messages:
            raise InvalidInputError("step", f"step {key!r} on {step.channel} writes to nobody", "a step with messages")
        yield step


def _refuse_begun(connection: Connection, campaign: Campaign, step: Step) -> None:
    for run in read_runs(connection, campaign.campaign_id):
        if run.step == step.key and run.state != WAITING:
            raise ConflictError(f"step {step.key} has begun already ({run.state}): its people are chosen")


def _refuse_tested(connection: Connection, experiment: Experiment, step: Step) -> None:
    table = experiments.c
    others = read_experiments(
        connection, table.campaign_id == experiment.campaign_id, table.status.in_((*LIVE, DECIDED)),
        table.experiment_id != experiment.experiment_id,
    )  # fmt: skip
    for other in others:
        if step.key in other.plan.steps:
            raise ConflictError(f"step {step.key} is tested already by test {other.experiment_id} ({other.status})")


def _refuse_unfit_step(settings: Settings, campaign: CampaignPlan, step: Step, plan: TestPlan) -> None:
    if plan.kind == "send_time" and (step.day is None or step.clock == "best_hour"):
        raise InvalidInputError(
            "step", f"step {step.key} has no day with a time of its own", "a step with day and time"
        )
    ends = campaign.ends_at
    if ends is None or plan.duration_hours is None or plan.test_share == 1 or plan.kind == "frequency":
        return
    begins = due_at(campaign, step, settings.workspace_time_zone, campaign.starts_at or settings.clock.now())
    if begins + timedelta(hours=plan.duration_hours) >= ends:
        what = f"the campaign ends at {ends:%Y-%m-%d %H:%M} UTC, before the test does: nobody would get the winner"
        raise InvalidInputError("duration_hours", what, f"less than {(ends - begins).total_seconds() / 3600:.0f}")


def _refuse_unfit_arm(connection: Connection, step: Step, arm: Arm, place: str) -> None:
    given = arm.overrides
    if given.template:
        fault = template_fault(connection, step, given.template)
        if fault:
            raise InvalidInputError(f"{place}.template", fault, f"an active template for {step.channel}")
    if given.subject and step.channel != "email":
        raise InvalidInputError(f"{place}.subject", f"a message by {step.channel} has no subject", "a template")
    if given.code_pool:
        known = connection.execute(sa.select(code_pools.c.key).where(code_pools.c.key == given.code_pool)).first()
        if known is None:
            raise InvalidInputError(f"{place}.code_pool", f"there is no pool {given.code_pool!r}", "the key of a pool")


def pin_templates(connection: Connection, plan: TestPlan) -> TestPlan:
    """The plan with the versions of its templates as they are now: what is tested is what is rolled out."""
    arms = tuple(
        arm.model_copy(update={"overrides": arm.overrides.model_copy(update={"template_version": version})})
        if arm.overrides.template and (version := newest_version(connection, arm.overrides.template))
        else arm
        for arm in plan.arms
    )
    return plan.model_copy(update={"arms": arms})


def reserve_part(connection: Connection, experiment: Experiment) -> tuple[float, float] | None:
    """A part of the exclusion group for a test, free of those of all other tests that run; None without a group.

    Raises:
        ConflictError: the other tests of the group leave too little.
    """
    group, share, table = experiment.plan.exclusion_group, experiment.plan.test_share, experiments.c
    if not group:
        return None
    others = read_experiments(
        connection, table.exclusion_group == group, table.status.in_((*LIVE, DECIDED)), table.group_low.is_not(None),
        table.experiment_id != experiment.experiment_id,
    )  # fmt: skip
    taken = [(other.group_low or 0.0, other.group_high or 0.0) for other in others]
    found = free_part(taken, share)
    if found is None:
        names = ", ".join(str(other.experiment_id) for other in others)
        left = max(0.0, 1 - sum(high - low for low, high in taken))
        raise ConflictError(
            f"the exclusion group {group!r} has {left:.0%} left, and not {share:.0%} in one piece (tests {names})"
        )
    return found


def reopen_approval(connection: Connection, experiment: Experiment, by: str, now: datetime) -> None:
    """Ask for a new yes where somebody approved the campaign without these arms.

    Raises:
        ConflictError: the campaign runs as it was approved.
    """
    if experiment.campaign_id is None:
        return
    campaign = find_campaign(connection, experiment.campaign_id)
    if not is_approved(connection, campaign):
        return
    number, steps = campaign.campaign_id, ", ".join(experiment.plan.steps)
    if campaign.status not in (DRAFT, IN_REVIEW, SCHEDULED):
        raise ConflictError(f"campaign {number} was approved without this test and is {campaign.status}")
    comment = f"test {experiment.experiment_id} of step {steps} was started: its arms need a yes as well"
    row = {
        "campaign_id": number, "version": campaign.version, "decision": REFUSED, "comment": comment,
        "recipients": None, "decided_at": now, "decided_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(campaign_approvals).values(row))
    if campaign.status != DRAFT:
        move_campaign(connection, campaign, DRAFT, by, now, comment)
