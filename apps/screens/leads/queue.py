"""The queue: leads by score on the left, the one that is open on the right, answers in one key.

Belongs here: putting both together. Stays out: which leads (`dmat/routing/lists.py`), words (`telling.py`), acts
(`acting.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.context import Context
from apps.screens import entry_of
from apps.screens.leads.state import MINE, WAITING, LeadState
from apps.screens.leads.telling import (
    ClockWords,
    Happening,
    Reason,
    clock_words,
    counts_of,
    reasons_of,
    short_reasons,
    timeline,
)
from dmat.routing.answering import REASONS
from dmat.routing.assigning import assignments_of
from dmat.routing.decide import REP
from dmat.routing.lists import AT_MOST, Listed, all_leads, leads_of_rep, leads_waiting, one_lead
from dmat.routing.reps import Load, Rep, read_loads, read_reps
from dmat.scoring.leads import MAY_FOLLOW, history_of
from dmat.scoring.pushing import pushes_of
from dmat.scoring.words import advice, explain, industry_words, next_step
from dmat.store.access import Caller

KEYS = (
    ("J", "next lead"), ("K", "lead before"), ("A", "take it on"), ("X", "give it back"), ("C", "contacted"),
    ("Q", "qualified"), ("W", "won"), ("L", "lost"), ("N", "note"), ("R", "give it to somebody"),
    ("T", "take it from the queue"), ("?", "these keys"),
)  # fmt: skip
GIVE_BACK = {**REASONS, "no_lead": "this is not a lead (spam, a test, a duplicate)"}


@dataclass(frozen=True)
class Card:
    """One lead in the list."""

    row: Listed
    clock: ClockWords | None
    why: str


@dataclass(frozen=True)
class Opened:
    """The lead that is open, with all that a rep needs for the first call."""

    row: Listed
    clock: ClockWords | None
    explanation: str
    advice: str
    next_step: str
    reasons: list[Reason]
    happenings: list[Happening]
    because: list[str]
    holder: Rep | None
    pushes: list[dict[str, Any]]
    is_mine: bool
    is_waiting: bool
    may_follow: tuple[str, ...]
    person_address: str


class Queue:
    """What the list and the open lead show to one reader."""

    def __init__(self, context: Context, caller: Caller, role: str, rep: Rep | None) -> None:
        self.context, self.caller, self.role, self.rep = context, caller, role, rep

    def values(self, state: LeadState) -> dict[str, Any]:
        """Everything that the template of the queue needs."""
        rows = self._rows(state)
        cards = [Card(row, clock_words(row.due, self.context.now()), short_reasons(row.score)) for row in rows]
        names, loads = self._reps()
        chosen = self._chosen(state, rows)
        place = next((at for at, row in enumerate(rows) if chosen and row.lead.lead_id == chosen.lead.lead_id), -1)
        return {
            "cards": cards, "counts": counts_of(rows), "opened": self._opened(chosen, names) if chosen else None,
            "is_picked": bool(state.lead), "before": rows[place - 1].lead.lead_id if place > 0 else None,
            "after": rows[place + 1].lead.lead_id if 0 <= place < len(rows) - 1 else None,
            "reps": [rep for rep in names.values() if rep.is_active], "loads": loads, "names": names, "keys": KEYS,
            "give_back": GIVE_BACK, "at_most": AT_MOST, "own_rep": self.rep,
            "industry_words": industry_words,
        }  # fmt: skip

    def _rows(self, state: LeadState) -> list[Listed]:
        context, now = self.context, self.context.now()
        if state.view == MINE:
            key = state.rep or (self.rep.rep_key if self.rep else "")
            rows = leads_of_rep(context.store, context.workspace, key, now) if key else []
        elif state.view == WAITING:
            rows = leads_waiting(context.store, context.workspace, now)
        else:
            return all_leads(context.store, context.workspace, now, state.search, state.status)
        return [row for row in rows if _fits(row, state)]

    def _reps(self) -> tuple[dict[str, Rep], dict[str, Load]]:
        with self.context.store.read() as connection:
            reps = read_reps(connection)
            return {rep.rep_key: rep for rep in reps}, read_loads(connection, reps, self.context.now())

    def _chosen(self, state: LeadState, rows: Sequence[Listed]) -> Listed | None:
        if not state.lead:
            return rows[0] if rows else None
        number = int(state.lead) if state.lead.isdigit() and len(state.lead) < 18 else 0
        listed = next((row for row in rows if row.lead.lead_id == number), None)
        return listed or one_lead(self.context.store, self.context.workspace, number, self.context.now())

    def _opened(self, row: Listed, reps: dict[str, Rep]) -> Opened:
        store, number, given = self.context.store, row.lead.lead_id, row.assignment
        names = {key: rep.name for key, rep in reps.items()} | {rep.email: rep.name for rep in reps.values()}
        had = given or next(iter(assignments_of(store, number)), None)
        holder = reps.get(given.rep_key or "") if given else None
        owns = self.caller.may("leads:route") or bool(self.rep and holder and holder.rep_key == self.rep.rep_key)
        may_write = self.caller.may("leads:write")
        return Opened(
            row, clock_words(row.due, self.context.now()), explain(row.score), advice(row.score),
            next_step(row.score, row.lead.status),
            reasons_of(row.score), timeline(row.score.entries, history_of(store, number), names),
            had.explanation if had else [], holder, _newest(pushes_of(store, number)), owns and may_write,
            given is None or given.place != REP, tuple(sorted(MAY_FOLLOW[row.lead.status])), self._person(row),
        )  # fmt: skip

    def _person(self, row: Listed) -> str:
        """Where the person behind the lead is looked at, when the reader may."""
        entry = entry_of("/people")
        may = entry is not None and self.role in entry.roles and row.lead.person_id is not None
        return f"/people?id={row.lead.person_id}" if may else ""


def _newest(pushes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each kind the newest: a contact that was handed over again is one contact."""
    return list({push["kind"]: push for push in pushes}.values())


def _fits(row: Listed, state: LeadState) -> bool:
    lead = row.lead
    text = f"{lead.name} {lead.email} {lead.company_name} {lead.job_title}".lower()
    return (not state.status or lead.status == state.status) and all(w in text for w in state.search.lower().split())
