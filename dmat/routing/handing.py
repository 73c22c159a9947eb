"""Handing a lead over: the mail and the line in Slack with all that the rep needs, and the record in each CRM.

Belongs here: what is said, and when a CRM is told. Stays out: what it is told (`crm.py`), sending and pushing
(`dmat/scoring/notices.py`, `dmat/scoring/pushing.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from dmat.routing.crm import connected_crms
from dmat.routing.decide import POOL, QUEUE, Decision
from dmat.routing.reps import Rep, read_reps
from dmat.scoring.leads import Lead
from dmat.scoring.live import Score
from dmat.scoring.notices import Notice, Recipients, tell
from dmat.scoring.pushing import plan_push
from dmat.scoring.words import explain
from dmat.settings import Settings


def hand_over(
    connection: Connection, settings: Settings, lead: Lead, score: Score, rep: Rep | None, assignment_id: int,
    decision: Decision, now: datetime,
) -> list[str]:  # fmt: skip
    """Tell who gets the lead (the managers, when nobody does), and plan the record of the CRM; once an assignment."""
    who = lead.name or lead.email
    title = f"New high-priority lead assigned: {who}" if decision.is_priority else f"New lead assigned: {who}"
    if rep is None:
        title = {QUEUE: f"A lead waits in the queue: {who}", POOL: f"A lead is in the pool: {who}"}[decision.place]
    facts = [("Why you", " ".join(decision.because))] if rep else [("Why", " ".join(decision.because))]
    if rep and decision.respond_by:
        facts.append(("Please answer by", _local(decision.respond_by, rep)))
    notice = Notice(f"assigned:{assignment_id}", "lead.assigned", title, explain(score), lead, score, tuple(facts))
    if rep:
        for crm in connected_crms(settings):
            payload = crm.record_of(lead, score, rep)
            plan_push(connection, f"{crm.vendor}:{assignment_id}", crm.record, lead.lead_id, payload, now)
    return tell(connection, settings, notice, _recipients(connection, rep), now)


def _recipients(connection: Connection, rep: Rep | None) -> Recipients:
    told = [rep] if rep else [each for each in read_reps(connection) if each.role == "manager" and each.is_active]
    return Recipients(
        tuple(each.email for each in told), tuple(each.slack_channel for each in told if each.slack_channel)
    )


def _local(moment: datetime, rep: Rep) -> str:
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(rep.time_zone))
    return f"{local:%a %d %b %H:%M} ({rep.time_zone})"
