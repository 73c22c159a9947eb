"""Somebody asked for the CRM's contacts now: capture the connected CRMs.

Belongs here: noticing the wish, and the small job that carries it out. Stays out: the wish itself
(`dmat/integrations/syncing.py`), reading a vendor (`dmat_pipelines/capture`). The tables follow with the next build.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat.integrations.syncing import mark_synced, waiting_sync
from dmat_pipelines.capture.sources import capture_source
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import is_under_way


@dg.op
def capture_crms(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Capture what changed in each connected CRM; a failure is told to who asked."""
    settings, store = workspace.settings(), workspace.store()
    sync = waiting_sync(settings, store)
    if sync is None:
        return
    outcomes = [outcome for crm in sync.crms for outcome in capture_source(settings, crm, context.run_id)]
    problem = "; ".join(f"{each.source} {each.resource}: {each.error}" for each in outcomes if each.error)
    mark_synced(settings, store, sync, problem)
    context.log.info(f"{sum(each.kept_count for each in outcomes)} records were new or had changed; {problem or 'ok'}")


@dg.job(executor_def=dg.in_process_executor, description="Capture the connected CRMs, because somebody asked.")
def sync_crms() -> None:
    """One op; what did not change since the last capture is not read again."""
    capture_crms()


@dg.sensor(
    job=sync_crms,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Somebody asked for the CRM's contacts.",
)
def crm_sync_asked(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when somebody waits for one."""
    if is_under_way(context.instance, sync_crms.name):
        return dg.SkipReason("a run is capturing the CRMs already")
    if waiting_sync(workspace.settings(), workspace.store()) is None:
        return dg.SkipReason("nobody asked")
    return dg.RunRequest()
