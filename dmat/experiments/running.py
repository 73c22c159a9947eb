"""Tests that run: each is looked at, decided by its rule or handed to a person, and followed until it is rolled out.

Belongs here: one look at all tests, cheap when nothing is due; a test that fails does not stop the others. Stays out:
the statistics (`analysis.py`), the rule (`decide.py`), the transaction of a decision (`settling.py`), planning messages
(`dmat/campaigns`), who calls it and when (`dmat_pipelines/decide/experiments.py`).

Looking is free with always-valid inference. With fixed inference nothing is concluded before the end, with a
group-sequential one only at its planned looks.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from dmat.campaigns.records import CANCELLED, FINISHED, find_campaign
from dmat.campaigns.records import plan_of_version as campaign_plan_of
from dmat.campaigns.step_runs import ENDS, WAITING, read_runs
from dmat.errors import DmatError, NotFoundError
from dmat.experiments.allocating import design_now, open_wave
from dmat.experiments.analysis import analyse
from dmat.experiments.captured_forms import CapturedForms
from dmat.experiments.carrying_over import carry_over, was_overridden
from dmat.experiments.decide import Rule, Verdict, decide
from dmat.experiments.horizon import HELD_BACK, is_preview, sentences_until_then
from dmat.experiments.observed import observe
from dmat.experiments.plan import TestPlan
from dmat.experiments.published import published_at
from dmat.experiments.records import (
    CHOSEN,
    DECIDED,
    DECIDING,
    LIVE,
    ROLLED_OUT,
    RUNNING,
    STOP,
    WINNER,
    Experiment,
    lock_experiment,
    read_experiments,
    running_plan_of,
    waves_of,
)
from dmat.experiments.results import Analysis, Design, Observed
from dmat.experiments.rows import move_to, note_look, write_log
from dmat.experiments.settling import settle
from dmat.experiments.snapshots import Snapshot, write_snapshot
from dmat.journeys.records import ARCHIVED, find_journey
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.experiment_tables import experiments
from dmat.warehouse import Workspace

BY = "tests"
EVERY = timedelta(minutes=1)
log = logging.getLogger("dmat.experiments")
Observe = Callable[[Store, Workspace, Experiment], Observed]


@dataclass
class TestsLook:
    """What one look at all tests did; `forms` is how many visitors were found to have sent a tested form elsewhere."""

    __test__ = False

    forms: int = 0
    decided: dict[int, str] = field(default_factory=dict)
    asked: dict[int, str] = field(default_factory=dict)
    waves: list[str] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How much was done."""
        return len(self.decided) + len(self.asked) + len(self.waves) + len(self.ended)


@dataclass(frozen=True)
class Judged:
    """What a look at one test concluded, and from what."""

    design: Design
    observed: Observed
    analysis: Analysis
    verdict: Verdict
    is_preview: bool = False

    @property
    def sentences(self) -> tuple[str, ...]:
        """What may be said of the figures now."""
        return sentences_until_then(self.analysis) if self.is_preview else self.analysis.sentences

    @property
    def figures(self) -> dict[str, Any]:
        """The verdict as JSON keeps it."""
        arms = {
            arm.key: {"people": found.people, "rate": found.rate}
            for arm in self.design.arms
            if (found := self.analysis.arm(arm.key)) is not None
        }
        return {
            "kind": self.verdict.kind, "arm": self.verdict.arm or "", "reason": self.verdict.reason,
            "is_proven": self.verdict.is_proven, "sentence": " ".join(self.sentences), "arms": arms,
            "assigned": dict(self.observed.assigned),
        }  # fmt: skip


class TestRunner:
    """Looks at the tests of a workspace; a resident process keeps one and calls `look` again and again."""

    __test__ = False

    def __init__(self, settings: Settings, store: Store, workspace: Workspace, observe: Observe = observe) -> None:
        self.settings, self.store, self.workspace, self.observe = settings, store, workspace, observe
        self._forms = CapturedForms(store, workspace)

    def look(self) -> TestsLook:
        """Do what is due; twice does nothing twice."""
        done, now = TestsLook(forms=self._forms.look()), self.settings.clock.now()
        with self.store.read() as connection:
            found = read_experiments(connection, experiments.c.status.in_((*LIVE, DECIDED)))
        for experiment in sorted(found, key=lambda each: each.experiment_id):
            try:
                self._follow(experiment, now, done)
            except DmatError as error:
                done.failed[f"test {experiment.experiment_id}"] = f"{type(error).__name__}: {error}"
                log.warning("test %d failed: %s", experiment.experiment_id, error)
        return done

    def _follow(self, experiment: Experiment, now: datetime, done: TestsLook) -> None:
        if experiment.status == DECIDED:
            self._end(experiment, now, done)
        elif why := self._why_over(experiment, now):
            self._stop(experiment, why, now, done)
        elif experiment.status == RUNNING and experiment.began_at is not None:
            plan = self._running_plan(experiment)
            if opened := open_wave(self.settings, self.store, self.workspace, experiment, plan, now, self.observe):
                done.waves.append(opened)
            if _is_time(experiment, plan, now):
                self._judge(experiment, plan, now, done)

    def _running_plan(self, experiment: Experiment) -> TestPlan:
        with self.store.read() as connection:
            return running_plan_of(connection, experiment)

    # -- what a look concludes -------------------------------------------------------------------------------------

    def _judge(self, experiment: Experiment, plan: TestPlan, now: datetime, done: TestsLook) -> None:
        judged = self.judge(experiment, plan, now)
        verdict, number = judged.verdict, experiment.experiment_id
        snapshot = self.snapshot(experiment, judged, now)
        with self.store.write() as connection:
            fresh = lock_experiment(connection, number)
            if fresh.status != RUNNING or fresh.running_version != experiment.running_version:
                return  # somebody decided, paused or changed it meanwhile
            note_look(connection, number, judged.figures, fresh.looks + 1, now)
            if verdict.kind in ("winner", "chosen", "none") and verdict.arm:
                write_snapshot(connection, snapshot)
                settle(
                    connection, fresh, WINNER if verdict.kind == "winner" else CHOSEN, verdict.arm, verdict.reason, BY,
                    self.settings.clock.now(), figures=judged.figures, snapshot_id=snapshot.snapshot_id,
                )  # fmt: skip
                done.decided[number] = verdict.arm
            elif verdict.kind == "ask" or (verdict.kind == "blocked" and is_over(fresh, plan, judged.observed, now)):
                write_snapshot(connection, snapshot)
                move_to(connection, fresh, DECIDING, BY, now, verdict.reason)
                done.asked[number] = verdict.reason
            elif (fresh.verdict or {}).get("kind") != verdict.kind:
                write_log(connection, number, verdict.kind, verdict.reason, BY, now)

    def judge(self, experiment: Experiment, plan: TestPlan, now: datetime) -> Judged:
        """What is to be concluded now, without doing it."""
        with self.store.read() as connection:
            design = design_now(connection, experiment, plan)
        observed = self.observe(self.store, self.workspace, experiment)
        analysis = analyse(design, observed)
        over, preview = is_over(experiment, plan, observed, now), is_preview(experiment, design)
        if plan.inference == "fixed" and not over:
            return Judged(design, observed, analysis, Verdict("wait", None, HELD_BACK), preview)
        verdict = decide(design, analysis, rule_of(plan), over)
        preview = preview and verdict.kind == "wait"
        if preview and verdict.reason == analysis.sentence:
            verdict = replace(verdict, reason=HELD_BACK)
        return Judged(design, observed, analysis, verdict, preview)

    def snapshot(self, experiment: Experiment, judged: Judged, now: datetime, by: str = BY) -> Snapshot:
        """What a decision is made from, to be kept in its transaction."""
        data_version, _ = published_at(self.workspace)
        return Snapshot(
            snapshot_id=str(uuid.uuid4()), experiment_id=experiment.experiment_id,
            version=experiment.running_version or experiment.version, taken_at=now, taken_by=by, because="decided",
            data_version=data_version, design=judged.design, observed=judged.observed,
        )  # fmt: skip

    # -- how a test ends -------------------------------------------------------------------------------------------

    def _why_over(self, experiment: Experiment, now: datetime) -> str:
        """Why a test that is not decided cannot go on; empty when it can."""
        if experiment.journey:
            return self._why_journey_over(experiment)
        if experiment.campaign_id is None:
            return ""
        with self.store.read() as connection:
            try:
                campaign = find_campaign(connection, experiment.campaign_id)
            except NotFoundError:
                return "its campaign is gone"
            if campaign.status in (CANCELLED, FINISHED):
                return f"its campaign is {campaign.status}"
            plan = campaign_plan_of(connection, campaign.campaign_id, campaign.running_version or campaign.version)
            if experiment.began_at is None:
                runs = {run.step: run.state for run in read_runs(connection, campaign.campaign_id)}
                states = [runs.get(step, WAITING) for step in experiment.plan.steps]
                return "its step began without it" if states and all(state in ENDS for state in states) else ""
        is_late = plan.ends_at is not None and plan.ends_at <= now
        return "its campaign's time was over before it was decided" if is_late else ""

    def _why_journey_over(self, experiment: Experiment) -> str:
        with self.store.read() as connection:
            is_over = find_journey(connection, experiment.journey).status == ARCHIVED
        return "its journey is archived" if is_over else ""

    def _stop(self, experiment: Experiment, why: str, now: datetime, done: TestsLook) -> None:
        with self.store.write() as connection:
            fresh = lock_experiment(connection, experiment.experiment_id)
            if fresh.is_live:
                settle(connection, fresh, STOP, "", why, BY, now)
                done.ended.append(experiment.experiment_id)

    def _end(self, experiment: Experiment, now: datetime, done: TestsLook) -> None:
        """A decided test is rolled out when everybody who waited is in the ledger."""
        waited = self._carry_over(experiment, now)
        with self.store.write() as connection:
            fresh = lock_experiment(connection, experiment.experiment_id)
            waits = waited or any(wave.planned_at is None for wave in waves_of(connection, fresh.experiment_id))
            gone = waits and fresh.campaign_id is not None and _is_cancelled(connection, fresh.campaign_id)
            if fresh.status != DECIDED or (waits and not gone):
                return
            words = "its campaign was cancelled before all others had the winner" if gone else "rolled out"
            move_to(connection, fresh, ROLLED_OUT, BY, now, fresh.status_reason if not gone else words, ended_at=now)
            done.ended.append(experiment.experiment_id)

    def _carry_over(self, experiment: Experiment, now: datetime) -> bool:
        """After another winner was named; gives whether somebody may still be planned with the former one."""
        number = experiment.experiment_id
        with self.store.read() as connection:
            if not was_overridden(connection, number):
                return False
            waited = any(wave.planned_at is None for wave in waves_of(connection, number))
        carry_over(self.store, number, now)
        return waited


def rule_of(plan: TestPlan) -> Rule:
    """The rule of a plan as the decision takes it."""
    return Rule(**plan.rule.model_dump())


def is_over(experiment: Experiment, plan: TestPlan, observed: Observed, now: datetime) -> bool:
    """Whether the planned duration, or on pages the planned sample, has been reached."""
    if experiment.deadline_at is not None and experiment.deadline_at <= now:
        return True
    if plan.is_of_a_campaign or plan.sample_per_arm is None:
        return False
    return min(observed.assigned.values(), default=0) >= plan.sample_per_arm


def _is_time(experiment: Experiment, plan: TestPlan, now: datetime) -> bool:
    """Whether a look is due: each minute, at the end, or at a planned look."""
    last, ends, began = experiment.looked_at, experiment.deadline_at, experiment.began_at
    if ends is not None and ends <= now and (last is None or last < ends):
        return True
    if plan.inference == "group_sequential" and ends is not None and began is not None:
        planned = (0.2, 0.4, 0.6, 0.8, 1.0)
        passed = sum((now - began) >= (ends - began) * part for part in planned)
        return passed > experiment.looks
    return last is None or last + EVERY <= now


def _is_cancelled(connection: Connection, campaign_id: int) -> bool:
    return find_campaign(connection, campaign_id).status == CANCELLED
