"""A cart was left: plan its message.

Belongs here: noticing carts that are due, and the small job that plans them. Stays out: the rule
(`dmat/campaigns/cart_recovery.py`). Where the `stream` process runs it plans carts itself and the sensor waits.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from dataclasses import asdict

import dagster as dg

from dmat.errors import NotPublishedError
from dmat_pipelines.decide.assets import CART_INTENTS
from dmat_pipelines.decide.carts import count_due_carts, plan_due_carts
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import somebody_at_it


@dg.op
def plan_carts(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Plan what is due, and tell the graph."""
    report = plan_due_carts(workspace.settings(), workspace.store(), workspace.view())
    context.log_event(dg.AssetMaterialization(asset_key=CART_INTENTS, metadata=asdict(report)))


@dg.job(executor_def=dg.in_process_executor, description="Plan a message for every cart that is due.")
def plan_abandoned_carts() -> None:
    """One op: the ledger decides what is new."""
    plan_carts()


@dg.sensor(
    job=plan_abandoned_carts,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Carts that nobody touched for an hour and that are not in the ledger yet.",
)
def cart_abandoned(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when carts are due and nobody is planning them."""
    settings = workspace.settings()
    if (busy := somebody_at_it(context, settings, "stream", plan_abandoned_carts, "carts")) is not None:
        return busy
    try:
        count = count_due_carts(settings, workspace.store(), workspace.view())
    except NotPublishedError as error:
        return dg.SkipReason(str(error))
    if not count:
        return dg.SkipReason("no cart is due")
    return dg.RunRequest(tags={"dmat/due_carts": str(count)})
