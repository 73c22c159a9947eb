"""Campaigns on their way to the warehouse: the card, and the plan that runs (else the newest).

Belongs here: which campaigns changed since they were exported, and marking them. Stays out: landing them
(`dmat_pipelines/capture/deliveries.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.schedule import due_at
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_versions, campaigns
from dmat.store.engine import Store, rows_of

CARD = ("campaign_id", "name", "status", "owner", "started_at", "ended_at", "updated_at", "revision")
OF_THE_PLAN = ("objective", "budget_cents", "currency_code", "starts_at", "ends_at", "conversion_days", "purpose")


def unexported_campaigns(settings: Settings, store: Store, limit: int) -> list[dict[str, Any]]:
    """Campaigns that changed since they were exported, as plain rows; give them to `mark_campaigns_exported`."""
    table, versions = campaigns.c, campaign_versions.c
    version = sa.func.coalesce(table.running_version, table.version)
    query = (
        sa.select(*(table[name] for name in CARD), table.created_at, versions.version, versions.plan)
        .join(campaign_versions, sa.and_(versions.campaign_id == table.campaign_id, versions.version == version))
        .where(table.exported_revision < table.revision)
    )
    with store.read() as connection:
        rows = rows_of(connection, query.order_by(table.updated_at).limit(limit))
    return [_row(settings, row) for row in rows]


def _row(settings: Settings, row: Mapping[str, Any]) -> dict[str, Any]:
    plan = CampaignPlan.model_validate(row["plan"])
    started = row["started_at"] or plan.starts_at or row["created_at"]
    steps = [
        {
            "key": step.key, "name": step.name, "channel": step.channel, "template": step.template,
            "cost_cents": step.cost_cents + (step.retargeting.budget_cents if step.retargeting else 0),
            "cost_micros_each": step.cost_micros_each,
            "due_at": due_at(plan, step, settings.workspace_time_zone, started),
        }
        for step in plan.steps
    ]  # fmt: skip
    found = {name: row[name] for name in (*CARD, "version")}
    found |= {name: getattr(plan, name) for name in OF_THE_PLAN}
    return found | {"holdout_share": plan.holdout.share, "steps": steps}


def mark_campaigns_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; what changed meanwhile is exported again."""
    done = [{"key": row["campaign_id"], "new_revision": row["revision"]} for row in rows]
    statement = sa.update(campaigns).where(campaigns.c.campaign_id == sa.bindparam("key"))
    if done:
        with store.write() as connection:
            connection.execute(statement.values(exported_revision=sa.bindparam("new_revision")), done)
