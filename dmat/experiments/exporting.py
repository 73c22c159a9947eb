"""Tests on their way to the warehouse: the card with the plan that runs, and visitors of tested pages.

Belongs here: which of them changed since they were exported, and marking them. Stays out: landing them
(`dmat_pipelines/capture/deliveries.py`). Who of the people is in which arm is not exported: each message of the ledger
carries its arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.records import programme_of
from dmat.experiments.in_journeys import tested_steps
from dmat.experiments.plan import TestPlan
from dmat.store.campaign_tables import campaign_versions, campaigns
from dmat.store.engine import Store, rows_of
from dmat.store.experiment_tables import experiment_versions, experiment_visitors, experiments

CARD = ("experiment_id", "name", "status", "winner", "started_at", "decided_at", "ended_at", "updated_at", "revision")
OF_THE_PLAN = ("hypothesis", "kind", "page", "primary", "guardrails", "inference", "allocation", "conversion_days")
COUNTS_EVERYBODY = frozenset({"frequency", "send_time"})
"""Kinds whose arms the gate may treat differently: whom it stopped counts there too."""
DEFAULT_CURRENCY = "EUR"


def unexported_experiments(store: Store, limit: int) -> list[dict[str, Any]]:
    """Tests that have started and changed since they were exported, as plain rows."""
    table, versions = experiments.c, experiment_versions.c
    query = (
        sa.select(
            *(table[name] for name in (*CARD, "campaign_id", "journey", "step", "created_by")),
            versions.version,
            versions.plan,
        )
        .join(
            experiment_versions,
            sa.and_(versions.experiment_id == table.experiment_id, versions.version == table.running_version),
        )
        .where(table.exported_revision < table.revision)
        .order_by(table.updated_at)
        .limit(limit)
    )
    with store.read() as connection:
        rows = rows_of(connection, query)
        currencies = campaign_currencies(connection, {row["campaign_id"] for row in rows} - {None})
        inside = {
            row["experiment_id"]: tested_steps(connection, row["journey"], row["step"])
            for row in rows if row["journey"]
        }  # fmt: skip
    return [_row(row, currencies, inside.get(row["experiment_id"])) for row in rows]


def campaign_currencies(connection: Connection, campaign_ids: Iterable[int]) -> dict[int, str]:
    """Campaign -> the currency of its newest plan."""
    same = sa.and_(
        campaign_versions.c.campaign_id == campaigns.c.campaign_id, campaign_versions.c.version == campaigns.c.version
    )
    query = sa.select(campaigns.c.campaign_id, campaign_versions.c.plan).join(campaign_versions, same)
    rows = connection.execute(query.where(campaigns.c.campaign_id.in_(list(campaign_ids)))).all()
    return {row.campaign_id: CampaignPlan.model_validate(row.plan).currency_code for row in rows}


def _row(row: Mapping[str, Any], currencies: Mapping[int, str], inside: Sequence[str] | None) -> dict[str, Any]:
    plan, campaign_id = TestPlan.model_validate(row["plan"]), row["campaign_id"]
    found = {name: row[name] for name in (*CARD, "version")} | {name: getattr(plan, name) for name in OF_THE_PLAN}
    arms = [
        {"key": arm.key, "name": arm.shown_name, "share": arm.share, "is_control": arm.key == plan.control_key}
        for arm in plan.arms
    ]
    return found | {
        "owner": row["created_by"],
        "programme": _programme(row),
        "currency_code": currencies.get(campaign_id or 0, DEFAULT_CURRENCY),
        "counts_everybody": plan.kind in COUNTS_EVERYBODY,
        "steps": [{"step": step} for step in (plan.steps if inside is None else inside)],
        "arms": arms,
    }


def _programme(row: Mapping[str, Any]) -> str:
    if row["journey"]:
        return f"journey:{row['journey']}"
    return "" if row["campaign_id"] is None else programme_of(row["campaign_id"])


def mark_experiments_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; what changed meanwhile is exported again."""
    done = [{"its_id": row["experiment_id"], "new_revision": row["revision"]} for row in rows]
    statement = sa.update(experiments).where(experiments.c.experiment_id == sa.bindparam("its_id"))
    if done:
        with store.write() as connection:
            connection.execute(statement.values(exported_revision=sa.bindparam("new_revision")), done)


def unexported_visitors(store: Store, limit: int) -> list[dict[str, Any]]:
    """Visitors of tested pages, and people inside tested journeys, that are new or changed, as plain rows."""
    table = experiment_visitors.c
    query = sa.select(*(column for column in table if column.name != "exported_revision"))
    query = query.where(table.exported_revision < table.revision).order_by(table.seen_at).limit(limit)
    with store.read() as connection:
        return rows_of(connection, query)


def mark_visitors_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; what they did meanwhile is exported again."""
    table = experiment_visitors.c
    same = sa.and_(table.experiment_id == sa.bindparam("its_id"), table.visitor == sa.bindparam("its_visitor"))
    done = [
        {"its_id": row["experiment_id"], "its_visitor": row["visitor"], "new_revision": row["revision"]} for row in rows
    ]
    statement = sa.update(experiment_visitors).where(same)
    if done:
        with store.write() as connection:
            connection.execute(statement.values(exported_revision=sa.bindparam("new_revision")), done)
