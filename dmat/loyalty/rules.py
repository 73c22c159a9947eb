"""The rules of the loyalty programme: tiers, what is earned, how long points and tiers last.

Belongs here: their shape, keeping and reading them. Stays out: applying them. The programme is off until rules are
kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.engine import Connection

from dmat.documents import Moment, read
from dmat.store.engine import Store, upsert
from dmat.store.tables import settings_values
from dmat.store.workspace_values import write_audit

KEPT_AS = "loyalty.rules"
TierKey = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$", description="up to 20 small letters, digits and _, a letter first")
]


class Tier(BaseModel):
    """One tier: reached with so many points earned within `tier_days`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: TierKey
    name: Annotated[str, Field(min_length=1, max_length=60)]
    from_points: Annotated[int, Field(ge=0, le=10_000_000)]
    benefits: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=30)] = []
    early_access_hours: Annotated[int, Field(ge=0, le=720)] = 0


STANDARD = (
    Tier(key="silver", name="Silver", from_points=0),
    Tier(key="gold", name="Gold", from_points=100, benefits=["free shipping", "early access to sales"]),
    Tier(key="platinum", name="Platinum", from_points=500, benefits=["free shipping", "early access to sales"],
         early_access_hours=24),
)  # fmt: skip


class LoyaltyRules(BaseModel):
    """The whole programme.

    `cents_per_point`: net cents of an order for one point. `members`: who joins with the first order that counts.
    `starts_at`: only orders from then on earn (UTC); empty: all that are known. `holdout_share`: of those who would
    join, how many never do, so that what the programme causes can be measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    is_active: bool = True
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)] = STANDARD
    cents_per_point: Annotated[int, Field(ge=1, le=10_000_000)] = 1000
    points_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    tier_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    members: Literal["everybody", "with_email_consent"] = "with_email_consent"
    starts_at: Moment | None = None
    holdout_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> LoyaltyRules:
        points = [tier.from_points for tier in self.tiers]
        if points[0] != 0 or points != sorted(set(points)):
            raise ValueError("tiers: they do not rise; the first begins at 0 points, each next one at more")
        if len({tier.key for tier in self.tiers}) != len(self.tiers):
            raise ValueError("tiers: two have the same key; a key of its own for each")
        return self

    def tier_of(self, points: int) -> Tier:
        """The highest tier that so many points reach; 100 points are Gold, 99 are Silver."""
        return [tier for tier in self.tiers if tier.from_points <= max(points, 0)][-1]

    def rank(self, key: str) -> int:
        """Position of a tier, the lowest 0; -1 for one that is not there any more."""
        return next((number for number, tier in enumerate(self.tiers) if tier.key == key), -1)


def parse_loyalty(document: Any) -> LoyaltyRules:
    """Rules from a document.

    Raises:
        InvalidInputError: names the place of the first fault.
    """
    return read(LoyaltyRules, document, "rules")


def read_rules(connection: Connection) -> LoyaltyRules | None:
    """The rules that are kept; None while there is no programme."""
    found = connection.execute(sa.select(settings_values.c.value).where(settings_values.c.key == KEPT_AS)).scalar()
    return None if found is None else LoyaltyRules.model_validate(found)


def keep_rules(store: Store, document: Any, now: datetime, by: str) -> LoyaltyRules:
    """Keep rules; they hold from now on, what was earned stays.

    Raises:
        InvalidInputError: see `parse_loyalty`.
    """
    rules = parse_loyalty(document)
    shown = rules.model_dump(mode="json")
    row = {"key": KEPT_AS, "value": shown, "updated_at": now, "updated_by": by}
    with store.write() as connection:
        statement = upsert(connection, settings_values).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))
        write_audit(connection, now, by, "loyalty rules changed", KEPT_AS, rules=shown)
    return rules
