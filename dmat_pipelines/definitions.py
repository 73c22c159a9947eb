"""The whole workspace on one page: capture -> conform -> decide -> deliver -> evaluate.

Belongs here: `build_defs`, which assembles assets, checks, jobs, schedules, resources. Stays out: what they do.
Tests and demos swap resources: `build_defs({"workspace": WorkspaceResource(home=...)})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from dmat.settings import Settings
from dmat_pipelines.capture import assets as capture
from dmat_pipelines.conform.runner import load_manifest
from dmat_pipelines.decide import assets as decide
from dmat_pipelines.deliver import assets as deliver
from dmat_pipelines.evaluate import assets as evaluate
from dmat_pipelines.resources import DEFAULT_RESOURCES, WorkspaceResource
from dmat_pipelines.tables import Manifest, build_table_assets, hot_tables, raw_tables
from sensors import calendar

_LANDED = (
    "campaign_plans",
    "delivery_events",
    "device_registrations",
    "experiment_plans",
    "experiment_visitors",
    "form_submissions",
    "lead_activities",
    "leads",
    "ledger_counters",
    "ledger_entries",
    "loyalty_entries",
    "loyalty_grants",
    "loyalty_members",
    "preference_decisions",
    "score_rules",
)
FROM_THE_STORE = tuple(dg.AssetKey(["raw", table]) for table in _LANDED)
CAPTURED = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=3))


def build_defs(overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Everything of the heavy code location; `overrides` replaces resources by name."""
    resources = {**DEFAULT_RESOURCES, **(overrides or {})}
    workspace = resources["workspace"]
    if not isinstance(workspace, WorkspaceResource):
        raise TypeError("the resource `workspace` must be a WorkspaceResource")
    settings = workspace.settings()
    manifest = load_manifest(settings)
    captured = [asset for made in capture.assets for asset in _placed(made, settings)]
    tables = build_table_assets(manifest)
    return dg.Definitions(
        assets=[
            *captured,
            *_other_raw_tables(manifest, [*captured, *decide.ASSETS]),
            *tables,
            *decide.ASSETS,
            *deliver.ASSETS,
        ],
        asset_checks=[*decide.CHECKS, *evaluate.CHECKS],
        jobs=[*calendar.JOBS, *loop_jobs(manifest), *capture.jobs],
        schedules=calendar.make_schedules(),
        resources=resources,
        executor=dg.in_process_executor,
    )


def loop_jobs(manifest: Manifest) -> list[Any]:
    """The loop in four jobs, one after the other, so that a source that fails does not stop what comes after it.

    What was sent is exported and counted in the last one, with the tables that the micro-batch refreshes too.
    """
    hot = dg.AssetSelection.assets(*hot_tables(manifest))
    return [
        calendar.make_job("capture_sources", calendar.CAPTURE, "Read every connected source, once."),
        calendar.make_job(
            "build_and_plan", dg.AssetSelection.groups("conform", "decide"), "Build the tables, plan what is due."
        ),
        calendar.make_job("send_messages", dg.AssetSelection.groups("deliver"), "Send what is due, through the gate."),
        calendar.make_job(
            "count_results",
            dg.AssetSelection.groups("evaluate") | hot | dg.AssetSelection.assets(*FROM_THE_STORE),
            "Export the ledger, count what came of it, check that all numbers agree.",
        ),
    ]


def _placed(made: Any, settings: Settings) -> list[Any]:
    """A capture asset as it stands in this workspace.

    Tables of a vendor that is not connected are shown but not run: a run would skip all that comes after them.
    """
    if isinstance(made, dg.AssetSpec):
        return [made]
    source = made.op.name.removeprefix("capture_")
    if made.op.name != source and not settings.is_connected(source):
        return [spec.replace_attributes(description=f"{spec.description} Not connected.") for spec in made.specs]
    return [made.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=CAPTURED))]


def _other_raw_tables(manifest: Manifest, captured: list[Any]) -> list[dg.AssetSpec]:
    """Raw tables that models read and no asset makes: what captures write of themselves."""
    known = {key for made in captured for key in ([made.key] if isinstance(made, dg.AssetSpec) else made.keys)}
    return [
        dg.AssetSpec(key, description=words, group_name="capture", kinds={"duckdb"})
        for key, words in raw_tables(manifest).items()
        if key not in known
    ]


defs = build_defs()
