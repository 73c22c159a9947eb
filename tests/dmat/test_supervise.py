"""Under test: processes start together, come back when they die, and stop together; no vendor, no port of ours."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from dmat.errors import InvalidInputError
from dmat.processes import child_environment, default_processes, prepare_dagster_home, read_processes
from dmat.settings import ROOT, Settings, load_settings
from dmat.supervise import SIGN_OF_LIFE_SECONDS, SILENT_AFTER_SECONDS, Process, Supervisor

PATIENCE_SECONDS = 60.0
SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(600)")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path)


def wait_until(is_true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail("it did not happen in time")
        time.sleep(0.05)


@contextmanager
def supervised(settings: Settings, *processes: Process, **options: float) -> Iterator[Supervisor]:
    supervisor = Supervisor(settings, processes, first_backoff_seconds=0.05, **options)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()
        thread.join(PATIENCE_SECONDS)


def states(settings: Settings) -> dict[str, str]:
    return {row["name"]: row["state"] for row in read_processes(settings)}


def pid_of(settings: Settings, name: str) -> int | None:
    return next((row["pid"] for row in read_processes(settings) if row["name"] == name), None)


def test_a_process_that_was_killed_is_started_again(settings):
    with supervised(settings, Process("sleeper", SLEEP)):
        wait_until(lambda: states(settings).get("sleeper") == "running")
        first = pid_of(settings, "sleeper")
        os.kill(first, signal.SIGKILL)
        wait_until(
            lambda: states(settings)["sleeper"] == "running" and pid_of(settings, "sleeper") not in (first, None)
        )
        assert read_processes(settings)[0]["restarts"] == 1
        last = pid_of(settings, "sleeper")
    assert not psutil.pid_exists(last)
    assert states(settings) == {"sleeper": "stopped"}


def test_sigterm_stops_every_process_and_what_they_started(tmp_path, settings):
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c', {0!r}]); {0}"
    parents = (*SLEEP[:-1], child.format(SLEEP[-1]))
    code = (
        "import sys; from dmat.settings import load_settings; from dmat.supervise import Process, Supervisor;"
        f"ps = [Process('one', {SLEEP!r}), Process('two', {parents!r})];"
        f"sys.exit(Supervisor(load_settings(home={str(tmp_path)!r}), ps).run())"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        wait_until(lambda: set(states(settings).values()) == {"running"})
        wait_until(lambda: len(psutil.Process(parent.pid).children(recursive=True)) == 3)
        family = psutil.Process(parent.pid).children(recursive=True)
        parent.terminate()
        assert parent.wait(PATIENCE_SECONDS) == 0
    finally:
        parent.kill()
    wait_until(lambda: not any(member.is_running() for member in family))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_die_with_a_supervisor_that_was_killed(tmp_path, settings):
    code = (
        "from dmat.settings import load_settings; from dmat.supervise import Process, Supervisor;"
        f"Supervisor(load_settings(home={str(tmp_path)!r}), [Process('one', {SLEEP!r})]).run()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    wait_until(lambda: states(settings).get("one") == "running")
    child = psutil.Process(pid_of(settings, "one"))
    parent.kill()
    parent.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert states(settings) == {"one": "stopped"}


def test_a_process_that_does_not_listen_to_sigterm_is_killed(settings):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
    process = Process("deaf", (sys.executable, "-S", "-c", deaf + "; time.sleep(600)"))
    log = settings.home / "logs" / "deaf.log"
    with supervised(settings, process, grace_seconds=0.2):
        wait_until(lambda: log.exists() and "deaf" in log.read_text() and pid_of(settings, "deaf"))
        pid = pid_of(settings, "deaf")
    assert not psutil.pid_exists(pid)


def test_a_workspace_has_one_supervisor(settings):
    with supervised(settings, Process("sleeper", SLEEP)):
        wait_until(lambda: states(settings).get("sleeper") == "running")
        with pytest.raises(InvalidInputError, match=f"already served by process {os.getpid()}"):
            Supervisor(settings, [Process("other", SLEEP)]).run()
        assert states(settings) == {"sleeper": "running"}


def test_a_port_that_is_taken_is_named_with_its_setting(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = Process("api", SLEEP, port_setting="api_port", port=port)
        with pytest.raises(InvalidInputError, match=rf"port {port} .*DMAT_API_PORT"):
            Supervisor(settings, [process]).run()


def test_a_process_starts_only_after_those_it_needs_answer(settings, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gate = tmp_path / "gate"
    code = (
        "import http.server, pathlib, sys, time\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)\n"
        f"http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    url = f"http://127.0.0.1:{port}"
    server = Process("server", (sys.executable, "-c", code), url, url)
    with supervised(settings, server, Process("client", SLEEP, after=("server",))) as supervisor:
        wait_until(lambda: states(settings).get("server") == "starting")
        assert states(settings)["client"] == "waiting"
        gate.touch()
        wait_until(lambda: supervisor.is_ready)


def test_what_a_process_prints_is_in_its_own_log(settings):
    words = "import sys, time; print(sys.argv[1], flush=True); time.sleep(600)"
    talkers = [Process(name, (sys.executable, "-S", "-c", words, f"I am {name}")) for name in ("one", "other")]
    logs = [settings.home / "logs" / f"{talker.name}.log" for talker in talkers]
    with supervised(settings, *talkers):
        wait_until(lambda: all(log.exists() and log.read_text() for log in logs))
    assert [log.read_text() for log in logs] == ["I am one\n", "I am other\n"]


def test_the_list_of_processes_can_be_read_at_any_moment(settings):
    with supervised(settings, *[Process(f"sleeper_{number}", SLEEP) for number in range(3)]) as supervisor:
        path = settings.home / "run" / "processes.json"
        wait_until(path.exists)
        while not supervisor.is_ready:
            assert len(json.loads(path.read_text())["processes"]) == 3


def test_the_list_is_written_again_though_nothing_changed_so_that_silence_means_something(settings, monkeypatch):
    monkeypatch.setattr("dmat.supervise.SIGN_OF_LIFE_SECONDS", 0.2)
    assert SIGN_OF_LIFE_SECONDS < SILENT_AFTER_SECONDS / 2
    with supervised(settings, Process("sleeper", SLEEP)) as supervisor:
        path = settings.home / "run" / "processes.json"
        wait_until(lambda: supervisor.is_ready)
        before, words = path.stat().st_mtime_ns, path.read_text()
        wait_until(lambda: path.stat().st_mtime_ns > before and path.read_text() == words)


POOL = """
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor
from dmat.processes import end_with_parent
pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=end_with_parent)
pool.submit(abs, 1).result()
print(*pool._processes, flush=True)
time.sleep(600)
"""


def test_a_process_for_heavy_work_ends_with_the_one_that_started_it_even_when_that_is_killed():
    starter = subprocess.Popen([sys.executable, "-c", POOL], stdout=subprocess.PIPE, text=True)
    try:
        worker = psutil.Process(int(starter.stdout.readline()))
        assert worker.is_running()
    finally:
        starter.kill()
        starter.communicate()
    worker.wait(PATIENCE_SECONDS)


def test_the_processes_of_a_workspace_carry_its_home_and_ports(settings):
    settings.api_port = 8999
    named = {process.name: process for process in default_processes(settings)}
    assert list(named) == ["api", "apps", "sender", "stream", "dagster"]
    assert "8999" in named["api"].argv
    assert named["dagster"].after == ("api", "apps", "sender", "stream")
    environment = child_environment(settings)
    assert environment["DMAT_HOME"] == str(settings.home)
    assert environment["DMAT_API_PORT"] == "8999"
    assert environment["DAGSTER_DISABLE_TELEMETRY"] == "1"


def test_the_simulated_vendors_are_started_only_in_a_simulated_workspace(settings):
    (settings.home / "simulation").mkdir()
    (settings.home / "simulation" / "connection.env").touch()
    assert next(process.name for process in default_processes(settings, with_dagster=False)) == "vendors"
    assert "dagster" not in [process.name for process in default_processes(settings, with_dagster=False)]


def test_dagsters_home_says_no_telemetry_and_no_retries(settings):
    written = yaml.safe_load((prepare_dagster_home(settings) / "dagster.yaml").read_text())
    assert written["telemetry"] == {"enabled": False}
    assert written["run_retries"] == {"enabled": False}
