"""Under test: the graph reads from left to right, is joined from raw tables to marts, and its jobs run in process."""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dmat.connectors.catalogue import CONNECTORS
from dmat.store import open_store
from dmat.warehouse import Workspace
from dmat_pipelines.definitions import build_defs
from dmat_pipelines.resources import WorkspaceResource
from sensors.calendar import CRON

ROOT = Path(__file__).resolve().parents[2]
ORDER = ["capture", "conform", "decide", "deliver", "evaluate"]


@pytest.fixture(scope="module")
def graph(defs):
    return defs.resolve_asset_graph()


def ancestors(graph, key: dg.AssetKey) -> set[dg.AssetKey]:
    found, waiting = set(), [key]
    while waiting:
        parents = set(graph.get(waiting.pop()).parent_keys) - found
        found |= parents
        waiting += parents
    return found


def test_the_definitions_can_be_loaded(defs):
    dg.Definitions.validate_loadable(defs)  # raises what is wrong
    assert {job.name for job in defs.resolve_all_job_defs()} >= {*CRON, "build_and_plan", "recapture_days"}


def test_every_asset_and_every_check_says_what_it_is(graph):
    assert [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description] == []
    checks = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert checks
    assert [check.name for check in checks if not check.description] == []


def test_the_graph_has_no_cycle(graph):
    edges = {key: graph.get(key).parent_keys for key in graph.get_all_asset_keys()}
    assert len(list(TopologicalSorter(edges).static_order())) == len(edges)


def test_every_edge_goes_from_left_to_right(graph):
    backwards = [
        (parent.to_user_string(), key.to_user_string())
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
        if ORDER.index(graph.get(parent).group_name) > ORDER.index(graph.get(key).group_name)
    ]
    assert backwards == []


def test_every_asset_is_in_one_of_the_five_groups(graph):
    assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} == set(ORDER)


def test_every_mart_comes_from_a_raw_table(graph):
    made_of_the_project = {"segment_catalogue"}  # it says what can be asked, not what is known
    marts = [sql for sql in (ROOT / "dbt" / "models" / "marts").rglob("*.sql") if sql.stem not in made_of_the_project]
    assert marts
    for sql in marts:
        key = dg.AssetKey([sql.parent.name, sql.stem])
        assert any(parent.path[0] == "raw" for parent in ancestors(graph, key)), key


def test_what_is_decided_comes_from_what_vendors_sent(graph):
    roots = {key.path[-1] for key in ancestors(graph, dg.AssetKey(["store", "cart_recovery_intents"]))}
    assert {"shopify_abandoned_checkouts", "shopify_customers", "delivery_events"} <= roots


def test_every_mart_says_how_fresh_it_must_be(graph):
    marts = [
        k for k in graph.get_all_asset_keys() if (ROOT / "dbt/models/marts" / k.path[0] / f"{k.path[-1]}.sql").exists()
    ]
    assert [key for key in marts if graph.get(key).freshness_policy is None] == []


def test_every_dbt_test_of_a_table_is_a_check_of_its_asset(defs, built_home, graph):
    nodes = json.loads((built_home / "dbt" / "manifest.json").read_text())["nodes"].values()
    of_tables = [
        node["name"]
        for node in nodes
        if node["resource_type"] == "test" and any(uid.startswith("model.") for uid in node["depends_on"]["nodes"])
    ]
    names = {check.name for check in graph.asset_check_keys}
    assert [name for name in of_tables if name not in names] == []
    assert "states_add_up_to_the_audience" in names


def test_tables_of_a_vendor_that_is_not_connected_are_shown_but_not_run(graph):
    assert not graph.get(dg.AssetKey(["raw", "hubspot_contacts"])).is_executable


def test_tables_of_a_connected_vendor_can_be_run(built_home, monkeypatch):
    for source in CONNECTORS:
        monkeypatch.setenv(f"DMAT_{source.upper()}_URL", "http://127.0.0.1:9")
    defs = build_defs({"workspace": WorkspaceResource(home=str(built_home))})
    steps = {node.name for node in defs.resolve_job_def("capture_sources").nodes}
    assert {f"capture_{source}" for source in CONNECTORS} <= steps


def test_every_cron_line_starts_a_job(defs):
    assert {schedule.job_name: schedule.cron_schedule for schedule in defs.schedules} == CRON


def test_the_workspace_file_names_both_code_locations():
    listed = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    names = {entry["python_module"]["location_name"]: entry["python_module"]["module_name"] for entry in listed}
    assert names == {"dmat": "dmat_pipelines.definitions", "dmat_realtime": "dmat_pipelines.realtime"}


def test_the_jobs_build_plan_and_count(built, instance):
    view, store = Workspace(built), open_store(built)
    assert view.rows("select count(*) as people from people.dim_people")[0]["people"] > 900
    planned = view.rows("select count(*) as messages from deliveries.fct_messages")[0]["messages"]
    with store.read() as connection:
        assert planned == connection.exec_driver_sql("select count(*) from ledger_entries").scalar_one()
    assert planned > 0


def test_tables_show_their_rows_and_checks_their_outcome(built, instance):
    event = instance.get_latest_materialization_event(dg.AssetKey(["commerce", "fct_orders"]))
    rows = Workspace(built).rows("select count(*) as orders from commerce.fct_orders")[0]["orders"]
    assert event.asset_materialization.metadata["dagster/row_count"].value == rows
    event = instance.get_latest_materialization_event(dg.AssetKey(["evaluation", "cart_recovery_summary"]))
    assert event.asset_materialization.metadata["outcome"].value


def test_memberships_are_made_after_segments_were_looked_at(graph):
    memberships = graph.get(dg.AssetKey(["segments", "segment_memberships"]))
    assert memberships.group_name == "decide"
    assert dg.AssetKey(["raw", "segment_changes"]) in memberships.parent_keys
    assert graph.get(dg.AssetKey(["raw", "segment_changes"])).group_name == "decide"
    assert graph.get(dg.AssetKey(["segments", "segment_catalogue"])).group_name == "conform"
