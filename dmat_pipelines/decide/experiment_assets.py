"""Tests as an asset: decided, handed to people, rolled out; and the check that splits add up.

Belongs here: wrapping `experiments.py` for Dagster. Stays out: rules.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat.experiments.running import TestsLook
from dmat_pipelines.decide.experiments import run_due_tests, split_faults
from dmat_pipelines.resources import WorkspaceResource

TEST_DECISIONS = dg.AssetKey(["store", "test_decisions"])


def tests_metadata(look: TestsLook) -> dict[str, dg.MetadataValue]:  # type: ignore[type-arg]
    """What a look at the tests did."""
    return {
        "forms": dg.MetadataValue.int(look.forms),
        "decided": dg.MetadataValue.json({str(number): arm for number, arm in look.decided.items()}),
        "asked": dg.MetadataValue.json({str(number): words for number, words in look.asked.items()}),
        "waves": dg.MetadataValue.json(look.waves),
        "ended": dg.MetadataValue.json(look.ended),
        "failed": dg.MetadataValue.json(look.failed),
    }


@dg.asset(
    key=TEST_DECISIONS,
    group_name="decide",
    kinds={"python"},
    deps=[["people", "dim_people"]],
    description="Tests: decided by their rule with the reason, or handed to a person; the rest released to be planned.",
)
def test_decisions(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Do what is due; what was decided is not decided again."""
    look = run_due_tests(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata=tests_metadata(look))


@dg.asset_check(
    asset=TEST_DECISIONS,
    description="People of a test are frozen people of its step, in one part each; the counts of arms are theirs.",
)
def splits_add_up(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Compare what was written down at the split with the frozen people."""
    count, wrong = split_faults(workspace.store())
    words = "; ".join(f"test {number}: {fault}" for number, fault in wrong.items())
    return dg.AssetCheckResult(
        passed=not wrong, description=words[:2000] or f"{count} parts add up.", metadata={"different": len(wrong)}
    )


ASSETS = (test_decisions,)
CHECKS = (splits_add_up,)
