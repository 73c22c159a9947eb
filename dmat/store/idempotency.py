"""Requests that may come twice: the answer to the first is kept and given again.

Belongs here: claiming a key, keeping the answer, forgetting old ones. Stays out: the header and what is done
(`apps/api`). A key belongs to its caller and action; the same key with another body is refused.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from dmat.clock import utc
from dmat.errors import InvalidInputError
from dmat.store.engine import Store, upsert
from dmat.store.tables import idempotency_keys

KEPT = timedelta(days=1)
GIVEN_UP = timedelta(minutes=1)  # a claim without an answer after this was left by a process that died
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Claim:
    """A key that is ours to work on, or (with `answer`) one that was worked on before."""

    key_hash: str
    answer: dict[str, Any] | None = None


def claim_key(store: Store, caller: str, action: str, key: str, body: bytes) -> Claim:
    """Take a key, or find the answer that was given under it.

    Raises:
        InvalidInputError: it cannot be a key, came with another body before, or is being worked on right now.
    """
    if not _KEY.fullmatch(key):
        raise InvalidInputError("Idempotency-Key", "it cannot be a key", "1 to 200 visible ASCII characters")
    now, request_hash = utc(time.time()), hashlib.sha256(body).hexdigest()
    key_hash = hashlib.sha256("\0".join((caller, action, key)).encode()).hexdigest()
    row = {"key_hash": key_hash, "request_hash": request_hash, "created_at": now, "answer": None}
    table = idempotency_keys
    with store.write() as connection:
        is_over = sa.or_(
            table.c.created_at < now - KEPT, sa.and_(table.c.answered_at.is_(None), table.c.created_at < now - GIVEN_UP)
        )
        connection.execute(sa.delete(table).where(is_over))
        statement = upsert(connection, table).values(row).on_conflict_do_nothing(index_elements=["key_hash"])
        if connection.execute(statement.returning(table.c.key_hash)).scalar() is not None:
            return Claim(key_hash)
        known = connection.execute(sa.select(table).where(table.c.key_hash == key_hash)).mappings().one()
    if known["request_hash"] != request_hash:
        raise InvalidInputError("Idempotency-Key", "it came with another body before", "a fresh key for each body")
    if known["answered_at"] is None:
        raise InvalidInputError("Idempotency-Key", "its first request is still being worked on", "to try again later")
    return Claim(key_hash, dict(known["answer"]))


def keep_answer(store: Store, claim: Claim, answer: dict[str, Any]) -> None:
    """Keep the answer for those who ask again."""
    table = idempotency_keys
    with store.write() as connection:
        values = {"answer": answer, "answered_at": utc(time.time())}
        connection.execute(sa.update(table).where(table.c.key_hash == claim.key_hash).values(values))


def release_key(store: Store, claim: Claim) -> None:
    """Give a key back: nothing was done under it."""
    table = idempotency_keys
    with store.write() as connection:
        connection.execute(sa.delete(table).where(table.c.key_hash == claim.key_hash, table.c.answered_at.is_(None)))
