"""The frozen people of a tested step are split: who is in the test and in which arm, and who waits.

Belongs here: that split, written in the transaction that freezes the step. Stays out: the hash
(`dmat/experiments/assign.py`), planning (`parts.py` and `planning.py`).

A salted hash chooses; held-out people are in no arm, they come with the part that they would have been in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from dmat.campaigns.arms import has_winner, test_of
from dmat.campaigns.audience import Ids
from dmat.campaigns.facts import TRANSACTIONAL
from dmat.campaigns.holdout import global_salt
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.records import programme_of
from dmat.campaigns.schedule import last_due
from dmat.campaigns.step_runs import StepRun
from dmat.experiments.assign import NO_ARM, Codes, Units, arm_of, chosen_few, in_part, unit_of, wave_of
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import (
    Experiment,
    lock_experiment,
    running_plan_of,
)
from dmat.experiments.rows import insert_part, insert_rest, write_card, write_log
from dmat.settings import Settings

Mask = npt.NDArray[np.bool_]
OTHER_ARM = "the person's arm of the test does not get this step"
BY = "campaigns"
HOURS_OF_A_SAMPLE = 24
"""How long people of a test that says only how many have to react."""


def split_step(
    connection: Connection,
    settings: Settings,
    run: StepRun,
    plan: CampaignPlan,
    people: Ids,
    now: datetime,
    alone: Mask | None = None,
) -> None:
    """Write down who of the frozen people of a step is in its test, in the transaction that freezes them.

    Args:
        connection: that transaction.
        settings: those of the workspace.
        run: the step.
        plan: of the campaign, with arms as variants (`tested_plan`).
        people: the frozen people, in ascending order.
        now: the workspace's time.
        alone: whether each person is left alone (`left_alone`), when that is known: it takes a while.
    """
    found = test_of(connection, run)
    if found is None:
        return
    found = lock_experiment(connection, found.experiment_id)
    tested = running_plan_of(connection, found)
    if has_winner(found):
        _follow_winner(connection, found, tested, run, len(people), now)
        return
    silent = left_alone(settings, programme_of(run.campaign_id), plan, people) if alone is None else alone
    inside = tested_on(found, tested, people, silent)
    waves = wave_of(found.salt, people, tested.waves) if tested.allocation == "bandit" else np.zeros(len(people), int)
    chosen = inside & (waves == 0)
    codes = arms_of(found, tested, people[chosen], silent[chosen], tested.shares)
    insert_part(connection, found, tested, run.step, 0, people[chosen], codes, tested.shares, now)
    if tested.kind == "frequency" and len(people) > int(chosen.sum()):
        _let_others_follow(connection, found, tested, run, len(people) - int(chosen.sum()), now)
    if found.began_at is None:
        _begin(connection, settings, found, tested, run, plan, now)


def left_alone(settings: Settings, programme: str, plan: CampaignPlan, people: Ids) -> Mask:
    """Whether each person is held out, of the campaign or of everything: these are in no arm."""
    mine = held_out(programme, people, plan.holdout.share)
    salt, share = global_share(settings, plan)
    alone: Mask = mine | held_out(salt, people, share)
    return alone


def global_share(settings: Settings, plan: CampaignPlan) -> tuple[str, float]:
    """Salt and share of those who get no marketing at all."""
    return global_salt(settings), settings.global_holdout_share if plan.purpose != TRANSACTIONAL else 0.0


def held_out(salt: str, people: Ids, share: float) -> Mask:
    """What `holdout.is_held_out` says of each person."""
    if share <= 0:
        return np.zeros(len(people), np.bool_)
    begin, limit = hashlib.sha256(f"{salt}:".encode()), share * 2**64
    found = np.empty(len(people), np.bool_)
    for number, person in enumerate(people.tolist()):
        digest = begin.copy()
        digest.update(b"%d" % person)
        found[number] = int.from_bytes(digest.digest()[:8], "big") < limit
    return found


def tested_on(experiment: Experiment, plan: TestPlan, people: Ids, silent: Mask) -> Mask:
    """Whether each person is in the test's part of the audience (held-out people too, in no arm)."""
    if experiment.group_low is not None and experiment.group_high is not None:
        return in_part(plan.exclusion_group, people, experiment.group_low, experiment.group_high)
    units: Units = unit_of(f"{experiment.salt}:in", people)
    inside: Mask = units < plan.test_share
    if plan.sample_per_arm is not None:
        candidates = inside & ~silent
        wanted = plan.sample_per_arm * len(plan.arms)
        if wanted < int(candidates.sum()):
            few = chosen_few(experiment.salt, people[candidates], wanted)
            inside &= units <= units[candidates][few].max()
    return inside


def arms_of(experiment: Experiment, plan: TestPlan, people: Ids, silent: Mask, shares: Mapping[str, float]) -> Codes:
    """The position of each one's arm among the arms of the plan; `assign.NO_ARM` for who is held out."""
    wanted = {key: shares.get(key, 0.0) for key in plan.arm_keys}
    codes = arm_of(experiment.salt, people, wanted)
    codes[silent] = NO_ARM
    return codes


def _follow_winner(
    connection: Connection, found: Experiment, tested: TestPlan, run: StepRun, count: int, now: datetime
) -> None:
    """A step that begins after the decision: everybody gets the winner."""
    if tested.kind == "frequency":
        winner = tested.arm(found.winner)
        skips = winner is not None and run.step not in (winner.overrides.steps or ())
        why = f"the test decided against this step: {found.winner} won" if skips else ""
        insert_rest(connection, found, run.step, 0, count, now, why_not=why)
    else:
        insert_rest(connection, found, run.step, 0, count, now, arm=found.winner)


def _let_others_follow(
    connection: Connection, found: Experiment, tested: TestPlan, run: StepRun, count: int, now: datetime
) -> None:
    """Of a test of frequency the others do not wait: they get the steps of the control."""
    control = tested.arm(tested.control_key)
    has_it = control is None or run.step in (control.overrides.steps or ())
    insert_rest(connection, found, run.step, 1, count, now, why_not="" if has_it else OTHER_ARM)


def _begin(
    connection: Connection,
    settings: Settings,
    found: Experiment,
    tested: TestPlan,
    run: StepRun,
    plan: CampaignPlan,
    now: datetime,
) -> None:
    """The clock of a test begins; its end counts from when its last message is due."""
    step = plan.step(run.step)
    last = max(now, _last_due(settings, plan, step, run)) if step is not None else now
    deadline = last + timedelta(hours=tested.duration_hours or HOURS_OF_A_SAMPLE)
    write_card(connection, found.experiment_id, {"began_at": now, "deadline_at": deadline}, BY, now)
    write_log(connection, found.experiment_id, "began", f"the people of step {run.step} have their arms", BY, now)


def _last_due(settings: Settings, plan: CampaignPlan, step: Step, run: StepRun) -> datetime:
    started = plan.starts_at or run.due_at
    times = [variant.time for variant in step.variants if variant.time] or [step.time]
    each = (step.model_copy(update={"time": time}) for time in times)
    return max(last_due(plan, one, settings.workspace_time_zone, started) for one in each)
