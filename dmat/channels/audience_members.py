"""Who is on which list at an advertiser, as the store keeps it.

Belongs here: reading and writing the tables `audiences` and `audience_members`. Stays out: vendors and consent
(`dmat/channels/retargeting.py`).

    adding    written down before the request leaves: may be on the list
    in        the vendor took it
    removing  to be taken off: still on the list
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.store.audience_tables import audience_members, audiences
from dmat.store.engine import Store, chunks, rows_of, upsert

ADDING, IN, REMOVING = "adding", "in", "removing"


@dataclass(frozen=True)
class Member:
    """One person on one list."""

    person_id: int
    state: str
    digest: str
    identifiers: Any


def vendor_id_of(store: Store, provider: str, key: str) -> str:
    """The vendor's id of a list; empty when it was not made yet."""
    query = sa.select(audiences.c.vendor_id).where(audiences.c.provider == provider, audiences.c.audience_key == key)
    with store.read() as connection:
        return str(connection.execute(query).scalar() or "")


def keep_list(store: Store, provider: str, key: str, title: str, vendor_id: str, now: datetime) -> None:
    """Write down that a list is there."""
    row = {"provider": provider, "audience_key": key, "title": title[:200], "vendor_id": vendor_id,
           "members_count": 0, "created_at": now}  # fmt: skip
    with store.write() as connection:
        statement = upsert(connection, audiences).values(row)
        connection.execute(statement.on_conflict_do_nothing(index_elements=["provider", "audience_key"]))


def read_members(store: Store, provider: str, key: str) -> dict[int, Member]:
    """Everybody who is or may be on a list."""
    table = audience_members.c
    query = sa.select(table.person_id, table.state, table.digest, table.identifiers)
    with store.read() as connection:
        found = connection.execute(query.where(table.provider == provider, table.audience_key == key))
        return {r.person_id: Member(r.person_id, r.state, r.digest, r.identifiers) for r in found}


def keep_members(store: Store, provider: str, key: str, people: Mapping[int, tuple[str, Any]], now: datetime) -> None:
    """Write down whom we are about to put on a list: person -> (digest, identifiers)."""
    place = {"provider": provider, "audience_key": key, "state": ADDING, "updated_at": now}
    rows = [
        {**place, "person_id": person_id, "digest": digest, "identifiers": identifiers}
        for person_id, (digest, identifiers) in people.items()
    ]
    for part in chunks(rows):
        with store.write() as connection:
            statement = upsert(connection, audience_members)
            names = ("state", "digest", "identifiers", "updated_at")
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["provider", "audience_key", "person_id"],
                    set_={name: statement.excluded[name] for name in names},
                ),
                part,
            )


def mark(store: Store, provider: str, key: str, person_ids: Iterable[int], state: str, now: datetime) -> None:
    """Bring members to a state."""
    for part in chunks(person_ids):
        with store.write() as connection:
            connection.execute(
                sa.update(audience_members).where(_of(provider, key, part)).values(state=state, updated_at=now)
            )


def drop(store: Store, provider: str, key: str, person_ids: Iterable[int]) -> None:
    """They are off the list."""
    for part in chunks(person_ids):
        with store.write() as connection:
            connection.execute(sa.delete(audience_members).where(_of(provider, key, part)))


def _of(provider: str, key: str, person_ids: list[int]) -> sa.ColumnElement[bool]:
    table = audience_members.c
    return sa.and_(table.provider == provider, table.audience_key == key, table.person_id.in_(person_ids))


def note_synced(store: Store, provider: str, key: str, now: datetime) -> int:
    """Write down that a list is as it should be; gives how many are on it."""
    table = audience_members.c
    count = sa.select(sa.func.count()).where(table.provider == provider, table.audience_key == key, table.state == IN)
    place = sa.and_(audiences.c.provider == provider, audiences.c.audience_key == key)
    with store.write() as connection:
        found = int(connection.execute(count).scalar_one())
        connection.execute(sa.update(audiences).where(place).values(members_count=found, synced_at=now))
    return found


def lists_of(store: Store, person_ids: Iterable[int]) -> dict[tuple[str, str], list[int]]:
    """(provider, key) -> those of the people who are or may be on that list."""
    table = audience_members.c
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    with store.read() as connection:
        for part in chunks(person_ids):
            query = sa.select(table.provider, table.audience_key, table.person_id).where(table.person_id.in_(part))
            for row in connection.execute(query):
                found[row.provider, row.audience_key].append(row.person_id)
    return dict(found)


def list_audiences(store: Store) -> list[dict[str, Any]]:
    """Every list with its size and when it was last made equal to ours."""
    with store.read() as connection:
        return rows_of(connection, sa.select(audiences).order_by(audiences.c.audience_key, audiences.c.provider))
