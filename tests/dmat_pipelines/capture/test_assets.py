"""Under test: the raw tables as assets: keys, metadata, failure by name, and the job that reads days again."""

from __future__ import annotations

from datetime import datetime

import dagster as dg
import pytest

from dmat.connectors.catalogue import CONNECTORS
from dmat.landing import Outcome, Refusal
from dmat_pipelines.capture import assets as capture_assets
from dmat_pipelines.resources import WorkspaceResource

AT = datetime(2026, 6, 1, 8)


@pytest.fixture
def captured(monkeypatch):
    """What `capture_source` is asked, and what it answers."""
    asked = []
    errors = {}

    def capture_source(settings, source, run_id, resources=None, full=False, window=None, connector=None):
        asked.append((source, tuple(resources), full, window))
        refusals = [Refusal("9", "id is missing")]
        return [
            Outcome(source, r, run_id, AT, 3, 2, 0, refusals, "here", AT, errors.get((source, r), ""))
            for r in resources
        ]

    monkeypatch.setattr(capture_assets, "capture_source", capture_source)
    return asked, errors


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    for source in ("SHOPIFY", "GA4", "META"):
        monkeypatch.setenv(f"DMAT_{source}_URL", f"http://{source.lower()}.example")
    return WorkspaceResource(home=str(tmp_path))


def asset_named(name):
    return next(a for a in capture_assets.source_assets if a.op.name == name)


def test_every_resource_of_every_connector_is_one_raw_table():
    keys = {key.to_user_string() for asset in capture_assets.source_assets for key in asset.keys}
    assert keys == {f"raw/{source}_{r}" for source, kind in CONNECTORS.items() for r in kind.resources}


def test_a_run_shows_what_came_and_what_was_refused_and_why(captured, workspace):
    result = dg.materialize([asset_named("capture_shopify")], resources={"workspace": workspace})
    (event,) = result.asset_materializations_for_node("capture_shopify")[:1]
    shown = {key: value.value for key, value in event.metadata.items()}
    assert (shown["fetched"], shown["kept"], shown["refused"], shown["refused_why"]) == (3, 2, 1, "id is missing")


def test_one_table_of_a_vendor_may_be_run_alone(captured, workspace):
    asset = asset_named("capture_shopify")
    dg.materialize([asset], resources={"workspace": workspace}, selection=["raw/shopify_orders"])
    assert captured[0] == [("shopify", ("orders",), False, None)]


def test_a_table_that_fails_fails_by_name_and_the_others_are_shown(captured, workspace):
    captured[1]["shopify", "orders"] = "VendorUnavailableError: down"
    result = dg.materialize([asset_named("capture_shopify")], resources={"workspace": workspace}, raise_on_error=False)
    assert not result.success
    done = {e.asset_key.path[-1] for e in result.asset_materializations_for_node("capture_shopify")}
    assert done == {"shopify_products", "shopify_customers", "shopify_abandoned_checkouts"}


def test_a_vendor_that_is_not_connected_is_left_out_without_failing(captured, workspace):
    result = dg.materialize([asset_named("capture_hubspot")], resources={"workspace": workspace})
    assert result.success
    assert captured[0] == []


def test_past_days_are_read_again_by_partition(captured, workspace):
    with dg.DagsterInstance.ephemeral() as instance:
        result = capture_assets.recapture_days.execute_in_process(
            partition_key="2026-05-03", resources={"workspace": workspace}, instance=instance
        )
    assert result.success
    windows = {(source, resources, str(w.start), str(w.end)) for source, resources, _, w in captured[0]}
    assert windows == {
        ("meta", ("ad_insights",), "2026-05-03", "2026-05-04"),
        ("ga4", ("ad_costs", "sessions"), "2026-05-03", "2026-05-04"),
    }
