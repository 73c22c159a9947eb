"""A test runs, waits for a person or for its roll-out: look at it.

Belongs here: noticing tests that need a look, and the small job that looks. Stays out: what is due
(`dmat/experiments`). Where the `stream` process runs it looks itself, and the sensor waits.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat_pipelines.decide.experiment_assets import TEST_DECISIONS, tests_metadata
from dmat_pipelines.decide.experiments import count_live_tests, run_due_tests
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import is_resident, is_under_way


@dg.op
def look_at_tests(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Do what is due, and tell the graph."""
    look = run_due_tests(workspace.settings(), workspace.store(), workspace.view())
    context.log_event(dg.AssetMaterialization(asset_key=TEST_DECISIONS, metadata=tests_metadata(look)))


@dg.job(executor_def=dg.in_process_executor, description="Decide what is due of tests.")
def decide_tests() -> None:
    """One op: the store decides what is new."""
    look_at_tests()


@dg.sensor(
    job=decide_tests,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tests that run or are rolled out, while no stream process looks at them.",
)
def test_due(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when a test runs and nobody looks at it."""
    if is_resident(workspace.settings(), "stream"):
        return dg.SkipReason("the stream process looks at tests in each pass")
    if is_under_way(context.instance, decide_tests.name):
        return dg.SkipReason("a run is looking at tests already")
    count = count_live_tests(workspace.store())
    if not count:
        return dg.SkipReason("no test runs")
    return dg.RunRequest(tags={"dmat/tests": str(count)})
