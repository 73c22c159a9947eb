"""Figures want a look: there are new tables and some minutes have gone by, or the moment of a report has come.

Belongs here: noticing that, and the small job that looks. Stays out: what is unusual (`dmat/alerts`), what a report
says (`dmat/reports`).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import json
from datetime import datetime, timedelta

import dagster as dg

from dmat.errors import NotPublishedError
from dmat.reports.library import due_reports
from dmat.warehouse import current_version
from dmat_pipelines.evaluate.watching import watch_figures
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import is_under_way

ALERTS = dg.AssetKey(["store", "alerts"])
PAUSE = timedelta(minutes=5)


@dg.op
def look_at_all_figures(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Do what is due, and tell the graph."""
    watched = watch_figures(workspace.settings(), workspace.store(), workspace.view())
    for fault in watched.faults:
        context.log.warning(fault)
    context.log_event(dg.AssetMaterialization(asset_key=ALERTS, metadata=watched.facts()))


@dg.job(executor_def=dg.in_process_executor, description="Judge figures, tell alerts, make and mail reports.")
def watch_all_figures() -> None:
    """One op: the store knows what was told and made."""
    look_at_all_figures()


@dg.sensor(
    job=watch_all_figures,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New tables for alerts to look at, and reports whose moment has come.",
)
def figures_due(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when a report is due, or there are new tables and the last look is five minutes old."""
    settings = workspace.settings()
    if is_under_way(context.instance, watch_all_figures.name):
        return dg.SkipReason("a run is looking at the figures already")
    try:
        version = current_version(settings).number
    except NotPublishedError:
        return dg.SkipReason("nothing has been published yet")
    now = settings.clock.now()
    due = [key for key, _ in due_reports(workspace.store(), now)]
    seen, looked_at = _last(context.cursor)
    if not due and (version == seen or (looked_at is not None and timedelta(0) <= now - looked_at < PAUSE)):
        return dg.SkipReason("no report is due, and the tables are the same or were looked at just now")
    context.update_cursor(json.dumps({"version": version, "looked_at": now.isoformat()}))
    return dg.RunRequest(tags={"dmat/reports": ",".join(due)} if due else {})


def _last(cursor: str | None) -> tuple[int, datetime | None]:
    if not cursor:
        return 0, None
    found = json.loads(cursor)
    return int(found["version"]), datetime.fromisoformat(found["looked_at"])
