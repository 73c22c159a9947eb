"""The path of one cart: a row or more out of every table that it went through, in the order of the flow.

Belongs here: the queries of the path and the stations it is made of. Stays out: layout. The decision, the message
as sent and events that have not landed yet come from the store, the rest from the published warehouse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.context import Context
from apps.screens.follow.origins import Origin, origin_of
from dmat.ledger.entries import Entry, list_entries, message_as_sent, transitions_of
from dmat.store.inbox import events_of_message
from dmat.warehouse import Version

Row = dict[str, Any]
PROGRAMME = "cart_recovery"
MOST_RAW, MOST_EVENTS = 8, 40


@dataclass(frozen=True)
class Raw:
    """A row as a vendor sent it."""

    title: str
    payload: Any
    loaded_at: datetime | None
    run_id: str
    at: datetime | None = None


@dataclass(frozen=True)
class Path:
    """Everything known of one cart."""

    cart_id: str
    version: int
    cart: Row
    lines: list[Row] = field(default_factory=list)
    checkouts: list[Raw] = field(default_factory=list)
    staged: Row | None = None
    person: Row | None = None
    contacts: list[Row] = field(default_factory=list)
    merges: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)
    entry: Entry | None = None
    transitions: list[Row] = field(default_factory=list)
    message: Row | None = None
    mart: Row | None = None
    events: list[Row] = field(default_factory=list)
    raw_events: list[Raw] = field(default_factory=list)
    waiting_events: list[Row] = field(default_factory=list)
    recovery: Row | None = None
    order: Row | None = None
    raw_orders: list[Raw] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Whose cart it is, in words."""
        known = (self.person or {}).get("full_name")
        return str(known or self.cart.get("contact_email") or "Unknown visitor")


_TABLES = (
    "raw.shopify_abandoned_checkouts", "staging.stg_shopify__abandoned_checkouts", "people.person_contacts",
    "people.dim_people", "consent.person_channel_consent", "commerce.fct_carts", "commerce.fct_cart_lines",
    "deliveries.fct_messages", "engagement.fct_message_events", "raw.delivery_events",
    "evaluation.cart_recoveries", "commerce.fct_orders", "raw.shopify_orders", "people.person_merges",
)  # fmt: skip


def read_path(context: Context, version: Version, cart_id: str) -> Path | None:
    """The path of one cart; None when the published version has no such cart."""
    ask = _Asker(context)
    cart = ask.one("commerce.fct_carts", "cart_id = ?", cart_id)
    if cart is None:
        return None
    entries = list_entries(context.store, programme=PROGRAMME, occurrence=cart_id, limit=1)
    entry = entries[0] if entries else None
    message_id = entry.message_id if entry else ""
    recovery = ask.one("evaluation.cart_recoveries", "cart_id = ?", cart_id)
    order_id = (recovery or {}).get("recovered_order_id") or cart.get("order_id")
    order = ask.one("commerce.fct_orders", "order_id = ?", order_id) if order_id else None
    person_id = cart.get("person_id")
    staged = ask.one("staging.stg_shopify__abandoned_checkouts", "cart_id = ?", cart_id, "updated_at desc")
    events = ask.many("engagement.fct_message_events", "message_id = ?", message_id, "occurred_at, event_key")
    events = events[:MOST_EVENTS]
    return Path(
        cart_id=cart_id,
        version=version.number,
        cart=cart,
        lines=ask.many("commerce.fct_cart_lines", "cart_id = ?", cart_id, "line_number"),
        checkouts=ask.raw("shopify_abandoned_checkouts", [cart.get("record_id") or (staged or {}).get("record_id")]),
        staged=_without_payload(staged),
        person=ask.one("people.dim_people", "person_id = ?", person_id) if person_id else None,
        contacts=ask.many("people.person_contacts", "person_id = ?", person_id, "created_at") if person_id else [],
        merges=ask.many("people.person_merges", "surviving_person_id = ?", person_id, "merged_at") if person_id else [],
        consents=ask.many("consent.person_channel_consent", "person_id = ?", person_id, "channel") if person_id else [],
        entry=entry,
        transitions=transitions_of(context.store, message_id) if entry else [],
        message=message_as_sent(context.store, message_id) if entry else None,
        mart=ask.one("deliveries.fct_messages", "message_id = ?", message_id) if entry else None,
        events=events,
        raw_events=ask.raw("delivery_events", [event["event_key"] for event in events]),
        waiting_events=_waiting(context, message_id, {event["event_key"] for event in events}) if entry else [],
        recovery=recovery,
        order=order,
        raw_orders=ask.raw("shopify_orders", [(order or {}).get("record_id")]),
        origins={table: origin_of(table, context.settings) for table in _TABLES},
    )


def _without_payload(row: Row | None) -> Row | None:
    if row is None:
        return None
    hidden = {"payload", "payload_hash", "line_items", "_build"}
    return {name: value for name, value in row.items() if name not in hidden}


def _waiting(context: Context, message_id: str, known: set[str]) -> list[Row]:
    """Events that are in the inbox and not yet in the warehouse."""
    return [
        {"event_type": row.kind, "occurred_at": row.occurred_at, "is_machine": row.is_machine,
         "received_at": row.received_at, "payload": row.payload, "provider": row.provider}
        for row in events_of_message(context.store, message_id)
        if row.record_id not in known
    ]  # fmt: skip


class _Asker:
    """Reads rows of tables by one column; a table that is not there gives nothing."""

    def __init__(self, context: Context) -> None:
        self.workspace = context.workspace
        self.there = set(self.workspace.tables())

    def many(self, table: str, where: str, value: Any, order: str) -> list[Row]:
        if table not in self.there or value is None:
            return []
        return self.workspace.rows(f"select * from {table} where {where} order by {order} limit 200", [value])

    def one(self, table: str, where: str, value: Any, order: str = "1") -> Row | None:
        found = self.many(table, where, value, order)
        return found[0] if found else None

    def raw(self, table: str, record_ids: list[Any]) -> list[Raw]:
        wanted = [record_id for record_id in record_ids if record_id]
        if f"raw.{table}" not in self.there or not wanted:
            return []
        marks = ", ".join("?" * len(wanted))
        rows = self.workspace.rows(
            f"select record_id, record_updated_at, payload, _loaded_at, _run_id from raw.{table}"
            f" where record_id in ({marks}) order by record_updated_at, _loaded_at",
            wanted,
        )
        return [Raw(row["record_id"], row["payload"], row["_loaded_at"], row["_run_id"], row["record_updated_at"])
                for row in rows]  # fmt: skip
