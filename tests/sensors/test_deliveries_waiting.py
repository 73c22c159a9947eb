"""Under test: the sensor asks for a drain only when a message is due and nobody is sending."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg

from dmat.ledger.entries import counts_by_state
from dmat_pipelines.decide.carts import plan_due_carts
from sensors.deliveries_waiting import deliveries_waiting, drain_ledger


def look(workspace, instance):
    return deliveries_waiting(dg.build_sensor_context(instance=instance, resources={"workspace": workspace}))


def test_nothing_is_asked_for_while_no_message_is_due(settings, workspace, instance):
    assert "no message is due" in look(workspace, instance).skip_message


def test_a_message_that_is_due_asks_for_a_run(published, workspace, instance):
    plan_due_carts(published, workspace.store(), workspace.view())
    assert isinstance(look(workspace, instance), dg.RunRequest)


def test_the_run_sends_each_message_once(published, workspace, instance):
    plan_due_carts(published, workspace.store(), workspace.view())
    for _ in range(2):
        assert drain_ledger.execute_in_process(instance=instance, resources={"workspace": workspace}).success
    assert counts_by_state(workspace.store())["accepted"] == 3
    assert "no message is due" in look(workspace, instance).skip_message
    event = instance.get_latest_materialization_event(dg.AssetKey(["store", "sent_messages"]))
    assert event.asset_materialization.metadata["accepted_count"].value == 0  # the second run found nothing


def test_a_message_planned_for_later_waits(published, workspace, instance):
    published.clock.set(published.clock.now() + timedelta(hours=12))  # midnight: quiet hours
    plan_due_carts(published, workspace.store(), workspace.view())
    drain_ledger.execute_in_process(instance=instance, resources={"workspace": workspace})
    assert "no message is due" in look(workspace, instance).skip_message


def test_the_resident_sender_sends_itself(published, workspace, instance):
    plan_due_carts(published, workspace.store(), workspace.view())
    (published.home / "run").mkdir()
    process = {"name": "sender", "pid": 1, "state": "running"}
    (published.home / "run" / "processes.json").write_text(json.dumps({"pid": 1, "processes": [process]}))
    assert "sender process" in look(workspace, instance).skip_message
