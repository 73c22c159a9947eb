"""Steps of a running campaign are entered with their times, and the people of a due step are frozen.

Belongs here: from a plan to rows of steps; writing down who is in, once. Stays out: who is in (`audience.py`), planning
(`planning.py`), when to look (`running.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.arms import is_tested
from dmat.campaigns.audience import campaign_audience, step_audience
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.reactions import keep_reacting
from dmat.campaigns.records import Campaign, programme_of
from dmat.campaigns.schedule import due_at, last_moment
from dmat.campaigns.splitting import left_alone, split_step
from dmat.campaigns.step_runs import (
    FROZEN,
    WAITING,
    StepRun,
    enter_runs,
    find_runs,
    forget_waiting,
    pack_people,
    read_runs,
    write_run,
)
from dmat.campaigns.templates_of_steps import newest_version
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.engine import Store


def enter_steps(settings: Settings, store: Store, campaign: Campaign, plan: CampaignPlan) -> list[StepRun]:
    """Bring the rows of a campaign's steps in line with the version that runs; what has begun stays."""
    wanted = [_waiting(settings, campaign, plan, step) for step in plan.steps]
    with store.read() as connection:
        entered = read_runs(connection, campaign.campaign_id)
    if _is_entered(wanted, entered):
        return entered
    with store.write() as connection:
        enter_runs(connection, wanted, settings.clock.now())
        forget_waiting(connection, campaign.campaign_id, {step.key for step in plan.steps})
        return read_runs(connection, campaign.campaign_id)


def _is_entered(wanted: Sequence[StepRun], entered: Sequence[StepRun]) -> bool:
    """Whether every step of the plan is there as it should be, and none waits that the plan has no more."""
    begun = {run.step for run in entered if run.state != WAITING}
    waiting = {(run.step, run.version, run.due_at) for run in entered if run.state == WAITING}
    return waiting == {(run.step, run.version, run.due_at) for run in wanted if run.step not in begun}


def _waiting(settings: Settings, campaign: Campaign, plan: CampaignPlan, step: Step) -> StepRun:
    zone, started = settings.workspace_time_zone, campaign.started_at or settings.clock.now()
    ends = _end_of(plan, step, zone, started)
    return StepRun(
        campaign_id=campaign.campaign_id, step=step.key, occurrence="",
        version=campaign.running_version or campaign.version, channel=step.channel, state=WAITING, reason="",
        due_at=due_at(plan, step, zone, started), expires_at=ends, data_version=None, audience_count=None,
        planned_position=0, counts={}, template_version=None, post_url="", frozen_at=None, planned_at=None,
    )  # fmt: skip


def _end_of(plan: CampaignPlan, step: Step, zone: str, started: datetime) -> datetime:
    end = last_moment(plan, step, zone, started)
    return end if plan.ends_at is None else min(end, plan.ends_at)


def freeze_step(settings: Settings, store: Store, desk: Desk, run: StepRun, plan: CampaignPlan) -> StepRun:
    """Write down who is in a due step, once, with the version of the data that they come from.

    Raises:
        NotFoundError: a segment is gone. InvalidRuleError: its rule does not fit the data any more.
    """
    step = plan.step(run.step)
    assert step is not None  # noqa: S101 - the version of the run has the step
    version = desk.workspace.version.number
    people = step_audience(desk, step, campaign_audience(desk, plan))
    now = settings.clock.now()
    if step.audience is not None and step.audience.reactions:
        with store.read() as connection:
            people = keep_reacting(connection, programme_of(run.campaign_id), step.audience.reactions, people)
    alone = left_alone(settings, programme_of(run.campaign_id), plan, people) if is_tested(store, run) else None
    with store.write() as connection:
        if _find(connection, run).state == WAITING:  # nobody else froze it meanwhile
            template = step.template_version or newest_version(connection, step.template)
            write_run(
                connection, run, now, state=FROZEN, audience=pack_people(people), audience_count=len(people),
                data_version=version, template_version=template, frozen_at=now, reason="",
            )  # fmt: skip
            split_step(connection, settings, run, plan, people, now, alone)
        return _find(connection, run)


def _find(connection: Connection, run: StepRun) -> StepRun:
    table = campaign_step_runs.c
    same = sa.and_(
        table.campaign_id == run.campaign_id, table.step == run.step, table.occurrence == run.occurrence
    )  # fmt: skip
    return find_runs(connection, same)[0]
