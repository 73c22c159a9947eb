"""Under test: capture and the simulated vendors together, over real HTTP: everything arrives, changes arrive, faults
change nothing, and a mail that is handed over once is taken once."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import datetime, timedelta

import duckdb
import httpx
import pytest

from dmat.channels.contract import OutgoingMail, Sought
from dmat.connectors.catalogue import CONNECTORS, connected_sources, open_connector
from dmat.connectors.http import Retry
from dmat.connectors.sendgrid import SendGrid
from dmat.errors import AmbiguousError, RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.servers import wait_for_answer
from dmat.settings import load_settings
from dmat.simulate import simulate
from dmat.warehouse import writer
from dmat_pipelines.capture.sources import capture_source

END = datetime(2026, 11, 20, 9)
PATIENT = Retry(attempts=30, first_wait_seconds=0.01, longest_wait_seconds=0.05)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(settings of a company of 150 people, address of its vendors' control door)."""
    home = tmp_path_factory.mktemp("company")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = load_settings(home, vendors_port=port)
    simulate(settings, people=150, seed=11, end=END, months=6)
    settings = load_settings(home, vendors_port=port)
    settings.clock.set(END)
    (home / "there.json").write_text(json.dumps(records_by_resource(home)))
    command = [sys.executable, "-m", "dmat.simulate.vendors", "--home", str(home), "--port", str(port)]
    control = f"http://127.0.0.1:{port}/control"
    with (home / "vendors.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for_answer(f"{control}/health", process=server, hint="vendors.log")
            yield settings, control
        finally:
            server.terminate()
            server.wait(timeout=20)


def records_by_resource(home):
    """What the vendors hold at first; their server keeps the file to itself afterwards."""
    with duckdb.connect(str(home / "simulation" / "company.duckdb"), read_only=True) as company:
        found = company.execute("select resource, list(record_id) from records group by resource").fetchall()
    return dict(found)


@pytest.fixture
def faults(world):
    """`faults(vendor, kind, share)` switches one on; all are off again afterwards."""
    _, control = world

    def switch(vendor, kind, share):
        httpx.post(f"{control}/faults", json={"vendor": vendor, "kind": kind, "share": share}).raise_for_status()

    yield switch
    httpx.delete(f"{control}/faults").raise_for_status()


def capture(settings, source, run_id, **more):
    connector = open_connector(settings, source)
    connector.http.retry = PATIENT
    outcomes = capture_source(settings, source, run_id, connector=connector, **more)
    connector.close()
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    return outcomes


def landed(settings, table):
    with writer(settings) as connection:
        return {row[0] for row in connection.execute(f"select distinct record_id from raw.{table}").fetchall()}


def test_every_record_of_every_vendor_arrives_and_none_twice(world):
    settings, _ = world
    there = json.loads((settings.home / "there.json").read_text())
    sources = connected_sources(settings)
    assert set(CONNECTORS) - set(sources) == {"salesforce"}  # a make-believe company has one CRM
    for source in set(sources) - {"sendgrid"}:  # it counts what was sent: nothing was yet
        kind = CONNECTORS[source]
        first, second = capture(settings, source, "first"), capture(settings, source, "second")
        assert sum(outcome.refused_count for outcome in first) == 0
        assert sum(outcome.kept_count for outcome in second) == 0
        for resource in kind.resources:
            table = f"{source}_{resource}"
            assert landed(settings, table) == set(there[table])
            with writer(settings) as connection:
                rows = connection.execute(f"select count(*) from raw.{table}").fetchone()[0]
            assert rows == len(landed(settings, table))


@pytest.mark.parametrize("kind", ["500", "cut", "lost_ack"])
def test_faults_on_the_way_lose_nothing(world, faults, tmp_path, kind):
    settings, _ = world
    fresh = settings.model_copy(update={"home": tmp_path})
    fresh.clock.set(settings.clock.now())
    there = json.loads((settings.home / "there.json").read_text())
    for source in ("shopify", "woocommerce", "hubspot", "ga4"):
        faults(source, kind, 0.3)
        capture(fresh, source, "through faults")
        for resource in CONNECTORS[source].resources:
            assert landed(fresh, f"{source}_{resource}") == set(there[f"{source}_{resource}"])


def test_what_happens_next_is_all_that_the_next_capture_brings(world):
    settings, control = world
    capture(settings, "shopify", "before")
    before = landed(settings, "shopify_abandoned_checkouts")
    settings.clock.advance(timedelta(hours=30))
    httpx.post(f"{control}/step", timeout=60).raise_for_status()
    outcomes = {outcome.resource: outcome for outcome in capture(settings, "shopify", "after")}
    new = landed(settings, "shopify_abandoned_checkouts") - before
    assert new
    assert len(new) <= outcomes["abandoned_checkouts"].fetched_count < len(before)


def test_a_mail_whose_acknowledgement_is_lost_is_ambiguous_and_found_by_its_id(world, faults):
    settings, control = world
    sendgrid = SendGrid(settings)
    faults("sendgrid", "lost_ack", 1.0)
    with pytest.raises(AmbiguousError):
        sendgrid.send(mail("lost-1"))
    httpx.delete(f"{control}/faults")
    assert sendgrid.find_message(Sought("lost-1"))
    assert sendgrid.find_message(Sought("never-sent")) is None
    sent = httpx.get(f"{control}/sent").json()["mails"]
    assert [m["dmat_message_id"] for m in sent].count("lost-1") == 1


@pytest.mark.parametrize(
    ("kind", "error"), [("500", VendorUnavailableError), ("429", RateLimitedError), ("cut", AmbiguousError)]
)
def test_a_mail_that_was_not_taken_is_not_there(world, faults, kind, error):
    settings, control = world
    faults("sendgrid", kind, 1.0)
    with pytest.raises(error):
        SendGrid(settings).send(mail(f"not-{kind}"))
    httpx.delete(f"{control}/faults")
    assert SendGrid(settings).find_message(Sought(f"not-{kind}")) is None


def test_a_good_mail_is_taken_and_a_wrong_key_is_refused(world):
    settings, _ = world
    assert SendGrid(settings).send(mail("good-1"))
    wrong = settings.model_copy(update={"sendgrid_token": type(settings.sendgrid_token)("wrong-key-123")})
    with pytest.raises(VendorRefusedError) as caught:
        SendGrid(wrong).send(mail("bad-key"))
    assert caught.value.status == 401
    assert "wrong-key" not in str(caught.value)


def mail(message_id):
    return OutgoingMail(
        message_id, "nobody@shop.example", "Nobody", "hello@shop.example", "Shop", "Hello", "<p>Hello</p>", "Hello",
        custom_args={"dmat_message_id": message_id},
    )  # fmt: skip
