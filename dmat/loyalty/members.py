"""Members of the programme: reading one with balance and tier.

Belongs here: reading. Stays out: what changes them (`earning.py`, `tiers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from dmat.errors import NotFoundError
from dmat.loyalty.ledger import balances
from dmat.store.engine import Store, rows_of
from dmat.store.loyalty_tables import loyalty_members


@dataclass(frozen=True)
class Member:
    """One member; `points` is what can be spent."""

    person_id: int
    joined_at: datetime
    tier: str
    tier_since: datetime
    tier_until: datetime | None
    points: int


def member_of(store: Store, person_id: int) -> Member:
    """One member.

    Raises:
        NotFoundError: the person is no member.
    """
    names = ("person_id", "joined_at", "tier", "tier_since", "tier_until")
    query = sa.select(*(loyalty_members.c[name] for name in names)).where(loyalty_members.c.person_id == person_id)
    with store.read() as connection:
        rows = rows_of(connection, query)
        if not rows:
            raise NotFoundError(f"person {person_id} is no member of the loyalty programme")
        return Member(**rows[0], points=balances(connection, [person_id]).get(person_id, 0))
