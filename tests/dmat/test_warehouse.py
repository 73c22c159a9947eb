"""Under test: one writer, readers that never fail or wait, and the traps of DuckDB's files."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from dmat.errors import NotPublishedError, WarehouseBusyError
from dmat.settings import load_settings
from dmat.warehouse import VERSIONS_KEPT, Workspace, current_version, publish, writer, writer_lock

OPEN = "import duckdb, sys\ntry:\n duckdb.connect(sys.argv[1]); print('opened')"
OPEN += "\nexcept duckdb.IOException:\n print('refused')"
ROUNDS = 12


@pytest.fixture
def settings(tmp_path):
    return load_settings(tmp_path, duckdb_memory_limit="300MB")


def write_round(settings, number: int) -> None:
    """Every row of a version carries its number, so that a reader can tell a mixture."""
    with writer(settings) as connection:
        connection.execute("create or replace table numbers as select ? as number from range(5000)", [number])
        publish(settings)


def opens(path: Path) -> str:
    return subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True).stdout.strip()


def read_until(settings, stop, problems: list[str], seen: set[int], waits: list[float]) -> None:
    view = Workspace(settings)
    while not stop.is_set():
        began = time.monotonic()
        try:
            rows = view.rows("select min(number) as low, max(number) as high, count(*) as n from numbers")
        except Exception as error:
            problems.append(f"{type(error).__name__}: {error}")
            return
        waits.append(time.monotonic() - began)
        row = rows[0]
        if row["low"] != row["high"] or row["n"] != 5000:
            problems.append(f"a mixture: {row}")
        seen.add(row["high"])


def read_in_a_process(home: str, stop, answers) -> None:
    problems: list[str] = []
    seen: set[int] = set()
    read_until(load_settings(home, duckdb_memory_limit="300MB"), stop, problems, seen, [])
    answers.put((problems, len(seen)))


def test_eight_reader_threads_never_fail_while_one_writes_and_publishes(settings):
    write_round(settings, 0)
    stop, problems, seen, waits = threading.Event(), [], set(), []
    readers = [threading.Thread(target=read_until, args=(settings, stop, problems, seen, waits)) for _ in range(8)]
    for reader in readers:
        reader.start()
    for number in range(1, ROUNDS):
        write_round(settings, number)
    until = time.monotonic() + 20
    while max(seen) < ROUNDS - 1 and time.monotonic() < until:
        time.sleep(0.01)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert max(seen) == ROUNDS - 1
    assert len(seen) > 2, "readers moved to newer versions"
    assert len(waits) > 8


def test_readers_answer_while_the_writer_holds_the_lock(settings):
    """No wall time: the readers answer inside the writer's own critical section."""
    write_round(settings, 1)
    view = Workspace(settings)
    with writer(settings) as connection:
        connection.execute("begin")
        connection.execute("create or replace table numbers as select 2 as number from range(5000)")
        assert view.rows("select max(number) as n from numbers") == [{"n": 1}]
        connection.execute("commit")
        assert view.rows("select max(number) as n from numbers") == [{"n": 1}], "not published yet"


def test_reader_processes_never_fail_while_one_writes_and_publishes(settings):
    write_round(settings, 0)
    context = multiprocessing.get_context("spawn")
    stop, answers = context.Event(), context.Queue()
    readers = [context.Process(target=read_in_a_process, args=(str(settings.home), stop, answers)) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, ROUNDS):
        write_round(settings, number)
    time.sleep(0.2)
    stop.set()
    found = [answers.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join()
    assert [problems for problems, _ in found] == [[], []]


def test_publishing_inside_a_process_keeps_its_lock_on_the_core_file(settings):
    """Trap 1: copying a DuckDB file inside the process that has it open drops the lock; a child process copies."""
    with writer(settings) as connection:
        connection.execute("create table numbers as select 1 as number")
        publish(settings)
        assert opens(settings.core_path) == "refused"
        connection.execute("insert into numbers values (2)")
        assert opens(settings.core_path) == "refused"
    assert opens(settings.core_path) == "opened"


def test_each_version_has_a_name_of_its_own(settings):
    """Trap 3: `duckdb.connect` gives back a cached instance for a path it knows, whatever lies there now."""
    paths = set()
    for number in range(3):
        write_round(settings, number)
        version = current_version(settings)
        paths.add(version.path)
        held = duckdb.connect(str(version.path), read_only=True)
        assert held.execute("select max(number) from numbers").fetchall() == [(number,)]
    assert len(paths) == 3


def test_only_the_newest_versions_are_kept_and_an_open_reader_keeps_its_own(settings):
    write_round(settings, 0)
    old = duckdb.connect(str(current_version(settings).path), read_only=True)
    for number in range(1, VERSIONS_KEPT + 2):
        write_round(settings, number)
    kept = {int(file.stem[1:]) for file in (settings.warehouse_dir / "serving").glob("v*.duckdb")}
    newest = current_version(settings).number
    assert kept == {1, *range(newest - VERSIONS_KEPT + 1, newest + 1)}, "one that is still read stays as well"
    assert old.execute("select max(number) from numbers").fetchall() == [(0,)]
    old.close()
    write_round(settings, 9)
    assert not (settings.warehouse_dir / "serving" / "v1.duckdb").exists()


def test_before_anything_is_published_a_reader_is_told_so(settings):
    with pytest.raises(NotPublishedError, match="dmat refresh"):
        Workspace(settings).rows("select 1")


def test_a_second_writer_is_told_to_wait_and_gets_its_turn(settings):
    with writer_lock(settings), pytest.raises(WarehouseBusyError), writer(settings, timeout_seconds=0.05):
        pass
    with writer(settings, timeout_seconds=0.05) as connection:
        assert connection.execute("select 1").fetchall() == [(1,)]


def test_a_writer_that_dies_leaves_no_lock(settings):
    code = "import os, sys; from dmat.settings import load_settings; from dmat.warehouse import writer_lock\n"
    code += "with writer_lock(load_settings(sys.argv[1])): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(settings.home)]).returncode == 9
    with writer_lock(settings, timeout_seconds=0.05):
        pass


def test_a_reader_cannot_write(settings):
    write_round(settings, 1)
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        Workspace(settings).cursor().execute("create table mine (a int)")


def test_parameters_are_bound_and_rows_are_dictionaries(settings):
    write_round(settings, 7)
    view = Workspace(settings)
    assert view.rows("select ? as said, max(number) as number from numbers", ["it's"]) == [
        {"said": "it's", "number": 7}
    ]
    assert list(view.sql("select number from numbers limit 2")["number"]) == [7, 7]
    assert "main.numbers" in view.tables()
