"""How the loyalty programme stands: members and points by tier, offers given and used, journeys around it.

Belongs here: reading the store and the marts into the values of the template. Stays out: effects (`dmat/loyalty`),
layout (`screen.py`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from apps.context import Context
from dmat.journeys.lift import CARDS, Lift, read_lift
from dmat.loyalty.effect import Effect, read_effects, read_tiers
from dmat.loyalty.offers import Offer, list_offers
from dmat.loyalty.rules import LoyaltyRules, read_rules
from dmat.store.engine import rows_of
from dmat.store.loyalty_tables import loyalty_entries, loyalty_grants, loyalty_held_out, loyalty_members

WIN_BACK = "win-back"
AROUND = (
    (WIN_BACK, "Win-back"), ("birthday", "Birthday"), ("anniversary", "Purchase anniversary"),
    ("tier-reached", "Tier reached"), ("vip-early-access", "VIP early access"),
)  # fmt: skip
"""Playbooks of journeys that belong to the programme, with their words."""


@dataclass(frozen=True)
class TierRow:
    """One tier: its members now, and what its customers bought by the tables (None for a tier without any)."""

    key: str
    name: str
    from_points: int | None
    benefits: str
    members_count: int
    bought: dict[str, Any] | None


@dataclass(frozen=True)
class OfferRow:
    """One offer, how often it was given and used."""

    offer: Offer
    granted_count: int
    redeemed_count: int


@dataclass(frozen=True)
class JourneyRow:
    """One journey around the programme: `lift` is None until the tables know it."""

    key: str
    words: str
    is_made: bool
    lift: Lift | None


@dataclass(frozen=True)
class Standing:
    """All of it."""

    rules: LoyaltyRules | None
    tiers: tuple[TierRow, ...]
    members_count: int
    held_out_count: int
    points_open: int
    customers_count: int
    offers: tuple[OfferRow, ...]
    journeys: tuple[JourneyRow, ...]
    effects: tuple[Effect, ...]
    currency: str

    @property
    def member_share(self) -> float | None:
        """Members of all customers; None without customers, or while the tables know fewer than there are members."""
        return self.members_count / self.customers_count if self.customers_count >= max(self.members_count, 1) else None

    @property
    def won_back(self) -> Lift | None:
        """What became of lapsed customers whom the journey Win-back wrote to; None until somebody entered it."""
        lift = next((each.lift for each in self.journeys if each.key == WIN_BACK), None)
        return lift if lift and lift.treated.people else None


def read_standing(context: Context) -> Standing:
    """How the programme stands now."""
    rules, members, held_out, points = _programme(context)
    bought = read_tiers(context.workspace)
    currency = _main_currency(bought)
    by_tier = {row["tier"]: row for row in bought if row["currency_code"] == currency}
    tiers = [
        TierRow(tier.key, tier.name, tier.from_points, ", ".join(tier.benefits), members.get(tier.key, 0),
                by_tier.get(tier.key))
        for tier in (rules.tiers if rules else ())
    ]  # fmt: skip
    if rules and "no_member" in by_tier:
        tiers.append(TierRow("no_member", "Not members", None, "", 0, by_tier["no_member"]))
    customers = sum(int(row["customers_count"]) for row in by_tier.values())
    return Standing(
        rules, tuple(tiers), sum(members.values()), held_out, points, customers, tuple(_offers(context)),
        tuple(_journeys(context)), tuple(read_effects(context.workspace)), currency,
    )  # fmt: skip


def _programme(context: Context) -> tuple[LoyaltyRules | None, dict[str, int], int, int]:
    members = sa.select(loyalty_members.c.tier, sa.func.count()).group_by(loyalty_members.c.tier)
    held_out = sa.select(sa.func.count()).select_from(loyalty_held_out)
    points = sa.select(sa.func.sum(loyalty_entries.c.points)).where(loyalty_entries.c.account == "member")
    with context.store.read() as connection:
        counts = {str(row[0]): int(row[1]) for row in connection.execute(members)}
        others, left = connection.execute(held_out).scalar(), connection.execute(points).scalar()
        return read_rules(connection), counts, int(others or 0), int(left or 0)


def _main_currency(rows: list[dict[str, Any]]) -> str:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[str(row["currency_code"])] += int(row["revenue_cents"])
    return max(sums, key=lambda code: sums[code], default="")


def _offers(context: Context) -> list[OfferRow]:
    table = loyalty_grants.c
    query = sa.select(table.offer_key, sa.func.count().label("granted"), sa.func.count(table.redeemed_at).label("used"))
    with context.store.read() as connection:
        counts = {row["offer_key"]: row for row in rows_of(connection, query.group_by(table.offer_key))}
    found = []
    for offer in list_offers(context.store):
        own = counts.get(offer.offer_key, {})
        found.append(OfferRow(offer, int(own.get("granted", 0)), int(own.get("used", 0))))
    return found


def _journeys(context: Context) -> list[JourneyRow]:
    known = set()
    if context.version() and CARDS in context.workspace.tables():
        known = {row["journey_key"] for row in context.workspace.rows(f"select journey_key from {CARDS}")}
    return [
        JourneyRow(key, words, key in known, read_lift(context.workspace, key) if key in known else None)
        for key, words in AROUND
    ]


def effect_words(effect: Effect) -> str:
    """An effect as a sentence without numbers: whether the interval is clear of nothing."""
    if effect.increment is None:
        return effect.why_not[:1].upper() + effect.why_not[1:] + "."
    if effect.increment.low > 0:
        return "Members spend more than they would without the programme."
    if effect.increment.high < 0:
        return "Members spend less than they would without the programme."
    return "The difference may be chance."
