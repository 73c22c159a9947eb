"""Under test: asking for a capture of the CRM - it waits until it is done, once, and says what went wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sending_fixtures import NOON

from dmat.errors import ConflictError
from dmat.integrations.syncing import ask_for_sync, last_sync, mark_synced, waiting_sync
from dmat.store.workspace_values import read_audit


def test_nothing_can_be_asked_for_while_no_crm_is_connected(settings, store):
    with pytest.raises(ConflictError, match="DMAT_HUBSPOT_URL"):
        ask_for_sync(settings, store, "ann")
    assert last_sync(settings, store) is None


def test_a_wish_waits_until_it_is_done_and_asked_twice_is_done_once(settings, store):
    settings.hubspot_url = "https://hubspot.example"
    for minutes in (0, 1):
        settings.clock.set(NOON + timedelta(minutes=minutes))
        ask_for_sync(settings, store, "ann")
    sync = waiting_sync(settings, store)
    assert (sync.asked_at, sync.crms) == (NOON + timedelta(minutes=1), ("hubspot",))
    settings.clock.set(NOON + timedelta(minutes=2))
    mark_synced(settings, store, sync, "contacts: no answer")
    assert waiting_sync(settings, store) is None
    done = last_sync(settings, store)
    assert (done.done_at, done.problem) == (NOON + timedelta(minutes=2), "contacts: no answer")
    assert [line["actor"] for line in read_audit(store)] == ["ann", "ann"]


def test_what_is_asked_for_while_the_capture_runs_is_done_after_it(settings, store):
    settings.hubspot_url = "https://hubspot.example"
    first = ask_for_sync(settings, store, "ann")
    settings.clock.set(NOON + timedelta(minutes=1))
    ask_for_sync(settings, store, "ann")
    mark_synced(settings, store, first)
    assert waiting_sync(settings, store).asked_at == NOON + timedelta(minutes=1)
