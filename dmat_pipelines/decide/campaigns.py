"""Campaigns that are due are started, planned and finished; their coordination rules are looked at.

Belongs here: one look, for the stream, for the asset and for the sensor; whether anything is due (cheap, for sensors).
Stays out: the rules (`dmat/campaigns`).
"""

from __future__ import annotations

import sqlalchemy as sa

from dmat.campaigns.finishing import incomplete_because
from dmat.campaigns.library import open_library
from dmat.campaigns.records import FINISHED, RUNNING, SCHEDULED, read_campaigns
from dmat.campaigns.running import Look, Runner
from dmat.campaigns.step_runs import read_runs
from dmat.ledger.control import standing
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.campaign_tables import campaigns
from dmat.warehouse import Workspace


def open_runner(settings: Settings, store: Store, view: Workspace) -> Runner:
    """What runs the campaigns of a workspace; a resident process keeps it."""
    desk = Desk(settings, store, view)
    return Runner(settings, store, desk, open_library(settings, store, desk))


def run_due_campaigns(settings: Settings, store: Store, view: Workspace) -> Look:
    """Do what is due now; twice does nothing twice.

    Raises:
        NotPublishedError: a step is due and there are no tables yet.
    """
    return open_runner(settings, store, view).look()


def count_active(settings: Settings, store: Store) -> int:
    """How many campaigns run, or start about now: only these need looking at."""
    now = settings.clock.now()
    is_due = sa.or_(
        campaigns.c.status == RUNNING, sa.and_(campaigns.c.status == SCHEDULED, campaigns.c.starts_at <= now)
    )
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(campaigns).where(is_due)).scalar_one())


def unfinished_reasons(store: Store) -> tuple[int, dict[int, list[str]]]:
    """How many campaigns are said to be finished, and what speaks against it: number of the campaign -> reasons."""
    wrong: dict[int, list[str]] = {}
    with store.read() as connection:
        finished = read_campaigns(connection, campaigns.c.status == FINISHED)
        runs = {found.campaign_id: read_runs(connection, found.campaign_id) for found in finished}
    for campaign in finished:
        reasons = incomplete_because(store, campaign, runs[campaign.campaign_id])
        open_count = sum(each.waiting + each.ambiguous for each in standing(store, campaign.programme).values())
        if open_count and not reasons:
            reasons = [f"{open_count:,} messages have not come to an end"]
        if reasons:
            wrong[campaign.campaign_id] = reasons
    return len(finished), wrong
