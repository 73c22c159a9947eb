"""How long the tables take: all of them from raw rows, and again after a batch of new rows.

`build.full_s`: every model from raw, tests left out, in a process of its own.
`build.incremental_s`: the hot models after 10,000 new provider events; the ratio says how much cheaper than full.
"""

from __future__ import annotations

import shutil
import time
from datetime import timedelta

from benchmarks.measure import Row, measured
from benchmarks.workspace import END, keep_built, loaded, run_build
from dmat.landing import Record, land
from dmat.settings import Settings
from dmat.warehouse import Workspace, writer

NEW_EVENTS = 10_000


def build_once(settings: Settings, *arguments: str) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MB) of one build; fails when the build fails."""
    process = run_build(settings, *arguments)
    with measured(process.pid) as cost:
        code = process.wait()
    assert code == 0, f"the build failed with {code}"
    return cost.wall_s, cost.cpu_s, cost.peak_rss_mb


def add_events(settings: Settings) -> None:
    """Land a batch of opens as the provider would have sent them."""
    now = END + timedelta(minutes=5)
    stamp = int((now - timedelta(minutes=1)).timestamp())
    records = [
        Record(
            f"sendgrid:bench-{time.time_ns()}-{number}",
            now,
            {
                "email": f"bench{number}@people.example",
                "event": "open",
                "timestamp": stamp,
                "sg_event_id": f"bench-{number}",
                "sg_message_id": f"bench-{number}",
            },
        )
        for number in range(NEW_EVENTS)
    ]
    with writer(settings) as connection:
        land(connection, "delivery_events", records, "bench", now)


def run(people: int, size: str) -> list[Row]:
    """Load a company of `people`, build everything, then build again after new events."""
    settings, raw_rows = loaded(f"build-{size}", people)
    full = build_once(settings, "--without-tests", "--publish")
    keep_built(settings, people)
    workspace = Workspace(settings)
    built = int(workspace.rows("select count(*) as n from engagement.fct_message_events")[0]["n"])
    persons = int(workspace.rows("select count(*) as n from people.dim_people")[0]["n"])
    add_events(settings)
    again = build_once(settings, "--select", "tag:hot", "--without-tests", "--publish")
    grown = int(workspace.rows("select count(*) as n from engagement.fct_message_events")[0]["n"])
    shutil.rmtree(settings.home)  # at a million people it is 24 GB
    right = grown == built + NEW_EVENTS and 0.7 * people < persons < 1.3 * people
    goal = 600.0 if size == "1m" else None
    return [
        Row("build.raw_rows", size, raw_rows, "rows", checked=True),
        Row("build.full_s", size, full[0], "s", goal, cpu_s=full[1], peak_rss_mb=full[2], checked=right),
        Row(
            "build.incremental_s", size, again[0], "s", None, baseline="full build", ratio=full[0] / again[0],
            cpu_s=again[1], peak_rss_mb=again[2], checked=right,
        ),
        Row("build.peak_gb", size, full[2] / 1000, "GB", 4.0 if size == "1m" else None, checked=right),
    ]  # fmt: skip
