"""What the form asks about a test in the making: what is missing, what it can find out, how its variants look.

Belongs here: looking at a document that may be half done, with the campaign it belongs to. Stays out: what is missing
in itself (`faults.py`), the statistics before the start (`powering.py`), previews (`previewing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.screens.experiments.desk import TestDesk
from apps.screens.experiments.faults import item_of, missing_of
from apps.screens.experiments.forming import Document, Found, Missing, in_words, sentence
from apps.screens.experiments.powering import Powering
from apps.screens.experiments.previewing import Previews
from dmat.campaigns.plan import Step
from dmat.campaigns.records import OVER, Campaign
from dmat.errors import DmatError, InvalidInputError, NotFoundError
from dmat.experiments.fitting import refuse_unfit
from dmat.experiments.passing import Divided, divided_journeys
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import DRAFT, Experiment


@dataclass(frozen=True)
class Place:
    """Where a test runs: the campaign and its step, or the journey, as far as they are chosen and there."""

    campaign: Campaign | None = None
    step: Step | None = None
    journey: Divided | None = None

    @property
    def step_names(self) -> Mapping[str, str]:
        """Names of the campaign's messages."""
        if self.campaign is None:
            return {}
        return {step.key: step.shown_name for step in self.campaign.plan.steps if step.plans_messages}

    def first_message(self, document: Mapping[str, Any]) -> Step | None:
        """Of a test of frequency, the message whose people are counted."""
        if self.campaign is None or document.get("kind") != "frequency":
            return None
        return next((step for step in self.campaign.plan.steps if step.plans_messages), None)


class Judging:
    """Answers for the forms of one server."""

    def __init__(self, desk: TestDesk) -> None:
        self.desk = desk
        self.previews, self.powering = Previews(desk), Powering(desk)

    def place_of(self, document: Mapping[str, Any]) -> Place:
        """The campaign and step that a document names, or its journey."""
        number, journey = document.get("campaign_id"), document.get("journey")
        if journey:
            return Place(journey=next((each for each in self.journeys() if each.key == journey), None))
        if not number:
            return Place()
        try:
            campaign = self.desk.campaigns.library.get(int(number))
        except NotFoundError:
            return Place()
        return Place(campaign, campaign.plan.step(str(document.get("step") or "")))

    def campaigns(self) -> list[Campaign]:
        """Campaigns that can still be tested: with a message to people, and not over."""
        listed = self.desk.campaigns.library.list()
        return [
            each for each in listed if each.status not in OVER and any(step.plans_messages for step in each.plan.steps)
        ]

    def journeys(self) -> list[Divided]:
        """Journeys that divide people somewhere."""
        with self.desk.context.store.read() as connection:
            return divided_journeys(connection)

    def look(self, document: Document, serial: int, experiment_id: int = 0) -> Found:
        """Look at a document as far as it is whole."""
        plan, missing = missing_of(document)
        place = self.place_of(document)
        if plan is not None:
            missing = [*missing, *self._unfit(document, plan, experiment_id)]
        power = self.powering.look(document, place.campaign, place.step or place.first_message(document))
        looks = self.previews.of(place.step, document.get("arms", ()), place.step_names)
        return Found(serial, tuple(missing), power, looks)

    def _unfit(self, document: Document, plan: TestPlan, experiment_id: int) -> list[Missing]:
        context = self.desk.context
        try:
            with context.store.read() as connection:
                refuse_unfit(connection, context.settings, in_the_making(plan, experiment_id, context.now()))
        except InvalidInputError as error:
            return [Missing(item_of(error.field), in_words(error, document))]
        except DmatError as error:
            return [Missing("place", sentence(str(error)))]
        return []


def in_the_making(plan: TestPlan, experiment_id: int, now: datetime) -> Experiment:
    """A plan as a test that nobody started, for the checks before the start."""
    return Experiment(
        experiment_id=experiment_id, key=plan.key, name=plan.name, kind=plan.kind, status=DRAFT, status_reason="",
        campaign_id=plan.campaign_id, journey=plan.journey, step=plan.step, page=plan.page,
        exclusion_group=plan.exclusion_group,
        group_low=None, group_high=None, version=1, running_version=None, started_at=None, began_at=None,
        deadline_at=None, paused_at=None, decided_at=None, ended_at=None, winner="", verdict=None, looks=0,
        looked_at=None, learning="", created_at=now, created_by="", updated_at=now, updated_by="", plan=plan,
    )  # fmt: skip


def ways_of(journey: Divided, split: str) -> list[tuple[str, float, str]]:
    """Key, share and name of each way of a split."""
    step = journey.splits.get(split)
    return [(arm.key, arm.share, f"On to {arm.go}") for arm in step.arms] if step else []


def judging_of(desk: TestDesk) -> Judging:
    """The one of this server."""
    return desk.context.part("judging", lambda _: Judging(desk))
