"""Under test: Dagster's history with files that stay open is Dagster's own history, for it and for other processes."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from dmat.processes import prepare_dagster_home
from dmat.settings import load_settings
from dmat_pipelines import run_history
from dmat_pipelines.run_history import EventLog


@dg.asset(check_specs=[dg.AssetCheckSpec("is_fine", asset="table")])
def table():
    """A table with a check."""
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(passed=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return prepare_dagster_home(load_settings(home=tmp_path_factory.mktemp("history")))


@pytest.fixture
def instance(home):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def run(instance):
    return dg.materialize([table], instance=instance)


def test_the_workspace_uses_it(instance):
    assert isinstance(instance.event_log_storage, EventLog)


def test_another_process_sees_each_event_although_the_files_are_still_open(instance, home):
    done = run(instance)
    others = SqliteEventLogStorage(str(home / "history" / "runs"))
    assert [entry.message for entry in others.get_logs_for_run(done.run_id)] == [
        entry.message for entry in instance.all_logs(done.run_id)
    ]
    assert dg.AssetKey("table") in others.all_asset_keys()


def test_a_run_is_whole_for_an_instance_that_is_opened_later(home):
    with dg.DagsterInstance.from_config(str(home)) as first:
        run_id = run(first).run_id
    with dg.DagsterInstance.from_config(str(home)) as second:
        assert second.get_run_by_id(run_id).status == dg.DagsterRunStatus.SUCCESS
        kinds = {entry.dagster_event.event_type for entry in second.all_logs(run_id) if entry.dagster_event}
        assert {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION} <= kinds


def test_who_follows_a_run_sees_its_file_change(instance, home, monkeypatch):
    monkeypatch.setattr(run_history, "WRITE_BACK_SECONDS", 0.0)
    run_id = run(instance).run_id
    assert (home / "history" / "runs" / f"{run_id}.db-wal").exists()  # open, and all the same:
    assert b"STEP_SUCCESS" in (home / "history" / "runs" / f"{run_id}.db").read_bytes()


def test_only_so_many_files_stay_open(instance, monkeypatch):
    monkeypatch.setattr(run_history, "FILES_KEPT_OPEN", 2)
    runs = [run(instance).run_id for _ in range(3)]
    assert len(instance.event_log_storage._engines) <= 2
    assert all(instance.all_logs(run_id) for run_id in runs)


def test_wiping_the_history_leaves_one_that_works(instance):
    run(instance)
    instance.wipe()
    assert instance.all_logs(run(instance).run_id)
