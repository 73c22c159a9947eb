"""How long from a webhook to the figure on Home, with the API and the micro-batch process really running.

`freshness.event_to_screen_p50_s`, `..._p95_s`: a signed provider event is posted to the API; the clock stops when the
query behind Home shows it. One event at a time, at random moments of the micro-batch's pause. The first rounds are not
counted: they warm dbt up, and the first versions of a workspace are whole copies (docs/decisions/0007).
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.capture import serving
from benchmarks.measure import Row, measured, percentile
from benchmarks.workspace import built
from dmat.processes import PORTS, Process, child_environment, default_processes
from dmat.settings import Settings, load_settings
from dmat.simulate.connection import load_signing_key, write_connection
from dmat.warehouse import VERSIONS_KEPT, Workspace

ROUNDS = 25
QUERY = "select coalesce(sum(messages_opened_human_count), 0) as n from operations.home_daily"


@contextmanager
def micro_batch(settings: Settings) -> Iterator[int]:
    """Run the stream process until the block ends; gives its process id."""
    process: Process = next(p for p in default_processes(settings, with_dagster=False) if p.name == "stream")
    with (settings.home / "stream.log").open("ab") as log:
        running = subprocess.Popen(process.argv, env=child_environment(settings), stdout=log, stderr=log)
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait(timeout=300)  # a build that has begun is finished first


def post_open(settings: Settings, number: int) -> None:
    """Post one signed open of somebody who is in nobody's ledger: it counts all the same."""
    unique = f"fresh-{time.time_ns()}-{number}"  # a message counts once, also in a workspace measured before
    event = {
        "email": f"fresh{number}@people.example",
        "event": "open",
        "timestamp": int(settings.clock.now().replace(tzinfo=UTC).timestamp()),
        "sg_event_id": unique,
        "sg_message_id": unique,
        "useragent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
    }
    body = json.dumps([event]).encode()
    stamp = str(int(time.time()))
    signature = load_signing_key(settings.home).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    answer = httpx.post(f"{settings.resolved_public_url}/webhooks/sendgrid", content=body, headers=headers, timeout=30)
    answer.raise_for_status()


def seconds_until_shown(settings: Settings, workspace: Workspace, number: int) -> float:
    """Seconds from posting one event until Home's query counts one more."""
    before = int(workspace.rows(QUERY)[0]["n"])
    started = time.perf_counter()
    post_open(settings, number)
    while int(workspace.rows(QUERY)[0]["n"]) <= before:
        assert time.perf_counter() - started < 180, "the event never arrived"
        time.sleep(0.05)
    return time.perf_counter() - started


def run(people: int, size: str) -> list[Row]:
    """Build a workspace of `people`, run API and stream on it, measure single events."""
    settings = built(f"freshness-{size}", people)
    ports = {name: getattr(settings, name) for name in PORTS}
    write_connection(settings)
    settings = load_settings(home=settings.home, **ports)
    settings.clock.set(settings.clock.now(), speed=1.0)
    workspace, pause = Workspace(settings), random.Random(7)
    with ExitStack() as stack:
        stack.enter_context(serving(settings, "dmat.simulate.vendors", settings.vendors_port, "/control/health"))
        stack.enter_context(serving(settings, "apps.api", settings.api_port, "/health"))
        pid = stack.enter_context(micro_batch(settings))
        for number in range(-VERSIONS_KEPT, 0):
            seconds_until_shown(settings, workspace, number)
        with measured(pid) as cost:
            times = []
            for number in range(ROUNDS):
                time.sleep(pause.uniform(0, settings.stream_seconds))
                times.append(seconds_until_shown(settings, workspace, number))
    goal = 30.0 if size == "1m" else 10.0
    return [
        Row("freshness.event_to_screen_p50_s", size, percentile(times, 0.5), "s", rounds=ROUNDS, checked=True),
        Row(
            "freshness.event_to_screen_p95_s", size, percentile(times, 0.95), "s", goal, rounds=ROUNDS,
            baseline="pause of the micro-batch", ratio=percentile(times, 0.95) / settings.stream_seconds,
            cpu_s=cost.cpu_s, peak_rss_mb=cost.peak_rss_mb, checked=True,
        ),
    ]  # fmt: skip
