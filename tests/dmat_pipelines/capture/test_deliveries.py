"""Under test: the inbox and the ledger reach the warehouse once, also when a crash makes us carry them twice."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
import sqlalchemy as sa

from dmat.ledger.counters import Place, count_at_places
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.inbox import InboundEvent, append_events
from dmat.store.tables import form_submissions
from dmat.warehouse import writer
from dmat_pipelines.capture import deliveries
from dmat_pipelines.capture.deliveries import export_counters, export_ledger, land_forms, land_inbox, ledger_records

AT = datetime(2026, 6, 1, 8)


@pytest.fixture
def settings(tmp_path):
    settings = load_settings(tmp_path)
    settings.clock.set(AT)
    return settings


@pytest.fixture
def store(settings):
    return open_store(settings)


def receive(store, *events):
    with store.write() as connection:
        append_events(connection, list(events), AT)


def event(number, kind="opened", provider="sendgrid"):
    return InboundEvent(provider, f"e{number}", kind, AT, {"event": "open", "n": number})


def landed(settings):
    with writer(settings) as connection:
        query = "select record_id, payload->>'n' from raw.delivery_events order by record_id"
        return connection.execute(query).fetchall()


def test_every_event_of_the_inbox_is_landed_once_under_its_providers_name(settings, store):
    receive(store, event(1), event(2))
    assert land_inbox(settings, store, "r1").kept_count == 2
    assert land_inbox(settings, store, "r2").fetched_count == 0
    assert landed(settings) == [("sendgrid:e1", "1"), ("sendgrid:e2", "2")]


def test_an_event_that_was_landed_but_not_marked_is_landed_once(settings, store, monkeypatch):
    class Crash(Exception):
        """The process dies after the warehouse has committed."""

    def crash(*_):
        raise Crash

    receive(store, event(1))
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "mark_landed", crash)
        with pytest.raises(Crash):
            land_inbox(settings, store, "r1")
    assert land_inbox(settings, store, "r2").unchanged_count == 1
    assert landed(settings) == [("sendgrid:e1", "1")]


def test_news_that_a_shop_changed_something_is_not_an_event_of_a_message(settings, store):
    receive(store, event(1), event(2, kind="changed", provider="shopify"))
    assert land_inbox(settings, store, "r1").fetched_count == 1
    assert landed(settings) == [("sendgrid:e1", "1")]


def test_nothing_to_carry_writes_no_outcome(settings, store):
    assert land_inbox(settings, store, "r1").fetched_count == 0
    assert export_ledger(settings, store, "r1").fetched_count == 0
    assert not settings.core_path.exists()


def test_an_entry_of_the_ledger_keeps_its_columns_but_not_the_count_of_exports():
    row = {"message_id": "m1", "updated_at": AT, "state": "planned", "context": {"cart": 1}, "exported_revision": 4}
    (record,) = ledger_records([row])
    assert record.record_id == "m1"
    assert record.updated_at == AT
    assert set(record.payload) == {"message_id", "updated_at", "state", "context"}


def fill_in(store, number, **fields):
    with store.write() as connection:
        row = {"submission_id": f"s{number}", "form": "newsletter", "fields": fields, "submitted_at": AT}
        connection.execute(sa.insert(form_submissions).values(row))


def test_a_form_is_landed_once_as_it_was_filled_in(settings, store):
    fill_in(store, 1, email="a@x.example", agrees=True)
    assert land_forms(settings, store, "r1").kept_count == 1
    fill_in(store, 2, email="b@x.example")
    assert land_forms(settings, store, "r2").kept_count == 1
    assert land_forms(settings, store, "r3").fetched_count == 0
    with writer(settings) as connection:
        query = "select record_id, payload->'fields'->>'email', payload->>'form' from raw.form_submissions order by 1"
        found = connection.execute(query).fetchall()
    assert found == [("s1", "a@x.example", "newsletter"), ("s2", "b@x.example", "newsletter")]


def test_a_form_that_was_landed_but_not_marked_is_landed_once(settings, store, monkeypatch):
    class Crash(Exception):
        """The process dies after the warehouse has committed."""

    def crash(*_):
        raise Crash

    fill_in(store, 1, email="a@x.example")
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "mark_forms_landed", crash)
        with pytest.raises(Crash):
            land_forms(settings, store, "r1")
    assert land_forms(settings, store, "r2").unchanged_count == 1
    assert land_forms(settings, store, "r3").fetched_count == 0


def test_what_we_read_in_an_event_is_landed_beside_what_the_provider_wrote(settings, store):
    receive(store, InboundEvent("brandnew", "e1", "read", AT, {"what": "gelesen"}, address="+491", channel="sms"))
    land_inbox(settings, store, "r1")
    with writer(settings) as connection:
        [(payload,)] = connection.execute("select payload from raw.delivery_events").fetchall()
    assert json.loads(payload) == {
        "what": "gelesen",
        "dmat": {"kind": "read", "message_id": "", "address": "+491", "channel": "sms", "is_machine": False},
    }


def test_hours_of_the_counters_are_exported_when_they_change(settings, store):
    place = Place("campaign:1", "first", "a", "email")
    with store.write() as connection:
        count_at_places(connection, [(place, "shown", AT)], AT)
    assert export_counters(settings, store, "r1").kept_count == 1
    assert export_counters(settings, store, "r2").fetched_count == 0
    with store.write() as connection:
        count_at_places(connection, [(place, "shown", AT)], AT)
    assert export_counters(settings, store, "r3").kept_count == 1
    with writer(settings) as connection:
        rows = connection.execute("select record_id, payload->>'count' from raw.ledger_counters order by 2").fetchall()
    assert rows == [("campaign:1|first|a|email|shown|2026-06-01T08", count) for count in ("1", "2")]
