"""What a rep says to a lead that came: taken on, not for me, I take it from the queue.

Belongs here: answers of the one who has a lead, and who may give them. Stays out: the decision (`decide.py`), who had
a lead before (`assigning.py`), the stages of a sale (`dmat/scoring/leads.py`).
Taking a lead on stops the clock of answers; the clock of the first contact goes on until the lead is contacted.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError, NotPermittedError
from dmat.routing.assigning import (
    REJECTED,
    Assignment,
    end_assignment,
    give_to,
    open_assignment,
    route_again,
)
from dmat.routing.decide import REP
from dmat.routing.reps import Rep, read_reps
from dmat.scoring.leads import OVER, change_assignments, get_lead, note
from dmat.scoring.live import score_of
from dmat.settings import Settings
from dmat.store.access import Caller
from dmat.store.engine import Store
from dmat.store.lead_tables import lead_assignments
from dmat.warehouse import Workspace

REASONS = {
    "territory": "not my territory", "industry": "not my industry", "no_time": "no time for it now",
    "known": "somebody else knows them already", "other": "another reason",
}  # fmt: skip
WRONG = ("territory", "industry")
"""Reasons that say that the rules were wrong about the rep."""


def rep_of(connection: Connection, email: str) -> Rep | None:
    """The rep with that address; None when there is none."""
    wanted = email.strip().lower()
    return next((rep for rep in read_reps(connection) if rep.email == wanted), None)


def require_own(store: Store, lead_id: int, caller: Caller) -> None:
    """Let a rep answer only for the leads that are theirs; who may route may answer for all.

    Raises:
        NotFoundError: there is no such lead.
        NotPermittedError: the lead is somebody else's.
    """
    caller.require("leads:write")
    if caller.may("leads:route"):
        return
    with store.read() as connection:
        lead, rep = get_lead(connection, lead_id), rep_of(connection, caller.name)
    if rep is None or lead.assigned_to != rep.rep_key:
        raise NotPermittedError(f"lead {lead_id} is not yours: only who has it, or a manager, may do that")


def accept(store: Store, lead_id: int, now: datetime, by: str) -> Assignment:
    """Take a lead on; twice is once.

    Raises:
        NotFoundError: there is no such lead.
        ConflictError: no rep has it.
    """
    with store.write() as connection:
        get_lead(connection, lead_id, locks=True)
        current = _held(connection, lead_id)
        if current.accepted_at is None:
            is_it = lead_assignments.c.assignment_id == current.assignment_id
            change_assignments(connection, is_it, accepted_at=now)
            note(connection, lead_id, "accepted", f"{current.rep_key} takes it on", now, by)
        return _held(connection, lead_id)


def _held(connection: Connection, lead_id: int) -> Assignment:
    current = open_assignment(connection, lead_id)
    if current is None or current.place != REP:
        raise ConflictError(f"lead {lead_id} is with no rep")
    return current


def reject(
    settings: Settings, store: Store, view: Workspace, lead_id: int, reason: str, now: datetime, by: str,
    words: str = "",
) -> Assignment:  # fmt: skip
    """Give a lead back; the rules decide anew, without whoever gave it back. Gives where it goes.

    Raises:
        NotFoundError: there is no such lead.
        InvalidInputError: a reason that is not one.
        ConflictError: no rep has it, or it is won or lost.
    """
    if reason not in REASONS:
        raise InvalidInputError("reason", f"{reason[:40]!r} is not a reason", ", ".join(REASONS))
    score = score_of(store, view, lead_id, now)
    with store.write() as connection:
        lead = get_lead(connection, lead_id, locks=True)
        if lead.status in OVER:
            raise ConflictError(f"lead {lead_id} is {lead.status}: there is nothing to give back")
        current = _held(connection, lead_id)
        end_assignment(connection, current, REJECTED, now)
        is_it = lead_assignments.c.assignment_id == current.assignment_id
        change_assignments(connection, is_it, rejected_for=reason)
        said = f"{current.rep_key} gives it back: {REASONS[reason]}" + (f" ({words.strip()[:300]})" if words else "")
        note(connection, lead_id, "rejected", said, now, by, reason=reason)
        return route_again(connection, settings, lead, score, now, by)


def claim(settings: Settings, store: Store, view: Workspace, lead_id: int, now: datetime, by: str) -> Assignment:
    """Take a lead out of the queue or the pool, or one that nobody has had, by the rep with the address `by`.

    Raises:
        NotFoundError: there is no such lead.
        NotPermittedError: `by` is no active rep.
        ConflictError: somebody has it.
    """
    with store.read() as connection:
        rep = rep_of(connection, by)
    if rep is None or not rep.is_active:
        raise NotPermittedError(f"{by} is no active sales rep, who alone can take a lead")
    give_to(settings, store, view, lead_id, rep.rep_key, now, by, was_nobodys=True)
    return accept(store, lead_id, now, by)
