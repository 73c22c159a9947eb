"""Trying rules out: where a lead would go, and where those of the last weeks would have gone; nothing is given.

Belongs here: deciding with rules that may not be kept yet. Stays out: giving leads (`assigning.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dmat.routing.decide import Decision, decide
from dmat.routing.plan import RoutingPlan, read_plan
from dmat.routing.reps import Load, Rep, read_loads, read_reps
from dmat.scoring.leads import Lead, clean_lead, leads_of
from dmat.store.engine import Store, rows_of
from dmat.store.lead_tables import lead_assignments

AT_MOST = 2_000


@dataclass(frozen=True)
class Tried:
    """A lead of the last weeks: where it went, and where it would have gone."""

    lead: Lead
    score: float
    was_place: str
    was_rep: str | None
    decision: Decision

    @property
    def is_same(self) -> bool:
        """Whether it would have gone to the same place."""
        return (self.was_place, self.was_rep) == (self.decision.place, self.decision.rep_key)


def made_up_lead(given: dict[str, Any], now: datetime) -> Lead:
    """A lead that is not there, from what somebody typed (`company_size`, `industry`, `country_code`, `region` ...).

    Raises:
        InvalidInputError: names the field.
    """
    columns = clean_lead({"email": "try.out@example.com", **given})
    return Lead(
        lead_id=0, person_id=None, status="new", status_at=now, assigned_to=None, created_at=now, updated_at=now,
        **columns,
    )  # fmt: skip


def try_lead(store: Store, lead: Lead, score: Decimal, now: datetime, plan: RoutingPlan | None = None) -> Decision:
    """Where a lead would go now, with what everybody has now; by the rules that apply, or by others."""
    with store.read() as connection:
        rules = plan or read_plan(connection)[1]
        reps = read_reps(connection)
        return decide(lead, score, rules, reps, read_loads(connection, reps, now), now)


def try_history(store: Store, plan: RoutingPlan, now: datetime, days: int = 30) -> list[Tried]:
    """Where the leads that were given for the first time in the last days would have gone, in their order.

    Each day everybody begins with no lead of that day; how many open leads a rep had then is not known any more and
    does not count. Leads are as they are now.
    """
    table = lead_assignments.c
    first = sa.select(sa.func.min(table.assignment_id)).where(table.by == "routing").group_by(table.lead_id)
    names = (table.lead_id, table.place, table.rep_key, table.score, table.assigned_at)
    query = sa.select(*names).where(table.assignment_id.in_(first), table.assigned_at > now - timedelta(days=days))
    with store.read() as connection:
        rows = rows_of(connection, query.order_by(table.assigned_at, table.assignment_id).limit(AT_MOST))
        found, reps = leads_of(connection, [int(row["lead_id"]) for row in rows]), read_reps(connection)
    day = _Days(reps)
    tried = []
    for row in rows:
        at, lead, score = row["assigned_at"], found[int(row["lead_id"])], Decimal(str(row["score"]))
        decision = decide(lead, score, plan, reps, day.loads(at), at)
        day.give(decision.rep_key, at)
        tried.append(Tried(lead, float(score), row["place"], row["rep_key"], decision))
    return tried


class _Days:
    """How many leads each rep got in their own day, while leads are given anew."""

    def __init__(self, reps: Sequence[Rep]) -> None:
        self._zones = {rep.rep_key: ZoneInfo(rep.time_zone) for rep in reps}
        self._given: dict[tuple[str, Any], int] = {}
        self._last: dict[str, datetime] = {}

    def _day(self, key: str, at: datetime) -> tuple[str, Any]:
        return key, at.replace(tzinfo=UTC).astimezone(self._zones[key]).date()

    def loads(self, at: datetime) -> dict[str, Load]:
        """Everybody's load of the day."""
        return {
            key: Load(today_count=self._given.get(self._day(key, at), 0), last_at=self._last.get(key))
            for key in self._zones
        }

    def give(self, rep_key: str | None, at: datetime) -> None:
        """One more for a rep."""
        if rep_key is not None:
            place = self._day(rep_key, at)
            self._given[place] = self._given.get(place, 0) + 1
            self._last[rep_key] = at
