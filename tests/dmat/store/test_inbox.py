"""Under test: the inbox keeps every event once, and knows who has read how far."""

from __future__ import annotations

from datetime import timedelta

from sending_fixtures import NOON

from dmat.store.inbox import (
    InboundEvent,
    append_events,
    events_of_message,
    mark_applied,
    mark_landed,
    unapplied,
    unlanded,
    waiting_counts,
)
from dmat.store.workspace_values import get_mapping, get_value, save_mapping, set_value, workspace_id


def event(number: int, provider: str = "sendgrid") -> InboundEvent:
    return InboundEvent(
        provider, f"e{number}", "delivered", NOON + timedelta(seconds=number), {"n": number}, f"m{number}"
    )


def append(store, *events):
    with store.write() as connection:
        return append_events(connection, events, NOON)


def test_an_event_that_comes_twice_is_kept_once(both_stores):
    assert len(append(both_stores, event(1), event(1), event(2))) == 2
    assert append(both_stores, event(1), event(2)) == []
    assert len(append(both_stores, event(1, "twilio"))) == 1
    assert sorted(row.record_id for row in unlanded(both_stores)) == ["sendgrid:e1", "sendgrid:e2", "twilio:e1"]


def test_the_ledger_and_the_warehouse_read_each_at_their_own_pace(both_stores):
    append(both_stores, event(1), event(2))
    ids = {row.event_id: row.inbox_id for row in unapplied(both_stores)}
    with both_stores.write() as connection:
        mark_applied(connection, [ids["e1"]], NOON)
    mark_landed(both_stores, list(ids.values()), NOON)
    assert [row.event_id for row in unapplied(both_stores)] == ["e2"]
    assert unlanded(both_stores) == []
    assert waiting_counts(both_stores) == {"unapplied": 1, "unlanded": 0}


def test_a_payload_comes_back_as_it_was_received(both_stores):
    payload = {"text": "grüße 🛒 \u2028", "list": [1, 2.5, None, True], "nested": {"a": {"b": "c"}}}
    append(both_stores, InboundEvent("sendgrid", "x", "other", NOON, payload, "m"))
    assert events_of_message(both_stores, "m")[0].payload == payload


def test_thousands_of_events_are_taken_in_at_once(both_stores):
    assert len(append(both_stores, *(event(n) for n in range(3_000)))) == 3_000
    assert len(unapplied(both_stores, limit=5_000)) == 3_000


def test_values_and_mappings_are_replaced_not_doubled(both_stores):
    set_value(both_stores, "a", {"x": 1}, NOON)
    set_value(both_stores, "a", [2], NOON)
    assert get_value(both_stores, "a") == [2]
    assert get_value(both_stores, "b", "otherwise") == "otherwise"
    save_mapping(both_stores, "orders", "columns", {"Invoice": "order_id"}, NOON)
    save_mapping(both_stores, "orders", "columns", {"InvoiceNo": "order_id"}, NOON)
    assert get_mapping(both_stores, "orders", "columns") == {"InvoiceNo": "order_id"}
    assert get_mapping(both_stores, "people", "columns") is None


def test_a_workspace_has_one_id_for_ever(both_stores):
    with both_stores.write() as connection:
        first = workspace_id(connection, NOON)
    with both_stores.write() as connection:
        assert workspace_id(connection, NOON) == first
