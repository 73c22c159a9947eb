"""Every cron line, with the job that it starts.

Belongs here: when something starts because of the clock on the wall. Stays out: what starts because of an event (the
other files), and what is refreshed within seconds (the `stream` process). Lines are in the workspace's time zone.

| when | job | what |
|---|---|---|
| every hour, minute 7 | `hourly_capture` | every connected source; one that fails does not stop the others |
| every hour, minute 22 | `hourly_build` | tables from what was captured |
| every night at 2:40 | `nightly_build` | every table from scratch |
| every day at 6:10 | `daily_evaluate` | what it earned, and whether all numbers agree |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from dmat.settings import load_settings

CAPTURE = dg.AssetSelection.groups("capture")
MEMBERSHIPS = dg.AssetSelection.key_prefixes("segments")
TABLES = dg.AssetSelection.groups("conform", "evaluate") | MEMBERSHIPS
FROM_SCRATCH = {"ops": {f"{group}_tables": {"config": {"full": True}} for group in ("conform", "decide", "evaluate")}}


def make_job(name: str, selection: dg.AssetSelection, description: str, config: Mapping[str, Any] | None = None) -> Any:
    """An asset job that runs in one process."""
    return dg.define_asset_job(
        name, selection, description=description, config=config, executor_def=dg.in_process_executor
    )


hourly_capture = make_job("hourly_capture", CAPTURE, "Read every connected source.")
hourly_build = make_job("hourly_build", TABLES, "Build the tables from what was captured.")
nightly_build = make_job("nightly_build", TABLES, "Build every table from scratch.", FROM_SCRATCH)
daily_evaluate = make_job(
    "daily_evaluate", dg.AssetSelection.groups("evaluate"), "Count what it earned; check that all numbers agree."
)

JOBS = (hourly_capture, hourly_build, nightly_build, daily_evaluate)
CRON = {
    "hourly_capture": "7 * * * *",
    "hourly_build": "22 * * * *",
    "nightly_build": "40 2 * * *",
    "daily_evaluate": "10 6 * * *",
}


def make_schedules() -> list[dg.ScheduleDefinition]:
    """One schedule a cron line, running from the start, in the workspace's time zone."""
    zone = load_settings().workspace_time_zone
    return [
        dg.ScheduleDefinition(
            job=job,
            cron_schedule=CRON[job.name],
            execution_timezone=zone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for job in JOBS
    ]
