"""Leads as an asset: taken in, told when they cross the line, pushed; and the check that scores are sums.

Belongs here: wrapping `leads.py` for Dagster. Stays out: rules.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat_pipelines.decide.leads import LeadLook, look_at_leads, unequal_scores
from dmat_pipelines.resources import WorkspaceResource

LEAD_DECISIONS = dg.AssetKey(["store", "lead_decisions"])


def lead_metadata(look: LeadLook) -> dict[str, dg.MetadataValue]:  # type: ignore[type-arg]
    """What a look at the leads did."""
    return {name: dg.MetadataValue.int(count) for name, count in look.facts().items()}


@dg.asset(
    key=LEAD_DECISIONS,
    group_name="decide",
    kinds={"python"},
    deps=[["scores", "lead_scores"], ["scores", "fct_score_points"], ["scores", "dim_leads"]],
    description="Leads of the tables in the store; sales told of who crossed the line, once a crossing.",
)
def lead_decisions(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Do what is due; what was done already is not done again."""
    look = look_at_leads(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata=lead_metadata(look))


@dg.asset_check(
    asset=dg.AssetKey(["scores", "lead_scores"]),
    description="The score of each lead is the sum of its rows in the ledger of points.",
)
def scores_are_the_sum_of_their_ledger(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare both in the published tables."""
    count, wrong = unequal_scores(workspace.view())
    words = f"people {', '.join(map(str, wrong[:20]))}" if wrong else f"{count:,} scores are the sum of their ledger."
    return dg.AssetCheckResult(
        passed=not wrong, description=words, metadata={"scores": count, "different": len(wrong)}
    )  # fmt: skip


ASSETS = (lead_decisions,)
CHECKS = (scores_are_the_sum_of_their_ledger,)
