"""How fast sources are read: every resource of the simulated vendors over HTTP into raw tables.

`capture.rows_per_s`: rows fetched in a second, landing included; the baseline reads the same shop pages with a bare
httpx loop and throws them away, so the ratio says what paging bookkeeping, hashing and landing cost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx

from benchmarks.measure import Row, measured
from benchmarks.workspace import END, fresh_settings
from dmat.processes import child_environment
from dmat.servers import wait_for_answer
from dmat.settings import Settings, load_settings
from dmat.simulate import simulate


@contextmanager
def serving(settings: Settings, module: str, port: int, health: str) -> Iterator[None]:
    """Run one of our servers until the block ends."""
    command = [sys.executable, "-m", module, "--home", str(settings.home), "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **child_environment(settings)}, stdout=subprocess.DEVNULL)
    try:
        wait_for_answer(f"http://{settings.host}:{port}{health}", process=process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def bare_read(settings: Settings) -> tuple[int, float]:
    """(rows, seconds) of paging through WooCommerce orders with nothing but httpx."""
    rows, started = 0, time.perf_counter()
    auth = (settings.woocommerce_key.get_secret_value(), settings.woocommerce_secret.get_secret_value())
    with httpx.Client(base_url=settings.woocommerce_url + "/wp-json/wc/v3", auth=auth, timeout=30) as client:
        for page in range(1, 10_000):
            answer = client.get("/orders", params={"per_page": 100, "page": page})
            if answer.status_code == 429:
                time.sleep(float(answer.headers.get("Retry-After", "1")))
                continue
            rows += len(answer.json())
            if page >= int(answer.headers["X-WP-TotalPages"]):
                break
    return rows, time.perf_counter() - started


def run(people: int, size: str) -> list[Row]:
    """Make a company, serve its vendors, read everything once."""
    from dmat.connectors.catalogue import CONNECTORS
    from dmat_pipelines.capture.sources import capture_source

    settings = fresh_settings(f"capture-{size}")
    ports = {name: getattr(settings, name) for name in ("api_port", "apps_port", "dagster_port", "vendors_port")}
    simulate(settings, people=people, seed=7, end=END)
    settings = load_settings(home=settings.home, **ports)
    fetched = kept = 0
    with serving(settings, "dmat.simulate.vendors", settings.vendors_port, "/control/health"):
        bare_rows, bare_seconds = bare_read(settings)
        with measured() as cost:
            for vendor in CONNECTORS:
                for outcome in capture_source(settings, vendor, run_id="bench"):
                    assert not outcome.error, outcome.error
                    fetched += outcome.fetched_count
                    kept += outcome.kept_count
    speed = fetched / cost.wall_s
    ratio = speed / (bare_rows / bare_seconds)
    row = Row("capture.rows_per_s", size, speed, "rows/s", higher_is_better=True, checked=kept > 0)
    return [
        replace(row, baseline="bare httpx loop", ratio=ratio, cpu_s=cost.cpu_s, peak_rss_mb=cost.peak_rss_mb),
        Row("capture.rows", size, fetched, "rows", higher_is_better=True, checked=kept > 0),
    ]
