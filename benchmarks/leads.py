"""How long from a lead that is captured to the sales rep who is told, with all processes really running.

`leads.captured_to_notified_p50_s`, `..._p95_s`: two forms (a demo, a question) of somebody new are posted to the API;
the clock stops when the provider has taken the mail to the rep. In between lie the inbox, the tables of scores that
the micro-batch builds, the lead taken in, its crossing, the assignment, the ledger and the sender. One lead at a time,
at random moments of the micro-batch's pause. The first rounds are not counted: they warm dbt up, and the first versions
of a workspace are whole copies (docs/decisions/0007).
Checked: each lead is with one rep and that rep is told once.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import sqlalchemy as sa

from benchmarks.capture import serving
from benchmarks.freshness import micro_batch
from benchmarks.measure import Row, measured, percentile
from benchmarks.workspace import built
from dmat.processes import PORTS, child_environment, default_processes
from dmat.routing.reps import put_rep
from dmat.settings import Settings, load_settings
from dmat.simulate.connection import write_connection
from dmat.store import Store, open_store
from dmat.store.lead_tables import lead_assignments, leads
from dmat.store.tables import ledger_entries
from dmat.warehouse import VERSIONS_KEPT

ROUNDS = 20
LONGEST = 300
GOAL, AIM = 120.0, 30.0
ALL_WEEK = {day: ["00:00", "24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
TAKEN = ("accepted", "delivered")
REPS = 4


@contextmanager
def sender(settings: Settings) -> Iterator[int]:
    """Run the sender process until the block ends; gives its process id."""
    process = next(p for p in default_processes(settings, with_dagster=False) if p.name == "sender")
    with (settings.home / "sender.log").open("ab") as log:
        environment = {**os.environ, **child_environment(settings)}
        running = subprocess.Popen(process.argv, env=environment, stdout=log, stderr=log)
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait(timeout=60)


def hire(settings: Settings, store: Store) -> None:
    """Four reps who are always at work and never have enough."""
    for number in range(REPS):
        rep = {"rep_key": f"rep{number}", "name": f"Rep {number}", "email": f"rep{number}@sales.example",
               "working_hours": ALL_WEEK, "capacity": 10_000, "most_per_day": 1_000}  # fmt: skip
        put_rep(store, rep, settings.clock.now(), "bench")


def post_lead(settings: Settings, number: int) -> str:
    """Somebody new fills in two forms; gives the address."""
    email = f"bench{number}.{time.time_ns()}@people.example"
    fields = {"email": email, "first_name": "Ann", "last_name": f"Lead {number}", "company": "Bench Inc"}
    for form in ("request-demo", "contact"):
        answer = httpx.post(f"{settings.resolved_public_url}/api/forms/{form}", json=fields, timeout=30)
        answer.raise_for_status()
    return email


def notices(store: Store, email: str) -> list[str]:
    """States of the mails that tell reps of the lead with this address; empty until it is with somebody."""
    number = sa.select(leads.c.lead_id).where(leads.c.email == email).scalar_subquery()
    given = sa.select(lead_assignments.c.assignment_id).where(lead_assignments.c.lead_id == number)
    with store.read() as connection:
        found = [f"assigned:{key}:" for key in connection.execute(given).scalars()]
        states: list[str] = []
        for start in found:
            query = sa.select(ledger_entries.c.state).where(ledger_entries.c.occurrence.startswith(start))
            states += connection.execute(query).scalars()
    return states


def seconds_until_told(settings: Settings, store: Store, number: int) -> float:
    """Seconds from posting the forms until the provider has the rep's mail."""
    started = time.perf_counter()
    email = post_lead(settings, number)
    while not any(state in TAKEN for state in notices(store, email)):
        assert time.perf_counter() - started < LONGEST, f"nobody was told of {email}: {notices(store, email)}"
        time.sleep(0.1)
    took = time.perf_counter() - started
    assert len(notices(store, email)) == 1, "a lead was told to more than one rep, or twice"
    return took


def run(people: int, size: str) -> list[Row]:
    """Build a workspace of `people`, run API, stream and sender on it, measure single leads."""
    settings = built(f"leads-{size}", people)
    ports = {name: getattr(settings, name) for name in PORTS}
    write_connection(settings)
    settings = load_settings(home=settings.home, **ports)
    settings.clock.set(settings.clock.now(), speed=1.0)
    store, pause = open_store(settings), random.Random(7)
    hire(settings, store)
    with ExitStack() as stack:
        stack.enter_context(serving(settings, "dmat.simulate.vendors", settings.vendors_port, "/control/health"))
        stack.enter_context(serving(settings, "apps.api", settings.api_port, "/health"))
        stack.enter_context(sender(settings))
        pid = stack.enter_context(micro_batch(settings))
        for number in range(-VERSIONS_KEPT, 0):
            seconds_until_told(settings, store, number)
        with measured(pid) as cost:
            times = []
            for number in range(ROUNDS):
                time.sleep(pause.uniform(0, settings.stream_seconds))
                times.append(seconds_until_told(settings, store, number))
    store.close()
    return [
        Row("leads.captured_to_notified_p50_s", size, percentile(times, 0.5), "s", AIM, rounds=ROUNDS, checked=True),
        Row(
            "leads.captured_to_notified_p95_s", size, percentile(times, 0.95), "s", GOAL, rounds=ROUNDS,
            baseline="pause of the micro-batch", ratio=percentile(times, 0.95) / settings.stream_seconds,
            cpu_s=cost.cpu_s, peak_rss_mb=cost.peak_rss_mb, checked=True,
        ),
    ]  # fmt: skip
