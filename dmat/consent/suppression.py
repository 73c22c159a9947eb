"""Suppression: addresses that are not written to any more, whoever they belong to.

Belongs here: why an address is suppressed, since when, and looking it up by hash, so that an erased address can be
kept out without being kept. Stays out: consent of people (`dmat/consent/permission.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import Store, chunks, upsert
from dmat.store.sets import among_these, these
from dmat.store.tables import suppressions

REASONS = ("bounced", "complained", "unsubscribed", "stopped", "erased")
ERASED = "erased"


@dataclass(frozen=True)
class Suppression:
    """An address to be left alone on one channel."""

    address: str
    channel: str
    reason: str
    source: str = ""


def clean_address(address: str) -> str:
    """The form in which addresses are compared: trimmed, lower case."""
    return address.strip().lower()


def address_hash(address: str) -> str:
    """The key under which an address is suppressed."""
    return hashlib.sha256(clean_address(address).encode("utf-8", "replace")).hexdigest()


def suppress(connection: Connection, wanted: Iterable[Suppression], now: datetime) -> None:
    """Suppress addresses inside the caller's transaction; a suppressed one stays so, with its first reason."""
    rows = [_row(item, now) for item in wanted if clean_address(item.address)]
    unique = {(row["address_hash"], row["channel"]): row for row in reversed(rows)}
    for batch in chunks(unique[key] for key in sorted(unique)):  # in order: two writers never deadlock
        statement = upsert(connection, suppressions)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["address_hash", "channel"],
                set_={
                    "reason": statement.excluded.reason,
                    "source": statement.excluded.source,
                    "suppressed_at": statement.excluded.suppressed_at,
                    "lifted_at": None,
                },
                where=suppressions.c.lifted_at.is_not(None),
            ),
            batch,
        )


def _row(item: Suppression, now: datetime) -> dict[str, Any]:
    return {
        "address_hash": address_hash(item.address),
        "channel": item.channel,
        "reason": item.reason,
        "address": "" if item.reason == ERASED else clean_address(item.address),
        "source": item.source,
        "suppressed_at": now,
        "lifted_at": None,
    }


def find_suppressed(connection: Connection, addresses: Iterable[str], channel: str) -> dict[str, str]:
    """Cleaned address -> reason, for those of the addresses that are suppressed on a channel."""
    return suppressed_as_given(connection, list({clean_address(address) for address in addresses}), channel)


def suppressed_as_given(connection: Connection, addresses: Sequence[str], channel: str) -> dict[str, str]:
    """The same by the addresses as they are given, for thousands at once."""
    hashes = [address_hash(address) for address in addresses]
    asked = {"these": these(connection, hashes), "channel_": channel}
    rows = connection.execute(_suppressed(connection.dialect.name), asked).all()
    reasons = {str(row.address_hash): str(row.reason) for row in rows}
    if not reasons:
        return {}
    return {address: reasons[key] for address, key in zip(addresses, hashes, strict=True) if key in reasons}


@cache
def _suppressed(dialect: str) -> sa.Select[Any]:
    return sa.select(suppressions.c.address_hash, suppressions.c.reason).where(
        among_these(dialect, suppressions.c.address_hash),
        suppressions.c.channel == sa.bindparam("channel_"),
        suppressions.c.lifted_at.is_(None),
    )


def lift(store: Store, address: str, channel: str, now: datetime) -> bool:
    """Take a suppression back, because the address works again or its owner asked for it; False if there was none."""
    with store.write() as connection:
        result = connection.execute(
            sa.update(suppressions)
            .where(
                suppressions.c.address_hash == address_hash(address),
                suppressions.c.channel == channel,
                suppressions.c.lifted_at.is_(None),
                suppressions.c.reason != ERASED,
            )
            .values(lifted_at=now)
        )
    return bool(result.rowcount)
