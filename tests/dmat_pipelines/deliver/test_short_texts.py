"""Under test: texts leave with short links of ours, are kept as they left, and the ledger knows what they cost."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sending_fixtures import NOON, grant

from apps.api.app import create_app
from dmat.channels.sms import count_segments, estimate_cost
from dmat.consent.permission import record_decisions
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import get_entry
from dmat.ledger.post import NewEntry, plan_entries
from dmat.messages.archive import as_sent
from dmat.messages.library import Templates
from dmat_pipelines.deliver.sender import drain

TARGET = "https://shop.example/sale?x=1"
WORDS = f"Hi {{{{ first_name }}}}, our sale: {TARGET}"


@pytest.fixture
def sent(store, settings):
    """Two texts that left into the sandbox: message id -> what left."""
    content = {"variables": [{"name": "first_name", "fallback": "there"}], "locales": {"": {"text": WORDS}}}
    Templates(store, settings.clock).create(name="Call", channel="sms", kind="text", content=content, by="a@b.example")
    facts = {"programme": "spring", "programme_version": 1, "step": "first", "occurrence": "", "channel": "sms",
             "template": "call", "template_version": 1}  # fmt: skip
    entries = [
        NewEntry(person_id=n, address=f"+4915112345{n:03}", context={"first_name": f"Ann{n}"}, **facts) for n in (1, 2)
    ]
    with store.write() as connection:
        record_decisions(connection, [replace(grant(n), channel="sms") for n in (1, 2)], NOON)
        ids = plan_entries(connection, entries, NOON)
    drain(settings, store, now=NOON)
    folder = settings.home / "sandbox" / "sms"
    return {each: json.loads((folder / f"{each}.json").read_text()) for each in ids}


def link_in(text):
    return re.search(r"http\S+", text)[0]


def test_each_text_has_a_short_link_of_its_own_that_leads_to_the_target(sent, store, settings):
    links = {message_id: link_in(message["text"]) for message_id, message in sent.items()}
    assert len(set(links.values())) == 2
    for link in links.values():
        assert link.startswith(f"{settings.resolved_public_url}/s/")
        assert len(link) <= len(settings.resolved_public_url) + 12
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        for link in links.values():
            answer = client.get(link, headers={"User-Agent": "Mozilla/5.0 Firefox/140.0"}, follow_redirects=False)
            assert answer.headers["location"].startswith(TARGET)
    assert {row["kind"]: row["count"] for row in read_counters(store)}["clicked_human"] == 2


def test_a_text_is_kept_as_it_left(sent, store, settings):
    for message_id, message in sent.items():
        assert as_sent(store, settings, message_id)["text"] in message["text"]


def test_the_ledger_knows_what_each_text_is_estimated_to_cost(sent, store, settings):
    for message_id, message in sent.items():
        entry = get_entry(store, message_id)
        cost = estimate_cost(settings, entry.address, count_segments(message["text"]).count)
        assert (entry.cost_micros, entry.cost_currency) == (cost.micros, cost.currency)
        assert cost.micros > 0
