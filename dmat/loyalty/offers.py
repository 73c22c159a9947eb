"""Offers of the programme: who may have one, a code of one's own, until when it holds, and that it is used once.

Belongs here: offers, granting, redeeming. Stays out: telling people about it (campaigns and journeys; the code is
theirs to show). The same person gets an offer once an occurrence (`2026` for a birthday, the number of an order ...).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.loyalty.ledger import spend
from dmat.loyalty.rules import read_rules
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.loyalty_tables import loyalty_grants, loyalty_members, loyalty_offers
from dmat.store.workspace_values import write_audit
from dmat.warehouse import Workspace

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that look alike
CODE_LENGTH = 10
_USED = """
    select upper(discount_code) as code, order_id, person_id, ordered_at from commerce.fct_orders
    where discount_code is not null and status <> 'cancelled' and ordered_at > ?
    order by ordered_at, order_id
"""


class Offer(BaseModel):
    """What members may get. `value` is percent for `percent`, cents for `amount`, else 0; `tiers` empty means all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offer_key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2000)] = ""
    kind: Literal["percent", "amount", "shipping", "gift", "early_access"]
    value: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    tiers: Annotated[list[str], Field(max_length=20)] = []
    points_cost: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    valid_days: Annotated[int, Field(ge=1, le=3650)] = 30
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_active: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Offer:
        if self.kind == "percent" and not 1 <= self.value <= 100:
            raise ValueError("value: a percent offer needs 1 to 100")
        if self.kind == "amount" and self.value < 1:
            raise ValueError("value: an amount needs at least 1 cent")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("ends_at: it ends before it starts")
        return self


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


def put_offer(store: Store, document: Any, now: datetime, by: str) -> Offer:
    """Keep an offer, in place of one with the same key; what was granted stays as it is.

    Raises:
        InvalidInputError: names the field.
    """
    try:
        offer = Offer.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        words = str(first["msg"]).removeprefix("Value error, ")
        place = ".".join(str(step) for step in first["loc"]) or words.partition(":")[0]
        raise InvalidInputError(place, words, "see the guide of loyalty") from None
    row = {**offer.model_dump(), "updated_at": now, "updated_by": by}
    with store.write() as connection:
        _check_tiers(connection, offer)
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


def list_offers(store: Store) -> list[Offer]:
    """All offers, by key."""
    columns = [loyalty_offers.c[name] for name in Offer.model_fields]
    with store.read() as connection:
        rows = rows_of(connection, sa.select(*columns).order_by(loyalty_offers.c.offer_key))
    return [Offer.model_construct(**row) for row in rows]


def grant_offer(store: Store, offer_key: str, person_id: int, occurrence: str, now: datetime, by: str) -> Grant:
    """Give an offer to a member, with a code of their own; its points are spent in the same transaction.

    The same occurrence gives the same grant again.

    Raises:
        NotFoundError: no such offer, or the person is no member.
        ConflictError: it is not offered now, not to this tier, or there are not enough points.
    """
    with store.write() as connection:
        offer = _find_offer(connection, offer_key)
        known = _find_grant(connection, offer_key, person_id, occurrence)
        if known is not None:
            return known
        _check_may_have(connection, offer, person_id, now)
        row = {
            "offer_key": offer_key, "person_id": person_id, "occurrence": occurrence[:100], "code": _new_code(),
            "granted_at": now, "valid_until": now + timedelta(days=offer.valid_days), "revision": 1,
            "exported_revision": 0,
        }  # fmt: skip
        connection.execute(sa.insert(loyalty_grants).values(row))
        if offer.points_cost:
            key = f"offer:{offer_key}:{person_id}:{occurrence}"
            spend(connection, person_id, offer.points_cost, key, offer.name, now, by)
        found = _find_grant(connection, offer_key, person_id, occurrence)
    if found is None:
        raise NotFoundError("the grant is gone")
    return found


def _new_code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def _find_offer(connection: Connection, offer_key: str) -> Offer:
    columns = [loyalty_offers.c[name] for name in Offer.model_fields]
    rows = rows_of(connection, sa.select(*columns).where(loyalty_offers.c.offer_key == offer_key))
    if not rows:
        raise NotFoundError(f"there is no offer {offer_key!r}")
    return Offer.model_construct(**rows[0])


def _find_grant(connection: Connection, offer_key: str, person_id: int, occurrence: str) -> Grant | None:
    table = loyalty_grants.c
    is_it = sa.and_(table.offer_key == offer_key, table.person_id == person_id, table.occurrence == occurrence[:100])
    rows = rows_of(connection, sa.select(*_COLUMNS).where(is_it))
    return Grant(**rows[0]) if rows else None


def _check_may_have(connection: Connection, offer: Offer, person_id: int, now: datetime) -> None:
    query = sa.select(loyalty_members.c.tier).where(loyalty_members.c.person_id == person_id)
    tier = connection.execute(query).scalar()
    if tier is None:
        raise NotFoundError(f"person {person_id} is no member")
    is_open = (offer.starts_at is None or offer.starts_at <= now) and (offer.ends_at is None or now < offer.ends_at)
    if not offer.is_active or not is_open:
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
