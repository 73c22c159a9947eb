"""What the programme brings in: revenue of members beside people who were held out of it at random, and by tier.

Belongs here: reading the marts and reckoning the effect with its interval. Stays out: the sums
(`dbt/models/marts/loyalty`), who is held out (`earning.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from dmat.errors import InvalidInputError, NotPublishedError
from dmat.experiments.incremental import Increment, increment
from dmat.experiments.moments import Moments
from dmat.warehouse import Workspace

FEWEST = 30
"""People in each group below whom an interval would say nothing."""
_TIERS = """
    select tier, currency_code, customers_count, orders_count, revenue_cents, value_per_customer_cents, repeat_rate,
        retention_rate, bought_before_count, offers_granted_count, offers_redeemed_count, clv_customers_count,
        clv_per_customer_cents, predicted_per_customer_cents, alive_rate
    from loyalty.loyalty_results
    order by currency_code, tier
"""
_EFFECT = """
    select holdout_share, currency_code, arm, people_count, bought_again_count, revenue_cents, revenue_squares
    from loyalty.loyalty_effect
    order by currency_code, holdout_share, arm
"""


@dataclass(frozen=True)
class Effect:
    """Revenue with and without the programme, of people drawn while one share was held out; money in cents.

    `increment` is None while there are too few people, and `why_not` says so.
    """

    currency_code: str
    holdout_share: float
    members_count: int
    held_out_count: int
    members_revenue_cents: int
    held_out_revenue_cents: int
    members_again_rate: float | None
    held_out_again_rate: float | None
    increment: Increment | None
    why_not: str


def read_tiers(workspace: Workspace) -> list[dict[str, Any]]:
    """What customers of each tier bought, and those who are no members; observed, and so no proof of an effect."""
    return _rows(workspace, _TIERS)


def read_effects(workspace: Workspace) -> list[Effect]:
    """The effect by currency and share that was held out."""
    found: dict[tuple[str, float], dict[str, Mapping[str, Any]]] = {}
    for row in _rows(workspace, _EFFECT):
        found.setdefault((row["currency_code"], float(row["holdout_share"])), {})[row["arm"]] = row
    return [_effect(*key, arms.get("members", {}), arms.get("held_out", {})) for key, arms in found.items()]


def _rows(workspace: Workspace, query: str) -> list[dict[str, Any]]:
    try:
        return workspace.rows(query)
    except (NotPublishedError, duckdb.CatalogException, duckdb.BinderException):
        return []  # nothing published, or by a release that knew less of the programme


def _effect(currency: str, share: float, members: Mapping[str, Any], held_out: Mapping[str, Any]) -> Effect:
    counts = [int(row.get("people_count", 0)) for row in (members, held_out)]
    found, why_not = _increment(members, held_out, counts)
    return Effect(
        currency, share, counts[0], counts[1], int(members.get("revenue_cents", 0)),
        int(held_out.get("revenue_cents", 0)), _again(members), _again(held_out), found, why_not,
    )  # fmt: skip


def _increment(
    members: Mapping[str, Any], held_out: Mapping[str, Any], counts: list[int]
) -> tuple[Increment | None, str]:
    if min(counts) < FEWEST:
        return None, f"not enough data: {counts[0]} members and {counts[1]} held out, at least {FEWEST} of each"
    try:
        return increment(_moments(held_out), _moments(members)), ""
    except InvalidInputError as error:
        return None, f"not enough data: {error.problem}"


def _moments(row: Mapping[str, Any]) -> Moments:
    return Moments(n=int(row["people_count"]), y=float(row["revenue_cents"]), yy=float(row["revenue_squares"]))


def _again(row: Mapping[str, Any]) -> float | None:
    return int(row["bought_again_count"]) / int(row["people_count"]) if row.get("people_count") else None
