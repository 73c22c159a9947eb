"""Orders earn points: who joins, what each order is worth, and what changes when it is refunded or cancelled.

Belongs here: comparing orders with what was posted for them. Stays out: the ledger (`ledger.py`), tiers (`tiers.py`).
An order is worth `net_cents // cents_per_point`; when its net changes, the difference is posted as a refund. A refund
may take an account below 0: points that were spent already are owed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.holdout import is_held_out
from dmat.loyalty.ledger import EARN, MEMBER, REFUND, Posting, post
from dmat.loyalty.rules import LoyaltyRules, read_rules
from dmat.store.engine import Store, chunks, upsert
from dmat.store.loyalty_tables import (
    loyalty_entries,
    loyalty_grants,
    loyalty_held_out,
    loyalty_members,
    loyalty_tier_changes,
)
from dmat.store.workspace_values import get_value, set_value
from dmat.warehouse import Workspace

BY, WATERMARK, SALT = "loyalty", "loyalty.orders_build", "loyalty programme"
_ORDERS = """
    select orders.order_id, orders.person_id, orders.ordered_at, orders._build as build,
        case
            when orders.status in ('paid', 'partially_refunded', 'refunded', 'pending') then orders.net_cents else 0
        end as net_cents
    from commerce.fct_orders as orders
    inner join people.dim_people as people on orders.person_id = people.person_id
    where orders._build > ? and (people.has_email_consent or ?) and orders.ordered_at >= ?
    order by orders.ordered_at, orders.order_id
"""
_MERGES = "select merged_person_id, surviving_person_id from people.person_merges order by merged_at"


@dataclass(frozen=True)
class Earned:
    """What a look at the orders did."""

    joined_count: int = 0
    posted_count: int = 0
    points: int = 0


def earn_from_orders(store: Store, view: Workspace, now: datetime) -> Earned:
    """Post what orders earned since the last look; twice gives once.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    with store.read() as connection:
        rules = read_rules(connection)
    if rules is None or not rules.is_active:
        return Earned()
    seen = int(get_value(store, WATERMARK, 0))
    start = rules.starts_at or datetime(1970, 1, 1)
    orders = view.rows(_ORDERS, [seen, rules.members == "everybody", start])
    joined, posted = 0, []
    for batch in chunks(orders, 500):
        with store.write() as connection:
            fresh, others = _join(connection, rules, batch, now)
            joined += fresh
            earning = [row for row in batch if int(row["person_id"]) not in others]
            posted += post(connection, _postings(connection, rules, earning), now, BY)
    if orders:
        set_value(store, WATERMARK, max(int(row["build"]) for row in orders), now, by=BY)
    return Earned(joined, len(posted), sum(each.points for each in posted))


def _join(
    connection: Connection, rules: LoyaltyRules, orders: Sequence[dict[str, Any]], now: datetime
) -> tuple[int, set[int]]:
    """How many joined now, and who of these people is held out."""
    first: dict[int, datetime] = {}
    for row in orders:
        if row["net_cents"] > 0:
            first.setdefault(int(row["person_id"]), row["ordered_at"])
    others = _hold_out(connection, rules, first)
    lowest = rules.tiers[0].key
    rows = [
        {"person_id": person, "joined_at": at, "tier": lowest, "tier_since": at, "updated_at": now, "revision": 1,
         "exported_revision": 0, "holdout_share": rules.holdout_share}
        for person, at in first.items() if person not in others
    ]  # fmt: skip
    if not rows:
        return 0, others
    statement = upsert(connection, loyalty_members).on_conflict_do_nothing(index_elements=["person_id"])
    return len(connection.execute(statement.returning(loyalty_members.c.person_id), rows).all()), others


def _hold_out(connection: Connection, rules: LoyaltyRules, first: Mapping[int, datetime]) -> set[int]:
    """Who of those who would join never does: those who were held out before, and new ones by their number."""
    known = _of(connection, loyalty_held_out, first)
    fresh = set(first) - known - _of(connection, loyalty_members, first)
    chosen = {person for person in fresh if is_held_out(SALT, person, rules.holdout_share)}
    rows = [{"person_id": each, "held_out_at": first[each], "share": rules.holdout_share} for each in sorted(chosen)]
    if rows:
        statement = upsert(connection, loyalty_held_out).on_conflict_do_nothing(index_elements=["person_id"])
        connection.execute(statement, rows)
    return known | chosen


def _of(connection: Connection, table: sa.Table, people: Iterable[int]) -> set[int]:
    query = sa.select(table.c.person_id).where(table.c.person_id.in_(list(people)))
    found: set[int] = set(connection.execute(query).scalars())
    return found


def _postings(connection: Connection, rules: LoyaltyRules, orders: Sequence[dict[str, Any]]) -> list[Posting]:
    known = _posted(connection, sorted({int(row["person_id"]) for row in orders}))
    found = []
    for row in orders:
        base, person = f"order:{row['order_id']}", int(row["person_id"])
        worth = max(int(row["net_cents"]), 0) // rules.cents_per_point
        before = known.get(base, [])
        difference = worth - sum(before)
        if difference:
            key = base if not before else f"{base}#{len(before)}"
            ends = row["ordered_at"] + timedelta(days=rules.points_days)
            kind = EARN if difference > 0 else REFUND
            words = f"order {row['order_id']}"
            found.append(
                Posting(key, person, kind, difference, row["ordered_at"], words, ends if difference > 0 else None)
            )  # fmt: skip
    return found


def _posted(connection: Connection, person_ids: Sequence[int]) -> dict[str, list[int]]:
    """`order:<id>` -> what was posted for it so far."""
    table = loyalty_entries.c
    found: dict[str, list[int]] = defaultdict(list)
    for batch in chunks(person_ids):
        query = sa.select(table.transaction_key, table.points).where(
            table.account == MEMBER, table.kind.in_((EARN, REFUND)), table.person_id.in_(batch)
        )
        for row in connection.execute(query):
            found[str(row.transaction_key).partition("#")[0]].append(int(row.points))
    return found


def follow_merges(store: Store, view: Workspace, now: datetime) -> int:
    """Give accounts of people who turned out to be one to the one that stays; gives how many moved.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    pairs = [(int(row["merged_person_id"]), int(row["surviving_person_id"])) for row in view.rows(_MERGES)]
    moved = 0
    for batch in chunks(pairs, 500):
        with store.write() as connection:
            is_known = loyalty_members.c.person_id.in_([old for old, _ in batch])
            _move_held_out(connection, batch)
            known: set[int] = set(connection.execute(sa.select(loyalty_members.c.person_id).where(is_known)).scalars())
            for old, new in batch:
                if old in known:
                    _move(connection, old, new, now)
                    moved += 1
    return moved


def _move(connection: Connection, old: int, new: int, now: datetime) -> None:
    has_new = connection.execute(sa.select(loyalty_members.c.person_id).where(loyalty_members.c.person_id == new))
    is_old = loyalty_members.c.person_id == old
    if has_new.first() is None:
        values = {"person_id": new, "updated_at": now, "revision": loyalty_members.c.revision + 1}
        connection.execute(sa.update(loyalty_members).where(is_old).values(values))
    else:
        connection.execute(sa.delete(loyalty_members).where(is_old))
    for table, more in (
        (loyalty_entries, {"landed_at": None}), (loyalty_tier_changes, {"landed_at": None}),
        (loyalty_grants, {"revision": loyalty_grants.c.revision + 1}),
    ):  # fmt: skip
        connection.execute(sa.update(table).where(table.c.person_id == old).values({"person_id": new, **more}))


def _move_held_out(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Who is held out stays so under the number that stays; unless that person is a member already."""
    held = _of(connection, loyalty_held_out, [old for old, _ in pairs])
    for old, new in pairs:
        if old in held:
            is_old = loyalty_held_out.c.person_id == old
            taken = _of(connection, loyalty_members, [new]) | _of(connection, loyalty_held_out, [new])
            moved = sa.update(loyalty_held_out).where(is_old).values(person_id=new, landed_at=None)
            connection.execute(sa.delete(loyalty_held_out).where(is_old) if taken else moved)
