"""The ledger of loyalty points, in double entry: what a member has is the sum of the lines of the account `member`.

Belongs here: posting transactions, balances, expiry. Stays out: what earns points (`earning.py`), tiers, offers.

Each transaction has two lines that add to 0: what the member gets leaves another account (`issued`, `redeemed`,
`expired`, `adjusted`), so the whole ledger always adds to 0. A key posts once. Points are spent and expire oldest
first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError
from dmat.store.engine import Store, chunks, lock_rows, rows_of, upsert
from dmat.store.loyalty_tables import loyalty_entries, loyalty_members

MEMBER = "member"
EARN, REFUND, SPEND, EXPIRE, ADJUST = "earn", "refund", "spend", "expire", "adjust"
ACCOUNTS = {EARN: "issued", REFUND: "issued", SPEND: "redeemed", EXPIRE: "expired", ADJUST: "adjusted"}
MOST_POINTS, LONGEST_KEY = 10_000_000, 200


@dataclass(frozen=True)
class Posting:
    """One transaction: `points` is what the member's account gains (negative: loses)."""

    key: str
    person_id: int
    kind: str
    points: int
    occurred_at: datetime
    reason: str = ""
    expires_at: datetime | None = None


def post(connection: Connection, postings: Iterable[Posting], now: datetime, by: str) -> list[Posting]:
    """Post transactions, inside the caller's transaction; gives those that were new."""
    posted: list[Posting] = []
    for batch in chunks(postings, 200):
        fresh = {each.key[:LONGEST_KEY]: each for each in batch if each.points}
        rows = [row for each in fresh.values() for row in _lines(each, now, by)]
        if not rows:
            continue
        statement = upsert(connection, loyalty_entries).on_conflict_do_nothing(
            index_elements=["transaction_key", "line"]
        )
        written: list[str] = list(
            connection.execute(statement.returning(loyalty_entries.c.transaction_key), rows).scalars()
        )
        posted += [fresh[key] for key in dict.fromkeys(written)]
    return posted


def _lines(posting: Posting, now: datetime, by: str) -> list[dict[str, Any]]:
    common = {
        "transaction_key": posting.key[:LONGEST_KEY], "person_id": posting.person_id, "kind": posting.kind,
        "occurred_at": posting.occurred_at, "reason": posting.reason[:255], "recorded_at": now, "recorded_by": by,
    }  # fmt: skip
    return [
        {**common, "line": 1, "account": MEMBER, "points": posting.points, "expires_at": posting.expires_at},
        {**common, "line": 2, "account": ACCOUNTS[posting.kind], "points": -posting.points, "expires_at": None},
    ]


def balances(connection: Connection, person_ids: Sequence[int]) -> dict[int, int]:
    """Person -> points they have; who has no line is not there."""
    table = loyalty_entries.c
    found: dict[int, int] = {}
    for batch in chunks(person_ids):
        query = sa.select(table.person_id, sa.func.sum(table.points)).where(
            table.account == MEMBER, table.person_id.in_(batch)
        )
        found |= {int(row[0]): int(row[1]) for row in connection.execute(query.group_by(table.person_id))}
    return found


def spend(connection: Connection, person_id: int, points: int, key: str, reason: str, now: datetime, by: str) -> int:
    """Spend points of a member, inside the caller's transaction; gives what is left. The same key spends once.

    Raises:
        InvalidInputError: a number that cannot be spent.
        ConflictError: the member has fewer.
    """
    if not 0 < points <= MOST_POINTS:
        raise InvalidInputError("points", f"{points} cannot be spent", f"1 to {MOST_POINTS}")
    _lock_account(connection, person_id)
    known = sa.select(loyalty_entries.c.entry_id).where(loyalty_entries.c.transaction_key == key)
    has = balances(connection, [person_id]).get(person_id, 0)
    if connection.execute(known).first() is not None:
        return has
    if has < points:
        raise ConflictError(f"person {person_id} has {has} points: {points} cannot be spent")
    post(connection, [Posting(key, person_id, SPEND, -points, now, reason)], now, by)
    return has - points


def adjust(
    store: Store, person_id: int, points: int, key: str, reason: str, now: datetime, by: str,
    expires_at: datetime | None = None,
) -> int:  # fmt: skip
    """Give or take points by hand; gives the balance. The same key counts once.

    Raises:
        InvalidInputError: no reason, or points out of bounds.
        ConflictError: more would be taken than there are.
    """
    if not reason.strip():
        raise InvalidInputError("reason", "it is missing", "why, in a few words")
    if not 0 < abs(points) <= MOST_POINTS:
        raise InvalidInputError("points", f"{points} is out of bounds", f"-{MOST_POINTS} to {MOST_POINTS}, not 0")
    with store.write() as connection:
        _lock_account(connection, person_id)
        has = balances(connection, [person_id]).get(person_id, 0)
        known = sa.select(loyalty_entries.c.entry_id).where(loyalty_entries.c.transaction_key == f"adjust:{key}")
        if connection.execute(known).first() is not None:
            return has
        if has + points < 0:
            raise ConflictError(f"person {person_id} has {has} points: {-points} cannot be taken")
        ends = expires_at if points > 0 else None
        post(connection, [Posting(f"adjust:{key}", person_id, ADJUST, points, now, reason, ends)], now, by)
        return balances(connection, [person_id]).get(person_id, 0)


def _lock_account(connection: Connection, person_id: int) -> None:
    """Let nobody else take points of a member until the caller's transaction ends."""
    is_it = loyalty_members.c.person_id == person_id
    connection.execute(lock_rows(connection, sa.select(loyalty_members.c.person_id).where(is_it)))


def expire_points(store: Store, now: datetime) -> list[Posting]:
    """Take away points whose time is over and that were not spent; twice gives once.

    What leaves an account takes the oldest points first, so of the lots that are over there is left what they add to,
    less all that ever left.
    """
    table = loyalty_entries.c
    is_over = sa.and_(table.expires_at <= now, table.points > 0)
    lots = sa.func.sum(sa.case((is_over, table.points), else_=0))
    gone = sa.func.sum(sa.case((table.points < 0, table.points), else_=0))
    newest = sa.func.max(sa.case((is_over, table.expires_at), else_=None))
    concerned = sa.select(table.person_id).where(table.account == MEMBER, table.expires_at <= now)
    query = (
        sa.select(table.person_id, (lots + gone).label("left"), newest.label("until"))
        .where(table.account == MEMBER, table.person_id.in_(concerned))
        .group_by(table.person_id)
        .having(lots + gone > 0)
    )
    with store.write() as connection:
        rows = rows_of(connection, query)
        postings = [_expiry(row, now) for row in rows]
        return post(connection, postings, now, "loyalty")


def _expiry(row: dict[str, Any], now: datetime) -> Posting:
    person, left = int(row["person_id"]), int(row["left"])
    return Posting(f"expire:{person}:{row['until']:%Y%m%dT%H%M%S}", person, EXPIRE, -left, now, "time is over")


def statement_of(store: Store, person_id: int, limit: int = 200) -> list[dict[str, Any]]:
    """The lines of a member's account, the newest first: key, kind, points, occurred_at, expires_at, reason."""
    table = loyalty_entries.c
    columns = (table.transaction_key, table.kind, table.points, table.occurred_at, table.expires_at, table.reason)
    query = sa.select(*columns).where(table.account == MEMBER, table.person_id == person_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by(table.occurred_at.desc(), table.entry_id.desc()).limit(limit))


def out_of_balance(store: Store) -> list[str]:
    """Keys of transactions whose lines do not add to 0; there must be none."""
    table = loyalty_entries.c
    whole = sa.select(table.transaction_key).group_by(table.transaction_key).having(sa.func.sum(table.points) != 0)
    with store.read() as connection:
        found: list[str] = list(connection.execute(whole).scalars())
    return found
