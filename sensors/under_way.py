"""Is somebody doing it already? A resident process, or a run of the same job.

Belongs here: what several sensors ask before they start something. Stays out: stopping duplicates; the ledger does
that, this only saves runs that would find nothing to do.
"""

from __future__ import annotations

import dagster as dg

from dmat.processes import read_processes
from dmat.settings import Settings

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def is_resident(settings: Settings, process: str) -> bool:
    """Whether the supervisor of the workspace keeps this process running."""
    return any(row["name"] == process and row["state"] == "running" for row in read_processes(settings))


def is_under_way(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a run of the job is queued or running."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job_name, statuses=UNFINISHED)) > 0


def somebody_at_it(
    context: dg.SensorEvaluationContext, settings: Settings, process: str, job: dg.JobDefinition, what: str
) -> dg.SkipReason | None:
    """Why a sensor need not ask for a run of `job`: a resident process or a run is at it; None when nobody is."""
    if is_resident(settings, process):
        return dg.SkipReason(f"the {process} process looks at {what} itself")
    if is_under_way(context.instance, job.name):
        return dg.SkipReason(f"a run is looking at {what} already")
    return None
