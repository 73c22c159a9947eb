"""Campaigns, tests and journeys that wait for somebody, and tests that ended lately, for the list on the home screen.

Belongs here: reading them. Stays out: their words (`needs.py`).
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from textwrap import shorten

from apps.context import Context
from apps.screens.experiments.standing import standing_of
from apps.screens.home.needs import Waiting
from dmat.alerts.records import open_alerts
from dmat.campaigns.programmes import paused_programmes
from dmat.campaigns.records import IN_REVIEW, INCOMPLETE, RUNNING, read_campaigns
from dmat.experiments.records import DECIDED, DECIDING, ROLLED_OUT, read_decision, read_experiments
from dmat.journeys.records import LIVE, read_journeys
from dmat.journeys.watchdog import find_stuck
from dmat.metrics.periods import today_in
from dmat.people.notes import tasks_of
from dmat.store.campaign_tables import campaigns
from dmat.store.experiment_tables import experiments
from dmat.store.journey_tables import journeys

LATELY, MOST = timedelta(days=3), 3
"""For how long, and how many, tests that ended are told of."""


def read_waiting(context: Context, reader: str = "") -> Waiting:
    """Campaigns that wait for a yes, that the guard stopped, or that ended without adding up; tests to decide."""
    statuses = (IN_REVIEW, RUNNING, INCOMPLETE)
    with context.store.read() as connection:
        found = read_campaigns(connection, campaigns.c.status.in_(statuses))
        paused = paused_programmes(connection)
        tests = read_experiments(connection, experiments.c.status.in_((DECIDING, DECIDED, ROLLED_OUT)))
        since = context.now() - LATELY
        ended = [each for each in tests if each.status != DECIDING and each.decided_at and each.decided_at >= since]
        decisions = {each.experiment_id: read_decision(connection, each.experiment_id) for each in ended[:MOST]}
    return Waiting(
        tuple((each.campaign_id, each.name, each.plan_by.split("@")[0]) for each in found if each.status == IN_REVIEW),
        tuple((each.campaign_id, each.name, paused[each.programme]) for each in found
              if each.status == RUNNING and each.programme in paused),
        tuple((each.campaign_id, each.name, each.status_reason) for each in found if each.status == INCOMPLETE),
        tuple((each.experiment_id, each.name, standing_of(each)) for each in tests if each.status == DECIDING),
        tuple((each.experiment_id, each.name, standing_of(each, decision=decisions[each.experiment_id]))
              for each in ended[:MOST]),
        read_stuck(context),
        read_open_alerts(context),
        read_tasks(context, reader),
    )  # fmt: skip


def read_open_alerts(context: Context) -> tuple[tuple[str, str, str], ...]:
    """Alerts about figures and sources that nobody looks after; those about campaigns are told by themselves."""
    now = context.now()
    found = [each for each in open_alerts(context.store) if each.state(now) == "open" and each.rule_key != "campaigns"]
    return tuple((each.title, each.words, each.severity) for each in found[:MOST])


def read_tasks(context: Context, reader: str) -> tuple[tuple[int, str, bool], ...]:
    """What a reader has to do about people by today, the oldest first."""
    today = today_in(context.zone, context.now())
    found = tasks_of(context.store, reader, today)[:MOST] if reader else []
    return tuple(
        (each.person_id, shorten(each.words, 90, placeholder=" …"), each.due_on < today)
        for each in found
        if each.due_on
    )


def read_stuck(context: Context) -> tuple[tuple[str, str, int], ...]:
    """Live journeys whose people should have gone on long ago: key, name, how many."""
    caught: Counter[str] = Counter()
    for each in find_stuck(context.store, context.now()):
        caught[each.journey] += each.count
    if not caught:
        return ()
    with context.store.read() as connection:
        names = {each.key: each.name for each in read_journeys(connection, journeys.c.status == LIVE)}
    return tuple((key, names.get(key, key), count) for key, count in caught.most_common(MOST))
