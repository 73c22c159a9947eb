"""Under test: who enters and leaves segments is told once, from the moment on at which somebody listens."""

from __future__ import annotations

import duckdb
import pytest
from sending_fixtures import NOON

from dmat.outgoing.delivering import read_log
from dmat.outgoing.endpoints import Endpoints
from dmat_pipelines.decide.segment_log import create_log
from dmat_pipelines.decide.segment_telling import tell_moves


@pytest.fixture
def log():
    connection = duckdb.connect()
    create_log(connection)
    yield connection
    connection.close()


def append(log, *changes):
    for number, (person, change) in enumerate(
        changes, log.execute("select count(*) from raw.segment_changes").fetchone()[0] + 1
    ):
        row = [number, "vip", 1, person, change, NOON, NOON, "data", "run"]
        log.execute("insert into raw.segment_changes values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def listen(settings, store, *events):
    endpoint, _ = Endpoints(settings, store).create("crm", "https://hooks.example", events, "ann@shop.example")
    return endpoint.endpoint_id


def told(store, endpoint_id):
    rows = read_log(store, endpoint_id)
    return sorted((row["kind"], row["payload"]["data"]["person_ids"]) for row in rows)


def test_changes_are_told_once_from_when_somebody_listens(settings, store, log):
    append(log, (1, "entered"))
    assert tell_moves(log, store, NOON) == 0
    endpoint = listen(settings, store, "segment.*")
    assert tell_moves(log, store, NOON) == 0
    append(log, (2, "entered"), (3, "entered"), (1, "left"))
    assert [tell_moves(log, store, NOON), tell_moves(log, store, NOON)] == [2, 0]
    assert told(store, endpoint) == [("segment.entered", [2, 3]), ("segment.left", [1])]


def test_only_what_is_wanted_is_told(settings, store, log):
    endpoint = listen(settings, store, "segment.left")
    tell_moves(log, store, NOON)
    append(log, (2, "entered"), (1, "left"))
    tell_moves(log, store, NOON)
    assert told(store, endpoint) == [("segment.left", [1])]


def test_who_stops_listening_and_starts_again_is_not_flooded(settings, store, log):
    endpoint, endpoints = listen(settings, store, "segment.*"), Endpoints(settings, store)
    tell_moves(log, store, NOON)
    endpoints.change(endpoint, "ann@shop.example", is_active=False)
    append(log, (1, "entered"))
    tell_moves(log, store, NOON)
    endpoints.change(endpoint, "ann@shop.example", is_active=True)
    assert tell_moves(log, store, NOON) == 0
    append(log, (2, "entered"))
    tell_moves(log, store, NOON)
    assert told(store, endpoint) == [("segment.entered", [2])]
