"""Approval: large sends need the yes of a second person, for exactly the plan that will run.

Belongs here: when a yes is needed, who may give it, keeping it. Stays out: what follows from it (`library.py`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.records import APPROVED, IN_REVIEW, Campaign, decisions_of
from dmat.errors import ConflictError, NotPermittedError
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_approvals
from dmat.store.tables import audit
from dmat.store.workspace_values import write_audit


def approval_limit(settings: Settings, from_recipients: int) -> int:
    """From how many recipients on a second person must say yes: the plan's number, or the workspace's if smaller."""
    return min(from_recipients, settings.approval_recipients)


def _limit_of(settings: Settings, campaign: Campaign) -> int:
    return approval_limit(settings, campaign.plan.approval.from_recipients)


def needs_approval(connection: Connection, settings: Settings, campaign: Campaign, recipients: int) -> bool:
    """Whether somebody must still say yes to this version."""
    return recipients >= _limit_of(settings, campaign) and not is_approved(connection, campaign)


def is_approved(connection: Connection, campaign: Campaign) -> bool:
    """Whether the newest decision on the newest version is a yes."""
    newest = next((d for d in decisions_of(connection, campaign.campaign_id) if d.version == campaign.version), None)
    return newest is not None and newest.decision == APPROVED


def refuse_unapproved(connection: Connection, settings: Settings, campaign: Campaign, recipients: int) -> None:
    """Stop what would run without the yes that it needs.

    Raises:
        ConflictError: says from how many recipients a yes is needed.
    """
    if needs_approval(connection, settings, campaign, recipients):
        raise ConflictError(
            f"campaign {campaign.campaign_id} goes to {recipients:,} people: from"
            f" {_limit_of(settings, campaign):,} on a second person must approve version {campaign.version}"
        )


def record_decision(
    connection: Connection,
    campaign: Campaign,
    decision: str,
    by: str,
    now: datetime,
    comment: str,
    recipients: int | None,
) -> None:
    """Keep a yes or a no to the newest version of a plan.

    Raises:
        NotPermittedError: who made this version, or submitted it, says yes to it.
    """
    if decision == APPROVED and by in _authors(connection, campaign):
        raise NotPermittedError(f"{by} made or submitted this plan: somebody else must approve it")
    row = {
        "campaign_id": campaign.campaign_id, "version": campaign.version, "decision": decision, "comment": comment,
        "recipients": recipients, "decided_at": now, "decided_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(campaign_approvals).values(row))
    subject = str(campaign.campaign_id)
    write_audit(connection, now, by, f"campaign plan {decision}", subject, version=campaign.version, comment=comment)


def _authors(connection: Connection, campaign: Campaign) -> set[str]:
    query = sa.select(audit.c.actor).where(
        audit.c.action == f"campaign {IN_REVIEW}", audit.c.subject == str(campaign.campaign_id)
    )
    submitted: list[str] = list(connection.execute(query.order_by(audit.c.audit_id.desc()).limit(1)).scalars())
    return {campaign.plan_by, *submitted}
