"""Loyalty: what orders earned is posted, codes they came with are entered, points expire, tiers follow.

Belongs here: one look, for the stream, for the asset and for the sensor; the asset and its check. Stays out: the rules
(`dmat/loyalty`).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from dataclasses import dataclass

import dagster as dg
import sqlalchemy as sa

from dmat.loyalty.earning import earn_from_orders, follow_merges
from dmat.loyalty.ledger import expire_points, out_of_balance
from dmat.loyalty.offers import redeem_from_orders
from dmat.loyalty.rules import KEPT_AS
from dmat.loyalty.tiers import update_tiers
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.tables import settings_values
from dmat.warehouse import Workspace
from dmat_pipelines.resources import WorkspaceResource

LOYALTY_DECISIONS = dg.AssetKey(["store", "loyalty_decisions"])


@dataclass(frozen=True)
class LoyaltyLook:
    """What one look did."""

    joined: int = 0
    posted: int = 0
    redeemed: int = 0
    expired: int = 0
    tiers_changed: int = 0

    @property
    def count(self) -> int:
        """How much there was to do."""
        return sum(vars(self).values())


class LoyaltyDesk:
    """Looks at the programme of one workspace when a new version of the tables was published."""

    def __init__(self, settings: Settings, store: Store, view: Workspace) -> None:
        self.settings, self.store, self.view = settings, store, view
        self._seen = 0

    def look(self) -> LoyaltyLook:
        """Do what is due.

        Raises:
            NotPublishedError: there are no tables yet.
        """
        version = self.view.version.number
        if version == self._seen or not has_programme(self.store):
            return LoyaltyLook()
        found = look_at_loyalty(self.settings, self.store, self.view)
        self._seen = version
        return found


def has_programme(store: Store) -> bool:
    """Whether rules of a programme are kept."""
    query = sa.select(settings_values.c.key).where(settings_values.c.key == KEPT_AS)
    with store.read() as connection:
        return connection.execute(query).first() is not None


def look_at_loyalty(settings: Settings, store: Store, view: Workspace) -> LoyaltyLook:
    """Do what is due now; twice does nothing twice.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    if not has_programme(store):
        return LoyaltyLook()
    now = settings.clock.now()
    follow_merges(store, view, now)
    earned = earn_from_orders(store, view, now)
    redeemed, expired = redeem_from_orders(store, view, now), expire_points(store, now)
    moved = update_tiers(store, now)
    return LoyaltyLook(earned.joined_count, earned.posted_count, redeemed, len(expired), len(moved))


@dg.asset(
    key=LOYALTY_DECISIONS,
    group_name="decide",
    kinds={"python"},
    deps=[["commerce", "fct_orders"], ["people", "dim_people"], ["people", "person_merges"]],
    description="Points of the loyalty programme earned, used and expired; members in their tiers.",
)
def loyalty_decisions(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Do what is due; what was done already is not done again."""
    look = look_at_loyalty(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata=dict(vars(look)))


@dg.asset_check(
    asset=LOYALTY_DECISIONS, description="The two lines of each transaction of loyalty points add to 0."
)  # fmt: skip
def loyalty_points_add_to_nothing(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Look at the ledger in the store."""
    wrong = out_of_balance(workspace.store())
    words = f"transactions {', '.join(wrong[:20])}" if wrong else "Each transaction adds to 0."
    return dg.AssetCheckResult(passed=not wrong, description=words, metadata={"different": len(wrong)})


ASSETS = (loyalty_decisions,)
CHECKS = (loyalty_points_add_to_nothing,)
