"""Under test: live counters and the warehouse tell the same hour by hour; a gap has its reason, a loss is found."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sending_fixtures import NOON, new_entry

from dmat.ledger import apply_waiting
from dmat.ledger.counters import read_hours
from dmat.ledger.post import Move, move, plan_entries
from dmat.ledger.receive import receive
from dmat.store.inbox import InboundEvent, mark_landed, unlanded
from dmat.warehouse import writer
from dmat_pipelines.capture.deliveries import export_counters, export_ledger, land_inbox
from dmat_pipelines.conform.runner import build

KINDS = (
    "accepted",
    "delivered",
    "opened",
    "clicked",
    "read",
    "replied",
    "bounced",
    "dropped",
    "deferred",
    "unsubscribed",
    "help",
    "other",
)
NAMES = ("live_count", "warehouse_count", "late_count", "machine_count", "test_count", "erased_count",
         "unexplained_count")  # fmt: skip


class Company:
    """A workspace in which messages leave and things happen to them."""

    def __init__(self, settings, store):
        self.settings, self.store, self.dice, self.number = settings, store, random.Random(11), 0

    def send(self, count=40):
        dice = self.dice
        entries = [
            new_entry(n, variant=dice.choice("ab"), programme=dice.choice(["campaign:1", "campaign:2"]),
                      purpose="test" if n % 10 == 0 else "marketing", expires_at=None)
            for n in range(1, count + 1)
        ]  # fmt: skip
        with self.store.write() as connection:
            ids = plan_entries(connection, entries, NOON)
            move(connection, [Move(i, "claimed", "test") for i in ids], NOON)
            move(connection, [Move(i, "handed_over", "test", {"handed_over_at": NOON}) for i in ids], NOON)
            for message_id in ids[: count // 2]:
                at = NOON + timedelta(minutes=dice.randrange(200))
                move(connection, [Move(message_id, "accepted", "test", {"accepted_at": at}, happened_at=at)], NOON)
            move(connection, [Move(i, "rejected", "no") for i in ids[-3:]], NOON)
        return ids

    def happen(self, ids, count=400):
        events = [self.event(self.dice.choice(ids)) for _ in range(count)]
        events += [self.banner() for _ in range(10)] + self.dice.sample(events, 50)
        self.dice.shuffle(events)
        while events:
            size = self.dice.randrange(1, 60)
            batch, events = events[:size], events[size:]
            receive(self.store, batch, self.settings.clock.now())
            if self.dice.random() < 0.3:
                apply_waiting(self.store, self.settings.clock.now())
        apply_waiting(self.store, self.settings.clock.now())

    def event(self, message_id, kind=""):
        self.number += 1
        at = NOON + timedelta(minutes=self.dice.randrange(-30, 600), seconds=self.dice.randrange(60))
        agent = self.dice.choice(["Firefox", "Mozilla/5.0"])
        chosen = kind or self.dice.choice(KINDS)
        is_machine = chosen in {"opened", "clicked"} and agent == "Mozilla/5.0"
        payload = {"useragent": agent, "what": "x"}
        return InboundEvent("brandnew", f"e{self.number}", chosen, at, payload, message_id, is_machine=is_machine)

    def banner(self):
        self.number += 1
        payload = {"programme": "campaign:1", "step": "banner", "variant": "b", "view_id": str(self.number)}
        kind = self.dice.choice(["shown", "clicked"])
        return InboundEvent("dmat", f"v{self.number}", kind, NOON, payload, channel="banner")

    def land(self):
        self.settings.clock.advance(timedelta(minutes=1))
        for carry in (land_inbox, export_ledger, export_counters):
            carry(self.settings, self.store, "run")

    def reconcile(self):
        build(self.settings, select=["+counters_by_hour"], exclude_tests=True).require_ok()
        with writer(self.settings) as connection:
            query = f"select kind, variant, hour_at, {', '.join(NAMES)} from reconciliation.counters_by_hour"
            return [dict(zip(("kind", "variant", "hour_at", *NAMES), row, strict=True))
                    for row in connection.execute(query).fetchall()]  # fmt: skip


@pytest.fixture
def company(settings, store):
    return Company(settings, store)


def total(rows, name):
    return sum(row[name] for row in rows)


def test_every_hour_agrees_and_a_late_or_lost_event_is_told_apart(company):
    ids = company.send()
    company.happen(ids)
    company.land()
    rows = company.reconcile()
    live = read_hours(company.store)
    assert total(rows, "live_count") == sum(row["count"] for row in live) > 200
    assert [row for row in rows if row["unexplained_count"] or row["late_count"] or row["machine_count"]] == []
    assert total(rows, "test_count") > 0
    for row in rows:
        assert row["live_count"] == row["warehouse_count"] + row["test_count"], row

    company.settings.clock.advance(timedelta(minutes=5))
    [late] = [company.event(ids[1], kind="complained")]
    receive(company.store, [late], company.settings.clock.now())
    export_counters(company.settings, company.store, "run")
    rows = company.reconcile()
    assert (total(rows, "late_count"), total(rows, "unexplained_count")) == (1, 0)

    mark_landed(company.store, [row.inbox_id for row in unlanded(company.store)], NOON)  # lost on the way
    company.settings.clock.advance(timedelta(minutes=5))
    receive(company.store, [company.event(ids[2], kind="other")], company.settings.clock.now())
    company.land()
    rows = [row for row in company.reconcile() if row["unexplained_count"]]
    assert {row["kind"]: row["unexplained_count"] for row in rows}["complained"] == 1
    assert total(rows, "unexplained_count") == 1
