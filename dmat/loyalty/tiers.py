"""Tiers: reached the moment the points are earned, kept for a year, then what was earned in the last year decides.

Belongs here: moving members between tiers, with a log and an event for webhooks. Stays out: what a tier gives (offers,
`offers.py`, and campaigns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.loyalty.ledger import ADJUST, EARN, MEMBER, REFUND
from dmat.loyalty.rules import LoyaltyRules, read_rules
from dmat.outgoing.outbox import emit
from dmat.store.engine import Store, chunks, rows_of
from dmat.store.loyalty_tables import loyalty_entries, loyalty_members, loyalty_tier_changes

COUNTS = (EARN, REFUND, ADJUST)  # spending points costs no tier


@dataclass(frozen=True)
class Moved:
    """A member who came to another tier."""

    person_id: int
    from_tier: str
    to_tier: str
    points: int


def update_tiers(store: Store, now: datetime) -> list[Moved]:
    """Move members up as soon as they reach a tier, and down when its time is over; twice gives once."""
    with store.read() as connection:
        rules = read_rules(connection)
        people: list[int] = list(connection.execute(sa.select(loyalty_members.c.person_id)).scalars())
    if rules is None or not rules.is_active:
        return []
    moved: list[Moved] = []
    for batch in chunks(people, 500):
        with store.write() as connection:
            moved += _update(connection, rules, batch, now)
    return moved


def tier_points(connection: Connection, rules: LoyaltyRules, people: Sequence[int], now: datetime) -> dict[int, int]:
    """Person -> points that count for a tier: earned, refunded and adjusted within `tier_days`."""
    table = loyalty_entries.c
    query = sa.select(table.person_id, sa.func.sum(table.points)).where(
        table.account == MEMBER, table.kind.in_(COUNTS), table.person_id.in_(people),
        table.occurred_at > now - timedelta(days=rules.tier_days),
    ).group_by(table.person_id)  # fmt: skip
    return {int(row[0]): int(row[1]) for row in connection.execute(query)}


def _update(connection: Connection, rules: LoyaltyRules, people: Sequence[int], now: datetime) -> list[Moved]:
    names = ("person_id", "tier", "tier_until")
    query = sa.select(*(loyalty_members.c[name] for name in names)).where(loyalty_members.c.person_id.in_(people))
    points = tier_points(connection, rules, people, now)
    moved = []
    for row in rows_of(connection, query):
        person, own = int(row["person_id"]), points.get(int(row["person_id"]), 0)
        reached = rules.tier_of(own).key
        change = _change(rules, row, reached, now)
        if change is None:
            continue
        values = {**change, "updated_at": now, "revision": loyalty_members.c.revision + 1}
        connection.execute(sa.update(loyalty_members).where(loyalty_members.c.person_id == person).values(values))
        if reached != row["tier"]:
            moved.append(Moved(person, row["tier"], reached, own))
            _log(connection, moved[-1], now)
    return moved


def _change(rules: LoyaltyRules, row: dict[str, Any], reached: str, now: datetime) -> dict[str, Any] | None:
    until = now + timedelta(days=rules.tier_days) if rules.rank(reached) > 0 else None
    if rules.rank(reached) > rules.rank(row["tier"]):
        return {"tier": reached, "tier_since": now, "tier_until": until}
    is_over = row["tier_until"] is not None and row["tier_until"] <= now
    if not is_over and rules.rank(row["tier"]) >= 0:
        return None
    return {"tier": reached, "tier_until": until} | ({} if reached == row["tier"] else {"tier_since": now})


def _log(connection: Connection, moved: Moved, now: datetime) -> None:
    row = {**vars(moved), "changed_at": now}
    statement = sa.insert(loyalty_tier_changes).values(row).returning(loyalty_tier_changes.c.change_id)
    number = int(connection.execute(statement).scalar_one())
    emit(connection, "loyalty.tier_changed", str(number), vars(moved), now)
