"""Under test: a flood of webhooks of which many are forged, broken, doubled, out of order, packed or huge. No crash,
nothing unsigned changes anything, nothing counts twice, and every bad one lies in quarantine.

The full size of the design (100,000 webhooks) runs with DMAT_SECURITY=full.
"""

from __future__ import annotations

import gzip
import os
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
import signing
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, make_settings, plan_messages

from apps.api.app import create_app
from apps.api.bodies import LARGEST_BODY
from dmat.consent.suppression import find_suppressed
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import counts_by_state
from dmat.ledger.events import apply_waiting
from dmat.store.tables import inbox, quarantine

WEBHOOKS = 100_000 if os.environ.get("DMAT_SECURITY") == "full" else 3_000
MESSAGES = 200
START = 1_772_625_600


@dataclass
class Truth:
    """What should be true after the flood."""

    events: dict = field(default_factory=dict)
    refused: Counter = field(default_factory=Counter)

    def note(self, events):
        for event in events:
            self.events[event["sg_event_id"]] = event


@dataclass
class Post:
    """One request: what it is, its body and headers, and what it should be answered."""

    kind: str
    body: bytes
    headers: dict
    statuses: frozenset


class Flood:
    """Makes requests, the same for the same seed."""

    def __init__(self, ids, seed=23):
        self.ids, self.dice, self.truth, self.made, self.number = ids, random.Random(seed), Truth(), [], 0

    def event(self, forged=False):
        self.number += 1
        name = self.dice.choice(["processed", "delivered", "open", "click", "bounce", "dropped", "unsubscribe"])
        message = self.dice.randrange(MESSAGES)
        address = f"victim{self.number}@example.com" if forged else f"person{message + 1}@example.com"
        return {
            "email": address, "timestamp": START + self.dice.randrange(100_000), "event": name,
            "sg_event_id": f"e{self.number}",
            "dmat_message_id": self.ids[message], "useragent": self.dice.choice(["Firefox", "Mozilla/5.0", "curl/8"]),
        }  # fmt: skip

    def events(self, forged=False):
        return [self.event(forged) for _ in range(self.dice.randint(1, 4))]

    def good(self):
        events = self.events()
        self.truth.note(events)
        body, headers = signing.sendgrid(events)
        if self.dice.random() < 0.2:
            body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
        return Post("good", body, headers, frozenset({200}))

    def again(self):
        known = [post for post in self.made[-300:] if post.kind == "good"]
        return self.dice.choice(known) if known else self.good()

    def forged(self):
        body, headers = signing.sendgrid(self.events(forged=True), signing.OTHER_KEY)
        way = self.dice.randrange(4)
        if way == 0:
            headers = {"Content-Type": "application/json"}
        elif way == 1:
            headers["X-Twilio-Email-Event-Webhook-Signature"] = self.dice.choice(["", "x", "====", "A" * 5000])
        elif way == 2:
            body, headers = signing.sendgrid(self.events(forged=True))
            body = body.replace(b"person", b"perso_", 1) + b" "
        return Post("forged", body, headers, frozenset({401}))

    def broken(self):
        self.number += 1
        bodies = [
            b'[{"event": "open"' + str(self.number).encode(), b"{}" + b" " * self.number,
            b"\xff" * (self.number % 500 + 1),
            b"[" * (self.number % 2000 + 1), str(self.number).encode(),
            b'[{"event": "open", "timestamp": "x%d"}]' % self.number,
            b"[null, %d, [], {}]" % self.number, b'[{"email": {"a": %d}, "event": []}]' % self.number,
        ]  # fmt: skip
        body, headers = signing.sendgrid(self.dice.choice(bodies))
        return Post("broken", body, headers, frozenset({200}))

    def huge(self):
        self.number += 1
        if self.dice.random() < 0.5:
            body = gzip.compress(b"%d" % self.number + b" " * (LARGEST_BODY + 10), compresslevel=1)
            return Post("huge", body, {"Content-Encoding": "gzip"}, frozenset({413}))
        return Post("huge", b"%d" % self.number + b"x" * LARGEST_BODY, {}, frozenset({413}))

    def badly_packed(self):
        self.number += 1
        body = self.dice.choice([b"not packed ", gzip.compress(b"[]")[:-5]]) + str(self.number).encode()
        return Post("badly_packed", body, {"Content-Encoding": "gzip"}, frozenset({400, 413}))

    def next(self):
        makers = [self.forged, self.broken, self.again, self.huge, self.badly_packed, self.good]
        [make] = self.dice.choices(makers, weights=[10, 10, 20, 0.3, 2, 57.7])
        self.made.append(make())
        return self.made[-1]


@pytest.fixture
def flood_over(home):
    settings = make_settings(home, **signing.SETTINGS)
    from dmat.store import open_store

    store = open_store(settings)
    flood = Flood(plan_messages(store, MESSAGES))
    wrong = Counter()
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        for number in range(WEBHOOKS):
            post = flood.next()
            status = client.post("/webhooks/sendgrid", content=post.body, headers=post.headers).status_code
            if status not in post.statuses:
                wrong[post.kind, status] += 1
            if number % 500 == 0:
                apply_waiting(store, NOON)
    apply_waiting(store, NOON, limit=1_000_000)
    yield store, flood, wrong
    store.close()


def expected_counters(events):
    """Each message once per kind, as the events say; every event of a message proves that it was accepted."""
    marks = set()
    for event in events:
        message, name = event["dmat_message_id"], event["event"]
        marks.add((message, "accepted"))
        machine = "machine" if event["useragent"] != "Firefox" else "human"
        if name in {"delivered", "open", "click"}:
            marks.add((message, "delivered"))
        kinds = {"open": f"opened_{machine}", "click": f"clicked_{machine}", "bounce": "bounced", "dropped": "dropped",
                 "unsubscribe": "unsubscribed"}  # fmt: skip
        if name in kinds:
            marks.add((message, kinds[name]))
    return Counter(kind for _, kind in marks)


def test_a_flood_of_hostile_webhooks_breaks_nothing_and_changes_nothing_it_may_not(flood_over):
    store, flood, wrong = flood_over
    assert wrong == {}, "an answer that was not expected, for instance a crash"
    with store.read() as connection:
        kept = set(connection.execute(sa.select(inbox.c.event_id)).scalars())
        refused = connection.execute(sa.select(quarantine.c.seen_count, quarantine.c.reason)).all()
        victims = {f"victim{n}@example.com" for n in range(1, flood.number + 1)}
        assert find_suppressed(connection, victims, "email") == {}, "a forged event suppressed somebody"
    assert kept == set(flood.truth.events), "exactly the signed events, each once"
    bad = sum(post.kind not in {"good"} for post in flood.made)
    assert sum(row.seen_count for row in refused) == bad, "every bad one lies in quarantine"
    assert all(row.reason for row in refused)
    counted = Counter({row["kind"]: row["count"] for row in read_counters(store)})
    assert counted == expected_counters(flood.truth.events.values())
    states = counts_by_state(store)
    failed = {e["dmat_message_id"] for e in flood.truth.events.values() if e["event"] in {"bounce", "dropped"}}
    assert states["rejected"] == len(failed)
    assert sum(states.values()) == MESSAGES
