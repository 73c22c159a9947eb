"""Under test: the sensor asks for a run only while a test is under way; the run decides it, and the split adds up."""

from __future__ import annotations

import dagster as dg
import pytest
from campaign_world import ANN, BOB

from dmat_pipelines.decide.experiment_assets import TEST_DECISIONS
from dmat_pipelines.decide.experiments import split_faults
from dmat_pipelines.resources import WorkspaceResource
from sensors import test_due as moments


@pytest.fixture
def workspace(tested):
    return WorkspaceResource(home=str(tested.world.settings.home))


def look(workspace, instance):
    return moments.test_due(dg.build_sensor_context(instance=instance, resources={"workspace": workspace}))


def test_a_draft_asks_for_nothing(tested, workspace, instance):
    tested.add_test(tested.draft(), is_started=False)
    assert "no test runs" in look(workspace, instance).skip_message


def test_a_test_that_runs_is_looked_at_and_its_end_is_told_to_the_graph(tested, workspace, instance):
    number = tested.add_test(tested.draft())
    assert isinstance(look(workspace, instance), dg.RunRequest)
    tested.start(1)
    tested.tests.declare_winner(number, "b", BOB, "better")
    tested.look()
    assert moments.decide_tests.execute_in_process(instance=instance, resources={"workspace": workspace}).success
    event = instance.get_latest_materialization_event(TEST_DECISIONS)
    assert event.asset_materialization.metadata["ended"].value == [number]
    assert "no test runs" in look(workspace, instance).skip_message


def test_a_split_that_does_not_add_up_is_found(tested):
    from dmat.experiments.records import waves_of
    from dmat.experiments.rows import write_wave

    number = tested.add_test(tested.draft())
    tested.start(1)
    assert split_faults(tested.world.store) == (1, {})
    with tested.world.store.write() as connection:
        write_wave(connection, waves_of(connection, number)[0], arm_counts={"a": 1, "b": 1})
    tested.world.library.pause(1, ANN)
    assert "counts of wave 0" in split_faults(tested.world.store)[1][number]
