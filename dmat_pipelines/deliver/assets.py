"""The drain of the ledger as an asset: what left, what was held back, what is open.

Belongs here: wrapping `sender.py` for Dagster. Stays out: sending. The resident sender is the usual way; while it is
at work a run of this asset sends nothing and says so.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from dataclasses import asdict
from typing import Any

import dagster as dg

from dmat.ledger.entries import counts_by_state
from dmat_pipelines.deliver.lanes import DrainReport
from dmat_pipelines.deliver.sender import drain
from dmat_pipelines.resources import WorkspaceResource

SENT_MESSAGES = dg.AssetKey(["store", "sent_messages"])
CART_INTENTS = dg.AssetKey(["store", "cart_recovery_intents"])


@dg.asset(
    key=SENT_MESSAGES,
    group_name="deliver",
    kinds={"python"},
    deps=[CART_INTENTS, ["store", "consents"]],
    description="Messages of the ledger that passed the gate and were handed to a provider.",
)
def sent_messages(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Send what is due, through the gate."""
    report = drain(workspace.settings(), workspace.store())
    return dg.MaterializeResult(metadata=drain_metadata(workspace, report))


def drain_metadata(workspace: WorkspaceResource, report: DrainReport) -> dict[str, Any]:
    """What a drain did, and how the ledger stands after it."""
    facts: dict[str, Any] = {name: value for name, value in asdict(report).items() if name != "unresolved"}
    facts["unresolved"] = dg.MetadataValue.json(report.unresolved)
    facts["ledger"] = dg.MetadataValue.json(dict(counts_by_state(workspace.store())))
    return facts


ASSETS = (sent_messages,)
