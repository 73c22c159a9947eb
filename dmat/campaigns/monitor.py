"""The monitor: what became of a campaign, by step, channel and variant, live, with what it earned and cost.

Belongs here: putting together the ledger's states, the live counters and the warehouse's orders; rates; return.
Stays out: counting (`dmat/ledger/counters.py`), which order a message earned (dbt `campaigns.campaign_results`).

States and counters are of this moment; conversions and revenue are as of the published data (`results_as_of`).
Opens and clicks by machines are counted apart: a rate is always that of people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.arms import tested_plan
from dmat.campaigns.changes import BUDGET, Change, read_changes
from dmat.campaigns.plan import ROLL_OUT, CampaignPlan
from dmat.campaigns.records import Campaign, find_campaign, plan_of_version, programme_of
from dmat.campaigns.shares import difference_interval
from dmat.campaigns.step_runs import StepRun, read_runs
from dmat.errors import NotPublishedError
from dmat.ledger.control import Reason, reasons
from dmat.ledger.entries import (
    ACCEPTED,
    AMBIGUOUS,
    DELIVERED,
    EXPIRED,
    HELD_OUT,
    REJECTED,
    SUPPRESSED,
    Entry,
    list_entries,
    transitions_of,
)
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.tables import counters, ledger_entries
from dmat.warehouse import Workspace

MICROS_PER_CENT = 10_000
RESULTS, LIFT = "campaigns.campaign_results", "campaigns.campaign_lift"
_STATES: Mapping[str, str] = {
    ACCEPTED: "sent", DELIVERED: "sent", REJECTED: "failed", SUPPRESSED: "suppressed", HELD_OUT: "held_out",
    EXPIRED: "expired", AMBIGUOUS: "ambiguous",
}  # fmt: skip
_KINDS: Mapping[str, str] = {
    "accepted": "accepted", "delivered": "delivered", "opened_human": "opened", "opened_machine": "opened_by_machines",
    "read": "read", "clicked_human": "clicked", "clicked_machine": "clicked_by_machines", "replied": "replied",
    "shown": "shown", "unsubscribed": "unsubscribed", "bounced": "bounced", "complained": "complained",
}  # fmt: skip


@dataclass
class Figures:
    """What happened, as whole numbers; money in cents.

    Attributes:
        planned: everybody of the frozen audience; planned = waiting + sent + failed + suppressed + held_out + expired
            + ambiguous.
        accepted: what the provider took, with what came back later; that is among `failed`, no more among `sent`.
    """

    planned: int = 0
    waiting: int = 0
    sent: int = 0
    failed: int = 0
    suppressed: int = 0
    held_out: int = 0
    expired: int = 0
    ambiguous: int = 0
    accepted: int = 0
    delivered: int = 0
    opened: int = 0
    opened_by_machines: int = 0
    read: int = 0
    clicked: int = 0
    clicked_by_machines: int = 0
    replied: int = 0
    shown: int = 0
    unsubscribed: int = 0
    bounced: int = 0
    complained: int = 0
    converted: int = 0
    revenue_cents: int = 0
    cost_cents: int = 0

    def add(self, other: Figures) -> None:
        """Add another's numbers to these."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def handed_over(self) -> int:
        """Messages that the provider took, whatever became of them."""
        return max(self.accepted, self.sent)

    @property
    def reached(self) -> int:
        """Messages that arrived, or times that something was shown."""
        return self.delivered or self.shown

    @property
    def roi(self) -> float | None:
        """Revenue for each unit of money that was spent (4.8 means 4.80 for 1); None without cost."""
        return self.revenue_cents / self.cost_cents if self.cost_cents else None

    def rate(self, name: str) -> float | None:
        """A number as a share of what was reached (`delivered` of what was handed over); None without any."""
        whole = self.handed_over if name in ("delivered", "bounced") else self.reached
        return getattr(self, name) / whole if whole else None


@dataclass(frozen=True)
class Lift:
    """What the campaign earned compared with those who were held out.

    Attributes:
        difference: share of buyers among those written to, less that among those held out.
        low: lower end of its 95 % interval; `high` the upper one.
    """

    written_to: int
    written_to_bought: int
    held_out: int
    held_out_bought: int
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class StepFigures:
    """One step on one channel, or one variant of it."""

    step: str
    name: str
    channel: str
    variant: str
    figures: Figures
    run: StepRun | None = None


@dataclass(frozen=True)
class Monitor:
    """What became of a campaign.

    Attributes:
        steps: one for each step; `variants` one for each variant of steps that have some.
        budget_cents: of the plan; `spent_cents` what its steps cost so far.
        as_of: moment of states and counters.
        results_as_of: up to when orders are known; None when nothing was published yet.
    """

    campaign: Campaign
    plan: CampaignPlan
    total: Figures
    steps: Sequence[StepFigures]
    variants: Sequence[StepFigures]
    channels: Mapping[str, Figures]
    reasons: Sequence[Reason]
    changes: Sequence[Change]
    lift: Lift | None
    as_of: datetime
    results_as_of: datetime | None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def budget_cents(self) -> int:
        """What the plan allows."""
        return self.plan.budget_cents

    @property
    def spent_cents(self) -> int:
        """What the steps cost so far."""
        return self.total.cost_cents


Place = tuple[str, str, str]
"""step, channel, variant."""


def monitor(settings: Settings, store: Store, workspace: Workspace | None, campaign_id: int) -> Monitor:
    """What became of a campaign up to now.

    Raises:
        NotFoundError: there is no such campaign.
    """
    with store.read() as connection:
        campaign = find_campaign(connection, campaign_id)
        plan = plan_of_version(connection, campaign_id, campaign.running_version or campaign.version)
        plan = tested_plan(connection, campaign_id, plan)
        runs = {run.step: run for run in read_runs(connection, campaign_id)}
        changes = read_changes(connection, campaign_id)
        places = _read_states(connection, campaign.programme)
        _read_counters(connection, campaign.programme, places)
    results, known_until = _read_results(workspace, RESULTS, campaign_id)
    bought, _ = _read_results(workspace, LIFT, campaign_id)
    _add_results(places, results)
    _add_costs(plan, runs, changes, places)
    steps = [_of_step(plan, runs, places, step.key) for step in plan.steps]
    return Monitor(
        campaign=campaign, plan=plan, total=sum_of(each.figures for each in steps), steps=steps,
        variants=_variants(plan, places), channels=_by_channel(steps), reasons=reasons(store, campaign.programme),
        changes=changes, lift=lift_of(bought), as_of=settings.clock.now(), results_as_of=known_until,
    )  # fmt: skip


def _read_states(connection: Connection, programme: str) -> dict[Place, Figures]:
    table = ledger_entries.c
    query = sa.select(
        table.step, table.channel, table.variant, table.state, sa.func.count().label("messages"),
        sa.func.sum(table.cost_micros).label("micros"),
    ).where(table.programme == programme)  # fmt: skip
    places: dict[Place, Figures] = defaultdict(Figures)
    for row in connection.execute(query.group_by(table.step, table.channel, table.variant, table.state)):
        found = places[(row.step, row.channel, row.variant)]
        name = _STATES.get(row.state, "waiting")
        setattr(found, name, getattr(found, name) + row.messages)
        found.planned += row.messages
        found.cost_cents += round(int(row.micros or 0) / MICROS_PER_CENT)
    return places


def _read_counters(connection: Connection, programme: str, places: dict[Place, Figures]) -> None:
    table = counters.c
    query = sa.select(table.step, table.channel, table.variant, table.kind, table.count.label("total")).where(
        table.programme == programme, table.kind.in_(list(_KINDS))
    )
    for row in connection.execute(query):
        setattr(places[(row.step, row.channel, row.variant)], _KINDS[row.kind], row.total)


def _read_results(
    workspace: Workspace | None, table: str, campaign_id: int
) -> tuple[list[dict[str, Any]], datetime | None]:
    """Rows of a mart, and up to when they know of orders; none while nothing of it is published."""
    if workspace is None:
        return [], None
    try:
        if table not in workspace.tables():
            return [], None
        rows = workspace.rows(f"select * from {table} where campaign_id = ?", [campaign_id])
        return rows, workspace.version.data_as_of
    except NotPublishedError:
        return [], None


def _add_results(places: dict[Place, Figures], rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        found = places[(str(row["step"]), str(row["channel"]), str(row["variant"] or ""))]
        found.converted = int(row["conversions_count"] or 0)
        found.revenue_cents = int(row["revenue_cents"] or 0)


def _add_costs(
    plan: CampaignPlan, runs: Mapping[str, StepRun], changes: Sequence[Change], places: dict[Place, Figures]
) -> None:
    """What a step costs as a whole counts once it has begun; a price of the plan goes before what texts may cost."""
    raised = {change.channel: int(change.value) for change in changes if change.kind == BUDGET}
    for step in plan.steps:
        of_step = [place for place in places if place[0] == step.key] or [(step.key, step.channel, "")]
        for place in of_step:
            found = places[place]
            if step.cost_micros_each:
                found.cost_cents = round(found.sent * step.cost_micros_each / MICROS_PER_CENT)
        if step.key in runs and runs[step.key].planned_at is not None:
            budget = step.retargeting.budget_cents if step.retargeting else 0
            places[of_step[0]].cost_cents += step.cost_cents + (raised.get(step.channel, budget) if budget else 0)


def _of_step(plan: CampaignPlan, runs: Mapping[str, StepRun], places: Mapping[Place, Figures], key: str) -> StepFigures:
    step = plan.step(key)
    assert step is not None  # noqa: S101 - keys of the plan's own steps
    total = sum_of(figures for place, figures in places.items() if place[0] == key)
    return StepFigures(key, step.shown_name, step.channel, "", total, runs.get(key))


def _variants(plan: CampaignPlan, places: Mapping[Place, Figures]) -> list[StepFigures]:
    return [
        StepFigures(step.key, step.shown_name, step.channel, key, figures)
        for step in plan.steps
        for variant in step.variants
        for key in (variant.key, f"{variant.key}{ROLL_OUT}")
        if (figures := places.get((step.key, step.channel, key))) is not None
    ]


def _by_channel(steps: Iterable[StepFigures]) -> dict[str, Figures]:
    found: dict[str, Figures] = defaultdict(Figures)
    for each in steps:
        found[each.channel].add(each.figures)
    return dict(found)


def sum_of(parts: Iterable[Figures]) -> Figures:
    """Each count added up."""
    total = Figures()
    for part in parts:
        total.add(part)
    return total


def lift_of(rows: Sequence[Mapping[str, Any]]) -> Lift | None:
    """Buyers among those written to against those held out; None without somebody in both groups.

    The interval is Newcombe's for the difference of two shares (`shares.py`).
    """
    names = ("written_to_count", "written_to_buyers_count", "held_out_count", "held_out_buyers_count")
    one, bought, other, others = (sum(int(row[name] or 0) for row in rows) for name in names)
    if not one or not other:
        return None
    low, high = difference_interval(bought, one, others, other)
    return Lift(one, bought, other, others, bought / one - others / other, low, high)


@dataclass(frozen=True)
class JourneyPart:
    """One message of a person within a campaign, with each step of it."""

    entry: Entry
    transitions: Sequence[Mapping[str, Any]]


def journey(store: Store, campaign_id: int, person_id: int) -> list[JourneyPart]:
    """What a campaign did with one person, in the order in which it was planned."""
    found = list_entries(store, programme=programme_of(campaign_id), person_id=person_id)
    found.sort(key=lambda entry: (entry.planned_at, entry.step))
    return [JourneyPart(entry, transitions_of(store, entry.message_id)) for entry in found]
