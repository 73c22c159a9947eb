"""Asset checks: the numbers of the tables agree with the ledger, with the live counters, and with each other.

Belongs here: wrapping `reconcile.py` for Dagster. Stays out: how they are compared.
A difference while events are still on their way is a warning, otherwise an error.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat_pipelines.evaluate.experiments import compare_live_figures, compare_sums_with_people
from dmat_pipelines.evaluate.reconcile import (
    Finding,
    compare_counters,
    compare_recoveries,
    compare_states,
    compare_with_providers,
    explain_gaps,
)
from dmat_pipelines.resources import WorkspaceResource

MESSAGES = dg.AssetKey(["deliveries", "fct_messages"])
MESSAGE_EVENTS = dg.AssetKey(["engagement", "fct_message_events"])
COUNTERS_BY_HOUR = dg.AssetKey(["reconciliation", "counters_by_hour"])
PROVIDER_COUNTS = dg.AssetKey(["reconciliation", "provider_counts"])
MOMENTS = dg.AssetKey(["experiments", "daily_moments"])
RECOVERIES = dg.AssetKey(["evaluation", "cart_recovery_summary"])


@dg.asset_check(asset=MESSAGES, description="Every message of the ledger is in the table, in the same state.")
def states_add_up_to_the_audience(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare the ledger with the table of messages."""
    return _result(compare_states(workspace.store(), workspace.view()))


@dg.asset_check(
    asset=MESSAGES,
    additional_deps=[MESSAGE_EVENTS],
    description="Live counters of the store equal what the warehouse counts.",
)
def live_counters_equal_the_warehouse(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare live counters with the tables."""
    return _result(compare_counters(workspace.store(), workspace.view()))


@dg.asset_check(
    asset=COUNTERS_BY_HOUR,
    description="Each gap between live counters and the warehouse has its reason, in every hour; none is unexplained.",
)
def no_gap_is_unexplained(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Look for counts that nothing explains."""
    return _result(explain_gaps(workspace.store(), workspace.view()))


@dg.asset_check(
    asset=PROVIDER_COUNTS,
    description="What providers counted themselves equals the live counters, once they have counted to the end.",
)
def providers_count_the_same(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare the providers' own statistics with live counters."""
    return _result(compare_with_providers(workspace.store(), workspace.view()))


@dg.asset_check(asset=RECOVERIES, description="Recovered carts add up, and each order is counted for one cart.")
def recovered_carts_reconcile(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare recovered carts with their summary and with orders."""
    return _result(compare_recoveries(workspace.view()))


@dg.asset_check(asset=MOMENTS, description="Daily sums of tests, added up, are the sums over their people.")
def sums_of_tests_are_those_of_people(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare daily sums with exposures and outcomes."""
    return _result(compare_sums_with_people(workspace.view()))


@dg.asset_check(asset=MOMENTS, description="Live figures of tests in the store equal those of the tables.")
def live_figures_of_tests_equal_the_warehouse(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare what the monitor of a test shows with the tables."""
    return _result(compare_live_figures(workspace.store(), workspace.view()))


def _result(finding: Finding) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if finding.waiting_count else dg.AssetCheckSeverity.ERROR
    numbers = {name: f"{here:,} | {there:,}" for name, (here, there) in finding.numbers.items()}
    return dg.AssetCheckResult(passed=finding.is_equal, severity=severity, description=finding.words, metadata=numbers)


CHECKS = (
    states_add_up_to_the_audience,
    live_counters_equal_the_warehouse,
    no_gap_is_unexplained,
    providers_count_the_same,
    recovered_carts_reconcile,
    sums_of_tests_are_those_of_people,
    live_figures_of_tests_equal_the_warehouse,
)
