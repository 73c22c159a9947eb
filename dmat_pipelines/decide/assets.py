"""The decisions as assets: consent in the store, and abandoned carts planned in the ledger.

Belongs here: wrapping `consent.py` and `carts.py` for Dagster, with their numbers as metadata. Stays out: rules.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from dataclasses import asdict

import dagster as dg

from dmat_pipelines.decide.carts import plan_due_carts
from dmat_pipelines.decide.consent import sync_new_consent
from dmat_pipelines.resources import WorkspaceResource

CONSENTS = dg.AssetKey(["store", "consents"])
CART_INTENTS = dg.AssetKey(["store", "cart_recovery_intents"])


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


ASSETS = (consents, cart_recovery_intents)
