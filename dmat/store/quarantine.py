"""Quarantine: what came to a door and was not taken in, with the reason, so that it can be looked at and replayed.

Belongs here: keeping and listing. Stays out: why something is refused (`dmat/channels`), replaying (`apps/api`).
The same bytes again are counted, not kept again; of a huge body only the beginning is kept. A password that came along
is never kept: its hash is, so that it can be compared when the body is replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import NotFoundError
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.tables import quarantine

LARGEST_KEPT = 1 << 20
PREFIXES_KEPT = ("x-", "content-", "svix-")
PROOF_HASH = "x-dmat-authorization-sha256"


@dataclass(frozen=True)
class Refused:
    """A body that was not taken in; `size_bytes` is what arrived, `body` at most `LARGEST_KEPT` of it."""

    provider: str
    reason: str
    headers: Mapping[str, str]
    url: str
    body: bytes
    size_bytes: int


def keep_refused(connection: Connection, items: Sequence[Refused], now: datetime) -> None:
    """Keep what was refused, inside the caller's transaction."""
    rows = {(row["provider"], row["body_hash"]): row for row in (_row(item, now) for item in items)}
    seen: dict[tuple[str, str], int] = {}
    for item in items:
        key = (item.provider, _hash(item))
        seen[key] = seen.get(key, 0) + 1
    for batch in chunks(rows.items(), 100):
        statement = upsert(connection, quarantine)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["provider", "body_hash"],
                set_={
                    "seen_count": quarantine.c.seen_count + statement.excluded.seen_count,
                    "reason": statement.excluded.reason,
                    "received_at": statement.excluded.received_at,
                    "headers": statement.excluded.headers,
                },
            ),
            [row | {"seen_count": seen[key]} for key, row in batch],
        )


def _hash(item: Refused) -> str:
    return hashlib.sha256(f"{item.size_bytes}:".encode() + item.body[:LARGEST_KEPT]).hexdigest()


def _row(item: Refused, now: datetime) -> dict[str, Any]:
    return {
        "provider": item.provider,
        "body_hash": _hash(item),
        "reason": item.reason[:1000],
        "headers": _kept_headers(item.headers),
        "url": item.url[:2000],
        "body": item.body[:LARGEST_KEPT],
        "size_bytes": item.size_bytes,
        "received_at": now,
    }


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name.startswith(PREFIXES_KEPT) and name != PROOF_HASH}
    given = headers.get("authorization", "")
    if given.count(".") == 2:  # a signed token: it proves this body only and is no password
        kept["authorization"] = given
    elif given:
        kept[PROOF_HASH] = proof_hash(given)
    return kept


def proof_hash(authorization: str) -> str:
    """What is kept of an `Authorization` header with a password in it."""
    return hashlib.sha256(authorization.encode("utf-8", "replace")).hexdigest()


def list_refused(store: Store, limit: int = 100) -> list[dict[str, Any]]:
    """What waits in quarantine, newest first, without the bodies."""
    columns = [column for column in quarantine.c if column.name not in {"body", "headers"}]
    query = sa.select(*columns).where(quarantine.c.replayed_at.is_(None))
    with store.read() as connection:
        return rows_of(connection, query.order_by(quarantine.c.quarantine_id.desc()).limit(limit))


def get_refused(store: Store, quarantine_id: int) -> dict[str, Any]:
    """One item with its body.

    Raises:
        NotFoundError: there is none with this number.
    """
    with store.read() as connection:
        found = rows_of(connection, sa.select(quarantine).where(quarantine.c.quarantine_id == quarantine_id))
    if not found:
        raise NotFoundError(f"nothing is in quarantine under {quarantine_id}")
    return found[0]


def mark_replayed(connection: Connection, quarantine_id: int, now: datetime) -> None:
    """Say that an item was taken in after all, inside the caller's transaction."""
    connection.execute(sa.update(quarantine).where(quarantine.c.quarantine_id == quarantine_id).values(replayed_at=now))
