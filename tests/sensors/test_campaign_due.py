"""Under test: the sensor asks for a run only while a campaign is active and nobody else looks at it."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg
import pytest
from campaign_world import ANN, plan_of
from segment_world import NOW

from dmat.ledger.entries import counts_by_state
from dmat_pipelines.resources import WorkspaceResource
from sensors.campaign_due import campaign_due, run_campaigns


@pytest.fixture
def workspace(campaign_world):
    return WorkspaceResource(home=str(campaign_world.settings.home))


@pytest.fixture
def scheduled(campaign_world):
    plan = plan_of(starts_at=str(NOW + timedelta(minutes=5)))
    made = campaign_world.library.create(name="Sale", by=ANN, plan=plan)
    return campaign_world.library.submit(made.campaign_id, ANN)


def look(workspace, instance):
    return campaign_due(dg.build_sensor_context(instance=instance, resources={"workspace": workspace}))


def test_a_campaign_that_starts_later_asks_for_nothing(scheduled, workspace, instance):
    assert "no campaign runs" in look(workspace, instance).skip_message


def test_a_campaign_whose_time_came_is_run_once(scheduled, campaign_world, workspace, instance):
    campaign_world.settings.clock.set(NOW + timedelta(minutes=5))
    assert isinstance(look(workspace, instance), dg.RunRequest)
    for _ in range(2):
        assert run_campaigns.execute_in_process(instance=instance, resources={"workspace": workspace}).success
    assert counts_by_state(campaign_world.store)["planned"] == 6
    event = instance.get_latest_materialization_event(dg.AssetKey(["store", "campaign_steps"]))
    assert event.asset_materialization.metadata["messages"].value == 0  # the second look found nothing new


def test_the_resident_stream_runs_campaigns_itself(campaign_world, workspace, instance):
    folder = campaign_world.settings.home / "run"
    folder.mkdir()
    process = {"name": "stream", "pid": 1, "state": "running"}
    (folder / "processes.json").write_text(json.dumps({"pid": 1, "processes": [process]}))
    assert "stream process" in look(workspace, instance).skip_message
