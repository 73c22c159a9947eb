"""A test is decided, once: the decision, its reason and the release of the rest are one transaction.

Belongs here: that transaction, and pausing what a test plans. Stays out: how a decision is found (`running.py`), who
may make one by hand (`library.py`), planning the rest (`dmat/campaigns/planning.py`, which goes on after any crash:
what is released is a row, and how far it is planned is written in the transaction of the messages).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import pause_within, resume_within, step_programme
from dmat.campaigns.records import plan_of_version as campaign_plan_of
from dmat.campaigns.records import programme_of
from dmat.campaigns.step_runs import StepRun, find_runs
from dmat.errors import ConflictError
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import (
    DECIDED,
    MANUAL,
    PAUSED,
    REST,
    STOP,
    STOPPED,
    Experiment,
    Wave,
    read_decision,
    waves_of,
)
from dmat.experiments.rows import insert_decision, insert_rest, move_to
from dmat.store.campaign_tables import campaign_step_runs

DAY = timedelta(days=1)


def settle(
    connection: Connection,
    experiment: Experiment,
    kind: str,
    arm: str,
    reason: str,
    by: str,
    now: datetime,
    *,
    figures: Mapping[str, Any] | None = None,
    snapshot_id: str = "",
) -> Experiment:
    """Decide a test whose row the caller has locked.

    Args:
        connection: the caller's transaction.
        experiment: as it stands, locked (`records.lock_experiment`).
        kind: winner, chosen, manual or stopped.
        arm: that all others get now; empty when it is stopped and nobody else gets anything.
        reason: in words.
        by: who decides.
        now: when.
        figures: what was known.
        snapshot_id: where the figures are kept from which the decision can be made again.

    Raises:
        ConflictError: it is not under way, or was decided already.
    """
    number = experiment.experiment_id
    if not experiment.is_live:
        known = read_decision(connection, number)
        why = f": {known.kind} {known.arm}".rstrip() + f", {known.reason}" if known else ""
        allowed = "" if known else " (only one that is under way is decided or stopped; start it first)"
        raise ConflictError(f"test {number} is {experiment.status}{why}{allowed}")
    insert_decision(connection, experiment, kind, arm, reason, by, now, figures, snapshot_id)
    release_rest(connection, experiment, arm, reason, now)
    _let_steps_go(connection, experiment, by, now, is_over=kind == STOP and not arm, reason=reason)
    to = STOPPED if kind == STOP else DECIDED
    card: dict[str, Any] = {"winner": arm, "decided_at": now, "paused_at": None}
    if to == STOPPED:
        card["ended_at"] = now
    words = f"{arm} wins by hand: {reason}" if kind == MANUAL else reason
    return move_to(connection, experiment, to, by, now, words, **card)


def release_rest(connection: Connection, experiment: Experiment, arm: str, reason: str, now: datetime) -> int:
    """Let the people who wait be planned, with an arm or with the reason why they get nothing; gives how many."""
    if experiment.campaign_id is None:
        return 0
    released, waves = 0, waves_of(connection, experiment.experiment_id)
    for step in dict.fromkeys(wave.step for wave in waves):
        of_step = [wave for wave in waves if wave.step == step]
        if not any(wave.kind == REST for wave in of_step):
            released += _release_step(connection, experiment, of_step, arm, reason, now)
    return released


def _release_step(
    connection: Connection, experiment: Experiment, waves: list[Wave], arm: str, reason: str, now: datetime
) -> int:
    run = find_run(connection, experiment, waves[0].step)
    count = (run.audience_count or 0) - sum(wave.people_count for wave in waves)
    if count > 0:
        insert_rest(
            connection, experiment, run.step, waves[-1].wave + 1, count, now, arm=arm, opens_at=now,
            why_not="" if arm else f"the test was stopped before it was decided: {reason}"[:500],
            expires_at=_end_of_rest(connection, experiment, run, arm, now),
        )  # fmt: skip
    return max(0, count)


def find_run(connection: Connection, experiment: Experiment, step: str) -> StepRun:
    """How far a tested step of a campaign is."""
    table = campaign_step_runs.c
    same = (table.campaign_id == experiment.campaign_id, table.step == step, table.occurrence == "")
    return find_runs(connection, *same)[0]


def _end_of_rest(
    connection: Connection, experiment: Experiment, run: StepRun, arm: str, now: datetime
) -> datetime | None:
    """As long after the release as the step waits after it is due; a day more when a time of day is waited for."""
    plan = campaign_plan_of(connection, run.campaign_id, run.version)
    step = plan.step(run.step)
    if step is None:
        return run.expires_at
    chosen = experiment.plan.arm(arm) if arm else None
    waits_for_a_time = step.clock != "workspace" or bool(chosen and chosen.overrides.time)
    end = now + timedelta(hours=step.expires_after_hours) + (DAY if waits_for_a_time else timedelta())
    return end if plan.ends_at is None else min(end, plan.ends_at)


def hold_steps(connection: Connection, experiment: Experiment, reason: str, by: str, now: datetime) -> None:
    """Let nothing more of the tested steps leave until they are let go."""
    for name in _step_programmes(experiment.plan, experiment.campaign_id):
        pause_within(connection, name, reason, now, by)


def let_steps_go(connection: Connection, experiment: Experiment, by: str, now: datetime) -> None:
    """Let what the tested steps have planned leave again."""
    for name in _step_programmes(experiment.plan, experiment.campaign_id):
        resume_within(connection, name, now, by)


def _let_steps_go(
    connection: Connection, experiment: Experiment, by: str, now: datetime, *, is_over: bool, reason: str
) -> None:
    if is_over:
        hold_steps(connection, experiment, f"the test was stopped: {reason}"[:500], by, now)
    elif experiment.status == PAUSED:
        let_steps_go(connection, experiment, by, now)


def _step_programmes(plan: TestPlan, campaign_id: int | None) -> list[str]:
    return [step_programme(programme_of(campaign_id), step) for step in plan.steps] if campaign_id else []
