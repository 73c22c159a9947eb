"""Campaigns that run: what is due now is started, frozen, planned, shown, and what is over is finished.

Belongs here: one look at all campaigns, cheap when nothing is due; a step that fails does not stop the others. Stays
out: the single steps (`freezing.py`, `planning.py`, `showing.py`, `finishing.py`), who calls it and when
(`dmat_pipelines/decide/campaigns.py`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from dmat.campaigns.arms import tested_plan
from dmat.campaigns.changes import paused_channels
from dmat.campaigns.finishing import finish_if_over, note_over
from dmat.campaigns.freezing import enter_steps, freeze_step
from dmat.campaigns.library import CampaignLibrary
from dmat.campaigns.parts import has_work
from dmat.campaigns.permissions import bring_consent
from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.planning import plan_step
from dmat.campaigns.posting import is_left_behind, post_step
from dmat.campaigns.records import (
    RUNNING,
    SCHEDULED,
    Campaign,
    plan_of_version,
    read_campaigns,
)
from dmat.campaigns.showing import show_banner, show_in_app, sync_retargeting
from dmat.campaigns.step_runs import FAILED, FROZEN, POSTING, SKIPPED, TESTING, WAITING, StepRun, read_people, write_run
from dmat.campaigns.switching import is_paused
from dmat.campaigns.watching import watch_rules
from dmat.errors import DmatError, PermanentError
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store.campaign_tables import campaigns
from dmat.store.engine import Store

BY = "campaigns"
log = logging.getLogger("dmat.campaigns")


@dataclass
class Look:
    """What one look at all campaigns did."""

    started: list[int] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    acted: list[str] = field(default_factory=list)
    messages: int = 0

    @property
    def count(self) -> int:
        """How much was done."""
        return len(self.started) + len(self.steps) + len(self.finished) + len(self.acted)


class Runner:
    """Runs the campaigns of a workspace; a resident process keeps one and calls `look` again and again."""

    def __init__(self, settings: Settings, store: Store, desk: Desk, library: CampaignLibrary) -> None:
        self.settings, self.store, self.desk, self.library = settings, store, desk, library

    def look(self) -> Look:
        """Do what is due; twice does nothing twice.

        Raises:
            NotPublishedError: a step is due and there are no tables yet.
        """
        done, now = Look(), self.settings.clock.now()
        for campaign in self._in(SCHEDULED):
            if campaign.plan.starts_at is not None and campaign.plan.starts_at <= now:
                self._start(campaign, done)
        for campaign in self._in(RUNNING):
            self._run(campaign, now, done)
        return done

    def _in(self, status: str) -> list[Campaign]:
        with self.store.read() as connection:
            return read_campaigns(connection, campaigns.c.status == status)

    def _start(self, campaign: Campaign, done: Look) -> None:
        try:
            self.library.start(campaign.campaign_id, BY)
        except PermanentError as error:
            self.library.unschedule(campaign.campaign_id, BY, f"it could not start: {error}")
            done.failed[f"campaign {campaign.campaign_id}"] = str(error)
        else:
            done.started.append(campaign.campaign_id)

    def _run(self, campaign: Campaign, now: datetime, done: Look) -> None:
        with self.store.read() as connection:
            plan = plan_of_version(connection, campaign.campaign_id, campaign.running_version or campaign.version)
            plan = tested_plan(connection, campaign.campaign_id, plan)
            stopped = is_paused(connection, campaign.programme)
            channels = paused_channels(connection, campaign.campaign_id)
        for run in enter_steps(self.settings, self.store, campaign, plan):
            if run.due_at <= now and not stopped and run.channel not in channels and self._has_work(run):
                self._do(campaign, self._plan_of(campaign, run, plan), run, now, done)
        done.acted += [
            f"campaign {campaign.campaign_id} rule {acted.rule}: {acted.outcome}"
            for acted in watch_rules(self.settings, self.store, self.desk.workspace, campaign, plan)
        ]
        self._end_steps(campaign, done)
        if finish_if_over(self.settings, self.store, self.library, campaign, BY):
            done.finished.append(campaign.campaign_id)

    def _has_work(self, run: StepRun) -> bool:
        if run.state == POSTING:
            return is_left_behind(run, self.settings.clock.now())
        if run.state != TESTING:
            return run.state in (WAITING, FROZEN)
        with self.store.read() as connection:
            return has_work(connection, run)

    def _plan_of(self, campaign: Campaign, run: StepRun, plan: CampaignPlan) -> CampaignPlan:
        """The plan that a step began with, as long as it is under way."""
        if run.version == (campaign.running_version or campaign.version):
            return plan
        with self.store.read() as connection:
            begun = plan_of_version(connection, campaign.campaign_id, run.version)
            return tested_plan(connection, campaign.campaign_id, begun)

    def _do(self, campaign: Campaign, plan: CampaignPlan, run: StepRun, now: datetime, done: Look) -> None:
        name = f"campaign {campaign.campaign_id} step {run.step}"
        try:
            if run.state == WAITING and run.expires_at is not None and run.expires_at <= now:
                self._write(run, state=SKIPPED, reason="its time was over before it could be planned")
            else:
                done.messages += self._do_step(campaign, plan, run)
            done.steps.append(name)
        except DmatError as error:
            done.failed[name] = f"{type(error).__name__}: {error}"
            values = {} if error.is_transient else {"state": FAILED}
            if run.reason != str(error) or values:
                self._write(run, reason=str(error), **values)
                log.warning("%s failed: %s", name, error)

    def _do_step(self, campaign: Campaign, plan: CampaignPlan, run: StepRun) -> int:
        step = plan.step(run.step)
        assert step is not None  # noqa: S101 - the rows of steps come from this plan
        if step.banner is not None:
            show_banner(self.settings, self.store, campaign, plan, step, run)
            return 0
        if step.social is not None:
            post_step(self.settings, self.store, campaign, step, run)
            return 0
        frozen = freeze_step(self.settings, self.store, self.desk, run, plan) if run.state == WAITING else run
        if step.channel == "retargeting":
            return sync_retargeting(self.settings, self.store, self.desk, campaign, step, frozen)
        self._bring_consent(frozen)
        counts = plan_step(self.settings, self.store, self.desk, campaign, frozen, plan)
        if step.channel == "in_app":
            show_in_app(self.settings, self.store, self.desk, campaign, plan, step, frozen)
        return counts.planned

    def _end_steps(self, campaign: Campaign, done: Look) -> None:
        try:
            note_over(self.settings, self.store, campaign)
        except DmatError as error:  # an advertiser does not answer: the next look tries again
            done.failed[f"campaign {campaign.campaign_id}"] = str(error)

    def _bring_consent(self, run: StepRun) -> None:
        with self.store.read() as connection:
            people = read_people(connection, run)
        bring_consent(self.store, self.desk.workspace, people, run.channel, self.settings.clock.now())

    def _write(self, run: StepRun, **values: object) -> None:
        with self.store.write() as connection:
            write_run(connection, run, self.settings.clock.now(), **values)
