"""How a benchmark measures and writes down: wall, CPU and peak memory of a process tree, rows, results as JSON.

Belongs here: measuring. Stays out: what is measured (`benchmarks/<group>.py`).
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parent / "results"
SIZES = {"5k": 5_000, "20k": 20_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}


@dataclass
class Row:
    """One figure: name as in `docs/benchmarks.md`, value and unit, the goal, and what it was compared with."""

    name: str
    size: str
    value: float
    unit: str
    goal: float | None = None
    higher_is_better: bool = False
    baseline: str = ""
    ratio: float | None = None
    cpu_s: float | None = None
    peak_rss_mb: float | None = None
    rounds: int = 1
    checked: bool = False


@dataclass
class Cost:
    """What a block took: wall and CPU seconds, and the peak resident memory of this process and its children, MB."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0
    _cpu_of: dict[int, float] = field(default_factory=dict)
    _tree: list[psutil.Process] = field(default_factory=list)
    _looks: int = 0

    def sample(self, root: psutil.Process) -> None:
        """Look at the process tree once; new processes are looked for at every fifth time, as that costs the most."""
        if self._looks % 5 == 0:
            self._tree = [root, *root.children(recursive=True)]
        self._looks += 1
        resident = 0
        for process in self._tree:
            try:
                resident += process.memory_info().rss
                used = process.cpu_times()
                self._cpu_of[process.pid] = used.user + used.system
            except psutil.Error:
                continue
        self.peak_rss_mb = max(self.peak_rss_mb, resident / 1e6)
        self.cpu_s = sum(self._cpu_of.values())


@contextmanager
def measured(pid: int | None = None) -> Iterator[Cost]:
    """Measure a block; memory and CPU are sampled every 50 ms over the process tree of `pid` (default: this one)."""
    cost, root, done = Cost(), psutil.Process(pid), threading.Event()
    cost.sample(root)
    before = cost.cpu_s

    def watch() -> None:
        while not done.wait(0.05):
            cost.sample(root)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.wall_s = time.perf_counter() - started
        done.set()
        watcher.join()
        if psutil.pid_exists(root.pid):
            cost.sample(root)
        cost.cpu_s -= before


def percentile(values: list[float], share: float) -> float:
    """The smallest value with at least `share` of the values at or below it."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def write_results(group: str, size: str, rows: list[Row]) -> Path:
    """Write `benchmarks/results/<group>.json`; figures of other sizes in it are kept."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{group}.json"
    kept: list[dict[str, Any]] = []
    if file.exists():
        fresh = {(row.name, row.size) for row in rows}
        kept = [row for row in json.loads(file.read_text())["rows"] if (row["name"], row["size"]) not in fresh]
    load = os.getloadavg()[0]
    result = {
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30),
            "python": platform.python_version(),
        },
        "load": round(load, 2),
        "busy": load > (os.cpu_count() or 1),
        "versions": {name: metadata.version(name) for name in ("duckdb", "dbt-core", "dagster", "panel", "sqlalchemy")},
        "rows": sorted((*kept, *(asdict(row) for row in rows)), key=lambda row: (row["name"], row["size"])),
    }  # fmt: skip
    file.write_text(json.dumps(result, indent=1) + "\n")
    return file
