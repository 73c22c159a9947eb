"""Cart recovery: a cart that nobody touched for an hour becomes one planned message.

Belongs here: which carts, to whom, what the message will be about, and taking a plan back when the cart was ordered.
Stays out: whether and when it leaves (`dmat/campaigns/gate.py`), its words (`dmat/messages`), counting what it earned
(`dbt/models/marts/evaluation`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.holdout import is_held_out
from dmat.campaigns.programmes import ensure_programme
from dmat.consent.permission import sync_consent
from dmat.consent.suppression import clean_address
from dmat.ledger.entries import CLAIMED, EXPIRED, PLANNED, REJECTED, SUPPRESSED
from dmat.ledger.post import Move, NewEntry, move, plan_entries
from dmat.store.engine import Store, chunks
from dmat.store.tables import ledger_entries
from dmat.warehouse import Workspace

PROGRAMME, VERSION, STEP, CHANNEL = "cart_recovery", 1, "first_mail", "email"
UNTOUCHED, TOO_OLD = timedelta(hours=1), timedelta(hours=48)

_CARTS = """
    select
        carts.cart_id, carts.person_id, carts.contact_email, carts.last_touched_at, carts.total_cents,
        carts.currency_code, carts.recovery_url, people.first_name, people.country_code, people.time_zone
    from commerce.fct_carts as carts
    left join people.dim_people as people on carts.person_id = people.person_id
    where
        carts.status = 'open'
        and carts.contact_email is not null
        and carts.last_touched_at <= ?
        and carts.last_touched_at > ?
    order by carts.last_touched_at desc, carts.cart_id
"""


@dataclass(frozen=True)
class PlanReport:
    """What planning did: carts found = planned + shared_address + known_before + without_person."""

    carts_count: int
    planned_count: int
    holdout_count: int
    shared_address_count: int
    known_before_count: int
    without_person_count: int
    withdrawn_count: int
    consent_decisions_count: int


def plan(store: Store, workspace: Workspace, now: datetime) -> PlanReport:
    """Plan a message for every open cart left between one and 48 hours ago; doing it twice plans nothing twice.

    The warehouse's consent of everybody concerned is brought into the store first, and plans whose cart was ordered
    since are ended.
    """
    carts = workspace.rows(_CARTS, [now - UNTOUCHED, now - TOO_OLD])
    known = [cart for cart in carts if cart["person_id"] is not None]
    waiting = _waiting(store)
    fresh = _not_in_ledger(store, known)
    people = {int(cart["person_id"]) for cart in fresh} | set(waiting.values())
    decisions = sync_consent(store, workspace, people, now)
    lines = _lines(workspace, [str(cart["cart_id"]) for cart in fresh])
    ordered = _ordered(workspace, list(waiting))
    with store.write() as connection:
        ensure_programme(connection, PROGRAMME, VERSION, now)
        entries = _entries(connection, workspace, fresh, lines, now)
        inserted = set(plan_entries(connection, entries, now))
        withdrawn = _withdraw(connection, ordered, now)
    shared = sum(bool(entry.suppressed_because) for entry in entries)
    return PlanReport(
        carts_count=len(carts),
        planned_count=len(inserted) - shared,
        holdout_count=sum(entry.is_holdout and not entry.suppressed_because for entry in entries),
        shared_address_count=shared,
        known_before_count=len(known) - len(fresh),
        without_person_count=len(carts) - len(known),
        withdrawn_count=withdrawn,
        consent_decisions_count=decisions,
    )


def _waiting(store: Store) -> dict[str, int]:
    """Cart id -> person, for the messages that have not left yet."""
    query = sa.select(ledger_entries.c.occurrence, ledger_entries.c.person_id).where(
        ledger_entries.c.programme == PROGRAMME, ledger_entries.c.state.in_([PLANNED, CLAIMED])
    )
    with store.read() as connection:
        return {row.occurrence: row.person_id for row in connection.execute(query)}


def _not_in_ledger(store: Store, carts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A cart has one message for ever, also when the person it belongs to was merged with another meanwhile."""
    seen: set[str] = set()
    with store.read() as connection:
        for batch in chunks(str(cart["cart_id"]) for cart in carts):
            query = sa.select(ledger_entries.c.occurrence).where(
                ledger_entries.c.programme == PROGRAMME, ledger_entries.c.occurrence.in_(batch)
            )
            seen |= set(connection.execute(query).scalars())
    return [cart for cart in carts if str(cart["cart_id"]) not in seen]


def _lines(workspace: Workspace, cart_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    if not cart_ids:
        return {}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    query = """
        select cart_id, product_id, title, quantity, unit_price_cents, image_url from commerce.fct_cart_lines
        where cart_id in (select unnest(?::varchar[])) order by cart_id, line_number
    """
    for row in workspace.rows(query, [list(cart_ids)]):
        found[str(row.pop("cart_id"))].append(row)
    return found


def _ordered(workspace: Workspace, cart_ids: Sequence[str]) -> list[str]:
    if not cart_ids:
        return []
    query = (
        "select cart_id from commerce.fct_carts where status = 'ordered' and cart_id in (select unnest(?::varchar[]))"
    )
    return [str(row["cart_id"]) for row in workspace.rows(query, [list(cart_ids)])]


def _entries(
    connection: Connection,
    workspace: Workspace,
    carts: Sequence[dict[str, Any]],
    lines: dict[str, list[dict[str, Any]]],
    now: datetime,
) -> list[NewEntry]:
    """One entry a cart, the newest cart first; the second person of an address is left out, and the ledger says so."""
    share = workspace.settings.holdout_share
    taken = _people_of_addresses(connection, {clean_address(cart["contact_email"]) for cart in carts}, now)
    entries = []
    for cart in carts:
        person, address = int(cart["person_id"]), clean_address(cart["contact_email"])
        first = taken.setdefault(address, person)
        entries.append(
            NewEntry(
                person_id=person,
                programme=PROGRAMME,
                programme_version=VERSION,
                step=STEP,
                occurrence=str(cart["cart_id"]),
                channel=CHANNEL,
                address=address,
                context=_context(cart, lines.get(str(cart["cart_id"]), [])),
                is_holdout=is_held_out(f"{PROGRAMME}:{VERSION}", person, share),
                expires_at=cart["last_touched_at"] + TOO_OLD,
                suppressed_because="" if first == person else "somebody who shares the address gets this message",
            )
        )
    return entries


def _people_of_addresses(connection: Connection, addresses: set[str], now: datetime) -> dict[str, int]:
    """Address -> who has this step planned or sent within the last 48 hours."""
    table = ledger_entries.c
    found: dict[str, int] = {}
    for batch in chunks(sorted(addresses)):
        query = sa.select(table.address, table.person_id).where(
            table.address.in_(batch),
            table.channel == CHANNEL,
            table.programme == PROGRAMME,
            table.step == STEP,
            table.state.not_in([SUPPRESSED, EXPIRED, REJECTED]),
            table.planned_at > now - TOO_OLD,
        )
        found.update({row.address: row.person_id for row in connection.execute(query)})
    return found


def _context(cart: dict[str, Any], lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cart_id": str(cart["cart_id"]),
        "cart_url": cart["recovery_url"],
        "total_cents": int(cart["total_cents"] or 0),
        "currency_code": cart["currency_code"],
        "products": [
            {
                "product_id": str(line["product_id"] or ""),
                "title": line["title"],
                "quantity": int(line["quantity"] or 1),
                "unit_price_cents": int(line["unit_price_cents"] or 0),
                "image_url": line["image_url"],
            }
            for line in lines
        ],
        "first_name": cart["first_name"],
        "country_code": cart["country_code"],
        "time_zone": cart["time_zone"],
        "last_touched_at": cart["last_touched_at"].isoformat(),
    }


def _withdraw(connection: Connection, cart_ids: Sequence[str], now: datetime) -> int:
    """End what is still planned for carts that were ordered; what is already with a sender goes on."""
    count = 0
    for batch in chunks(cart_ids):
        query = sa.select(ledger_entries.c.message_id).where(
            ledger_entries.c.programme == PROGRAMME,
            ledger_entries.c.occurrence.in_(batch),
            ledger_entries.c.state == PLANNED,
        )
        found: list[str] = list(connection.execute(query).scalars())
        steps = [Move(each, EXPIRED, "the cart was ordered", only_from=frozenset({PLANNED})) for each in found]
        count += len(move(connection, steps, now))
    return count
