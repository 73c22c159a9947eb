"""Under test: the warehouse's consent comes into the store, a newer decision there wins, and twice gives once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dmat.consent.permission import Decision, find_permissions, record_decisions
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.warehouse import Workspace, publish, writer, writer_lock
from dmat_pipelines.decide.consent import sync_new_consent

NOW = datetime(2026, 6, 1, 12)


@pytest.fixture
def settings(tmp_path):
    settings = load_settings(home=tmp_path)
    settings.clock.set(NOW)
    with writer(settings) as connection:
        connection.execute(
            "create schema consent; create table consent.person_channel_consent (person_id bigint, channel varchar,"
            " purpose varchar, is_granted boolean, decided_at timestamp, source varchar, evidence varchar)"
        )
    return settings


def decide(settings, person: int, is_granted: bool, at: datetime) -> None:
    with writer(settings) as connection:
        connection.execute(
            "insert into consent.person_channel_consent values (?, 'email', 'marketing', ?, ?, 'shop', '')",
            [person, is_granted, at],
        )
    with writer_lock(settings):
        publish(settings)


def is_granted(store, person: int) -> bool:
    with store.read() as connection:
        return find_permissions(connection, [person], "email")[person].is_granted


def test_a_decision_of_the_warehouse_is_known_to_the_gate(settings):
    store, view = open_store(settings), Workspace(settings)
    decide(settings, 1, True, NOW - timedelta(days=300))
    assert sync_new_consent(settings, store, view) == 1
    assert is_granted(store, 1)


def test_only_what_is_new_is_read_again(settings):
    store, view = open_store(settings), Workspace(settings)
    decide(settings, 1, True, NOW - timedelta(days=300))
    decide(settings, 2, True, NOW - timedelta(days=10))
    assert sync_new_consent(settings, store, view) == 2
    assert sync_new_consent(settings, store, view) == 1  # the overlap
    decide(settings, 3, True, NOW - timedelta(hours=1))
    assert sync_new_consent(settings, store, view) == 2
    assert is_granted(store, 3)


def test_a_newer_no_in_the_store_is_not_undone_by_an_older_yes(settings):
    store, view = open_store(settings), Workspace(settings)
    with store.write() as connection:
        record_decisions(connection, [Decision(1, "email", "marketing", False, NOW)], NOW)
    decide(settings, 1, True, NOW - timedelta(hours=5))
    sync_new_consent(settings, store, view)
    assert not is_granted(store, 1)


def test_a_decision_dated_in_the_future_does_not_hide_later_ones(settings):
    store, view = open_store(settings), Workspace(settings)
    decide(settings, 1, True, NOW + timedelta(days=400))
    sync_new_consent(settings, store, view)
    decide(settings, 2, True, NOW - timedelta(hours=1))
    sync_new_consent(settings, store, view)
    assert is_granted(store, 2)
