"""Campaigns that wait for somebody, for the list on the home screen.

Belongs here: reading them. Stays out: their words (`needs.py`).
"""

from __future__ import annotations

from apps.context import Context
from apps.screens.home.needs import Waiting
from dmat.campaigns.programmes import paused_programmes
from dmat.campaigns.records import IN_REVIEW, INCOMPLETE, RUNNING, read_campaigns
from dmat.store.campaign_tables import campaigns


def read_waiting(context: Context) -> Waiting:
    """Campaigns that wait for a yes, that the guard stopped, or that ended without adding up."""
    statuses = (IN_REVIEW, RUNNING, INCOMPLETE)
    with context.store.read() as connection:
        found = read_campaigns(connection, campaigns.c.status.in_(statuses))
        paused = paused_programmes(connection)
    return Waiting(
        tuple((each.campaign_id, each.name, each.plan_by.split("@")[0]) for each in found if each.status == IN_REVIEW),
        tuple((each.campaign_id, each.name, paused[each.programme]) for each in found
              if each.status == RUNNING and each.programme in paused),
        tuple((each.campaign_id, each.name, each.status_reason) for each in found if each.status == INCOMPLETE),
    )  # fmt: skip
