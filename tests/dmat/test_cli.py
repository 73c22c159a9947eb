"""Under test: the command line and the process that does the work end together, in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

WORK = """
    import signal, sys, time
    from pathlib import Path
    home = Path(sys.argv[sys.argv.index("--home") + 1])
    def end(number, frame):
        time.sleep(0.6)  # longer than Python waits for a child before it kills it
        (home / "ended").write_text(str(number))
        sys.exit(7)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    (home / "began").write_text("")
    time.sleep(60)
"""


@pytest.fixture
def verb(tmp_path):
    """A command line whose work is at work, in a group of its own as a shell would start it."""
    (tmp_path / "work_of_a_test.py").write_text(textwrap.dedent(WORK))
    code = (
        "import sys; from dmat.cli import run_verb; from dmat.settings import load_settings;"
        f"run_verb('work_of_a_test', settings=load_settings(home={str(tmp_path)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    popen = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    wait_until((tmp_path / "began").exists)
    yield popen
    popen.kill()
    popen.wait()


def wait_until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_ctrl_c_lets_the_work_end_in_its_own_way(verb, tmp_path):
    os.killpg(verb.pid, signal.SIGINT)
    assert verb.wait(30) != 0
    assert (tmp_path / "ended").read_text() == str(int(signal.SIGINT))


def test_to_end_the_command_line_ends_the_work(verb, tmp_path):
    verb.terminate()
    assert verb.wait(30) != 0
    assert (tmp_path / "ended").read_text() == str(int(signal.SIGTERM))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_work_does_not_outlive_a_command_line_that_was_killed(verb, tmp_path):
    (work,) = psutil.Process(verb.pid).children()
    verb.kill()
    wait_until(lambda: not is_alive(work))
    assert not is_alive(work)
    assert (tmp_path / "ended").read_text() == str(int(signal.SIGTERM))
