"""How long `dmat up` takes until every process answers.

`start.up_s`: screens, API, micro-batch and sender; `start.up_with_dagster_s`: the Dagster UI and daemon as well.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from benchmarks.measure import Row, measured
from benchmarks.workspace import built
from dmat.processes import child_environment, read_processes
from dmat.settings import Settings


def seconds_until_ready(settings: Settings, *options: str) -> tuple[float, float, float]:
    """(wall, CPU, peak MB) of `dmat up` until all its processes run."""
    command = [sys.executable, "-m", "dmat.cli", "up", "--home", str(settings.home), *options]
    process = subprocess.Popen(command, env=child_environment(settings), stdout=subprocess.DEVNULL)
    try:
        with measured(process.pid) as cost:
            deadline = time.monotonic() + 240
            while not _all_run(settings, process.pid):
                assert process.poll() is None, "`dmat up` ended"
                assert time.monotonic() < deadline, "`dmat up` did not come up"
                time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    return cost.wall_s, cost.cpu_s, cost.peak_rss_mb


def _all_run(settings: Settings, pid: int) -> bool:
    rows = read_processes(settings)
    return bool(rows) and all(row["state"] == "running" for row in rows)


def run(people: int, size: str) -> list[Row]:
    """Build a workspace, then start it both ways."""
    settings = built(f"start-{size}", people)
    lean = seconds_until_ready(settings, "--without-dagster")
    whole = seconds_until_ready(settings)
    return [
        Row("start.up_s", size, lean[0], "s", cpu_s=lean[1], peak_rss_mb=lean[2], checked=True),
        Row(
            "start.up_with_dagster_s", size, whole[0], "s", baseline="without Dagster", ratio=whole[0] / lean[0],
            cpu_s=whole[1], peak_rss_mb=whole[2], checked=True,
        ),
    ]  # fmt: skip
