"""Under test: SMS and WhatsApp from plan to reaction - the ledger, the vendors of the make-believe company, our doors.

Messages go to Twilio and WhatsApp as they are simulated; their webhooks come over HTTP to our own API, signed.
"""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from sending_fixtures import new_entry

from apps.api.app import create_app
from dmat.channels.whatsapp import load_approvals
from dmat.connectors.twilio import TwilioTexts
from dmat.consent.permission import Decision, record_decisions
from dmat.errors import AmbiguousError
from dmat.ledger.events import apply_waiting
from dmat.ledger.post import plan_entries
from dmat.messages.library import Templates
from dmat.settings import Settings, load_settings
from dmat.simulate.company import generate, write_world
from dmat.simulate.vendors.running import run_vendors
from dmat.store import open_store
from dmat.store.tables import ledger_entries, suppressions
from dmat_pipelines.deliver.sender import drain

END = datetime(2026, 10, 1, 9)
SMS = {"variables": [], "locales": {"": {"text": "Sale: https://shop.example/sale"}}}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    path = tmp_path_factory.mktemp("company") / "company.duckdb"
    write_world(generate(150, 3, END), path)
    return path


@pytest.fixture
def world(tmp_path, company):
    """(settings, store, step): a workspace that is connected to the vendors and heard by them."""
    home = tmp_path / "home"
    (home / "simulation").mkdir(parents=True)
    (home / "simulation" / "company.duckdb").write_bytes(company.read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=home, api_port=port, _env_file=None)
    settings.clock.set(END)
    with run_vendors(settings) as running:
        connected = load_settings(home, api_port=port)
        store = open_store(connected)
        app = create_app(connected)

        def step(**span: float) -> dict:
            connected.clock.advance(timedelta(**span))
            found = httpx.post(f"{running.url}/control/step", timeout=120).json()
            apply_waiting(store, connected.clock.now())
            return found

        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            thread.join(0.05)
        yield connected, store, step, running
        server.should_exit = True
        thread.join(30)
        store.close()


def everybody(running, **truth):
    changes = ", ".join(f"{name} = {value}" for name, value in truth.items())
    running.server.records.cursor().execute(f"update truth.people set {changes}")
    rows = running.server.records.cursor().execute(
        "select person_id, phone from people where phone is not null order by 1 limit 12"
    )
    return rows.fetchall()


def plan(settings, store, people, channel, template, locale=""):
    now = settings.clock.now()
    decisions = [
        Decision(person, channel, "marketing", True, now - timedelta(days=9), "a form") for person, _ in people
    ]
    entries = [
        new_entry(
            person, channel=channel, address=phone, programme="campaign:1", step="day_2", occurrence="",
            context={"first_name": "Ada", "time_zone": "Europe/Berlin", "country_code": "DE"},
            template=template, template_version=1, locale=locale, expires_at=None,
        )
        for person, phone in people
    ]  # fmt: skip
    with store.write() as connection:
        record_decisions(connection, decisions, now)
        plan_entries(connection, entries, now)


def states(store):
    with store.read() as connection:
        query = sa.select(ledger_entries.c.state, ledger_entries.c.reason, sa.func.count())
        return {(row[0], row[1]): row[2] for row in connection.execute(query.group_by(sa.text("1, 2")))}


def test_an_sms_is_sent_delivered_clicked_and_answered(world):
    settings, store, step, running = world
    people = everybody(running, is_bouncing=False, reply_rate=1, click_rate=1)
    Templates(store, settings.clock).create(
        name="Sale", channel="sms", kind="text", content=SMS, by="ann@shop.example", key="sale"
    )
    plan(settings, store, people, "sms", "sale")
    report = drain(settings, store, max_seconds=60)
    assert report.accepted_count == len({phone for _, phone in people})
    sent = running.server.records.cursor().execute(
        "select body from text_messages where direction = 'outbound-api' and body like 'Sale:%'"
    )
    bodies = [body for (body,) in sent.fetchall()]
    assert len(bodies) == report.accepted_count
    assert all(body.endswith("Reply STOP to opt out") and settings.resolved_public_url in body for body in bodies)
    step(hours=8)
    step(minutes=5)
    with store.read() as connection:
        delivered = connection.execute(
            sa.select(sa.func.count()).where(ledger_entries.c.state == "delivered")
        ).scalar_one()
        stopped = connection.execute(sa.select(sa.func.count()).where(suppressions.c.channel == "sms")).scalar_one()
        counted = dict(connection.execute(sa.text(
            "select kind, sum(count) from counters where programme = 'campaign:1' group by kind"
        )).fetchall())  # fmt: skip
    assert delivered == report.accepted_count
    assert 0 < stopped < report.accepted_count
    assert counted["delivered"] == report.accepted_count
    assert counted["clicked_human"] > 0


def test_whatsapp_reads_which_templates_are_approved_and_sends_those(world):
    settings, store, step, running = world
    people = everybody(running, is_bouncing=False, reply_rate=0, click_rate=0)
    library = Templates(store, settings.clock)
    library.create_from_starter("spring-sale-whatsapp", "ann@shop.example", key="spring")
    rejected = library.create(
        name="Winter", channel="whatsapp", kind="text", by="ann@shop.example", key="winter",
        content={"locales": {"": {"template_name": "winter_sale", "template_language": "en", "text": "Winter"}}},
    )  # fmt: skip
    people, others = people[:8], people[8:]
    plan(settings, store, people, "whatsapp", "spring", "en")
    plan(settings, store, others, "whatsapp", rejected.key, "en")
    assert "not read yet" in load_approvals(settings, store).why_not("spring_sale", "en")
    report = drain(settings, store, max_seconds=60)
    assert report.accepted_count == len({phone for _, phone in people}), states(store)
    step(hours=8)
    delivered = sum(count for (state, _), count in states(store).items() if state == "delivered")
    assert delivered == report.accepted_count
    assert any("winter_sale in en is rejected" in reason for _, reason in states(store))


def test_a_text_whose_answer_was_lost_is_found_by_its_words_and_not_sent_twice(world, monkeypatch):
    settings, store, _, running = world
    people = everybody(running, is_bouncing=False, reply_rate=0, click_rate=0)[:3]
    Templates(store, settings.clock).create(
        name="Sale", channel="sms", kind="text", content=SMS, by="ann@shop.example", key="sale"
    )
    plan(settings, store, people, "sms", "sale")
    really = TwilioTexts.send

    def lose_the_answer(self, message):
        really(self, message)
        raise AmbiguousError("lost")

    monkeypatch.setattr(TwilioTexts, "send", lose_the_answer)
    assert drain(settings, store, max_seconds=60, settle_seconds=0.0).ambiguous_count == 3
    monkeypatch.setattr(TwilioTexts, "send", really)
    plan(settings, store, [(9999, "+4915112345678")], "sms", "sale")  # something to do, so that it looks
    drain(settings, store, max_seconds=60, settle_seconds=0.0)
    with store.read() as connection:
        found = dict(connection.execute(sa.select(ledger_entries.c.person_id, ledger_entries.c.state)).fetchall())
    assert {found[person] for person, _ in people} == {"accepted"}
    sent = running.server.records.cursor().execute(
        "select to_number, count(*) from text_messages"
        " where direction = 'outbound-api' and body like 'Sale:%' group by 1"
    )
    assert {count for _, count in sent.fetchall()} == {1}
