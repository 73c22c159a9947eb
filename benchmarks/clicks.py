"""Clicks: signed links followed through the API, as a process of its own with a store on disk.

`clicks.per_s`: over 16 connections, each link followed when the one before it was answered; a click counts when it is
answered with the place to go to. `clicks.p99_ms`: 200 clicks a second at their times. Checked: every answer leads on,
and every click is in the inbox.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import sqlalchemy as sa

from benchmarks.api_process import api, workspace
from benchmarks.measure import Row, measured, percentile
from benchmarks.requests_at_once import as_bytes, as_fast_as_answered, at_a_rate
from benchmarks.webhooks import plan
from dmat.messages.links import Links
from dmat.store import Store, open_store
from dmat.store.tables import inbox

CONNECTIONS, RATE, SECONDS = 16, 200, 5
WAIT_SECONDS = 30
AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"}


def arrived(store: Store, wanted: int) -> int:
    """How many clicks are in the inbox, as soon as all are (they may be written a moment after the answer)."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with store.read() as connection:
            query = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.kind == "clicked")
            count: int = connection.execute(query).scalar_one()
        if count >= wanted or time.monotonic() > deadline:
            return count
        time.sleep(0.1)


def run(people: int, size: str) -> list[Row]:
    """Measure; one click a person, at most 20,000."""
    with workspace() as settings:
        store = open_store(settings)
        links = Links(settings)
        ids = plan(settings, store, min(people, 20_000))
        target = "https://shop.example/spring?utm_source=dmat"
        requests = [as_bytes("GET", urlsplit(links.click_url(i, target)).path, AGENT) for i in ids]
        calm = requests[: RATE * SECONDS]
        with api(settings) as pid:
            steady = at_a_rate(settings.api_port, calm, RATE, 32)
            with measured(pid) as cost:
                fast = as_fast_as_answered(settings.api_port, requests, CONNECTIONS)
        assert {*steady.statuses, *fast.statuses} == {302}
        assert arrived(store, len(calm) + len(requests)) == len(calm) + len(requests)
        store.close()
    return [
        Row("clicks.per_s", size, round(len(requests) / fast.wall_s), "clicks/s", goal=20_000, higher_is_better=True,
            cpu_s=round(cost.cpu_s, 2), peak_rss_mb=round(cost.peak_rss_mb), checked=True),
        Row("clicks.p99_ms", size, round(1000 * percentile(steady.seconds, 0.99), 1), "ms", goal=10,
            rounds=len(calm), checked=True),
    ]  # fmt: skip
