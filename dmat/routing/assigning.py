"""Assignments: written in the transaction that decides, explained, logged, told and handed to the CRM.

Belongs here: leads that are ready, the queue, answers that did not come, claiming from the pool. Stays out: the
decision (`decide.py`), what is said (`handing.py`).

At most one assignment of a lead is open; two processes that route at once give it to one rep.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError
from dmat.routing.decide import POOL, QUEUE, REP, Decision, decide
from dmat.routing.handing import hand_over
from dmat.routing.plan import RoutingPlan, read_plan
from dmat.routing.reps import Rep, find_rep, read_loads, read_reps
from dmat.scoring.leads import OVER, Lead, change_assignments, get_lead, note, write_lead
from dmat.scoring.live import Score, score_of
from dmat.settings import Settings
from dmat.store.engine import Store, lock_rows, rows_of
from dmat.store.lead_tables import lead_assignments, leads, sales_reps, score_crossings, score_states
from dmat.warehouse import Workspace

BY, REJECTED = "routing", "rejected"
AT_ONCE = 500
ENGAGED = frozenset({"email_open", "email_click"})


@dataclass(frozen=True)
class Assignment:
    """Who has a lead, since when, why."""

    assignment_id: int
    lead_id: int
    place: str
    rep_key: str | None
    is_priority: bool
    rule: str
    rules_version: int
    explanation: list[str]
    score: float
    assigned_at: datetime
    respond_by: datetime | None
    accepted_at: datetime | None
    contacted_at: datetime | None
    ended_at: datetime | None
    ended_because: str
    rejected_for: str
    by: str

    @property
    def is_answered(self) -> bool:
        """Whether the rep took the lead on, or has been in touch with it."""
        return self.accepted_at is not None or self.contacted_at is not None


ASSIGNMENT_COLUMNS = [lead_assignments.c[name] for name in Assignment.__dataclass_fields__]


@dataclass(frozen=True)
class Routed:
    """What one round did: leads given for the first time, out of the queue, and away from who did not answer."""

    given: int = 0
    queued: int = 0
    pooled: int = 0
    reassigned: int = 0

    @property
    def count(self) -> int:
        """How much there was to do."""
        return self.given + self.queued + self.pooled + self.reassigned


def route_due(settings: Settings, store: Store, view: Workspace, now: datetime) -> Routed:
    """Take leads from who did not answer, give what is ready, and what waits in the queue; twice gives once."""
    with store.read() as connection:
        if not any(rep.is_active for rep in read_reps(connection)):
            return Routed()
        late, waiting, ready = _late(connection, now), _queued(connection), _ready(connection)
    reassigned = sum(_reassign(settings, store, view, assignment, now) for assignment in late)
    places = [_from_queue(settings, store, view, assignment, now) for assignment in waiting]
    places += [_first(settings, store, view, lead_id, now) for lead_id in ready]
    return Routed(places.count(REP), places.count(QUEUE), places.count(POOL), reassigned)


def count_late(connection: Connection, now: datetime) -> int:
    """How many assignments were not answered in time."""
    return len(_late(connection, now))


def _late(connection: Connection, now: datetime) -> list[Assignment]:
    table = lead_assignments.c
    is_late = sa.and_(
        table.ended_at.is_(None),
        table.place == REP,
        table.accepted_at.is_(None),
        table.contacted_at.is_(None),
        table.respond_by <= now,
    )
    rows = rows_of(connection, sa.select(*ASSIGNMENT_COLUMNS).where(is_late).order_by(table.respond_by).limit(AT_ONCE))
    return [Assignment(**row) for row in rows]


def _queued(connection: Connection) -> list[Assignment]:
    """What waits: with priority first, then by score, then the oldest."""
    table = lead_assignments.c
    query = sa.select(*ASSIGNMENT_COLUMNS).where(table.ended_at.is_(None), table.place == QUEUE)
    ordered = query.order_by(table.is_priority.desc(), table.score.desc(), table.assigned_at, table.assignment_id)
    return [Assignment(**row) for row in rows_of(connection, ordered.limit(AT_ONCE))]


def _ready(connection: Connection) -> list[int]:
    """New leads over the threshold that are with nobody and wait nowhere, the highest score first."""
    table = lead_assignments.c
    has = sa.select(table.lead_id).where(table.lead_id == leads.c.lead_id, table.ended_at.is_(None))
    query = (
        sa.select(leads.c.lead_id)
        .join(score_states, score_states.c.lead_id == leads.c.lead_id)
        .where(score_states.c.is_above, leads.c.status == "new", sa.not_(has.exists()))
        .order_by(score_states.c.score.desc(), leads.c.lead_id)
        .limit(AT_ONCE)
    )
    found: list[int] = list(connection.execute(query).scalars())
    return found


def assign_lead(settings: Settings, store: Store, view: Workspace, lead_id: int, now: datetime, by: str) -> Assignment:
    """Route one lead now, whatever its score; who has it already keeps it.

    Raises:
        NotFoundError: there is no such lead.
        ConflictError: it is won or lost.
    """
    score = score_of(store, view, lead_id, now)
    with store.write() as connection:
        lead = get_lead(connection, lead_id, locks=True)
        if lead.status in OVER:
            raise ConflictError(f"lead {lead_id} is {lead.status}: there is nothing to hand over")
        current = open_assignment(connection, lead_id)
        return current or route_again(connection, settings, lead, score, now, by)


def _first(settings: Settings, store: Store, view: Workspace, lead_id: int, now: datetime) -> str:
    score = score_of(store, view, lead_id, now)
    with store.write() as connection:
        lead = get_lead(connection, lead_id, locks=True)
        _, plan = read_plan(connection)
        if not score.is_qualified or not _is_complete(lead, score, plan) or open_assignment(connection, lead_id):
            return ""
        return route_again(connection, settings, lead, score, now, BY).place


def _is_complete(lead: Lead, score: Score, plan: RoutingPlan) -> bool:
    engaged = any(entry.action in ENGAGED for entry in score.entries)
    return (engaged or not plan.ready.email_engagement) and bool(lead.company_name or not plan.ready.company)


def _from_queue(settings: Settings, store: Store, view: Workspace, queued: Assignment, now: datetime) -> str:
    """Give a lead that waits, when somebody has room now; else it goes on waiting as it did."""
    score = score_of(store, view, queued.lead_id, now)
    with store.write() as connection:
        lead = get_lead(connection, queued.lead_id, locks=True)
        current = open_assignment(connection, lead.lead_id)
        if current is None or current.assignment_id != queued.assignment_id:
            return ""
        decision, version = _think(connection, lead, score, now)
        if decision.place == QUEUE:
            return ""
        end_assignment(connection, current, "left the queue", now)
        return _write(connection, settings, lead, score, decision, version, now, BY).place


def _reassign(settings: Settings, store: Store, view: Workspace, late: Assignment, now: datetime) -> bool:
    score = score_of(store, view, late.lead_id, now)
    with store.write() as connection:
        lead = get_lead(connection, late.lead_id, locks=True)
        current = open_assignment(connection, lead.lead_id)
        if current is None or current.assignment_id != late.assignment_id or current.is_answered:
            return False
        end_assignment(connection, current, "no answer", now)
        note(connection, lead.lead_id, "silence", f"{late.rep_key} did not answer in time", now, BY)
        decision, version = _think(connection, lead, score, now)
        _write(connection, settings, lead, score, decision, version, now, BY)
    return True


def route_again(
    connection: Connection, settings: Settings, lead: Lead, score: Score, now: datetime, by: str
) -> Assignment:
    """Decide who gets a lead that nobody has now, inside the caller's transaction."""
    decision, version = _think(connection, lead, score, now)
    return _write(connection, settings, lead, score, decision, version, now, by)


def _think(connection: Connection, lead: Lead, score: Score, now: datetime) -> tuple[Decision, int]:
    connection.execute(lock_rows(connection, sa.select(sales_reps.c.rep_key)))  # loads hold until this is written
    version, plan = read_plan(connection)
    reps = read_reps(connection)
    loads = read_loads(connection, reps, now)
    since = lead.status_at if lead.status == "new" else datetime.min  # a lead that came back begins anew
    silent = _ended(connection, lead.lead_id, "no answer", since)
    unwilling = _ended(connection, lead.lead_id, REJECTED, datetime.min)
    if len(silent) <= plan.reassigns:
        return decide(lead, score.score, plan, reps, loads, now, silent | unwilling), version
    managers = [rep for rep in reps if rep.is_active and rep.role == "manager" and rep.rep_key not in unwilling]
    last = f"{len(silent)} reps did not answer"
    if plan.unanswered_after_reassigns == "pool" or not managers:
        return Decision(POOL, None, "", True, (f"{last}: it goes to the general pool.",)), version
    chosen = min(managers, key=lambda rep: (loads[rep.rep_key].open_count, rep.rep_key))
    words = (f"{last}: {chosen.name} takes care of it as the manager.",)
    return Decision(REP, chosen.rep_key, "", True, words), version  # no clock: it would only go round in circles


def _ended(connection: Connection, lead_id: int, because: str, since: datetime) -> set[str]:
    """Keys of the reps who had a lead until, for that reason and since then, they had it no more."""
    table = lead_assignments.c
    query = sa.select(table.rep_key).where(
        table.lead_id == lead_id, table.ended_because == because, table.ended_at >= since
    )
    keys: list[str | None] = list(connection.execute(query).scalars())
    return {key for key in keys if key}


def _write(
    connection: Connection, settings: Settings, lead: Lead, score: Score, decision: Decision, version: int,
    now: datetime, by: str,
) -> Assignment:  # fmt: skip
    crossed = sa.select(sa.func.max(score_crossings.c.crossed_at)).where(score_crossings.c.lead_id == lead.lead_id)
    row: dict[str, Any] = {
        "lead_id": lead.lead_id, "place": decision.place, "rep_key": decision.rep_key,
        "is_priority": decision.is_priority, "rule": decision.rule, "rules_version": version,
        "explanation": list(decision.because), "score": float(score.score), "assigned_at": now,
        "crossed_at": connection.execute(crossed).scalar(), "respond_by": decision.respond_by, "by": by,
        "ended_because": "", "rejected_for": "",
    }  # fmt: skip
    statement = sa.insert(lead_assignments).values(row).returning(lead_assignments.c.assignment_id)
    number = int(connection.execute(statement).scalar_one())
    write_lead(connection, lead.lead_id, {"assigned_to": decision.rep_key}, now)
    note(connection, lead.lead_id, "assigned", " ".join(decision.because), now, by, rep=decision.rep_key)
    [written] = rows_of(connection, sa.select(*ASSIGNMENT_COLUMNS).where(lead_assignments.c.assignment_id == number))
    rep = find_rep(connection, decision.rep_key) if decision.rep_key else None
    hand_over(connection, settings, get_lead(connection, lead.lead_id), score, rep, number, decision, now)
    return Assignment(**written)


def open_assignment(connection: Connection, lead_id: int) -> Assignment | None:
    """Who has a lead, or where it waits."""
    table = lead_assignments.c
    query = sa.select(*ASSIGNMENT_COLUMNS).where(table.lead_id == lead_id, table.ended_at.is_(None))
    found = rows_of(connection, lock_rows(connection, query))
    return Assignment(**found[0]) if found else None


def end_assignment(connection: Connection, assignment: Assignment, because: str, now: datetime) -> None:
    """End an assignment, inside the caller's transaction."""
    is_it = lead_assignments.c.assignment_id == assignment.assignment_id
    change_assignments(connection, is_it, ended_at=now, ended_because=because)


def give_to(
    settings: Settings, store: Store, view: Workspace, lead_id: int, rep_key: str, now: datetime, by: str,
    was_nobodys: bool = False,
) -> Assignment:  # fmt: skip
    """Give a lead to a rep by hand, beyond rules and capacity; from the pool, the queue or another rep.

    Args:
        settings, store, view, lead_id, rep_key, now, by: the lead, the rep, and who gives it.
        was_nobodys: do it only while no rep has the lead.

    Raises:
        NotFoundError: there is no such lead or rep.
        ConflictError: the rep is not active, has it already, or the lead is won or lost; or somebody has it.
    """
    score = score_of(store, view, lead_id, now)
    with store.write() as connection:
        lead, rep = get_lead(connection, lead_id, locks=True), find_rep(connection, rep_key)
        current = open_assignment(connection, lead_id)
        _check_by_hand(lead, rep, current)
        if was_nobodys and current is not None and current.place == REP:
            raise ConflictError(f"{current.rep_key} has lead {lead_id}")
        if current is not None:
            end_assignment(connection, current, "given by hand", now)
        version, plan = read_plan(connection)
        due = rep.hours.after(now, plan.response_minutes)
        decision = Decision(REP, rep_key, "", False, (f"Given to {rep.name} by {by}.",), due)
        return _write(connection, settings, lead, score, decision, version, now, by)


def _check_by_hand(lead: Lead, rep: Rep, current: Assignment | None) -> None:
    if not rep.is_active:
        raise ConflictError(f"{rep.name} is not active")
    if lead.status in OVER:
        raise ConflictError(f"lead {lead.lead_id} is {lead.status}: there is nothing to hand over")
    if current is not None and current.rep_key == rep.rep_key:
        raise ConflictError(f"{rep.name} has lead {lead.lead_id} already")


def assignments_of(store: Store, lead_id: int) -> list[Assignment]:
    """All assignments of a lead, the newest first.

    Raises:
        NotFoundError: there is no such lead.
    """
    query = sa.select(*ASSIGNMENT_COLUMNS).where(lead_assignments.c.lead_id == lead_id)
    with store.read() as connection:
        get_lead(connection, lead_id)
        rows = rows_of(connection, query.order_by(lead_assignments.c.assignment_id.desc()))
    return [Assignment(**row) for row in rows]
