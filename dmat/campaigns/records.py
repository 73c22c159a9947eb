"""What a campaign is, as the store keeps it: its card, its plan, its steps that ran, who approved it.

Belongs here: statuses and which may follow which, these shapes, and reading them from rows. Stays out: changing them
(`library.py`, `step_runs.py`) and what a plan says (`plan.py`).

    draft ──> in_review ──> scheduled ──> running <──> paused
      ^           │             │            │            │
      └───────────┴─────────────┘            ├────────────┴──> cancelled
                                             ├──> finished
                                             └──> incomplete ──> running
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.plan import CampaignPlan
from dmat.errors import NotFoundError
from dmat.store.campaign_tables import campaign_approvals, campaign_versions, campaigns
from dmat.store.engine import rows_of

DRAFT, IN_REVIEW, SCHEDULED, RUNNING = "draft", "in_review", "scheduled", "running"
PAUSED, FINISHED, INCOMPLETE, CANCELLED = "paused", "finished", "incomplete", "cancelled"
MAY_FOLLOW: Mapping[str, frozenset[str]] = {
    DRAFT: frozenset({IN_REVIEW, SCHEDULED, RUNNING, CANCELLED}),
    IN_REVIEW: frozenset({DRAFT, SCHEDULED, CANCELLED}),
    SCHEDULED: frozenset({DRAFT, RUNNING, CANCELLED}),
    RUNNING: frozenset({PAUSED, FINISHED, INCOMPLETE, CANCELLED}),
    PAUSED: frozenset({RUNNING, CANCELLED}),
    INCOMPLETE: frozenset({RUNNING, FINISHED, CANCELLED}),
    FINISHED: frozenset(),
    CANCELLED: frozenset(),
}
STATUSES = tuple(MAY_FOLLOW)
OVER = (FINISHED, CANCELLED)
EDITABLE = (DRAFT, IN_REVIEW, SCHEDULED, PAUSED, INCOMPLETE)
APPROVED, REFUSED = "approved", "refused"
PREFIX = "campaign:"


@dataclass(frozen=True)
class Campaign:
    """A campaign with the newest version of its plan.

    Attributes:
        version: the newest version of the plan.
        running_version: the version that runs; None before the start.
        status_reason: why it stands as it stands, in words.
    """

    campaign_id: int
    name: str
    description: str
    folder: str
    tags: tuple[str, ...]
    owner: str
    status: str
    status_reason: str
    version: int
    running_version: int | None
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    plan: CampaignPlan
    plan_by: str

    @property
    def programme(self) -> str:
        """Its name in the ledger."""
        return programme_of(self.campaign_id)

    @property
    def starts_at(self) -> datetime | None:
        """When it starts or started."""
        return self.started_at or self.plan.starts_at

    @property
    def is_editable(self) -> bool:
        """Whether its plan may be changed as it stands."""
        return self.status in EDITABLE


@dataclass(frozen=True)
class CampaignVersion:
    """One version of a plan, who made it and when."""

    version: int
    plan: CampaignPlan
    plan_hash: str
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class ApprovalDecision:
    """What somebody decided about one version of a plan."""

    version: int
    decision: str
    comment: str
    recipients: int | None
    decided_at: datetime
    decided_by: str


def programme_of(campaign_id: int) -> str:
    """The name of a campaign in the ledger."""
    return f"{PREFIX}{campaign_id}"


def campaign_of(programme: str) -> int | None:
    """The campaign of a programme, or None when it is something else."""
    number = programme.removeprefix(PREFIX)
    return int(number) if programme.startswith(PREFIX) and number.isdigit() else None


def read_campaigns(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Campaign]:
    """Campaigns that meet the conditions, the last changed first; one query."""
    same = sa.and_(
        campaign_versions.c.campaign_id == campaigns.c.campaign_id, campaign_versions.c.version == campaigns.c.version
    )
    query = (
        sa.select(campaigns, campaign_versions.c.plan, campaign_versions.c.created_by.label("plan_by"))
        .join(campaign_versions, same)
        .where(*conditions)
        .order_by(campaigns.c.updated_at.desc(), campaigns.c.campaign_id.desc())
    )
    return [_campaign(row) for row in rows_of(connection, query)]


def find_campaign(connection: Connection, campaign_id: int) -> Campaign:
    """The campaign with this number.

    Raises:
        NotFoundError: there is none.
    """
    found = read_campaigns(connection, campaigns.c.campaign_id == campaign_id)
    if not found:
        raise NotFoundError(f"there is no campaign {campaign_id}")
    return found[0]


def plan_of_version(connection: Connection, campaign_id: int, version: int) -> CampaignPlan:
    """One version of a plan.

    Raises:
        NotFoundError: there is none.
    """
    query = sa.select(campaign_versions.c.plan).where(
        campaign_versions.c.campaign_id == campaign_id, campaign_versions.c.version == version
    )
    document = connection.execute(query).scalar()
    if document is None:
        raise NotFoundError(f"campaign {campaign_id} has no version {version}")
    return CampaignPlan.model_validate(document)


def decisions_of(connection: Connection, campaign_id: int) -> list[ApprovalDecision]:
    """What was decided about a campaign, the newest first."""
    columns = [campaign_approvals.c[name] for name in ApprovalDecision.__dataclass_fields__]
    query = sa.select(*columns).where(campaign_approvals.c.campaign_id == campaign_id)
    return [
        ApprovalDecision(**row)
        for row in rows_of(connection, query.order_by(campaign_approvals.c.approval_id.desc()))
    ]  # fmt: skip


def _campaign(row: Mapping[str, Any]) -> Campaign:
    card = {name: row[name] for name in Campaign.__dataclass_fields__}
    return Campaign(**card | {"tags": tuple(row["tags"]), "plan": CampaignPlan.model_validate(row["plan"])})
