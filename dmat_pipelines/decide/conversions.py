"""Orders that messages of campaigns earned come into the live counters, each order once.

Belongs here: reading them from the published tables when there is a newer version. Stays out: which order counts for
which message (`dbt/models/marts/campaigns/fct_campaign_conversions.sql`), counting (`dmat/ledger/counters.py`).
"""

from __future__ import annotations

from datetime import timedelta

import duckdb

from dmat.ledger.counters import Conversion, Place, count_conversions
from dmat.settings import Settings
from dmat.store import Store
from dmat.warehouse import Workspace

LOOKED_BACK = timedelta(days=120)  # longer than the longest window of a campaign
_EARNED = """
    select order_id, campaign_id, step, variant, channel, ordered_at
    from campaigns.fct_campaign_conversions
    where not is_holdout and ordered_at >= ?
"""


class EarnedOrders:
    """Keeps the counters of one workspace in step; a resident process keeps one and calls `count` again and again."""

    def __init__(self, settings: Settings, store: Store, view: Workspace) -> None:
        self.settings, self.store, self.view = settings, store, view
        self._version = -1
        self._known: set[str] = set()

    def count(self) -> int:
        """Count what a newer version tells; gives how many orders were new.

        Raises:
            NotPublishedError: there are no tables yet.
        """
        version = self.view.version.number
        if version == self._version:
            return 0
        now = self.settings.clock.now()
        try:
            rows = self.view.rows(_EARNED, [now - LOOKED_BACK])
        except duckdb.CatalogException:  # a workspace that was built before there were campaigns
            rows = []
        fresh = [self._conversion(row) for row in rows if row["order_id"] not in self._known]
        counted = 0
        if fresh:
            with self.store.write() as connection:
                counted = count_conversions(connection, fresh, now)
        self._known.update(order.order_id for order in fresh)
        self._version = version
        return counted

    def _conversion(self, row: dict[str, object]) -> Conversion:
        programme, variant = f"campaign:{row['campaign_id']}", str(row["variant"] or "")
        place = Place(programme, str(row["step"]), variant, str(row["channel"]))
        return Conversion(str(row["order_id"]), place, row["ordered_at"])  # type: ignore[arg-type]
