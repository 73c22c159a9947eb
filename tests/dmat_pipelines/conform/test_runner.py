"""Under test: dbt in this process: the writer lock, letting go of the file, failures with dbt's words, hot builds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import datetime

import pytest

from dmat.errors import BuildFailedError, WarehouseBusyError
from dmat.landing import Record, land
from dmat.settings import ROOT, load_settings
from dmat.warehouse import Workspace, current_version, writer
from dmat_pipelines.conform import runner
from dmat_pipelines.conform.hot import Runner
from dmat_pipelines.conform.runner import build, ensure_manifest, load_manifest, manifest_path

NOW = datetime(2026, 3, 10, 12)
OPEN_FOR_WRITING = """
import duckdb, sys
try:
    duckdb.connect(sys.argv[1]).execute("create or replace table main.was_here as select 1 as one")
    print("opened")
except duckdb.IOException:
    print("refused")
"""


def open_in_another_process(settings) -> str:
    command = [sys.executable, "-c", OPEN_FOR_WRITING, str(settings.core_path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = load_settings(tmp_path_factory.mktemp("runner"), duckdb_memory_limit="500MB")
    made.clock.set(NOW)
    return made


@pytest.fixture(scope="module")
def first(settings):
    """The report of a first whole build, published."""
    return build(settings, exclude_tests=True, publish_after=True)


def test_a_build_reports_each_table_with_its_rows_and_publishes(settings, first):
    by_name = {result.name: result for result in first}
    assert first.is_ok
    assert by_name["country_defaults"].rows_count > 200
    assert by_name["fct_orders"].status == "success"
    assert by_name["fct_orders"].rows_count == 0
    assert first.version is not None
    assert first.version.number == current_version(settings).number


def test_each_table_says_which_run_built_it_and_when(settings, first):
    rows = Workspace(settings).rows("select * from raw.table_builds")
    built = {row["table_name"]: row for row in rows}
    assert len(built) == len(rows) == len(first.tables())
    assert built["commerce.fct_orders"]["built_at"] == NOW
    assert built["seeds.country_defaults"]["rows_count"] > 200
    assert len({row["run_id"] for row in rows}) == 1
    build(settings, ["fct_orders"], exclude_tests=True, publish_after=True, run_id="run-of-one")
    again = {row["table_name"]: row["run_id"] for row in Workspace(settings).rows("select * from raw.table_builds")}
    assert {name for name, run_id in again.items() if run_id == "run-of-one"} == {"commerce.fct_orders"}
    assert len(again) == len(built)


def test_another_process_can_write_after_a_build(settings, first):
    assert open_in_another_process(settings) == "opened"


def test_another_process_is_refused_during_a_build(settings, first, monkeypatch):
    answers = []
    counted = runner.count_rows

    def look_while_it_is_open(cursor):
        answers.append(open_in_another_process(settings))
        with pytest.raises(WarehouseBusyError):
            raise_if_busy(settings)
        return counted(cursor)

    monkeypatch.setattr(runner, "count_rows", look_while_it_is_open)
    build(settings, select="dim_companies", exclude_tests=True)
    assert answers == ["refused"]
    assert open_in_another_process(settings) == "opened"


def raise_if_busy(settings):
    with writer(settings, timeout_seconds=0.0):
        pass


def test_the_view_of_a_published_copy_reads_its_own_file(settings, first):
    """Names in views carry no database, because a copy has another one."""
    view = Workspace(settings)
    for table in ("engagement.fct_message_events", "operations.source_freshness", "staging.stg_delivery__events"):
        assert view.rows(f"select count(*) as n from {table}") == [{"n": 0}]


def test_a_hot_build_follows_what_grew_and_nothing_else(settings, first):
    resident = Runner(settings)
    assert {"fct_orders", "fct_carts", "fct_messages", "home_daily"} <= {result.name for result in resident.build_hot()}
    assert resident.build_hot().results == []
    event = {"email": "a@x.example", "event": "open", "timestamp": 1773144000, "sg_event_id": "1"}
    with writer(settings) as connection:
        land(connection, "delivery_events", [Record("sendgrid:1", NOW, event)], "run", NOW)
    report = resident.build_hot()
    names = {result.name for result in report}
    assert "int_engagement__message_events" in names
    assert "home_daily" in names
    assert "fct_carts" not in names
    assert report.version is not None
    assert report.tables()["operations", "home_daily"] == 1
    counted = Workspace(settings).rows("select messages_opened_human_count as n from operations.home_daily")
    assert counted == [{"n": 1}]


def test_a_failed_test_is_reported_with_dbts_words(settings, first):
    with writer(settings) as connection:
        connection.execute("insert into commerce.fct_carts (cart_id, status, item_count) values ('x', 'lost', 1)")
    try:
        report = build(settings, select="test_type:data,fct_carts")
        assert [result.failures_count for result in report.failures] == [1]
        with pytest.raises(BuildFailedError, match="accepted_values_fct_carts_status"):
            report.require_ok()
    finally:
        with writer(settings) as connection:
            connection.execute("delete from commerce.fct_carts where cart_id = 'x'")


def test_selecting_what_does_not_exist_builds_nothing(settings, first):
    assert [r.name for r in build(settings, select="no_such_model") if r.resource_type == "model"] == []


def test_the_manifest_is_in_the_workspace_and_the_repository_stays_clean(settings, first):
    assert ensure_manifest(settings) == manifest_path(settings)
    manifest = load_manifest(settings)
    assert "model.dmat.fct_orders" in manifest["nodes"]
    assert json.dumps(manifest["metadata"]["adapter_type"]) == '"duckdb"'
    assert not (ROOT / "dbt" / "target").exists()
    assert not (ROOT / "dbt" / "logs").exists()


def test_variables_of_the_environment_are_left_as_they_were(settings, first):
    assert "DMAT_CORE_PATH" not in os.environ
    assert "DMAT_DBT_NOW" not in os.environ


def test_two_threads_build_one_after_the_other(settings, first):
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(build(settings, "dim_companies", exclude_tests=True)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.is_ok for report in reports] == [True, True]


def test_the_command_line_gives_one_line_a_table(settings, first):
    command = [sys.executable, "-m", "dmat_pipelines.conform.runner", "--home", str(settings.home)]
    command += ["--select", "dim_companies", "--without-tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "dim_companies" in done.stdout
    assert "0 failures" in done.stdout
