"""Under test: the sensor asks for a run only while a journey is live; the run lets people enter and tells the graph."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest
from journey_worlds import cart, change_quickly, document_with
from segment_world import NOW

from dmat_pipelines.decide.journeys import JOURNEY_STEPS
from dmat_pipelines.resources import WorkspaceResource
from sensors.journey_due import journey_due, run_journeys


@pytest.fixture
def workspace(journey_world):
    return WorkspaceResource(home=str(journey_world.settings.home))


def look(workspace, instance):
    return journey_due(dg.build_sensor_context(instance=instance, resources={"workspace": workspace}))


def test_without_a_live_journey_nothing_is_asked_for(workspace, instance):
    assert "no journey is live" in look(workspace, instance).skip_message


def test_a_live_journey_is_looked_at_and_what_was_done_is_told_to_the_graph(journey_world, workspace, instance):
    mail = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
    journey_world.start(document_with(steps=[mail]))
    journey_world.settings.clock.set(NOW + timedelta(hours=2))
    change_quickly(journey_world.settings, [cart("c1", 1, NOW + timedelta(minutes=1))])
    assert isinstance(look(workspace, instance), dg.RunRequest)
    assert run_journeys.execute_in_process(instance=instance, resources={"workspace": workspace}).success
    event = instance.get_latest_materialization_event(JOURNEY_STEPS)
    assert event.asset_materialization.metadata["planned"].value == 1
