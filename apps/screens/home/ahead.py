"""What lies ahead: the next steps of campaigns that will be sent, and what somebody has begun and not finished.

Belongs here: reading both from the store. Stays out: words and layout, the whole calendar (`/calendar`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.context import Context
from dmat.campaigns.records import DRAFT, RUNNING, SCHEDULED, Campaign, read_campaigns
from dmat.campaigns.schedule import due_at
from dmat.experiments.records import read_experiments
from dmat.journeys.records import read_journeys
from dmat.store.campaign_tables import campaigns
from dmat.store.experiment_tables import experiments
from dmat.store.journey_tables import journeys

DAYS_AHEAD, MOST = timedelta(days=7), 5


@dataclass(frozen=True)
class Send:
    """One step of a campaign on its way: what, over which channel, when it begins."""

    name: str
    campaign: str
    channel: str
    due_at: datetime
    link: str


@dataclass(frozen=True)
class Unfinished:
    """A draft, what it is one of, and when it was changed last."""

    name: str
    kind: str
    link: str
    updated_at: datetime


@dataclass(frozen=True)
class Ahead:
    """What is sent in the next seven days, the soonest first; the drafts that were changed last."""

    sends: tuple[Send, ...] = ()
    drafts: tuple[Unfinished, ...] = ()


def read_ahead(context: Context) -> Ahead:
    """What lies ahead of the workspace."""
    now = context.now()
    with context.store.read() as connection:
        coming = read_campaigns(connection, campaigns.c.status.in_((SCHEDULED, RUNNING)))
        begun = [
            *(Unfinished(each.name, "Campaign", f"/campaigns?id={each.campaign_id}&edit=1", each.updated_at)
              for each in read_campaigns(connection, campaigns.c.status == DRAFT)),
            *(Unfinished(each.name, "Journey", f"/journeys?id={each.key}", each.updated_at)
              for each in read_journeys(connection, journeys.c.status == DRAFT)),
            *(Unfinished(each.name, "A/B test", f"/experiments?id={each.experiment_id}", each.updated_at)
              for each in read_experiments(connection, experiments.c.status == DRAFT)),
        ]  # fmt: skip
    sends = [send for each in coming for send in _sends_of(each, context.zone, now)]
    sends.sort(key=lambda send: (send.due_at, send.link, send.name))
    begun.sort(key=lambda each: (each.updated_at, each.link), reverse=True)
    return Ahead(tuple(sends[:MOST]), tuple(begun[:MOST]))


def _sends_of(campaign: Campaign, zone: str, now: datetime) -> list[Send]:
    moments = [(step, due_at(campaign.plan, step, zone, campaign.starts_at or now)) for step in campaign.plan.steps]
    link = f"/campaigns?id={campaign.campaign_id}"
    return [Send(step.shown_name, campaign.name, step.channel, at, link)
            for step, at in moments if now < at <= now + DAYS_AHEAD]  # fmt: skip
