"""Lists of leads as sales reads them: mine, those that wait for somebody, all; the hottest first, with their clocks.

Belongs here: which leads are in which list, their order, until when something is due. Stays out: how a list looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import sqlalchemy as sa

from dmat.errors import NotPublishedError
from dmat.routing.assigning import ASSIGNMENT_COLUMNS, Assignment
from dmat.routing.decide import POOL, QUEUE, REP
from dmat.routing.plan import read_plan
from dmat.routing.reps import Rep, read_reps
from dmat.scoring.leads import Lead, leads_of, list_leads
from dmat.scoring.live import Score, scores_of
from dmat.store.engine import Store, chunks, rows_of
from dmat.store.lead_tables import lead_assignments
from dmat.warehouse import Workspace

AT_MOST = 200
ANSWER, CONTACT = "answer", "contact"
_BEST = """
    select lead_id from scores.lead_scores
    where lead_id is not null and ? in ('', status) and ? in ('', coalesce(assigned_to, ''))
    order by score desc, lead_id
    limit ?
"""


@dataclass(frozen=True)
class Due:
    """What is due next (`answer` or `contact`), and until when (UTC)."""

    what: str
    at: datetime


@dataclass(frozen=True)
class Listed:
    """One lead in a list."""

    lead: Lead
    score: Score
    assignment: Assignment | None
    due: Due | None


def leads_of_rep(store: Store, view: Workspace, rep_key: str, now: datetime) -> list[Listed]:
    """What one rep has."""
    is_theirs = sa.and_(lead_assignments.c.place == REP, lead_assignments.c.rep_key == rep_key)
    return _listed(store, view, _open_leads(store, is_theirs), now)


def leads_waiting(store: Store, view: Workspace, now: datetime) -> list[Listed]:
    """What is in the queue and in the pool: with priority first, then by score."""
    found = _listed(store, view, _open_leads(store, lead_assignments.c.place.in_((QUEUE, POOL))), now)
    return sorted(found, key=lambda each: not (each.assignment and each.assignment.is_priority))


def all_leads(
    store: Store, view: Workspace, now: datetime, text: str = "", status: str = "", rep: str = "", limit: int = AT_MOST
) -> list[Listed]:
    """The leads that fit, the hottest `limit` of them; without words those that the tables know to be hottest.

    Raises:
        InvalidInputError: there is no such status.
    """
    found = [lead.lead_id for lead in list_leads(store, status, rep, text, limit)]
    if not text:
        found = list(dict.fromkeys([*_best(view, status, rep, limit), *found]))
    listed = _listed(store, view, found, now)  # the tables may not know yet what has changed since
    return [each for each in listed if status in ("", each.lead.status) and rep in ("", each.lead.assigned_to)][:limit]


def one_lead(store: Store, view: Workspace, lead_id: int, now: datetime) -> Listed | None:
    """One lead with its clock; None when there is none with that number."""
    return next(iter(_listed(store, view, [lead_id], now)), None)


def _best(view: Workspace, status: str, rep: str, limit: int) -> list[int]:
    try:
        return [int(row["lead_id"]) for row in view.rows(_BEST, [status, rep, limit])]
    except (NotPublishedError, duckdb.CatalogException):
        return []


def _open_leads(store: Store, is_meant: sa.ColumnElement[bool]) -> list[int]:
    query = sa.select(lead_assignments.c.lead_id).where(lead_assignments.c.ended_at.is_(None), is_meant)
    with store.read() as connection:
        ordered = query.order_by(lead_assignments.c.score.desc(), lead_assignments.c.lead_id).limit(AT_MOST)
        found: list[int] = list(connection.execute(ordered).scalars())
    return found


def _listed(store: Store, view: Workspace, lead_ids: Sequence[int], now: datetime) -> list[Listed]:
    """These leads, the hottest first."""
    scores, open_ones = scores_of(store, view, lead_ids, now), _assignments(store, lead_ids)
    with store.read() as connection:
        found, minutes = leads_of(connection, lead_ids), read_plan(connection)[1].contact_minutes
        reps = {rep.rep_key: rep for rep in read_reps(connection)}
    listed = [
        Listed(lead, scores[number], open_ones.get(number), due_of(open_ones.get(number), reps, minutes))
        for number, lead in found.items() if number in scores
    ]  # fmt: skip
    return sorted(listed, key=lambda each: (-each.score.score, each.lead.lead_id))


def _assignments(store: Store, lead_ids: Sequence[int]) -> dict[int, Assignment]:
    table, found = lead_assignments.c, {}
    with store.read() as connection:
        for batch in chunks(lead_ids):
            query = sa.select(*ASSIGNMENT_COLUMNS).where(table.lead_id.in_(batch), table.ended_at.is_(None))
            for row in rows_of(connection, query):
                found[int(row["lead_id"])] = Assignment(**row)
    return found


def due_of(assignment: Assignment | None, reps: Mapping[str, Rep], contact_minutes: int) -> Due | None:
    """What is due next for a lead that somebody has; None when nothing is, or nobody has it."""
    if assignment is None or assignment.place != REP or assignment.contacted_at is not None:
        return None
    if not assignment.is_answered and assignment.respond_by is not None:
        return Due(ANSWER, assignment.respond_by)
    rep = reps.get(assignment.rep_key or "")
    at = rep.hours.after(assignment.assigned_at, contact_minutes) if rep else None
    return Due(CONTACT, at) if at is not None else None
