"""Under test: an event of the inbox reaches the published tables, the ledger and the graph, once."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from dmat.ledger.entries import counts_by_state, list_entries
from dmat.ledger.receive import receive
from dmat.processes import child_environment, prepare_dagster_home
from dmat.store import open_store
from dmat.store.inbox import InboundEvent, waiting_counts
from dmat.warehouse import Workspace, current_version, writer_lock
from dmat_pipelines.conform.runner import load_manifest
from dmat_pipelines.deliver.sender import drain
from dmat_pipelines.evaluate.reconcile import compare_counters, compare_recoveries, compare_states
from dmat_pipelines.stream import HotTables, JsonLines, is_warehouse_free, open_batch, run_once, run_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store(built):
    return open_store(built)


@pytest.fixture(scope="module")
def streamed(built, store):
    """Messages were sent, each was delivered and one opened; the stream has brought that to the screens."""
    prepare_dagster_home(built)
    assert drain(built, store).accepted_count > 0
    sent = list_entries(store, states=("accepted",))
    now = built.clock.now()
    events = [event_of(entry, "delivered", now) for entry in sent] + [event_of(sent[0], "opened", now)]
    receive(store, events, now)
    before = current_version(built).number
    batch = open_batch(built, store)
    assert run_once(batch) == 0
    return {"sent": sent, "before": before, "batch": batch}


def test_tables_are_told_after_those_they_are_made_of(built):
    """Else Dagster shows a table as older than what it was made from, though both come from one build."""
    manifest = load_manifest(built)
    hot = {
        uid: (node["schema"], node["alias"])
        for uid, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and "hot" in node["tags"]
    }
    told = list(HotTables(built)._hot_keys().values())
    assert sorted(told) == sorted(hot.values())
    for uid, key in hot.items():
        assert all(told.index(hot[parent]) < told.index(key) for parent in manifest["parent_map"][uid] if parent in hot)


def event_of(entry, kind, now) -> InboundEvent:
    names = {"delivered": "delivered", "opened": "open"}
    event_id = f"{kind}-{entry.message_id}"
    payload = {
        "email": entry.address, "timestamp": int(now.timestamp()), "event": names[kind], "sg_event_id": event_id,
        "sg_message_id": "x.y", "dmat_message_id": entry.message_id, "useragent": "Mozilla/5.0 (Macintosh)",
    }  # fmt: skip
    return InboundEvent(
        "sendgrid", event_id, kind, now + timedelta(seconds=1), payload, entry.message_id, entry.address
    )


def test_an_event_of_the_inbox_reaches_the_published_tables(built, streamed):
    rows = Workspace(built).rows(
        "select event_type, count(*) as events from engagement.fct_message_events"
        " where message_id is not null group by event_type"
    )
    counts = {row["event_type"]: row["events"] for row in rows}
    assert counts == {"delivered": len(streamed["sent"]), "opened": 1}
    assert current_version(built).number > streamed["before"]


def test_the_ledger_knows_what_was_delivered(store, streamed):
    assert counts_by_state(store)["delivered"] == len(streamed["sent"])
    assert waiting_counts(store) == {"unapplied": 0, "unlanded": 0}


def test_all_numbers_agree_afterwards(built, store, streamed):
    view = Workspace(built)
    for finding in (compare_states(store, view), compare_counters(store, view), compare_recoveries(view)):
        assert finding.is_equal, finding.words
        assert finding.numbers


def test_a_second_look_finds_nothing_new_and_builds_nothing(built, streamed):
    version = current_version(built).number
    assert run_once(streamed["batch"]) == 0
    assert current_version(built).number == version


def test_an_event_that_comes_twice_counts_once(built, store, streamed):
    now = built.clock.now()
    assert receive(store, [event_of(streamed["sent"][0], "delivered", now)], now) == 0
    assert run_once(streamed["batch"]) == 0
    assert compare_counters(store, Workspace(built)).is_equal


def test_the_graph_is_told_of_the_tables_that_were_refreshed(built, streamed):
    with dg.DagsterInstance.from_config(str(built.home / "dagster")) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["operations", "home_daily"]))
    assert event.asset_materialization.metadata["by"].value == "stream"


def test_a_difference_between_ledger_and_tables_is_found(built, store, streamed):
    with store.write() as connection:
        connection.exec_driver_sql("update counters set count = count + 1 where kind = 'delivered'")
    try:
        finding = compare_counters(store, Workspace(built))
        assert set(finding.differences) == {"delivered"}
        assert "delivered" in finding.words
    finally:
        with store.write() as connection:
            connection.exec_driver_sql("update counters set count = count - 1 where kind = 'delivered'")


def test_a_writer_at_work_is_noticed(built):
    assert is_warehouse_free(built)
    with writer_lock(built):
        assert not is_warehouse_free(built)


def test_the_loop_ends_when_it_is_told_to(streamed):
    stop = threading.Event()
    thread = threading.Thread(target=run_until, args=(stop, streamed["batch"], 0.05))
    thread.start()
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert streamed["batch"].health.state == "stopped"


def test_a_log_line_is_one_json_object_with_its_facts():
    record = logging.LogRecord("dmat.stream", logging.INFO, "", 0, "pass", ({"version": 3},), None)
    line = json.loads(JsonLines().format(record))
    assert (line["what"], line["version"], line["level"]) == ("pass", 3, "info")


def test_the_process_stops_on_sigterm_and_says_so_in_its_status_file(built, streamed):
    process = subprocess.Popen(
        [sys.executable, "-m", "dmat_pipelines.stream", "--home", str(built.home)],
        cwd=ROOT, env=child_environment(built), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    status = built.home / "run" / "stream.json"
    try:
        deadline = time.monotonic() + 120
        while json.loads(status.read_text())["pid"] != process.pid:
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert json.loads(status.read_text())["state"] == "stopped"
