"""Webhook intake: signed events of SendGrid posted to the API, as a process of its own with a store on disk.

`webhooks.events_per_s`: bodies of 500 events over 8 connections, each sent when the one before it was answered. An
answer means that the events are on disk. `webhooks.ack_p99_ms`: 200 requests a second of 5 events, at their times
whether or not earlier ones were answered; until the last byte of the answer. Checked: every event is in the inbox once,
and the counters tell of every message.
"""

from __future__ import annotations

import base64
import time
import uuid

import orjson
import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.api_process import api, workspace
from benchmarks.measure import Row, measured, percentile
from benchmarks.requests_at_once import Answers, as_bytes, as_fast_as_answered, at_a_rate
from dmat.ledger.counters import read_counters
from dmat.ledger.post import NewEntry, plan_entries
from dmat.settings import Settings
from dmat.store import Store, open_store
from dmat.store.tables import inbox

IN_A_BODY, CONNECTIONS = 500, 8
RATE, SECONDS, IN_A_SMALL_BODY = 200, 10, 5
KINDS = ("delivered", "open", "click")


def plan(settings: Settings, store: Store, count: int) -> list[str]:
    """Messages for the events to be about."""
    now = settings.clock.now()
    entries = (
        NewEntry(n, "campaign:1", 1, "first", "", "email", f"person{n}@example.com", {}) for n in range(1, count + 1)
    )
    with store.write() as connection:
        return plan_entries(connection, entries, now)


class Vendor:
    """Signs bodies of events, each about the next message in turn."""

    def __init__(self, message_ids: list[str]) -> None:
        self._ids, self._key, self.count = message_ids, ec.generate_private_key(ec.SECP256R1()), 0

    @property
    def public_key(self) -> str:
        """As the setting wants it."""
        shape = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(self._key.public_key().public_bytes(*shape)).decode()

    def request(self, events: int) -> bytes:
        """One signed request."""
        body = orjson.dumps([self._event() for _ in range(events)])
        stamp = str(int(time.time()))
        signature = self._key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }
        return as_bytes("POST", "/webhooks/sendgrid", headers, body)

    def _event(self) -> dict[str, object]:
        number = self.count % len(self._ids)
        kind = KINDS[self.count // len(self._ids) % len(KINDS)]
        self.count += 1
        return {
            "email": f"person{number + 1}@example.com",
            "timestamp": int(time.time()),
            "event": kind,
            "sg_event_id": uuid.uuid4().hex,
            "sg_message_id": f"sg-{number}",
            "dmat_message_id": self._ids[number],
            "useragent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
            "url": "https://shop.example/spring?utm_source=dmat",
        }


def check(store: Store, sent: int, messages: int, *answers: Answers) -> None:
    """Nothing was refused, lost or counted twice."""
    assert {status for each in answers for status in each.statuses} == {200}
    with store.read() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()
    assert kept == sent, f"{kept} of {sent} events are in the inbox"
    counted = {row["kind"]: row["count"] for row in read_counters(store)}
    assert counted["delivered"] == min(sent, messages)


def run(people: int, size: str) -> list[Row]:
    """Measure both; a message a person (at most 100,000), each with three events at most."""
    with workspace() as settings:
        store = open_store(settings)
        messages = min(people, 100_000)
        vendor = Vendor(plan(settings, store, messages))
        small = [vendor.request(IN_A_SMALL_BODY) for _ in range(RATE * SECONDS)]
        large = [vendor.request(IN_A_BODY) for _ in range(max(20, min(2 * messages, 100_000) // IN_A_BODY))]
        with api(settings, sendgrid_webhook_public_key=vendor.public_key) as pid:
            steady = at_a_rate(settings.api_port, small, RATE, 32)
            with measured(pid) as cost:
                fast = as_fast_as_answered(settings.api_port, large, CONNECTIONS)
        check(store, vendor.count, messages, steady, fast)
        store.close()
    rate = len(large) * IN_A_BODY / fast.wall_s
    p99 = 1000 * percentile(steady.seconds, 0.99)
    return [
        Row("webhooks.events_per_s", size, round(rate), "events/s", goal=100_000, higher_is_better=True,
            cpu_s=round(cost.cpu_s, 2), peak_rss_mb=round(cost.peak_rss_mb), checked=True),
        Row("webhooks.ack_p99_ms", size, round(p99, 1), "ms", goal=100, rounds=len(small), checked=True),
    ]  # fmt: skip
