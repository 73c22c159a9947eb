"""What others are told of tests: that one began, waits for a person, was decided or was stopped, for webhooks out.

Belongs here: which change of status is told, and in which words of data. Stays out: the change (`rows.py`), delivering
(`dmat/outgoing`). It is told in the transaction of the change, so it is told exactly when the change holds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from dmat.experiments.records import (
    DECIDED,
    DECIDING,
    DRAFT,
    ROLLED_OUT,
    RUNNING,
    STOPPED,
    WINNER,
    Experiment,
    read_decision,
)
from dmat.outgoing.outbox import emit

TOLD = {RUNNING: "test.started", DECIDING: "test.waiting", DECIDED: "test.decided", STOPPED: "test.stopped"}


def tell_outside(connection: Connection, experiment: Experiment, before: str, by: str, now: datetime) -> None:
    """Tell that a test started, waits for a person, was decided or was stopped; going on after a pause is no start.

    Args:
        connection: the transaction of the change.
        experiment: as it stands after it.
        before: its status before.
        by: who changed it.
        now: when.
    """
    kind = TOLD.get(experiment.status)
    if kind is None or (experiment.status == RUNNING and before != DRAFT):
        return
    data = _card(experiment) | {"by": by} | _decision(connection, experiment)
    if experiment.status == DECIDING:
        data["reason"] = experiment.status_reason
    number = str(experiment.experiment_id)
    may_come_again = experiment.status == DECIDING or before in (DECIDED, ROLLED_OUT)
    emit(connection, kind, f"{number}:{now.isoformat()}" if may_come_again else number, data, now)


def _card(experiment: Experiment) -> dict[str, Any]:
    return {
        "test_id": experiment.experiment_id, "key": experiment.key, "name": experiment.name, "kind": experiment.kind,
        "status": experiment.status, "campaign_id": experiment.campaign_id,
        "journey": experiment.journey, "step": experiment.step, "page": experiment.page,
        "metric": experiment.plan.primary,
    }  # fmt: skip


def _decision(connection: Connection, experiment: Experiment) -> dict[str, Any]:
    """How it was decided; `is_proven` only when the rule found a winner that is more than chance."""
    found = read_decision(connection, experiment.experiment_id)
    if found is None:
        return {}
    arm = experiment.plan.arm(found.arm) if found.arm else None
    return {
        "decision": found.kind, "variation": found.arm or None, "variation_name": arm.shown_name if arm else None,
        "is_proven": found.kind == WINNER, "reason": found.reason,
    }  # fmt: skip
