"""Who crossed the line is told to sales, once a crossing.

Belongs here: noticing crossings, and telling. Stays out: the score (`live.py`), how it is told (`notices.py`).

A crossing is a lead that was not over the threshold when last looked at and is now. It may cross again only after it
was at or under it in between. One whose newest points are older than a day is entered without a notice: it is no news
(a workspace that has just begun to score would otherwise wake everybody up). A lead that was lost and crosses again
by something new comes back as a new one, for routing to give.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.scoring.leads import OVER, Lead, bring_back, get_lead, note
from dmat.scoring.live import Score, score_of
from dmat.scoring.matrix import seed_bands
from dmat.scoring.notices import Notice, Recipients, tell
from dmat.scoring.words import explain
from dmat.settings import Settings
from dmat.store.engine import Store, chunks, lock_rows, rows_of, upsert
from dmat.store.lead_tables import leads, sales_reps, score_crossings, score_states
from dmat.warehouse import Workspace

BY = "scoring"
NEWS = timedelta(days=1)
_ABOVE = "select person_id from scores.lead_scores where is_mql"


@dataclass(frozen=True)
class Crossing:
    """A lead that crossed the threshold upwards; `told` names who was told."""

    lead_id: int
    number: int
    score: Decimal
    crossed_at: datetime
    told: tuple[str, ...]


def look_for_crossings(settings: Settings, store: Store, workspace: Workspace, now: datetime) -> list[Crossing]:
    """Look at all leads that are over the threshold by the tables, or were when last looked at.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    people = [int(row["person_id"]) for row in workspace.rows(_ABOVE)]
    with store.read() as connection:
        above = _leads_of_people(connection, people)
        query = sa.select(score_states.c.lead_id).where(score_states.c.is_above)
        known: set[int] = set(connection.execute(query).scalars())
    return note_scores(settings, store, (score_of(store, workspace, each, now) for each in sorted(above ^ known)), now)


def _leads_of_people(connection: Connection, people: Sequence[int]) -> set[int]:
    """The oldest lead of each person; one that was taken in a moment ago is not in the tables yet."""
    found: dict[int, int] = {}
    for batch in chunks(people):
        query = sa.select(sa.func.min(leads.c.lead_id).label("lead_id"), leads.c.person_id)
        for row in rows_of(connection, query.where(leads.c.person_id.in_(batch)).group_by(leads.c.person_id)):
            found[int(row["person_id"])] = int(row["lead_id"])
    return set(found.values())


def note_scores(settings: Settings, store: Store, scores: Iterable[Score], now: datetime) -> list[Crossing]:
    """Note where these leads stand; gives those that crossed the line."""
    found = []
    for score in scores:
        with store.write() as connection:
            crossing = note_score(connection, settings, score, now)
        if crossing is not None:
            found.append(crossing)
    return found


def note_score(connection: Connection, settings: Settings, score: Score, now: datetime) -> Crossing | None:
    """Note where a lead stands, inside the caller's transaction, and tell sales when it crossed the line."""
    was_above, count = _state(connection, score, now)
    crosses = score.is_qualified and not was_above
    values = {
        "score": float(score.score), "band": score.band, "is_above": score.is_qualified, "measured_at": now,
        "crossings_count": count + crosses,
    }  # fmt: skip
    connection.execute(sa.update(score_states).where(score_states.c.lead_id == score.lead_id).values(values))
    return _cross(connection, settings, score, count + 1, now) if crosses else None


def _state(connection: Connection, score: Score, now: datetime) -> tuple[bool, int]:
    row = {
        "lead_id": score.lead_id, "score": 0.0, "band": "cold", "is_above": False, "crossings_count": 0,
        "measured_at": now,
    }  # fmt: skip
    statement = upsert(connection, score_states).values(row)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["lead_id"]))
    query = sa.select(score_states.c.is_above, score_states.c.crossings_count)
    [found] = rows_of(connection, lock_rows(connection, query.where(score_states.c.lead_id == score.lead_id)))
    return bool(found["is_above"]), int(found["crossings_count"])


def _cross(connection: Connection, settings: Settings, score: Score, number: int, now: datetime) -> Crossing:
    threshold, is_fresh = int(seed_bands().qualified_over), _is_fresh(score, now)
    lead = get_lead(connection, score.lead_id, locks=True)
    if is_fresh and lead.status == "lost":
        lead = bring_back(connection, lead, f"crossed {threshold} points again", now, BY)
    is_news = is_fresh and lead.status not in OVER
    told = _tell(connection, settings, lead, score, number, now) if is_news else []
    row = {
        "lead_id": lead.lead_id, "number": number, "threshold": threshold, "score": float(score.score),
        "crossed_at": now, "told": told,
    }  # fmt: skip
    connection.execute(sa.insert(score_crossings).values(row))
    note(connection, lead.lead_id, "qualified", f"crossed {threshold} points: {explain(score)}", now, BY, told=told)
    return Crossing(lead.lead_id, number, score.score, now, tuple(told))


def _is_fresh(score: Score, now: datetime) -> bool:
    return any(now - entry.occurred_at <= NEWS for entry in score.entries if entry.points_now > 0)


def _tell(
    connection: Connection, settings: Settings, lead: Lead, score: Score, number: int, now: datetime
) -> list[str]:
    threshold = int(seed_bands().qualified_over)
    who = lead.name or lead.email
    notice = Notice(
        key=f"alert:{lead.lead_id}:{number}",
        event="lead.qualified",
        title=f"{who} crossed {threshold} points",
        intro=explain(score),
        lead=lead,
        score=score,
    )
    return tell(connection, settings, notice, alert_recipients(connection, settings, lead), now)


def alert_recipients(connection: Connection, settings: Settings, lead: Lead) -> Recipients:
    """Who has the lead, else the managers; and always whom the settings name."""
    table = sales_reps.c
    meant = table.rep_key == lead.assigned_to if lead.assigned_to else table.role == "manager"
    query = sa.select(table.email, table.slack_channel).where(meant, table.is_active).order_by(table.rep_key)
    rows = rows_of(connection, query)
    people = Recipients(
        tuple(row["email"] for row in rows), tuple(row["slack_channel"] for row in rows if row["slack_channel"])
    )
    return people | named_recipients(settings)


def named_recipients(settings: Settings) -> Recipients:
    """Addresses and the channel of Slack that the settings name for alerts of leads."""
    emails = tuple(each.lower() for each in settings.lead_alert_emails.replace(",", " ").split())
    channel = settings.lead_alert_slack_channel
    return Recipients(emails, (channel,) if channel else ())


def crossings_of(store: Store, lead_id: int) -> Sequence[Crossing]:
    """The crossings of a lead, the newest first."""
    table = score_crossings.c
    query = sa.select(table.lead_id, table.number, table.score, table.crossed_at, table.told)
    with store.read() as connection:
        rows = rows_of(connection, query.where(table.lead_id == lead_id).order_by(table.number.desc()))
    return [Crossing(**{**row, "score": Decimal(str(row["score"])), "told": tuple(row["told"])}) for row in rows]
