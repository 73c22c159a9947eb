"""The decisions as assets: consent in the store, who is in which segment, abandoned carts and campaigns planned.

Belongs here: wrapping `consent.py`, `segments.py`, `carts.py` and `campaigns.py` for Dagster, with their numbers as
metadata. Stays out: rules.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from dataclasses import asdict

import dagster as dg

from dmat.campaigns.running import Look
from dmat_pipelines.decide.campaigns import run_due_campaigns, unfinished_reasons
from dmat_pipelines.decide.carts import plan_due_carts
from dmat_pipelines.decide.consent import sync_new_consent, withdraw_from_lists
from dmat_pipelines.decide.conversions import EarnedOrders
from dmat_pipelines.decide.experiment_assets import ASSETS as TEST_ASSETS
from dmat_pipelines.decide.experiment_assets import CHECKS as TEST_CHECKS
from dmat_pipelines.decide.experiment_assets import TEST_DECISIONS
from dmat_pipelines.decide.journeys import ASSETS as JOURNEY_ASSETS
from dmat_pipelines.decide.journeys import CHECKS as JOURNEY_CHECKS
from dmat_pipelines.decide.lead_assets import ASSETS as LEAD_ASSETS
from dmat_pipelines.decide.lead_assets import CHECKS as LEAD_CHECKS
from dmat_pipelines.decide.loyalty import ASSETS as LOYALTY_ASSETS
from dmat_pipelines.decide.loyalty import CHECKS as LOYALTY_CHECKS
from dmat_pipelines.decide.segments import compare_with_sql, evaluate_once
from dmat_pipelines.resources import WorkspaceResource

CONSENTS = dg.AssetKey(["store", "consents"])
CART_INTENTS = dg.AssetKey(["store", "cart_recovery_intents"])
SEGMENT_CHANGES = dg.AssetKey(["raw", "segment_changes"])
CAMPAIGN_STEPS = dg.AssetKey(["store", "campaign_steps"])
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
    settings, store = workspace.settings(), workspace.store()
    count = sync_new_consent(settings, store, workspace.view())
    withdrawn = withdraw_from_lists(settings, store)
    return dg.MaterializeResult(metadata={"decisions_read": count, **withdrawn})


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


def look_metadata(look: Look) -> dict[str, dg.MetadataValue]:  # type: ignore[type-arg]
    """What a look at the campaigns did."""
    return {
        "started": dg.MetadataValue.int(len(look.started)),
        "steps": dg.MetadataValue.json(look.steps),
        "messages": dg.MetadataValue.int(look.messages),
        "finished": dg.MetadataValue.json(look.finished),
        "failed": dg.MetadataValue.json(look.failed),
    }


@dg.asset(
    key=CAMPAIGN_STEPS,
    group_name="decide",
    kinds={"python"},
    deps=[CONSENTS, SEGMENT_CHANGES, TEST_DECISIONS, ["people", "dim_people"]],
    description="Steps of campaigns: whose time came is frozen and planned in the ledger, what is over is finished.",
)
def campaign_steps(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Do what is due; what was done already is not done again."""
    EarnedOrders(workspace.settings(), workspace.store(), workspace.view()).count()
    look = run_due_campaigns(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata=look_metadata(look))


@dg.asset_check(
    asset=CAMPAIGN_STEPS,
    description="Of each finished campaign sent + failed + suppressed + held out + expired is the frozen audience.",
)
def frozen_audiences_add_up(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare the ledger with the people that were frozen, campaign by campaign."""
    counted, wrong = unfinished_reasons(workspace.store())
    words = "; ".join(f"campaign {number}: {', '.join(reasons)}" for number, reasons in wrong.items())
    return dg.AssetCheckResult(
        passed=not wrong,
        description=words[:2000] or f"{counted} finished campaigns add up.",
        metadata={"campaigns": counted, "different": len(wrong)},
    )


_OTHERS = (*TEST_ASSETS, *JOURNEY_ASSETS, *LEAD_ASSETS, *LOYALTY_ASSETS)
_OTHER_CHECKS = (*TEST_CHECKS, *JOURNEY_CHECKS, *LEAD_CHECKS, *LOYALTY_CHECKS)
ASSETS = (consents, segment_changes, cart_recovery_intents, campaign_steps, *_OTHERS)
CHECKS = (open_memberships_equal_the_rules, frozen_audiences_add_up, *_OTHER_CHECKS)
