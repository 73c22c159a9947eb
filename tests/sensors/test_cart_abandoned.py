"""Under test: the sensor asks for a run only when a cart is due and nobody plans it; the ledger decides what is new."""

from __future__ import annotations

import json

import dagster as dg

from dmat.ledger.entries import counts_by_state
from sensors.cart_abandoned import cart_abandoned, plan_abandoned_carts


def look(workspace, instance):
    return cart_abandoned(dg.build_sensor_context(instance=instance, resources={"workspace": workspace}))


def test_a_cart_that_is_due_asks_for_a_run(published, workspace, instance):
    answer = look(workspace, instance)
    assert isinstance(answer, dg.RunRequest)
    assert answer.tags["dmat/due_carts"] == "3"
    assert answer.run_key is None


def test_the_run_plans_each_cart_once_and_then_nothing_is_due(published, workspace, instance):
    for _ in range(2):
        result = plan_abandoned_carts.execute_in_process(instance=instance, resources={"workspace": workspace})
        assert result.success
    assert counts_by_state(workspace.store())["planned"] == 3
    assert "no cart is due" in look(workspace, instance).skip_message


def test_the_graph_is_told_what_was_planned(published, workspace, instance):
    plan_abandoned_carts.execute_in_process(instance=instance, resources={"workspace": workspace})
    event = instance.get_latest_materialization_event(dg.AssetKey(["store", "cart_recovery_intents"]))
    assert event.asset_materialization.metadata["planned_count"].value == 3


def test_without_tables_nothing_is_due(settings, workspace, instance):
    assert "nothing has been published" in look(workspace, instance).skip_message


def test_the_resident_stream_plans_carts_itself(published, workspace, instance):
    (published.home / "run").mkdir()
    process = {"name": "stream", "pid": 1, "state": "running"}
    (published.home / "run" / "processes.json").write_text(json.dumps({"pid": 1, "processes": [process]}))
    assert "stream process" in look(workspace, instance).skip_message


def test_a_run_that_is_queued_is_not_asked_for_again(published, workspace, instance):
    instance.create_run_for_job(plan_abandoned_carts, status=dg.DagsterRunStatus.STARTED)
    assert "already" in look(workspace, instance).skip_message
