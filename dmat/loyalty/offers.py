"""Offers of the programme: who may have one, a code of one's own, until when it holds, and that it is used once.

Belongs here: offers, granting, redeeming. Stays out: telling people about it (campaigns and journeys, by `giving.py`).
The same person gets an offer once an occurrence (`2026` for a birthday, the number of an order ...). Codes are made
here, or taken from a pool of codes that the shop knows; they are compared without case.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.engine import Connection

from dmat import forms
from dmat.documents import Moment, read
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.loyalty.ledger import spend
from dmat.loyalty.rules import read_rules
from dmat.messages.codes import get_pool, take_codes
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.loyalty_tables import loyalty_grants, loyalty_members, loyalty_offers
from dmat.store.workspace_values import write_audit
from dmat.warehouse import Workspace

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that look alike
CODE_LENGTH, LONGEST_CODE, LONGEST_OCCURRENCE = 10, 40, 100
_USED = """
    select upper(discount_code) as code, order_id, person_id, ordered_at from commerce.fct_orders
    where discount_code is not null and status <> 'cancelled' and ordered_at > ?
    order by ordered_at, order_id
"""


class Offer(BaseModel):
    """What members may get. `value` is percent for `percent`, cents for `amount`, else 0; `tiers` empty means all.

    `code_pool`: the pool that its codes come from; empty: they are made here, and the shop must be told of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    offer_key: Annotated[str, Field(pattern=forms.KEY)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2000)] = ""
    kind: Literal["percent", "amount", "shipping", "gift", "early_access"]
    value: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    tiers: Annotated[list[str], Field(max_length=20)] = []
    points_cost: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    valid_days: Annotated[int, Field(ge=1, le=3650)] = 30
    code_pool: Annotated[str, Field(max_length=100)] = ""
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    is_active: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Offer:
        if self.kind == "percent" and not 1 <= self.value <= 100:
            raise ValueError(f"value: {self.value} percent are no offer; 1 to 100 percent")
        if self.kind == "amount" and self.value < 1:
            raise ValueError(f"value: {self.value} cents are no offer; 1 cent or more")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("ends_at: it is not after the beginning; a moment after starts_at")
        return self

    def is_open(self, now: datetime) -> bool:
        """Whether it is offered at a moment (UTC)."""
        starts, ends = self.starts_at or datetime.min, self.ends_at or datetime.max
        return self.is_active and starts <= now < ends


@dataclass(frozen=True)
class Grant:
    """An offer that somebody holds, with a code of their own."""

    grant_id: int
    offer_key: str
    person_id: int
    occurrence: str
    code: str
    granted_at: datetime
    valid_until: datetime
    redeemed_at: datetime | None
    order_id: str | None


_COLUMNS = [loyalty_grants.c[name] for name in Grant.__dataclass_fields__]


def parse_offer(document: Any) -> Offer:
    """An offer from a document.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    return read(Offer, document, "offer")


def put_offer(store: Store, document: Any, now: datetime, by: str) -> Offer:
    """Keep an offer, in place of one with the same key; what was granted stays as it is.

    Raises:
        InvalidInputError: names the field.
    """
    offer = parse_offer(document)
    row = {**offer.model_dump(), "updated_at": now, "updated_by": by}
    with store.write() as connection:
        _check_tiers(connection, offer)
        _check_pool(connection, offer)
        statement = upsert(connection, loyalty_offers).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["offer_key"], set_=row))
        write_audit(connection, now, by, "loyalty offer changed", offer.offer_key, is_active=offer.is_active)
    return offer


def _check_tiers(connection: Connection, offer: Offer) -> None:
    rules = read_rules(connection)
    known = [tier.key for tier in rules.tiers] if rules else []
    unknown = [tier for tier in offer.tiers if tier not in known]
    if unknown:
        raise InvalidInputError("tiers", f"{unknown[0]!r} is no tier", ", ".join(known) or "keep rules first")


def _check_pool(connection: Connection, offer: Offer) -> None:
    if offer.code_pool:
        try:
            get_pool(connection, offer.code_pool)
        except NotFoundError:
            raise InvalidInputError("code_pool", f"there is no pool {offer.code_pool!r}", "the key of a pool") from None


def list_offers(store: Store) -> list[Offer]:
    """All offers, by key."""
    with store.read() as connection:
        return offers_in(connection)


def offers_in(connection: Connection) -> list[Offer]:
    """All offers, by key, inside the caller's transaction."""
    columns = [loyalty_offers.c[name] for name in Offer.model_fields]
    rows = rows_of(connection, sa.select(*columns).order_by(loyalty_offers.c.offer_key))
    return [Offer.model_construct(**row) for row in rows]


def grant_offer(store: Store, offer_key: str, person_id: int, occurrence: str, now: datetime, by: str) -> Grant:
    """Give an offer to a member, with a code of their own; its points are spent in the same transaction.

    The same occurrence gives the same grant again.

    Raises:
        NotFoundError: no such offer, or the person is no member.
        ConflictError: it is not offered now, not to this tier, or there are not enough points.
        CodesExhaustedError: its pool has no code left.
    """
    with store.write() as connection:
        offer = _find_offer(connection, offer_key)
        known = _find_grant(connection, offer_key, person_id, occurrence)
        if known is not None:
            return known
        _check_may_have(connection, offer, person_id, now)
        _insert(connection, offer, [person_id], occurrence, now)
        if offer.points_cost:
            key = f"offer:{offer_key}:{person_id}:{occurrence}"
            spend(connection, person_id, offer.points_cost, key, offer.name, now, by)
        found = _find_grant(connection, offer_key, person_id, occurrence)
    if found is None:
        raise NotFoundError("the grant is gone")
    return found


def grant_codes(
    connection: Connection, offer_key: str, person_ids: Iterable[int], occurrence: str, now: datetime
) -> dict[int, str]:
    """Give an offer to many members, inside the caller's transaction: person -> code.

    Who is no member, or of another tier, gets none. While it is not offered only those have one who got it before for
    this occurrence; so it is with an offer that costs points, which nobody spends but the member.

    Raises:
        NotFoundError: there is no such offer.
        CodesExhaustedError: its pool has fewer codes than people.
    """
    offer, found = _find_offer(connection, offer_key), dict[int, str]()
    may_grant = offer.is_open(now) and not offer.points_cost
    for batch in chunks(sorted(set(person_ids)), 500):
        held = _held(connection, offer_key, batch, occurrence)
        fresh = [each for each in _entitled(connection, offer, batch) if each not in held] if may_grant else []
        found |= held | _insert(connection, offer, fresh, occurrence, now)
    return found


def _held(connection: Connection, offer_key: str, people: Sequence[int], occurrence: str) -> dict[int, str]:
    table = loyalty_grants.c
    is_it = sa.and_(table.offer_key == offer_key, table.occurrence == _occurrence(occurrence))
    query = sa.select(table.person_id, table.code).where(is_it, table.person_id.in_(people))
    return {int(row.person_id): str(row.code) for row in connection.execute(query)}


def _entitled(connection: Connection, offer: Offer, people: Sequence[int]) -> list[int]:
    """Members among these people whose tier the offer is for."""
    query = sa.select(loyalty_members.c.person_id).where(loyalty_members.c.person_id.in_(people))
    if offer.tiers:
        query = query.where(loyalty_members.c.tier.in_(offer.tiers))
    found: list[int] = list(connection.execute(query.order_by(loyalty_members.c.person_id)).scalars())
    return found


def _insert(
    connection: Connection, offer: Offer, people: Sequence[int], occurrence: str, now: datetime
) -> dict[int, str]:
    """Write grants of people who have none for this occurrence; person -> code."""
    if not people:
        return {}
    codes = _codes_for(connection, offer, people, occurrence, now)
    common = {
        "offer_key": offer.offer_key, "occurrence": _occurrence(occurrence), "granted_at": now,
        "valid_until": now + timedelta(days=offer.valid_days), "revision": 1, "exported_revision": 0,
    }  # fmt: skip
    rows = [{**common, "person_id": person, "code": codes[person]} for person in people]
    connection.execute(sa.insert(loyalty_grants), rows)
    return codes


def _codes_for(
    connection: Connection, offer: Offer, people: Sequence[int], occurrence: str, now: datetime
) -> dict[int, str]:
    if not offer.code_pool:
        return {person: "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)) for person in people}
    taken = take_codes(connection, offer.code_pool, people, f"offer:{offer.offer_key}/{_occurrence(occurrence)}", now)
    for code in taken.values():
        if len(code) > LONGEST_CODE:
            raise ConflictError(f"code {code[:20]}... of the pool {offer.code_pool} has more than {LONGEST_CODE} signs")
    return {person: code.upper() for person, code in taken.items()}


def _occurrence(text: str) -> str:
    """An occurrence as it is kept: a long one ends in a hash of the whole, so that two never fall together."""
    if len(text) <= LONGEST_OCCURRENCE:
        return text
    return f"{text[: LONGEST_OCCURRENCE - 17]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _find_offer(connection: Connection, offer_key: str) -> Offer:
    columns = [loyalty_offers.c[name] for name in Offer.model_fields]
    rows = rows_of(connection, sa.select(*columns).where(loyalty_offers.c.offer_key == offer_key))
    if not rows:
        raise NotFoundError(f"there is no offer {offer_key!r}")
    return Offer.model_construct(**rows[0])


def _find_grant(connection: Connection, offer_key: str, person_id: int, occurrence: str) -> Grant | None:
    table = loyalty_grants.c
    is_it = sa.and_(
        table.offer_key == offer_key, table.person_id == person_id, table.occurrence == _occurrence(occurrence)
    )
    rows = rows_of(connection, sa.select(*_COLUMNS).where(is_it))
    return Grant(**rows[0]) if rows else None


def _check_may_have(connection: Connection, offer: Offer, person_id: int, now: datetime) -> None:
    query = sa.select(loyalty_members.c.tier).where(loyalty_members.c.person_id == person_id)
    tier = connection.execute(query).scalar()
    if tier is None:
        raise NotFoundError(f"person {person_id} is no member")
    if not offer.is_open(now):
        raise ConflictError(f"{offer.offer_key} is not offered now")
    if offer.tiers and tier not in offer.tiers:
        raise ConflictError(f"{offer.offer_key} is for {', '.join(offer.tiers)}; person {person_id} is {tier}")


def redeem(store: Store, code: str, order_id: str, now: datetime, by_person: int | None = None) -> Grant:
    """Use a code for an order, once; the same order again changes nothing.

    Raises:
        NotFoundError: there is no such code.
        ConflictError: it was used for another order, its time is over, or it is somebody else's.
    """
    with store.write() as connection:
        return _redeem(connection, code, order_id, now, by_person)


def _redeem(connection: Connection, code: str, order_id: str, now: datetime, by_person: int | None) -> Grant:
    table = loyalty_grants.c
    rows = rows_of(connection, sa.select(*_COLUMNS).where(table.code == code.strip().upper()))
    if not rows:
        raise NotFoundError(f"there is no code {code[:40]!r}")
    grant = Grant(**rows[0])
    if grant.order_id == order_id:
        return grant
    if grant.redeemed_at is not None:
        raise ConflictError(f"code {grant.code} was used for order {grant.order_id}")
    if now > grant.valid_until:
        raise ConflictError(f"code {grant.code} was valid until {grant.valid_until:%Y-%m-%d %H:%M} UTC")
    if by_person is not None and by_person != grant.person_id:
        raise ConflictError(f"code {grant.code} is somebody else's")
    values = {"redeemed_at": now, "order_id": order_id, "revision": table.revision + 1}
    connection.execute(sa.update(loyalty_grants).where(table.grant_id == grant.grant_id).values(values))
    return Grant(**rows_of(connection, sa.select(*_COLUMNS).where(table.grant_id == grant.grant_id))[0])


def redeem_from_orders(store: Store, view: Workspace, now: datetime) -> int:
    """Enter codes that orders came with; gives how many were used. Twice gives once.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    table = loyalty_grants.c
    with store.read() as connection:
        query = sa.select(table.code, table.granted_at).where(table.redeemed_at.is_(None))
        waiting = {str(row.code): row.granted_at for row in connection.execute(query)}
    if not waiting:
        return 0
    used = [row for row in view.rows(_USED, [min(waiting.values())]) if row["code"] in waiting]
    count = 0
    for batch in chunks(used, 200):
        with store.write() as connection:
            for row in batch:
                count += _enter(connection, row)
    return count


def _enter(connection: Connection, row: dict[str, Any]) -> bool:
    try:
        _redeem(connection, row["code"], str(row["order_id"]), row["ordered_at"], None)
    except ConflictError:
        return False  # the shop took a code that was used or over: the first order has it
    return True


def grants_of(store: Store, person_id: int) -> list[Grant]:
    """What a member holds or held, the newest first."""
    query = sa.select(*_COLUMNS).where(loyalty_grants.c.person_id == person_id)
    with store.read() as connection:
        return [Grant(**row) for row in rows_of(connection, query.order_by(loyalty_grants.c.grant_id.desc()))]
