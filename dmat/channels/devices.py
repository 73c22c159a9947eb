"""Devices that take push notifications: tokens, whose they are, whether the person agreed, until when they work.

Belongs here: registering, unregistering, reading what the warehouse has not got yet. Stays out: sending
(`push.py`), the door (`apps/api/devices.py`), which device belongs to whom in the warehouse (`people.person_devices`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.in_app import find_person
from dmat.consent.permission import MARKETING, Decision, record_decisions
from dmat.consent.preferences import log_proofs
from dmat.consent.suppression import address_hash, clean_address
from dmat.errors import InvalidInputError
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.tables import ledger_entries, suppressions
from dmat.store.web_tables import devices

CHANNEL = "push"
PLATFORMS = ("android", "ios", "web")
PROVIDERS = ("fcm", "onesignal")
_TOKEN = re.compile(r"[\x21-\x7e]{8,320}")
SWEPT = 1_000


@dataclass(frozen=True)
class Registration:
    """A device says under which token it takes notifications.

    Attributes:
        person_id: who is signed in on it, when that was proved; else 0.
        consent_text: the words that the person agreed to; needed when `has_consent`.
    """

    token: str
    platform: str
    provider: str = "fcm"
    person_id: int = 0
    email: str = ""
    client_id: str = ""
    locale: str = ""
    has_consent: bool = False
    consent_text: str = ""
    source: str = ""


def device_id(token: str) -> str:
    """The key of a device: the same hash under which its token is suppressed when it is dead."""
    return address_hash(token)


def register(store: Store, wanted: Registration, now: datetime) -> str:
    """Keep a device; a token that is known already is brought up to date. Gives the device's id.

    Raises:
        InvalidInputError: a field that cannot be.
    """
    _check(wanted)
    key = device_id(wanted.token)
    with store.write() as connection:
        before = _find(connection, key)
        person = wanted.person_id or _person_of(connection, wanted) or (before["person_id"] if before else 0)
        row = {
            "token_hash": key, "token": wanted.token, "platform": wanted.platform, "provider": wanted.provider,
            "person_id": person, "email": clean_address(wanted.email), "client_id": wanted.client_id[:200],
            "locale": wanted.locale[:20], "has_consent": wanted.has_consent,
            "consent_source": wanted.source[:200] if wanted.has_consent else "",
            "consent_at": now if wanted.has_consent else None, "registered_at": now, "unregistered_at": None,
            "unregistered_because": "", "updated_at": now,
        }  # fmt: skip
        if before is not None and _is_same(before, row):
            return key
        statement = upsert(connection, devices).values(row | {"revision": 1})
        changed = {name: value for name, value in row.items() if name not in {"token_hash", "registered_at"}}
        changed["revision"] = devices.c.revision + 1
        connection.execute(statement.on_conflict_do_update(index_elements=["token_hash"], set_=changed))
        _works_again(connection, key, now)
        if person and (before is None or before["has_consent"] != wanted.has_consent or before["person_id"] != person):
            _note_consent(connection, wanted, person, key, now)
    return key


def _check(wanted: Registration) -> None:
    if not _TOKEN.fullmatch(wanted.token):
        raise InvalidInputError("token", "it cannot be a token", "8 to 320 visible ASCII characters")
    for name, value, allowed in (
        ("platform", wanted.platform, PLATFORMS),
        ("provider", wanted.provider, PROVIDERS),
    ):
        if value not in allowed:
            raise InvalidInputError(name, f"{value[:40]!r} is unknown", ", ".join(allowed))
    if wanted.has_consent and not wanted.consent_text.strip():
        raise InvalidInputError("consent_text", "it is missing", "the words that the person agreed to")


def _person_of(connection: Connection, wanted: Registration) -> int:
    """By the browser's id, else by an address that is one person's."""
    person = find_person(connection, wanted.client_id) if wanted.client_id else 0
    if person or not wanted.email:
        return person
    table = ledger_entries.c
    query = sa.select(table.person_id).distinct().where(
        table.address == clean_address(wanted.email), table.channel == "email", table.person_id > 0
    )  # fmt: skip
    found: list[int] = list(connection.execute(query.limit(2)).scalars())
    return found[0] if len(found) == 1 else 0


def _find(connection: Connection, key: str) -> dict[str, Any] | None:
    found = rows_of(connection, sa.select(devices).where(devices.c.token_hash == key))
    return found[0] if found else None


def _is_same(before: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    moments = {"registered_at", "updated_at", "consent_at", "consent_source"}
    return all(before[name] == value for name, value in row.items() if name not in moments)


def _works_again(connection: Connection, key: str, now: datetime) -> None:
    """A token that registers is alive, whatever a provider said before."""
    table = suppressions.c
    is_dead = sa.and_(table.address_hash == key, table.channel == CHANNEL, table.reason == "bounced")
    connection.execute(sa.update(suppressions).where(is_dead, table.lifted_at.is_(None)).values(lifted_at=now))


def _note_consent(connection: Connection, wanted: Registration, person: int, key: str, now: datetime) -> None:
    words = wanted.consent_text.strip()[:1000] if wanted.has_consent else "no consent given on this device"
    source, evidence = wanted.source or "device", f"device {key[:12]}, {wanted.platform}: {words}"
    decision = Decision(person, CHANNEL, MARKETING, wanted.has_consent, now, source, evidence)
    record_decisions(connection, [decision], now)
    row = {
        "decision_id": str(uuid.uuid4()), "person_id": person, "address": "", "channel": CHANNEL,
        "purpose": MARKETING, "what": "granted" if wanted.has_consent else "withdrawn", "value": "",
        "source": source, "evidence": evidence, "decided_at": now,
    }  # fmt: skip
    log_proofs(connection, [row])


def unregister(store: Store, token: str, because: str, now: datetime) -> bool:
    """Send nothing to a device any more; False when it was not registered."""
    with store.write() as connection:
        return bool(_end(connection, [device_id(token)], because, now))


def unregister_dead(store: Store, now: datetime) -> int:
    """Unregister the devices whose tokens providers called dead; gives how many."""
    table = devices.c
    query = (
        sa.select(table.token_hash)
        .join(suppressions, sa.and_(suppressions.c.address_hash == table.token_hash, suppressions.c.channel == CHANNEL))
        .where(table.unregistered_at.is_(None), suppressions.c.lifted_at.is_(None))
    )
    with store.write() as connection:
        found: list[str] = list(connection.execute(query.limit(SWEPT)).scalars())
        return _end(connection, found, "the provider says that the token is dead", now)


def _end(connection: Connection, keys: Sequence[str], because: str, now: datetime) -> int:
    ended = 0
    for batch in chunks(keys):
        table = devices.c
        values = {"unregistered_at": now, "unregistered_because": because[:200], "updated_at": now}
        query = sa.update(devices).where(table.token_hash.in_(batch), table.unregistered_at.is_(None))
        ended += connection.execute(query.values(**values, revision=table.revision + 1)).rowcount
    return ended


def unlanded_devices(store: Store, limit: int = 5000) -> list[dict[str, Any]]:
    """Devices that the warehouse has not got as they are now, the longest waiting first."""
    query = sa.select(devices).where(devices.c.landed_revision < devices.c.revision)
    with store.read() as connection:
        return rows_of(connection, query.order_by(devices.c.updated_at).limit(limit))


def mark_devices_landed(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say that the warehouse has these; what changed meanwhile is landed again."""
    statement = sa.update(devices).where(devices.c.token_hash == sa.bindparam("key"))
    statement = statement.values(landed_revision=sa.bindparam("new_revision"))
    done = [{"key": row["token_hash"], "new_revision": row["revision"]} for row in rows]
    if done:
        with store.write() as connection:
            connection.execute(statement, done)
