"""Under test: permission and suppression. The newest decision wins, a suppressed address stays so until lifted."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, grant

from dmat.consent.permission import NO_RECORD, Decision, find_permissions, record_decisions, sync_consent
from dmat.consent.suppression import Suppression, address_hash, find_suppressed, lift, suppress
from dmat.store.tables import suppressions

DAY = timedelta(days=1)


def record(store, *decisions):
    with store.write() as connection:
        record_decisions(connection, decisions, NOON)


def answer(store, person_id=1, channel="email"):
    with store.read() as connection:
        return find_permissions(connection, [person_id], channel)[person_id]


def suppressed(store, address="a@example.com", channel="email"):
    with store.read() as connection:
        return find_suppressed(connection, [address], channel)


def put(store, reason="bounced", address="A@Example.com "):
    with store.write() as connection:
        suppress(connection, [Suppression(address, "email", reason, "test")], NOON)


def test_without_a_decision_nobody_may_be_written_to(both_stores):
    assert answer(both_stores) == NO_RECORD


def test_the_newest_decision_wins_in_whatever_order_they_come(both_stores):
    record(both_stores, grant(1, True, NOON), grant(1, False, NOON - DAY))
    assert answer(both_stores).is_granted
    record(both_stores, grant(1, False, NOON + DAY))
    record(both_stores, grant(1, True, NOON))
    assert not answer(both_stores).is_granted
    assert "withdrawn on 2026-03-05 (a form)" in answer(both_stores).why


def test_at_the_same_moment_a_no_wins(both_stores):
    for decisions in ([True, False], [False, True]):
        for is_granted in decisions:
            record(both_stores, grant(1, is_granted, NOON))
        assert not answer(both_stores).is_granted


def test_consent_of_one_channel_says_nothing_of_another(both_stores):
    record(both_stores, Decision(1, "email", "marketing", True, NOON))
    assert answer(both_stores).is_granted
    assert not answer(both_stores, channel="sms").is_granted
    assert not answer(both_stores, person_id=2).is_granted


def test_an_address_is_suppressed_however_it_is_written(both_stores):
    put(both_stores)
    assert suppressed(both_stores, " a@EXAMPLE.com") == {"a@example.com": "bounced"}
    assert suppressed(both_stores, channel="sms") == {}


def test_suppressing_again_keeps_the_first_reason(both_stores):
    put(both_stores, "complained")
    put(both_stores, "bounced")
    assert suppressed(both_stores) == {"a@example.com": "complained"}


def test_a_suppression_can_be_lifted_and_come_back(both_stores):
    put(both_stores)
    assert lift(both_stores, "a@example.com", "email", NOON)
    assert suppressed(both_stores) == {}
    assert not lift(both_stores, "a@example.com", "email", NOON)
    put(both_stores, "complained")
    assert suppressed(both_stores) == {"a@example.com": "complained"}


def test_an_erased_address_is_kept_out_without_being_kept_and_for_ever(both_stores):
    put(both_stores, "erased")
    with both_stores.read() as connection:
        row = connection.execute(sa.select(suppressions)).mappings().one()
    assert (row["address"], row["address_hash"]) == ("", address_hash("a@example.com"))
    assert not lift(both_stores, "a@example.com", "email", NOON)
    assert suppressed(both_stores) == {"a@example.com": "erased"}


class Published:
    """The published warehouse, with one table."""

    def __init__(self, rows):
        self.connection = duckdb.connect()
        self.connection.execute("create schema consent")
        self.connection.execute(
            "create table consent.person_channel_consent (person_id bigint, channel varchar, purpose varchar,"
            " is_granted boolean, decided_at timestamp, source varchar, evidence varchar)"
        )
        for row in rows:
            self.connection.execute("insert into consent.person_channel_consent values (?, ?, ?, ?, ?, ?, ?)", row)

    def rows(self, query, parameters=()):
        found = self.connection.execute(query, list(parameters))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def published():
    granted = [(n, "email", "marketing", True, NOON - DAY, "shopify", None) for n in (1, 2)]
    return Published([*granted, (3, "email", "marketing", True, None, "no date", "")])


def test_the_warehouses_consent_comes_in_for_those_asked_about(both_stores, published):
    assert sync_consent(both_stores, published, [1, 3, 99], NOON) == 1
    assert answer(both_stores, 1).is_granted
    assert answer(both_stores, 2) == answer(both_stores, 3) == NO_RECORD


def test_an_older_yes_of_the_warehouse_never_undoes_an_unsubscription(both_stores, published):
    record(both_stores, grant(1, False, NOON))
    sync_consent(both_stores, published, [1], NOON)
    assert not answer(both_stores, 1).is_granted
