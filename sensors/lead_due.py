"""Something about leads is due while no stream runs: a version of the tables nobody looked at, or a push that waits.

Belongs here: noticing that, and the small job that looks. Stays out: what is due (`dmat/scoring`, `dmat/routing`).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat.errors import NotPublishedError
from dmat.warehouse import current_version
from dmat_pipelines.decide.lead_assets import LEAD_DECISIONS, lead_metadata
from dmat_pipelines.decide.leads import count_due, look_at_leads
from dmat_pipelines.decide.loyalty import LOYALTY_DECISIONS, look_at_loyalty
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import is_resident, is_under_way


@dg.op
def look_at_all_leads(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Do what is due, and tell the graph."""
    look = look_at_leads(workspace.settings(), workspace.store(), workspace.view())
    context.log_event(dg.AssetMaterialization(asset_key=LEAD_DECISIONS, metadata=lead_metadata(look)))
    loyalty = look_at_loyalty(workspace.settings(), workspace.store(), workspace.view())
    context.log_event(dg.AssetMaterialization(asset_key=LOYALTY_DECISIONS, metadata=dict(vars(loyalty))))


@dg.job(executor_def=dg.in_process_executor, description="Take leads in, tell and hand over who crossed the line.")
def decide_leads() -> None:
    """One op: the store decides what is new."""
    look_at_all_leads()


@dg.sensor(
    job=decide_leads,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Leads that need a look, while no stream process looks at them.",
)
def lead_due(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when there are new tables, or something waits, and nobody looks at it."""
    settings = workspace.settings()
    if is_resident(settings, "stream"):
        return dg.SkipReason("the stream process looks at leads in each pass")
    if is_under_way(context.instance, decide_leads.name):
        return dg.SkipReason("a run is looking at leads already")
    try:
        version = str(current_version(settings).number)
    except NotPublishedError:
        return dg.SkipReason("nothing has been published yet")
    due = count_due(settings, workspace.store())
    if not due and version == context.cursor:
        return dg.SkipReason("nothing is due and the tables are the same")
    context.update_cursor(version)
    return dg.RunRequest(tags={"dmat/leads": str(due)})
