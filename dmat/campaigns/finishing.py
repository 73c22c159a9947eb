"""When a step is over and when a campaign is finished: only when every frozen person has come to an end.

Belongs here: comparing the frozen audience with the ledger, what is still open, and why a campaign is incomplete.
Stays out: the states of messages (`dmat/ledger`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.library import CampaignLibrary
from dmat.campaigns.plan import MESSAGE_CHANNELS
from dmat.campaigns.records import RUNNING, Campaign
from dmat.campaigns.showing import end_retargeting, stop_showing
from dmat.campaigns.step_runs import (
    ENDS,
    FAILED,
    OVER_RUN,
    PLANNED_RUN,
    SHOWING,
    TO_POST,
    StepRun,
    read_runs,
    write_run,
)
from dmat.ledger.control import standing
from dmat.ledger.entries import AMBIGUOUS, CLAIMED, EXPIRED, HANDED_OVER, PLANNED, AudienceReport
from dmat.ledger.post import Move, move
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.tables import ledger_entries

SETTLES = timedelta(hours=1)
"""How long after a step's end its unresolved messages are waited for."""
ROWS_AT_ONCE = 10_000


def note_over(settings: Settings, store: Store, campaign: Campaign) -> None:
    """Write down which steps are over: nothing of them is open any more."""
    now = settings.clock.now()
    with store.read() as connection:
        runs = read_runs(connection, campaign.campaign_id)
    for run in runs:
        if run.state == PLANNED_RUN and run.expires_at is not None and run.expires_at <= now:
            end_late(store, campaign, run, now)
    with store.read() as connection:
        over = [run for run in runs if _is_over(connection, campaign, run, now)]
    for run in over:
        if run.channel == "retargeting":
            end_retargeting(settings, store, campaign.programme, run.step)
        with store.write() as connection:
            if run.state == SHOWING or run.channel == "in_app":
                stop_showing(connection, campaign.programme, now, run.step)
            write_run(connection, run, now, state=OVER_RUN)


def _is_over(connection: Connection, campaign: Campaign, run: StepRun, now: datetime) -> bool:
    if run.state == SHOWING:
        return run.expires_at is not None and run.expires_at <= now
    if run.state != PLANNED_RUN:
        return False
    if run.channel not in MESSAGE_CHANNELS:
        return run.expires_at is None or run.expires_at <= now
    if _has(connection, campaign, run, (PLANNED, CLAIMED, HANDED_OVER)):
        return False
    waits_for_proof = run.expires_at is None or run.expires_at + SETTLES > now
    return not (waits_for_proof and _has(connection, campaign, run, (AMBIGUOUS,)))


def _has(connection: Connection, campaign: Campaign, run: StepRun, states: Sequence[str]) -> bool:
    """Whether a message of the step is in one of these states: one look into an index for each."""
    table = ledger_entries.c
    for state in states:
        query = sa.select(sa.literal(1)).where(
            table.programme == campaign.programme, table.step == run.step, table.channel == run.channel,
            table.state == state,
        )  # fmt: skip
        if connection.execute(query.limit(1)).first() is not None:
            return True
    return False


def end_late(store: Store, campaign: Campaign, run: StepRun, now: datetime) -> int:
    """End what was to wait beyond the end of its step; gives how many messages that were."""
    table, count = ledger_entries.c, 0
    query = sa.select(table.message_id).where(
        table.programme == campaign.programme, table.step == run.step, table.channel == run.channel,
        table.state == PLANNED, table.expires_at <= now,
    )  # fmt: skip
    while True:
        with store.write() as connection:
            found: list[str] = list(connection.execute(query.limit(ROWS_AT_ONCE)).scalars())
            why = f"its time was over at {run.expires_at:%Y-%m-%d %H:%M} UTC"
            moves = [Move(each, EXPIRED, why, only_from=frozenset({PLANNED})) for each in found]
            count += len(move(connection, moves, now))
        if len(found) < ROWS_AT_ONCE:
            return count


def finish_if_over(settings: Settings, store: Store, library: CampaignLibrary, campaign: Campaign, by: str) -> bool:
    """Finish a running campaign of which nothing is left to do; incomplete when something is missing."""
    with store.read() as connection:
        runs = read_runs(connection, campaign.campaign_id)
    if not runs or any(run.state not in (*ENDS, FAILED) for run in runs):
        return False
    reasons = incomplete_because(store, campaign, runs)
    if library.get(campaign.campaign_id).status != RUNNING:
        return False
    library.finish(campaign.campaign_id, by, reasons)
    return True


def incomplete_because(store: Store, campaign: Campaign, runs: Sequence[StepRun]) -> list[str]:
    """Every reason why a campaign is not finished: failed steps, open messages, people without a message."""
    stands, found = standing(store, campaign.programme), []
    for run in runs:
        if run.state == FAILED:
            found.append(f"step {run.step} failed: {run.reason}")
        elif run.state == TO_POST:
            found.append(f"step {run.step} waits for somebody to publish it")
        elif run.channel in MESSAGE_CHANNELS and run.audience_count is not None:
            found += _missing(run, stands.get((run.step, run.channel)))
    return found


def _missing(run: StepRun, report: AudienceReport | None) -> list[str]:
    if report is None:
        return [f"step {run.step} has no messages for {run.audience_count:,} people"] if run.audience_count else []
    found = []
    if report.ambiguous:
        found.append(f"step {run.step}: of {report.ambiguous:,} messages nobody knows whether they left")
    if report.waiting:
        found.append(f"step {run.step}: {report.waiting:,} messages have not left")
    if report.audience < (run.audience_count or 0):
        found.append(f"step {run.step}: {(run.audience_count or 0) - report.audience:,} people have no message")
    return found
