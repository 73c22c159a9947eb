"""A journey is live: look at its members.

Belongs here: noticing journeys that need a look, and the small job that looks. Stays out: what is due
(`dmat/journeys`). Where the `stream` process runs it looks itself, and the sensor waits.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat_pipelines.decide.journeys import JOURNEY_STEPS, count_live, journeys_metadata, run_due_journeys
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import is_resident, is_under_way


@dg.op
def look_at_journeys(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Do what is due, and tell the graph."""
    look = run_due_journeys(workspace.settings(), workspace.store(), workspace.view())
    context.log_event(dg.AssetMaterialization(asset_key=JOURNEY_STEPS, metadata=journeys_metadata(look)))


@dg.job(executor_def=dg.in_process_executor, description="Let people enter journeys, and move on who is due.")
def run_journeys() -> None:
    """One op: the store decides what is new."""
    look_at_journeys()


@dg.sensor(
    job=run_journeys,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Journeys that are live, while no stream process looks at them.",
)
def journey_due(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when a journey is live and nobody looks at it."""
    if is_resident(workspace.settings(), "stream"):
        return dg.SkipReason("the stream process looks at journeys in each pass")
    if is_under_way(context.instance, run_journeys.name):
        return dg.SkipReason("a run is looking at journeys already")
    count = count_live(workspace.store())
    if not count:
        return dg.SkipReason("no journey is live")
    return dg.RunRequest(tags={"dmat/journeys": str(count)})
