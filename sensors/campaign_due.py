"""A campaign runs or is about to: look at its steps.

Belongs here: noticing campaigns that need a look, and the small job that looks. Stays out: what is due
(`dmat/campaigns`). Where the `stream` process runs it looks itself, and the sensor waits.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat_pipelines.decide.assets import CAMPAIGN_STEPS, look_metadata
from dmat_pipelines.decide.campaigns import count_active, run_due_campaigns
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import somebody_at_it


@dg.op
def look_at_campaigns(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Do what is due, and tell the graph."""
    look = run_due_campaigns(workspace.settings(), workspace.store(), workspace.view())
    context.log_event(dg.AssetMaterialization(asset_key=CAMPAIGN_STEPS, metadata=look_metadata(look)))


@dg.job(executor_def=dg.in_process_executor, description="Start, plan and finish what is due of campaigns.")
def run_campaigns() -> None:
    """One op: the store decides what is new."""
    look_at_campaigns()


@dg.sensor(
    job=run_campaigns,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Campaigns that run or start now, while no stream process looks at them.",
)
def campaign_due(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when a campaign is active and nobody looks at it."""
    settings = workspace.settings()
    if (busy := somebody_at_it(context, settings, "stream", run_campaigns, "campaigns")) is not None:
        return busy
    count = count_active(settings, workspace.store())
    if not count:
        return dg.SkipReason("no campaign runs")
    return dg.RunRequest(tags={"dmat/campaigns": str(count)})
