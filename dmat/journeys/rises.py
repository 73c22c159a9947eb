"""Who rose to which tier of the loyalty programme: entries of journeys that begin with it.

Belongs here: reading the log of tiers. Stays out: when a tier is reached (`dmat/loyalty/tiers.py`), the other triggers
(`entries.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from dmat.journeys.triggers import TierReached
from dmat.loyalty.rules import read_rules
from dmat.store import Store
from dmat.store.loyalty_tables import loyalty_tier_changes


class Rise(NamedTuple):
    """A member who came to a higher tier: the number of the change, and what messages may say of it."""

    person_id: int
    number: int
    at: datetime
    values: Mapping[str, Any]


def rises(store: Store, trigger: TierReached, since: datetime, until: datetime) -> Iterator[Rise]:
    """Members that came to a higher tier with `since < at <= until`, with its name and benefits as they are now."""
    table = loyalty_tier_changes.c
    query = sa.select(loyalty_tier_changes).where(table.changed_at > since, table.changed_at <= until)
    with store.read() as connection:
        rules = read_rules(connection)
        if rules is None:
            return
        changes = connection.execute(query.order_by(table.change_id)).all()
    for row in changes:
        rank = rules.rank(row.to_tier)
        if rank <= max(rules.rank(row.from_tier), 0) or (trigger.tiers and row.to_tier not in trigger.tiers):
            continue
        tier = rules.tiers[rank]
        values = {"tier": tier.name, "benefits": ", ".join(tier.benefits), "points": row.points}
        yield Rise(row.person_id, row.change_id, row.changed_at, values)
