"""The light code location `dmat_realtime`: sensors that turn what is due into ledger rows and sends.

Belongs here: sensors and their small jobs. Stays out: dbt and pandas, which take a minute to start a run with; tables
are built by the other location (`definitions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from dmat_pipelines.resources import DEFAULT_RESOURCES
from sensors.campaign_due import campaign_due, run_campaigns
from sensors.cart_abandoned import cart_abandoned, plan_abandoned_carts
from sensors.crm_sync_asked import crm_sync_asked, sync_crms
from sensors.deliveries_waiting import deliveries_waiting, drain_ledger
from sensors.figures_due import figures_due, watch_all_figures
from sensors.journey_due import journey_due, run_journeys
from sensors.lead_due import decide_leads, lead_due
from sensors.test_due import decide_tests, test_due

JOBS = (
    plan_abandoned_carts,
    drain_ledger,
    run_campaigns,
    run_journeys,
    decide_leads,
    decide_tests,
    watch_all_figures,
    sync_crms,
)


def build_realtime_defs(overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """The location with its resources; `overrides` replaces some of them."""
    return dg.Definitions(
        jobs=JOBS,
        sensors=[
            cart_abandoned,
            deliveries_waiting,
            campaign_due,
            journey_due,
            lead_due,
            test_due,
            figures_due,
            crm_sync_asked,
        ],
        resources={**DEFAULT_RESOURCES, **(overrides or {})},
        executor=dg.in_process_executor,
    )


defs = build_realtime_defs()
