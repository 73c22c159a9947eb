"""Under test: a request that comes twice is worked on once and answered twice."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dmat.errors import InvalidInputError
from dmat.store.idempotency import claim_key, keep_answer, release_key
from dmat.store.tables import idempotency_keys

ASK = ("ann@shop.example", "create", "key-1", b"{}")


def test_the_second_request_gets_the_answer_of_the_first(both_stores):
    keep_answer(both_stores, claim_key(both_stores, *ASK), {"status": 201, "body": {"key": "vip"}})
    assert claim_key(both_stores, *ASK).answer == {"status": 201, "body": {"key": "vip"}}


def test_the_same_key_with_another_body_is_refused(store):
    keep_answer(store, claim_key(store, *ASK), {})
    with pytest.raises(InvalidInputError, match="another body"):
        claim_key(store, *ASK[:3], b'{"other": 1}')


def test_a_key_belongs_to_its_caller_and_action(store):
    keep_answer(store, claim_key(store, *ASK), {"status": 201})
    assert claim_key(store, "ben@shop.example", *ASK[1:]).answer is None
    assert claim_key(store, ASK[0], "delete", *ASK[2:]).answer is None


def test_of_many_that_come_at_once_one_works(both_stores):
    claims, refused = [], []

    def ask():
        try:
            claims.append(claim_key(both_stores, *ASK))
        except InvalidInputError as error:
            refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(claims), len(refused)) == (1, 7)
    assert all("being worked on" in str(error) for error in refused)


def test_a_request_that_failed_may_come_again_with_the_same_key(store):
    release_key(store, claim_key(store, *ASK))
    assert claim_key(store, *ASK).answer is None


def test_what_a_dead_process_claimed_may_be_taken_after_a_minute(store):
    claim_key(store, *ASK)
    age(store, timedelta(seconds=61))
    assert claim_key(store, *ASK).answer is None


def test_answers_are_forgotten_after_a_day(store):
    keep_answer(store, claim_key(store, *ASK), {"status": 201})
    age(store, timedelta(hours=25))
    assert claim_key(store, *ASK).answer is None


def age(store, by):
    with store.write() as connection:
        created = connection.execute(sa.select(idempotency_keys.c.created_at)).scalar_one()
        connection.execute(sa.update(idempotency_keys).values(created_at=created - by))


@pytest.mark.parametrize("key", ["", "with space", "ü", "x" * 201, "a\nb"])
def test_a_key_has_limits(store, key):
    with pytest.raises(InvalidInputError, match="visible ASCII"):
        claim_key(store, "a", "b", key, b"")
