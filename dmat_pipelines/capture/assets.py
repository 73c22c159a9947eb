"""The raw tables as Dagster assets: key `["raw", <table>]`, group `capture`, the outcome of each run as metadata.

Belongs here: wrapping `sources.py` and `deliveries.py`. Stays out: anything that reads or lands.
An asset run reads what changed since the last one. To read past days again (ads and visits are restated by their
vendors), launch the partitioned job `recapture_days`, a day or a range of days at a time.
(Dagster reads the annotation of `config` as it stands: this file does without `from __future__ import annotations`.)
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from dmat.connectors.catalogue import CONNECTORS, open_connector, raw_table
from dmat.connectors.contract import Window
from dmat.landing import Outcome
from dmat.settings import Settings
from dmat.store import Store
from dmat_pipelines.capture.deliveries import (
    export_campaigns,
    export_counters,
    export_experiments,
    export_ledger,
    export_visitors,
    land_devices,
    land_forms,
    land_inbox,
    land_preferences,
)
from dmat_pipelines.capture.journeys import ASSETS as JOURNEY_ASSETS
from dmat_pipelines.capture.leads import ASSETS as LEAD_ASSETS
from dmat_pipelines.capture.sources import capture_source
from dmat_pipelines.resources import WorkspaceResource

GROUP = "capture"
WORDS = {
    "shopify": "Shopify Admin GraphQL", "woocommerce": "WooCommerce REST", "hubspot": "HubSpot CRM v3",
    "twilio": "Twilio Messages", "meta": "Meta Graph", "linkedin": "LinkedIn REST", "ga4": "GA4 Data API",
    "wordpress": "WordPress REST", "salesforce": "Salesforce REST", "sendgrid": "SendGrid statistics",
}  # fmt: skip
DATED = {source: sorted(kind.dated) for source, kind in CONNECTORS.items() if kind.dated}
FIRST_DAY = "2024-01-01"


class CaptureConfig(dg.Config):
    """`full` reads everything again in place of what changed."""

    full: bool = False


def raw_key(table: str) -> dg.AssetKey:
    """The asset key of a raw table."""
    return dg.AssetKey(["raw", table])


def metadata_of(outcome: Outcome) -> dict[str, Any]:
    """The outcome of one capture as Dagster shows it."""
    reasons = sorted({refusal.reason for refusal in outcome.refusals})
    return {
        "fetched": outcome.fetched_count,
        "kept": outcome.kept_count,
        "unchanged": outcome.unchanged_count,
        "refused": outcome.refused_count,
        "refused_why": dg.MetadataValue.text("; ".join(reasons[:10])),
        "cursor": outcome.cursor,
    }


def build_source_asset(source: str) -> dg.AssetsDefinition:
    """One multi-asset for a vendor, an asset for each of its tables; any of them may be run alone."""
    resources = CONNECTORS[source].resources
    specs = [
        dg.AssetSpec(
            raw_key(raw_table(source, resource)),
            description=f"{resource.replace('_', ' ').capitalize()} as received from {WORDS[source]}.",
            group_name=GROUP,
            kinds={"duckdb", source},
            skippable=True,
        )
        for resource in resources
    ]

    @dg.multi_asset(name=f"capture_{source}", specs=specs, can_subset=True)
    def capture(
        context: dg.AssetExecutionContext, config: CaptureConfig, workspace: WorkspaceResource
    ) -> Iterator[Any]:
        settings = workspace.settings()
        if not settings.is_connected(source):
            context.log.warning(f"{source} is not connected: nothing to capture")
            return
        wanted = [r for r in resources if raw_key(raw_table(source, r)) in context.selected_asset_keys]
        outcomes = capture_source(settings, source, context.run_id, wanted, full=config.full)
        for outcome in outcomes:
            if not outcome.error:
                key = raw_key(raw_table(source, outcome.resource))
                yield dg.MaterializeResult(asset_key=key, metadata=metadata_of(outcome))
        fail_if_any_failed(outcomes)

    return capture


def fail_if_any_failed(outcomes: list[Outcome]) -> None:
    """Fail the step, naming each resource that could not be captured and why.

    Raises:
        dagster.Failure: at least one outcome carries an error.
    """
    failed = [f"{outcome.source} {outcome.resource}: {outcome.error}" for outcome in outcomes if outcome.error]
    if failed:
        raise dg.Failure("; ".join(failed), allow_retries=False)


source_assets = [build_source_asset(source) for source in CONNECTORS]


def build_store_asset(
    table: str, land: Callable[[Settings, Store, str], Outcome], words: str, *deps: str
) -> dg.AssetsDefinition:
    """A raw table of what our own store knows: `land` brings what changed since the last time."""

    @dg.asset(
        key=raw_key(table), deps=[raw_key(name) for name in deps], group_name=GROUP, kinds={"duckdb"}, description=words
    )
    def landed(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        outcome = land(workspace.settings(), workspace.store(), context.run_id)
        return dg.MaterializeResult(metadata=metadata_of(outcome))

    return landed


store_assets = [
    build_store_asset(
        "delivery_events", land_inbox,
        "What providers told us by webhook about messages: deliveries, opens, clicks, bounces, unsubscribes.",
    ),
    build_store_asset("ledger_entries", export_ledger, "Every message we promised, with its newest state."),
    build_store_asset(
        "ledger_counters", export_counters, "Live counters by the hour, to be reconciled with the tables.",
        "delivery_events", "ledger_entries",
    ),
    build_store_asset("campaign_plans", export_campaigns, "Campaigns with the plan that runs, as the store has them."),
    build_store_asset("experiment_plans", export_experiments, "Tests with the plan that runs, as the store has them."),
    build_store_asset(
        "experiment_visitors", export_visitors,
        "Visitors of tested pages, each with the version that it saw and what it did there.",
    ),
    build_store_asset(
        "form_submissions", land_forms, "Forms that people filled in at our own door, as they were filled in."
    ),
    build_store_asset(
        "device_registrations", land_devices,
        "Devices that take push notifications, as they registered at our own door.",
    ),
    build_store_asset(
        "preference_decisions", land_preferences,
        "What people decided in the preference centre, by double opt-in and on their devices, each with its proof.",
    ),
]  # fmt: skip


imported_tables = [
    dg.AssetSpec(
        raw_key(f"import_{kind}"), description=f"Rows of imported files of {kind}.", group_name=GROUP, kinds={"duckdb"}
    )
    for kind in ("people", "orders", "events")
]


@dg.daily_partitioned_config(start_date=FIRST_DAY)
def days_to_recapture(start: Any, end: Any) -> dict[str, Any]:
    """The days of one partition (or of a range of them, run as one) as the config of `recapture`."""
    return {"ops": {"recapture": {"config": {"start": start.date().isoformat(), "end": end.date().isoformat()}}}}


class RecaptureConfig(dg.Config):
    """From `start` up to and without `end`, as ISO dates; `sources` empty means all that are connected."""

    start: str
    end: str
    sources: list[str] = []


@dg.op
def recapture(context: dg.OpExecutionContext, config: RecaptureConfig, workspace: WorkspaceResource) -> None:
    """Read the days again from every connected source that has figures by day."""
    from datetime import date

    settings = workspace.settings()
    window = Window(date.fromisoformat(config.start), date.fromisoformat(config.end))
    outcomes: list[Outcome] = []
    for source, resources in DATED.items():
        if settings.is_connected(source) and (not config.sources or source in config.sources):
            connector = open_connector(settings, source)
            outcomes += capture_source(settings, source, context.run_id, resources, window=window, connector=connector)
            connector.close()
    for outcome in outcomes:
        if not outcome.error:
            key = raw_key(raw_table(outcome.source, outcome.resource))
            context.log_event(dg.AssetMaterialization(key, metadata=metadata_of(outcome)))
    fail_if_any_failed(outcomes)


@dg.job(config=days_to_recapture, description="Reads past days of visits, ad costs and ad figures again.")
def recapture_days() -> None:
    """One op: the days of the partition."""
    recapture()


assets = [
    *source_assets,
    *store_assets,
    *LEAD_ASSETS,
    *JOURNEY_ASSETS,
    *imported_tables,
]
jobs = [recapture_days]
