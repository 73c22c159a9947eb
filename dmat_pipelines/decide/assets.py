"""The decisions as assets: consent in the store, who is in which segment, and abandoned carts planned in the ledger.

Belongs here: wrapping `consent.py`, `segments.py` and `carts.py` for Dagster, with their numbers as metadata.
Stays out: rules.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from dataclasses import asdict

import dagster as dg

from dmat_pipelines.decide.carts import plan_due_carts
from dmat_pipelines.decide.consent import sync_new_consent
from dmat_pipelines.decide.segments import compare_with_sql, evaluate_once
from dmat_pipelines.resources import WorkspaceResource

CONSENTS = dg.AssetKey(["store", "consents"])
CART_INTENTS = dg.AssetKey(["store", "cart_recovery_intents"])
SEGMENT_CHANGES = dg.AssetKey(["raw", "segment_changes"])
CATALOGUE = dg.AssetKey(["segments", "segment_catalogue"])


@dg.asset(
    key=CONSENTS,
    group_name="decide",
    kinds={"python"},
    deps=[["consent", "person_channel_consent"]],
    description="Consent per person, channel and purpose in the store, where the gate asks for it.",
)
def consents(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Bring new decisions of the warehouse into the store."""
    count = sync_new_consent(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata={"decisions_read": count})


@dg.asset(
    key=SEGMENT_CHANGES,
    group_name="decide",
    kinds={"python"},
    deps=[CATALOGUE, ["people", "dim_people"]],
    description="Who entered and who left each segment since the last look, with the cause.",
)
def segment_changes(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Look at all segments once; what has been written already is not written again."""
    report = evaluate_once(workspace.settings(), workspace.store(), workspace.view(), context.run_id)
    metadata = {
        "segments": len(report.sizes), "entered": sum(report.entered.values()), "left": sum(report.left.values()),
        "failed": dg.MetadataValue.json(report.errors), "sizes": dg.MetadataValue.json(report.sizes),
    }  # fmt: skip
    return dg.MaterializeResult(metadata=metadata)


@dg.asset_check(
    asset=SEGMENT_CHANGES,
    description="The people that are in each dynamic segment by the log are those that its rule finds by SQL.",
)
def open_memberships_equal_the_rules(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare the log with the compiler, segment by segment."""
    comparison = compare_with_sql(workspace.settings(), workspace.store(), workspace.view())
    wrong = {key: f"{kept:,} | {found:,}" for key, (kept, found) in comparison.items() if kept != found}
    words = "; ".join(f"{key}: {numbers}" for key, numbers in wrong.items())
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,  # the stream may be about to write what time has changed meanwhile
        description=words[:2000] or f"{len(comparison)} segments agree.",
        metadata={"segments": len(comparison), "different": len(wrong)},
    )


@dg.asset(
    key=CART_INTENTS,
    group_name="decide",
    kinds={"python"},
    deps=[CONSENTS, ["commerce", "fct_carts"], ["commerce", "fct_cart_lines"], ["people", "dim_people"]],
    description="One planned message in the ledger for every open cart that nobody touched for an hour.",
)
def cart_recovery_intents(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Plan what is due; what is planned already stays as it is."""
    report = plan_due_carts(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata=asdict(report))


ASSETS = (consents, segment_changes, cart_recovery_intents)
CHECKS = (open_memberships_equal_the_rules,)
