"""How long a campaign takes, from the frozen audience to the last acknowledgement, with every gate on.

`sending.campaign_batched_s`: planned set-wise from DuckDB, sent by the resident sender's own process through the
SendGrid connector in batches to a sink on loopback; SQLite with fsync at each commit. As in a workspace, the sender
sends what is planned already while the rest is planned; its start is counted. `sending.plan_s`: until all is planned.
`sending.worker_rss_mb`: the most that the sending process took, without its helper and the child that renders.
`ledger.rows_per_s`: steps of messages that the ledger wrote and logged a second in that campaign.
`sending.rendered_per_s`: one request a message, rendered here. `sending.smtp_per_s`: the same by SMTP.
Each checks its answer: what the ledger says against what the sink counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.request import urlopen

import duckdb
import psutil
import sqlalchemy as sa

from benchmarks.measure import Row, measured
from benchmarks.workspace import fresh_settings
from dmat.campaigns.planning import PEOPLE_AT_ONCE
from dmat.campaigns.programmes import ensure_programme
from dmat.consent.permission import Decision, record_decisions
from dmat.consent.suppression import Suppression, suppress
from dmat.ledger.bulk import PlannedPerson, StepFacts, make_ready, plan_ready, step_ids
from dmat.ledger.entries import PLANNED, AudienceReport, audience_report
from dmat.ledger.post import NewEntry, plan_entries
from dmat.messages.library import Templates
from dmat.settings import Settings
from dmat.store import Store, open_store
from dmat.store.engine import chunks
from dmat.store.ledger_tables import IN_FLIGHT
from dmat.store.tables import ledger_entries, ledger_sets

NOW = datetime(2026, 3, 4, 12, 0)
PROGRAMME, STEP = "campaign:1", "announcement"
AT_ONCE, PATIENCE_SECONDS = PEOPLE_AT_ONCE, 1800
SINGLES = 2_000
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello {{ first_name }}, spring is here.</mj-text>
<mj-button href="https://shop.example/sale">To the sale</mj-button>
<mj-text>{% if city %}See you in {{ city }}.{% endif %} You have {{ points }} points.</mj-text>
<mj-text><a href="{{ unsubscribe_url }}">No more of this</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""
CONTENT = {
    "variables": [
        {"name": "first_name", "type": "text", "fallback": "there"},
        {"name": "city", "type": "text", "fallback": ""},
        {"name": "points", "type": "number", "fallback": 0},
    ],
    "locales": {"": {"subject": "{{ first_name }}, the sale begins", "preheader": "Today", "body": BODY, "text": ""}},
}
AUDIENCE = """
    select
        range + 1 as person_id,
        'person' || (range + 1) || '@host' || (range % 500) || '.example' as address,
        '{{"first_name":"Ann' || range % 977 || '","city":"City ' || range % 97 || '","points":' || range % 5000
            || ',"country_code":"DE","time_zone":"' || ['Europe/Berlin', 'Europe/London', 'Europe/Paris'][range % 3 + 1]
            || '"}}' as context,
        (range * 7919) % 100 < 5 as is_holdout
    from range({people})
    order by {order}
"""


@dataclass
class Sink:
    """The sink's process, its ports, and its count."""

    process: subprocess.Popen[str]
    ports: list[int]

    @property
    def taken(self) -> int:
        """Recipients it has taken."""
        with urlopen(f"http://127.0.0.1:{self.ports[0]}/", timeout=30) as answer:
            return int(answer.read())


@contextmanager
def sink(kind: str) -> Iterator[Sink]:
    """A sink in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sending_sink", kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Sink(process, [int(port) for port in process.stdout.readline().split()])
    finally:
        process.terminate()
        process.wait(30)


def fill(store: Store, people: int) -> None:
    """Everybody agreed but one in fifty, who withdrew; one address in a hundred is suppressed."""
    decided = NOW - timedelta(days=30)
    for numbers in chunks(range(1, people + 1), AT_ONCE):
        with store.write() as connection:
            decisions = (Decision(n, "email", "marketing", n % 50 != 0, decided, "a form") for n in numbers)
            record_decisions(connection, decisions, NOW)
            gone = [n for n in numbers if n % 100 == 7]
            suppress(
                connection,
                [Suppression(f"person{n}@host{(n - 1) % 500}.example", "email", "bounced") for n in gone],
                NOW,
            )


def plan(store: Store, people: int, facts: StepFacts) -> None:
    """From the frozen audience to rows of the ledger, in transactions as planning makes them."""
    with store.write() as connection:
        ensure_programme(connection, PROGRAMME, 1, NOW)
        ids = step_ids(connection, PROGRAMME, 1, STEP, "", NOW)
    warehouse = duckdb.connect(config={"memory_limit": "400MB"})
    warehouse.execute(AUDIENCE.format(people=people, order=ids.order))
    while rows := warehouse.fetchmany(AT_ONCE):
        ready = make_ready(ids, (PlannedPerson(row[0], row[1], NOW, row[2], row[3]) for row in rows))
        with store.write() as connection:
            plan_ready(connection, ids, ready, facts, NOW)


class Watch:
    """The most memory that one process takes, without its children."""

    def __init__(self, pid: int) -> None:
        self.peak_mb, self._process = 0.0, psutil.Process(pid)
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            try:
                self.peak_mb = max(self.peak_mb, self._process.memory_info().rss / 1e6)
            except psutil.Error:
                return
            time.sleep(0.05)


@contextmanager
def sender(settings: Settings, *arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], Watch]]:
    """The sender's own process, ended afterwards, and the most memory that it (of several: the leader) took."""
    environment = os.environ | {"DMAT_HOLDOUT_SHARE": "0", "NO_PROXY": "127.0.0.1"} | variables
    command = [sys.executable, "-m", "dmat_pipelines.deliver.sender", "--home", str(settings.home), *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process, Watch(process.pid)
        finally:
            process.terminate()


def send(settings: Settings, **variables: str) -> None:
    """Let the sender drain the ledger."""
    with sender(settings, "--once", **variables) as (process, _):
        assert process.wait(PATIENCE_SECONDS) == 0, "the sender failed"


def wait_until_sent(store: Store, process: subprocess.Popen[bytes]) -> None:
    """Until no message is planned or under way."""
    is_open = sa.select(ledger_entries.c.message_id).limit(1)
    states = (ledger_entries.c.state == PLANNED, IN_FLIGHT)
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "the sender failed"
        with store.read() as connection:
            if not any(connection.execute(is_open.where(each)).first() for each in states):
                return
        time.sleep(0.1)
    raise AssertionError("it takes too long")


def workspace(name: str) -> tuple[Settings, Store]:
    """An empty workspace whose clock stands at noon."""
    settings = fresh_settings(name)
    settings.clock.set(NOW)
    return settings, open_store(settings)


def check(report: AudienceReport, taken: int, people: int) -> None:
    """The ledger says the same as the sink, and its states add up."""
    assert report.is_finished, f"it is not finished: {report}"
    assert report.audience == people, f"{report.audience} is not {people}"
    assert report.sent == taken, f"the ledger says {report.sent}, the sink took {taken}"


def campaign(people: int, size: str) -> list[Row]:
    """One campaign in batches."""
    settings, store = workspace("sending")
    template = Templates(store, settings.clock).create(
        name="Spring", channel="email", kind="mjml", content=CONTENT, by="bench@shop.example"
    )
    fill(store, people)
    with sink("http") as provider:
        with measured() as cost:
            url = f"http://127.0.0.1:{provider.ports[0]}"
            with sender(settings, DMAT_SENDGRID_URL=url, DMAT_SENDGRID_TOKEN="SG.x") as (process, watch):
                started = time.perf_counter()
                plan(store, people, StepFacts("email", template=template.key, template_version=template.version))
                planned_s = time.perf_counter() - started
                wait_until_sent(store, process)
        taken = provider.taken
    report = audience_report(store, PROGRAMME)
    check(report, taken, people)
    assert report.suppressed > people * 0.02
    assert report.held_out > 0
    with store.read() as connection:
        steps: int = connection.execute(sa.select(sa.func.sum(ledger_sets.c.message_count))).scalar_one()
    store.close()
    goal = 90.0 if size == "1m" else None
    return [
        Row("sending.campaign_batched_s", size, cost.wall_s, "s", goal, cpu_s=cost.cpu_s,
            peak_rss_mb=cost.peak_rss_mb, checked=True),
        Row("sending.plan_s", size, planned_s, "s", checked=True),
        Row("sending.worker_rss_mb", size, watch.peak_mb, "MB", 100.0, checked=True),
        Row("ledger.rows_per_s", size, steps / cost.wall_s, "1/s", higher_is_better=True, checked=True),
    ]  # fmt: skip


def cart(number: int) -> NewEntry:
    """A cart recovery message, which is rendered whole."""
    context: dict[str, Any] = {
        "cart_id": f"cart-{number}", "cart_url": f"https://shop.example/carts/{number}", "total_cents": 4100,
        "currency_code": "EUR", "first_name": "Ann", "time_zone": "Europe/Berlin", "country_code": "DE",
        "products": [{"title": "Mug", "quantity": 2, "unit_price_cents": 2050}],
    }  # fmt: skip
    address = f"person{number}@host{(number - 1) % 500}.example"
    return NewEntry(
        number, "cart_recovery", 1, "first_mail", context["cart_id"], "email", address, context,
        expires_at=NOW + timedelta(hours=40),
    )  # fmt: skip


def singles(people: int, size: str, kind: str) -> Row:
    """Messages with a request each."""
    count = min(people, SINGLES)
    settings, store = workspace(f"sending-{kind}")
    fill(store, count)
    with store.write() as connection:
        plan_entries(connection, (cart(number) for number in range(1, count + 1)), NOW)
    with sink(kind) as provider:
        if kind == "http":
            address = {"DMAT_SENDGRID_URL": f"http://127.0.0.1:{provider.ports[0]}", "DMAT_SENDGRID_TOKEN": "SG.x"}
        else:
            address = {"DMAT_SMTP_URL": f"smtp+plain://127.0.0.1:{provider.ports[1]}"}
        with measured() as cost:
            send(settings, **address)
        taken = provider.taken
    check(audience_report(store, "cart_recovery"), taken, count)
    store.close()
    name = "sending.rendered_per_s" if kind == "http" else "sending.smtp_per_s"
    return Row(name, size, taken / cost.wall_s, "1/s", higher_is_better=True, cpu_s=cost.cpu_s, checked=True)


def run(people: int, size: str) -> list[Row]:
    """The campaign, then single messages by HTTP and by SMTP."""
    return [*campaign(people, size), singles(people, size, "http"), singles(people, size, "smtp")]
