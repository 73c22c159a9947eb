"""Unique discount codes: pools that people upload or a pattern makes, and taking them so that none is given twice.

Belongs here: pools, taking, returning, releasing. Stays out: making codes from a pattern (`code_patterns.py`), when a
campaign takes them (in its plan's transaction).

A code is the key of its row, whatever the pool: the database itself refuses a second owner. A person who has a code of
a pool for an occasion gets the same one again. Codes of cancelled messages come back as "returned": they stay with
their person and are given to nobody else, unless a person says so (`release_returned`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.messages.code_patterns import Pattern, checked_code
from dmat.store.engine import chunks, rows_of, upsert
from dmat.store.message_tables import code_pools, discount_codes
from dmat.store.workspace_values import write_audit

BATCH = 5_000
LONGEST_NAME = 200
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


class CodesExhaustedError(ConflictError):
    """A pool has fewer codes than people: nothing was taken."""


@dataclass(frozen=True)
class Pool:
    """A pool of codes and how many of each kind it has; one with a pattern makes more when they are needed."""

    key: str
    name: str
    pattern: str
    free: int
    taken: int
    returned: int

    @property
    def makes_more(self) -> bool:
        """Whether it makes codes itself."""
        return bool(self.pattern)

    @property
    def room(self) -> int:
        """How many codes it can still give: the free ones, and those that its pattern makes when they are needed."""
        made = self.free + self.taken + self.returned
        return self.free + (max(0, Pattern.read(self.pattern).room - made) if self.pattern else 0)


def create_pool(connection: Connection, key: str, name: str, by: str, now: datetime, pattern: str = "") -> None:
    """Make a pool, empty or with a pattern such as `SPRING-####`.

    Raises:
        InvalidInputError: a bad key, name or pattern.
        ConflictError: the key is taken.
    """
    if not _KEY.fullmatch(key):
        raise InvalidInputError("key", f"{key[:40]!r} cannot be a key", "a-z, 0-9, - and _, at most 100")
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidInputError("name", "a pool needs a name", f"1 to {LONGEST_NAME} signs")
    if pattern:
        Pattern.read(pattern)
    row = {"key": key, "name": name.strip(), "pattern": pattern, "created_at": now, "created_by": by}
    statement = upsert(connection, code_pools).values(row).on_conflict_do_nothing().returning(code_pools.c.key)
    if connection.execute(statement).first() is None:
        raise ConflictError(f"there is a pool of codes with the key {key} already")
    write_audit(connection, now, by, "pool of codes created", key, name=name, pattern=pattern)


def add_codes(connection: Connection, pool: str, codes: Iterable[str], by: str, now: datetime) -> tuple[int, int]:
    """Put codes into a pool: (added, known already in this or another pool).

    Raises:
        NotFoundError: there is no such pool.
        InvalidInputError: a code that cannot be one.
    """
    get_pool(connection, pool)
    added = given = 0
    for batch in chunks(codes):
        given += len(batch)
        added += _insert(connection, pool, [checked_code(code) for code in batch])
    write_audit(connection, now, by, "codes added", pool, added=added, known=given - added)
    return added, given - added


def _insert(connection: Connection, pool: str, codes: Sequence[str]) -> int:
    newest = sa.select(sa.func.coalesce(sa.func.max(discount_codes.c.number), 0)).where(discount_codes.c.pool == pool)
    first = int(connection.execute(newest).scalar_one()) + 1
    rows = [
        {"code": code, "pool": pool, "number": first + n, "occasion": ""} for n, code in enumerate(dict.fromkeys(codes))
    ]
    statement = upsert(connection, discount_codes).on_conflict_do_nothing().returning(discount_codes.c.code)
    return len(connection.execute(statement, rows).all()) if rows else 0


def get_pool(connection: Connection, key: str) -> Pool:
    """A pool with its counts.

    Raises:
        NotFoundError: there is none.
    """
    found = list_pools(connection, code_pools.c.key == key)
    if not found:
        raise NotFoundError(f"there is no pool of codes {key!r}")
    return found[0]


def list_pools(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Pool]:
    """Pools (all without conditions) with their counts, by name."""
    codes = discount_codes
    counts = (
        sa.func.count(codes.c.code).filter(codes.c.person_id.is_(None)).label("free"),
        sa.func.count(codes.c.code)
        .filter(codes.c.person_id.is_not(None), codes.c.returned_at.is_(None))
        .label("taken"),
        sa.func.count(codes.c.code).filter(codes.c.returned_at.is_not(None)).label("returned"),
    )
    columns = (code_pools.c.key, code_pools.c.name, code_pools.c.pattern)
    query = sa.select(*columns, *counts).join(codes, codes.c.pool == code_pools.c.key, isouter=True)
    query = query.where(*conditions)
    return [Pool(**row) for row in rows_of(connection, query.group_by(*columns).order_by(code_pools.c.name))]


def check_room(connection: Connection, pool: str, people: int) -> None:
    """Say before the start whether a pool has enough codes.

    Raises:
        CodesExhaustedError: it has not; names how many are missing.
        NotFoundError: there is no such pool.
    """
    room = get_pool(connection, pool).room
    if room < people:
        raise CodesExhaustedError(
            f"the pool {pool} has {room} codes left and {people} people need one: add {people - room} codes"
        )


def take_codes(
    connection: Connection, pool: str, person_ids: Sequence[int], occasion: str = "", now: datetime | None = None
) -> dict[int, str]:
    """Give each person a code of a pool, inside the caller's (write) transaction; all of them or none.

    Args:
        connection: the transaction in which the messages are planned.
        pool: the pool's key.
        person_ids: who gets one; a person who has one for this occasion keeps it.
        occasion: what the code is for, e.g. `campaign:12/2` (programme and version).
        now: when; kept with the code.

    Returns:
        person id -> code.

    Raises:
        CodesExhaustedError: fewer codes than people.
        NotFoundError: there is no such pool.
    """
    wanted = list(dict.fromkeys(person_ids))
    _lock_pool(connection, pool)
    found = dict(_kept(connection, pool, wanted, occasion))
    missing = [person for person in wanted if person not in found]
    for batch in chunks(missing, BATCH):
        codes = _free(connection, pool, len(batch))
        if len(codes) < len(batch):
            raise CodesExhaustedError(
                f"the pool {pool} has {len(found) + len(codes)} codes and {len(wanted)} people need one:"
                f" add {len(wanted) - len(found) - len(codes)} codes"
            )
        _give(connection, codes, batch, occasion, now)
        found.update(zip(batch, codes, strict=True))
    return found


def _kept(connection: Connection, pool: str, persons: Sequence[int], occasion: str) -> Iterator[tuple[int, str]]:
    columns = (discount_codes.c.person_id, discount_codes.c.code)
    for batch in chunks(persons):
        mine = sa.and_(discount_codes.c.pool == pool, discount_codes.c.occasion == occasion)
        query = sa.select(*columns).where(mine, discount_codes.c.person_id.in_(batch))
        rows = connection.execute(query).all()
        again = sa.update(discount_codes).where(mine, discount_codes.c.person_id.in_([row[0] for row in rows]))
        if rows:
            connection.execute(again.where(discount_codes.c.returned_at.is_not(None)).values(returned_at=None))
        yield from ((int(row[0]), str(row[1])) for row in rows)


def _lock_pool(connection: Connection, pool: str) -> None:
    query = sa.select(code_pools.c.pattern).where(code_pools.c.key == pool)
    query = query if connection.dialect.name == "sqlite" else query.with_for_update()
    if connection.execute(query).first() is None:
        raise NotFoundError(f"there is no pool of codes {pool!r}")


def _free(connection: Connection, pool: str, count: int) -> list[str]:
    query = sa.select(discount_codes.c.code).where(discount_codes.c.pool == pool, discount_codes.c.person_id.is_(None))
    query = query.order_by(discount_codes.c.number).limit(count)
    codes = [str(row[0]) for row in connection.execute(query)]
    if len(codes) == count:
        return codes
    pattern = str(connection.execute(sa.select(code_pools.c.pattern).where(code_pools.c.key == pool)).scalar_one())
    if not pattern or not _make_more(connection, pool, Pattern.read(pattern), count - len(codes)):
        return codes
    return [str(row[0]) for row in connection.execute(query)]


def _make_more(connection: Connection, pool: str, pattern: Pattern, count: int) -> int:
    """Make codes until there are `count` more, or the pattern has hardly any left."""
    made = 0
    for _ in range(50):
        if made >= count:
            break
        made += sum(_insert(connection, pool, batch) for batch in chunks(pattern.make(count - made)))
    return made


def _give(
    connection: Connection, codes: Sequence[str], persons: Sequence[int], occasion: str, now: datetime | None
) -> None:
    free = sa.and_(discount_codes.c.code == sa.bindparam("this_code"), discount_codes.c.person_id.is_(None))
    statement = sa.update(discount_codes).where(free).values(
        person_id=sa.bindparam("this_person"), occasion=occasion, taken_at=now
    )  # fmt: skip
    rows = [{"this_code": code, "this_person": person} for code, person in zip(codes, persons, strict=True)]
    connection.execute(statement, rows)


def return_codes(connection: Connection, occasion: str, person_ids: Sequence[int], now: datetime) -> int:
    """Note that messages with codes were cancelled before they left; the codes stay with their people."""
    count = 0
    for batch in chunks(person_ids):
        mine = sa.and_(discount_codes.c.occasion == occasion, discount_codes.c.person_id.in_(batch))
        statement = sa.update(discount_codes).where(mine, discount_codes.c.returned_at.is_(None))
        count += int(connection.execute(statement.values(returned_at=now)).rowcount)
    return count


def release_returned(connection: Connection, pool: str, by: str, now: datetime) -> int:
    """Let returned codes be given again; somebody says so, and it is in the audit trail."""
    mine = sa.and_(discount_codes.c.pool == pool, discount_codes.c.returned_at.is_not(None))
    values: Mapping[str, Any] = {"person_id": None, "occasion": "", "taken_at": None, "returned_at": None}
    count = int(connection.execute(sa.update(discount_codes).where(mine).values(values)).rowcount)
    write_audit(connection, now, by, "returned codes released", pool, count=count)
    return count


def codes_in_csv(text: str) -> list[str]:
    """The codes of an uploaded file: its column `code`, or its only column.

    Raises:
        InvalidInputError: several columns and none is called code, or no code at all.
    """
    import csv

    rows = [row for row in csv.reader(text.lstrip("\ufeff").splitlines()) if any(cell.strip() for cell in row)]
    heads = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "code" not in heads and len(heads) > 1:
        raise InvalidInputError("file", "no column is called code", "one column, or one that is called code")
    place, body = (heads.index("code"), rows[1:]) if "code" in heads else (0, rows)
    codes = [row[place].strip() for row in body if len(row) > place and row[place].strip()]
    if not codes:
        raise InvalidInputError("file", "there is no code in it", "a code a line")
    return codes
