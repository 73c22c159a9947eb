"""Under test: a store that was copied or put back sends nothing before a person says yes, and then only one of both."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from sending_fixtures import NOON, make_settings, plan_messages

from dmat.errors import FencedError
from dmat.ledger.claim import Verdict, claim
from dmat.ledger.entries import counts_by_state, get_entry, list_entries
from dmat.ledger.fence import confirm, fence_status, give_back, remember_hand_over, sending_lock, take_fence
from dmat.ledger.hand_over import hand_over
from dmat.store import open_store


def let_all_pass(_connection, entries, _now):
    return {entry.message_id: Verdict("claimed", "passed") for entry in entries}


def send_one_batch(store, fence):
    entries = claim(store, fence, let_all_pass, NOON).entries
    rows = [{"message_id": e.message_id, "from_address": "", "to_address": "", "subject": "", "html": "", "text": "",
             "headers": {}, "rendered_at": NOON} for e in entries]  # fmt: skip
    return hand_over(store, fence, rows, "fake", NOON)


def copy_store(store, settings, home):
    """As a backup does: the database, without what lies around it."""
    target = home / "store" / "dmat.sqlite"
    target.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(settings.home / "store" / "dmat.sqlite") as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()


def test_one_folder_starts_again_and_again(both_settings, both_stores):
    plan_messages(both_stores, 40)
    for _ in range(3):
        fence = take_fence(both_settings, both_stores, NOON)
        assert send_one_batch(both_stores, fence)
    assert fence_status(both_settings, both_stores, NOON).may_send


def test_a_store_that_was_copied_to_another_folder_sends_nothing(settings, store, tmp_path):
    plan_messages(store, 5)
    take_fence(settings, store, NOON)
    copy_store(store, settings, tmp_path / "other")
    other = make_settings(tmp_path / "other")
    copied = open_store(other)
    with pytest.raises(FencedError, match="another folder"):
        take_fence(other, copied, NOON)
    status = fence_status(other, copied, NOON + timedelta(hours=3))
    assert (status.may_send, status.overdue_count) == (False, 5)


def test_a_whole_folder_that_was_copied_sends_nothing(settings, store, tmp_path):
    take_fence(settings, store, NOON)
    store.close()
    shutil.copytree(settings.home, tmp_path / "copy")
    other = make_settings(tmp_path / "copy")
    with pytest.raises(FencedError, match="a copy"):
        take_fence(other, open_store(other), NOON)
    take_fence(settings, open_store(settings), NOON)


def test_a_store_put_back_from_an_earlier_start_sends_nothing(settings, store, tmp_path):
    plan_messages(store, 5)
    take_fence(settings, store, NOON)
    copy_store(store, settings, tmp_path / "backup")
    take_fence(settings, store, NOON)
    take_fence(settings, store, NOON)
    store.close()
    put_back(settings, tmp_path / "backup")
    with pytest.raises(FencedError, match="backup was put back"):
        take_fence(settings, open_store(settings), NOON)


def test_a_store_put_back_within_one_start_sends_nothing(settings, store, tmp_path):
    """The snapshot was taken while the same sender ran that later sent more."""
    plan_messages(store, 40)
    fence = take_fence(settings, store, NOON)
    send_one_batch(store, fence)
    copy_store(store, settings, tmp_path / "backup")
    send_one_batch(store, fence)
    store.close()
    put_back(settings, tmp_path / "backup")
    with pytest.raises(FencedError, match="backup was put back"):
        take_fence(settings, open_store(settings), NOON)


def put_back(settings, backup):
    for file in (settings.home / "store").glob("dmat.sqlite*"):
        file.unlink()
    shutil.copy(backup / "store" / "dmat.sqlite", settings.home / "store" / "dmat.sqlite")


def test_a_yes_lets_the_copy_send_and_the_original_stop(both_settings, both_stores, tmp_path):
    plan_messages(both_stores, 3)
    old = take_fence(both_settings, both_stores, NOON)
    other = make_settings(tmp_path / "other", store_url=both_settings.resolved_store_url)
    other.home.mkdir(exist_ok=True)
    with pytest.raises(FencedError):
        take_fence(other, both_stores, NOON)
    confirm(other, both_stores, "ann@shop.example")
    fence = take_fence(other, both_stores, NOON)
    with pytest.raises(FencedError):
        claim(both_stores, old, let_all_pass, NOON)
    with pytest.raises(FencedError):
        take_fence(both_settings, both_stores, NOON)
    assert len(send_one_batch(both_stores, fence)) == 3


def test_a_yes_may_leave_out_what_is_overdue(settings, store, tmp_path):
    plan_messages(store, 2, now=NOON - timedelta(hours=3))
    plan_messages(store, 3, first=10)
    confirm(settings, store, drop_overdue=True, now=NOON)
    counts = counts_by_state(store)
    assert (counts["expired"], counts["planned"]) == (2, 3)


def test_a_death_between_file_and_store_is_harmless(settings, store):
    take_fence(settings, store, NOON)
    before = (settings.home / "instance.json").read_text()
    take_fence(settings, store, NOON)
    after = (settings.home / "instance.json").read_text()
    assert before != after
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dmat.ledger.fence._take_over", lambda *_: 1 / 0)  # dies with the file written, the store not
        with pytest.raises(ZeroDivisionError):
            take_fence(settings, store, NOON)
    take_fence(settings, store, NOON)


def test_one_folder_has_one_sender_at_a_time(settings):
    with sending_lock(settings) as first, sending_lock(settings) as second:
        assert (first, second) == (True, False)
    with sending_lock(settings) as again:
        assert again


def worker_of(fence, name):
    return replace(fence, worker=name)


def test_workers_of_one_start_claim_beside_each_other_and_only_the_dead_ones_claims_are_given_back(
    both_settings, both_stores
):
    plan_messages(both_stores, 40)
    leader = take_fence(both_settings, both_stores, NOON)
    first, second = worker_of(leader, "1"), worker_of(leader, "2")
    flying = send_one_batch(both_stores, first)
    held = {entry.message_id for entry in claim(both_stores, second, let_all_pass, NOON).entries}
    assert not flying & held
    assert give_back(both_stores, leader, "1", NOON) == len(flying)
    states = {entry.message_id: entry.state for entry in list_entries(both_stores)}
    assert {states[i] for i in flying} == {"ambiguous"}
    assert {states[i] for i in held} == {"claimed"}
    assert give_back(both_stores, leader, "2", NOON) == len(held)
    assert counts_by_state(both_stores)["claimed"] == 0


def test_a_worker_is_shut_out_with_its_start(both_settings, both_stores):
    plan_messages(both_stores, 20)
    leader = take_fence(both_settings, both_stores, NOON)
    worker = worker_of(leader, "1")
    entries = claim(both_stores, worker, let_all_pass, NOON).entries
    take_fence(both_settings, both_stores, NOON)
    assert {get_entry(both_stores, entry.message_id).state for entry in entries} == {"planned"}
    with pytest.raises(FencedError):
        send_one_batch(both_stores, worker)
    with pytest.raises(FencedError):
        give_back(both_stores, leader, "1", NOON)


def test_what_one_worker_claimed_no_other_may_hand_over(both_settings, both_stores):
    plan_messages(both_stores, 5)
    leader = take_fence(both_settings, both_stores, NOON)
    entries = claim(both_stores, worker_of(leader, "1"), let_all_pass, NOON).entries
    rows = [{"message_id": e.message_id, "from_address": "", "to_address": "", "subject": "", "html": "", "text": "",
             "headers": {}, "rendered_at": NOON} for e in entries]  # fmt: skip
    assert hand_over(both_stores, worker_of(leader, "2"), rows, "fake", NOON) == set()


def test_the_count_beside_the_store_never_goes_back(settings, store):
    fence = take_fence(settings, store, NOON)
    for count in (5, 3):
        remember_hand_over(fence, count)
    assert json.loads((settings.home / "instance.json").read_text())["handed_over_count"] == 5
