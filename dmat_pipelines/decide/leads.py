"""Leads: those that the tables found are taken in, who crossed the line is told, what must reach vendors is pushed.

Belongs here: one look, for the stream, for the asset and for the sensor; when a look is worth its while.
Stays out: the rules (`dmat/scoring`, `dmat/routing`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import sqlalchemy as sa

from dmat.connectors.hubspot import HubSpot
from dmat.connectors.salesforce import Salesforce
from dmat.connectors.slack import Slack
from dmat.routing.assigning import Routed, count_late, route_due
from dmat.routing.deals import plan_deals
from dmat.scoring.adopting import adopt_leads
from dmat.scoring.alerts import look_for_crossings
from dmat.scoring.pushing import (
    HUBSPOT,
    HUBSPOT_DEAL,
    SALESFORCE,
    SALESFORCE_OPPORTUNITY,
    SLACK,
    WAITING,
    Push,
    Pushed,
    push_due,
)
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.lead_tables import lead_pushes
from dmat.warehouse import Workspace

_UNEQUAL = """
    with ledger as (select person_id, sum(points_now) as points from scores.fct_score_points group by person_id)

    select coalesce(scores.person_id, ledger.person_id) as person_id
    from scores.lead_scores as scores
    full outer join ledger on scores.person_id = ledger.person_id
    where coalesce(scores.score, 0) <> coalesce(ledger.points, 0)
"""


@dataclass(frozen=True)
class LeadLook:
    """What one look did."""

    adopted: int = 0
    moved: int = 0
    crossed: int = 0
    routed: Routed = field(default_factory=Routed)
    pushed: Pushed = field(default_factory=Pushed)

    @property
    def count(self) -> int:
        """How much there was to do."""
        told = self.pushed.done_count + self.pushed.failed_count
        return self.adopted + self.moved + self.crossed + self.routed.count + told

    def facts(self) -> dict[str, int]:
        """As numbers, for logs and Dagster."""
        own = {name: getattr(self, name) for name in ("adopted", "moved", "crossed")}
        own |= {f"leads_{name}": count for name, count in vars(self.routed).items()}
        return own | {"pushed": self.pushed.done_count, "push_failed": self.pushed.failed_count}


class LeadDesk:
    """Looks at the leads of one workspace; a resident process keeps it, with its connections.

    Args:
        settings, store, view: the workspace.
        ways: how vendors are reached; by default the connected ones.
        rest: after reading the tables they are left alone for so many times as long as that took, so that a large
            workspace is not read without pause.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        view: Workspace,
        ways: Mapping[str, Push] | None = None,
        rest: float = 0.0,
    ) -> None:
        self.settings, self.store, self.view, self.rest = settings, store, view, rest
        self._ways = open_ways(settings) if ways is None else ways
        self._seen, self._rests_until = 0, 0.0

    def look(self) -> LeadLook:
        """Do what is due; the tables are only read when a new version of them was published.

        Raises:
            NotPublishedError: there are no tables yet.
        """
        now, found = self.settings.clock.now(), self._read_tables()
        routed = route_due(self.settings, self.store, self.view, now)
        plan_deals(self.settings, self.store, now)
        pushed = push_due(self.store, self._ways, now) if count_due(self.settings, self.store) else Pushed()
        return LeadLook(**found, routed=routed, pushed=pushed)

    def _read_tables(self) -> dict[str, int]:
        version, began = self.view.version.number, time.monotonic()
        if version == self._seen or began < self._rests_until:
            return {}
        found = {}
        if has_scores(self.view):
            now = self.settings.clock.now()
            adopted = adopt_leads(self.store, self.view, now)
            crossings = look_for_crossings(self.settings, self.store, self.view, now)
            found = {"adopted": adopted.new_count, "moved": adopted.moved_count, "crossed": len(crossings)}
        self._seen, self._rests_until = version, began + (1 + self.rest) * (time.monotonic() - began)
        return found


def open_ways(settings: Settings) -> dict[str, Push]:
    """Kind of push -> how it is done, for the vendors that are connected."""
    ways: dict[str, Push] = {}
    if settings.is_connected("slack"):
        ways[SLACK] = Slack(settings).post
    if settings.is_connected("hubspot"):
        hubspot = HubSpot(settings)
        ways |= {HUBSPOT: hubspot.put_contact, HUBSPOT_DEAL: hubspot.put_deal}
    if settings.is_connected("salesforce"):
        salesforce = Salesforce(settings)
        ways |= {SALESFORCE: salesforce.put_lead, SALESFORCE_OPPORTUNITY: salesforce.put_opportunity}
    return ways


def has_scores(view: Workspace) -> bool:
    """Whether the published version has the tables of scores (one of an older release has not)."""
    try:
        view.rows("select 1 from scores.lead_scores limit 0")
    except duckdb.CatalogException:
        return False
    return True


def look_at_leads(settings: Settings, store: Store, view: Workspace) -> LeadLook:
    """One look; twice does nothing twice."""
    return LeadDesk(settings, store, view).look()


def count_due(settings: Settings, store: Store) -> int:
    """How many pushes and answers are due now."""
    table = lead_pushes.c
    query = sa.select(sa.func.count()).select_from(lead_pushes)
    with store.read() as connection:
        due = query.where(table.state == WAITING, table.next_at <= settings.clock.now())
        return int(connection.execute(due).scalar_one()) + count_late(connection, settings.clock.now())


def unequal_scores(view: Workspace) -> tuple[int, list[int]]:
    """How many leads have a score, and the people whose score is not the sum of their ledger.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    [row] = view.rows("select count(*) as scores_count from scores.lead_scores")
    wrong = view.rows(_UNEQUAL)
    return int(row["scores_count"]), [int(each["person_id"]) for each in wrong]
