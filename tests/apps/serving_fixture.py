"""A small published warehouse and store with a dozen carts whose stories are known, for tests of the screens.

Belongs here: tables with the names and columns that the screens read, filled by hand. Stays out: dbt and the
simulated company; the tables here are the contract that the screens rely on, no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store, tables
from dmat.store.users import create_user
from dmat.warehouse import publish, writer, writer_lock

NOW = datetime(2026, 11, 20, 14, 5)
PASSWORD = "correct horse battery"
ROLES = ("admin", "marketer", "analyst", "sales", "manager")
NASTY = '<img src=x onerror=alert(1)> & "Sons"'

TABLES = (Path(__file__).parent / "serving_tables.sql").read_text()
RAW = (
    "record_id varchar, record_updated_at timestamp, payload json, payload_hash varchar, _loaded_at timestamp,"
    " _run_id varchar"
)
RAW_TABLES = ("shopify_abandoned_checkouts", "shopify_orders", "delivery_events", "ledger_entries", "shopify_customers")


@dataclass(frozen=True)
class Story:
    """One cart: who left it, and what became of it."""

    number: int
    first_name: str
    last_name: str
    ending: str  # left, sent, clicked, recovered, held_out, suppressed, ambiguous, ordered
    hours_ago: float

    @property
    def cart_id(self) -> str:
        return f"c{self.number:04d}f00d"

    @property
    def message_id(self) -> str:
        return f"00000000-0000-4000-8000-{self.number:012d}"

    @property
    def email(self) -> str:
        return f"{self.first_name.lower()}.{self.number}@example.com"

    @property
    def touched_at(self) -> datetime:
        return NOW - timedelta(hours=self.hours_ago)

    @property
    def total_cents(self) -> int:
        return 4200 + self.number * 731


STORIES = (
    Story(1, "Ana", "Okafor", "recovered", 20), Story(2, "Ben", "Smith", "clicked", 9),
    Story(3, "Chloé", "Dubois", "held_out", 12), Story(4, "Diego", "Garcia", "suppressed", 15),
    Story(5, "Elif", "Yılmaz", "left", 0.4), Story(6, "Farid", "Khan", "sent", 4),
    Story(7, "Greta", "Novak", "ordered", 30), Story(8, "Hana", "Tanaka", "recovered", 44),
    Story(9, "Ivo", NASTY, "ambiguous", 6), Story(10, "Jin", "Silva", "recovered", 70),
    Story(11, "Kofi", "Müller", "sent", 28), Story(12, "Lena", "Rossi", "clicked", 50),
)  # fmt: skip


def build_home(home: Path, with_figures: bool = True, is_simulated: bool = True, speed: float = 0.0) -> Settings:
    """A workspace in `home` with users of every role; with figures, also a published warehouse and a ledger."""
    (home / "simulation").mkdir(parents=True, exist_ok=True)
    if is_simulated:
        (home / "simulation" / "connection.env").write_text("DMAT_WORKSPACE_NAME=Northwind Outdoor\n")
    settings = load_settings(home)
    settings.clock.set(NOW, speed=speed)
    store = open_store(settings)
    for role in ROLES:
        create_user(store, f"{role}@example.com", PASSWORD, role=role, name=f"{role.title()} Person")
    if with_figures:
        build_warehouse(settings)
        fill_store(store)
    store.close()
    return settings


def build_warehouse(settings: Settings) -> None:
    """Write the tables and publish them."""
    with writer_lock(settings):
        settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(settings.core_path))
        connection.execute(TABLES)
        for table in RAW_TABLES:
            connection.execute(f"create table raw.{table} ({RAW})")
        for story in STORIES:
            tell(connection, story)
        fill_operations(connection)
        connection.execute(
            "create view staging.stg_shopify__abandoned_checkouts as select payload ->> '$.id' as checkout_id,"
            " regexp_extract(payload ->> '$.abandonedCheckoutUrl', '/ac/([^/]+)/', 1) as cart_id,"
            " record_updated_at as updated_at, _loaded_at from (select *, row_number() over (partition by record_id"
            " order by record_updated_at desc) as place from raw.shopify_abandoned_checkouts) where place = 1"
        )
        connection.close()
        publish(settings)


def republish(settings: Settings, *statements: str) -> None:
    """Change the core file and publish a new version, as the stream does."""
    with writer(settings) as connection:
        for statement in statements:
            connection.execute(statement)
    with writer_lock(settings):
        publish(settings)


def insert(connection: duckdb.DuckDBPyConnection, table: str, *rows: Iterable[Any]) -> None:
    for row in rows:
        values = list(row)
        connection.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)


def raw_row(record_id: str, at: datetime, payload: dict[str, Any]) -> list[Any]:
    return [record_id, at, json.dumps(payload), f"{hash(record_id) & 0xFFFF:x}", at + timedelta(minutes=2), "run-0042"]


def tell(connection: duckdb.DuckDBPyConnection, story: Story) -> None:
    """Write one cart's rows into every table that its ending touches."""
    tell_person(connection, story)
    tell_cart(connection, story)
    if story.ending not in {"left", "ordered"}:
        tell_message(connection, story)
    if story.ending in {"recovered", "ordered"}:
        tell_order(connection, story)


def tell_person(connection: duckdb.DuckDBPyConnection, story: Story) -> None:
    n, full_name = story.number, f"{story.first_name} {story.last_name}"
    seen = NOW - timedelta(days=200)
    insert(connection, "people.dim_people", [
        n, story.email, "example.com", f"+4915100000{n:02d}", story.first_name, story.last_name, full_name, "DE",
        "Berlin", "Europe/Berlin", None, None, None, None, seen, story.touched_at, 3, 25_900, "EUR",
        NOW - timedelta(days=40), story.ending != "suppressed", False, "customer",
    ])  # fmt: skip
    insert(
        connection, "people.person_contacts",
        [f"shopify:{n}", "shopify", str(n), n, story.email, f"+4915100000{n:02d}", full_name, seen, story.touched_at,
         "e-mail"],
        [f"hubspot:{n}", "hubspot", str(n), n, story.email, None, full_name, seen, seen, "e-mail"],
    )  # fmt: skip
    if n == 1:
        insert(connection, "people.person_merges", [91, 1, seen, "same e-mail in Shopify and HubSpot"])
    insert(connection, "consent.person_channel_consent", [
        n, "email", "marketing", story.ending != "suppressed", seen, "shopify", "SUBSCRIBED at checkout",
    ])  # fmt: skip


def checkout_payload(story: Story, lines: int) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/AbandonedCheckout/{story.number}", "name": f"#C{story.number}",
        "abandonedCheckoutUrl": f"https://shop.example/checkouts/ac/{story.cart_id}/recover?key=k{story.number}",
        "totalPriceSet": {"shopMoney": {"amount": f"{story.total_cents / 100:.2f}", "currencyCode": "EUR"}},
        "customer": {"id": f"gid://shopify/Customer/{story.number}"},
        "lineItems": {"nodes": [{"title": f"Trail shoes {line}", "quantity": 1} for line in range(lines)]},
    }  # fmt: skip


def tell_cart(connection: duckdb.DuckDBPyConnection, story: Story) -> None:
    ordered = story.ending in {"recovered", "ordered"}
    created = story.touched_at - timedelta(minutes=12)
    order_id = f"shopify:{1000 + story.number}" if ordered else None
    for version, at in enumerate((created, story.touched_at), start=1):
        row = raw_row(f"gid://shopify/AbandonedCheckout/{story.number}", at, checkout_payload(story, version))
        insert(connection, "raw.shopify_abandoned_checkouts", row)
    insert(connection, "commerce.fct_carts", [
        story.cart_id, story.number, story.email, None, f"ga.{story.number}", created, story.touched_at,
        story.touched_at + timedelta(hours=3) if ordered else None, order_id, "ordered" if ordered else "open", 2,
        story.total_cents, "EUR", f"https://shop.example/checkouts/ac/{story.cart_id}/recover?key=k{story.number}",
        f"shopify:{story.number}", f"gid://shopify/AbandonedCheckout/{story.number}",
    ])  # fmt: skip
    insert(
        connection, "commerce.fct_cart_lines",
        [story.cart_id, 1, "p1", "TS-1", "Trail shoes", 1, story.total_cents - 1500, "EUR", "https://cdn.example/1.png"],
        [story.cart_id, 2, "p2", "SO-2", "Wool socks, <two> pairs", 1, 1500, "EUR", None],
    )  # fmt: skip


def events_of(story: Story) -> list[tuple[str, datetime, bool]]:
    """The provider's events on a story's message: type, when, by a machine or not."""
    sent = story.touched_at + timedelta(hours=1)
    events = [("delivered", sent + timedelta(seconds=40), False), ("opened", sent + timedelta(minutes=1), True)]
    if story.ending in {"clicked", "recovered"}:
        events += [("opened", sent + timedelta(minutes=25), False), ("clicked", sent + timedelta(minutes=26), False)]
    return events if story.ending in {"sent", "clicked", "recovered"} else []


def state_of(story: Story) -> tuple[str, str]:
    return {
        "held_out": ("held_out", "held out to measure what the mail adds"), "ambiguous": ("ambiguous", "no answer"),
        "suppressed": ("suppressed", "no consent for e-mail marketing"),
    }.get(story.ending, ("delivered", ""))  # fmt: skip


def tell_message(connection: duckdb.DuckDBPyConnection, story: Story) -> None:
    planned = story.touched_at + timedelta(minutes=60)
    state, reason = state_of(story)
    sent = state == "delivered"
    went = planned + timedelta(seconds=20)
    events = events_of(story)
    first = {kind: next((at for k, at, machine in events if k == kind and not machine), None)
             for kind in ("opened", "clicked")}  # fmt: skip
    insert(connection, "deliveries.fct_messages", [
        story.message_id, story.number, "cart_recovery", 1, "first_mail", story.cart_id, "email", state, reason,
        story.ending == "held_out", planned, went if sent else None, went if sent else None,
        went + timedelta(seconds=40) if sent else None, first["opened"], first["clicked"],
        "Still thinking it over?" if sent else "", "sendgrid" if sent else "", went,
        story.cart_id, "marketing",
    ])  # fmt: skip
    insert(
        connection,
        "raw.ledger_entries",
        raw_row(story.message_id, went, {"message_id": story.message_id, "state": state}),
    )
    is_recovered = story.ending == "recovered"
    insert(connection, "evaluation.cart_recoveries", [
        story.cart_id, story.number, story.message_id, story.ending == "held_out", story.total_cents, state, went,
        f"shopify:{1000 + story.number}" if is_recovered else None, went + timedelta(hours=2) if is_recovered else None,
        story.total_cents * 9 // 10 if is_recovered else None, "EUR", is_recovered,
    ])  # fmt: skip
    for number, (kind, at, is_machine) in enumerate(events):
        key = f"sendgrid:evt-{story.number}-{number}"
        insert(connection, "raw.delivery_events", raw_row(key, at, {
            "event": {"opened": "open", "clicked": "click"}.get(kind, kind), "email": story.email,
            "sg_event_id": f"evt-{story.number}-{number}", "dmat_message_id": story.message_id,
            "timestamp": int(at.timestamp()), "sg_machine_open": is_machine,
        }))  # fmt: skip
        insert(connection, "engagement.fct_message_events", [
            key, "sendgrid", story.message_id, story.number, story.email, "email", kind, is_machine, at,
            "https://shop.example/cart" if kind == "clicked" else None, "Mozilla/5.0", at + timedelta(seconds=3),
            key, None,
        ])  # fmt: skip


def tell_order(connection: duckdb.DuckDBPyConnection, story: Story) -> None:
    at = story.touched_at + timedelta(hours=3)
    code = "COMEBACK10" if story.ending == "recovered" else None
    discount = story.total_cents // 10 if code else 0
    insert(connection, "commerce.fct_orders", [
        f"shopify:{1000 + story.number}", "shopify", f"gid://shopify/Order/{1000 + story.number}", story.number, at,
        "paid", story.total_cents, discount, 0, story.total_cents - discount, "EUR", story.cart_id, code, None,
        f"#{1000 + story.number}", f"gid://shopify/Order/{1000 + story.number}",
    ])  # fmt: skip
    insert(connection, "raw.shopify_orders", raw_row(f"gid://shopify/Order/{1000 + story.number}", at, {
        "id": f"gid://shopify/Order/{1000 + story.number}", "name": f"#{1000 + story.number}",
        "checkoutToken": story.cart_id, "discountCodes": [code] if code else [],
    }))  # fmt: skip


SOURCES = (
    ("shopify", "orders", 4), ("shopify", "abandoned_checkouts", 1), ("hubspot", "contacts", 300),
    ("sendgrid", "events", 2), ("ga4", "sessions", 340), ("meta", "posts", 1500), ("linkedin", "posts", 1800),
    ("wordpress", "form_submissions", 45), ("woocommerce", "orders", 6000), ("twilio", "messages", 55),
)  # fmt: skip


def fill_operations(connection: duckdb.DuckDBPyConnection) -> None:
    """Carts and visits, the runs of every source, refused rows, and the summary of recovery."""
    fill_days(connection)
    for source, resource, minutes in SOURCES:
        fill_source(connection, source, resource, NOW - timedelta(minutes=minutes))
    bad = ["hubspot", "contacts", "run-0042", NOW - timedelta(hours=5)]
    insert(
        connection, "operations.capture_refusals",
        [*bad, "8812", "email: 'ana(at)example' is not an address", '{"id": "8812"}'],
        [*bad, "8813", NASTY, "null"],
    )  # fmt: skip
    insert(connection, "evaluation.cart_recovery_summary",
           ["EUR", 812, 731, 81, 118, 8, 1_012_450, 388_200, 41_500, 734_900, None])  # fmt: skip


def fill_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Carts that somebody left every 36 minutes, and a visit every minute of two weeks."""
    connection.execute(
        "insert into commerce.fct_carts (cart_id, created_at, last_touched_at, status, item_count, total_cents,"
        " currency_code) select 'x' || i, touched, touched, 'open', 1, 3900, 'EUR' from (select i, ?::timestamp"
        " - to_hours(cast(i * 0.6 as integer)) as touched from range(8, 2800) as numbers(i))",
        [NOW],
    )
    connection.execute(
        "insert into engagement.fct_visits (visit_id, client_id, person_id, started_at)"
        " select 'v' || i, 'c' || i, null, ?::timestamp - to_minutes(i) from range(1, 20161) as numbers(i)",
        [NOW],
    )


def fill_source(connection: duckdb.DuckDBPyConnection, source: str, resource: str, at: datetime) -> None:
    refused = 2 if source == "hubspot" else 0
    error = "linkedin refused the request with 401: the access token has expired" if source == "linkedin" else ""
    insert(connection, "operations.source_freshness",
           [source, resource, at, at - timedelta(minutes=1), at, 12_345, "run-0042", refused])  # fmt: skip
    earlier = at - timedelta(hours=1)
    insert(
        connection, "operations.capture_runs",
        [source, resource, "run-0041", earlier, earlier + timedelta(minutes=1), 420, 400, 20, 0, "c1", "", 1],
        [source, resource, "run-0042", at - timedelta(seconds=9), at, 37, 30, 5, refused, "c2", error, 1],
    )  # fmt: skip


def fill_store(store: Store) -> None:
    """The ledger, its transitions and the messages as sent, for the stories that have one; inbox and quarantine."""
    with store.write() as connection:
        for story in STORIES:
            if story.ending not in {"left", "ordered"}:
                _enter(connection, story)
        connection.execute(sa.insert(tables.quarantine).values(
            provider="sendgrid", body_hash="b1", reason="the signature does not match the body", headers={},
            url="/webhooks/sendgrid", body=b"[{}]", size_bytes=4, seen_count=3, received_at=NOW - timedelta(minutes=20),
        ))  # fmt: skip


def _enter(connection: sa.Connection, story: Story) -> None:
    planned = story.touched_at + timedelta(minutes=60)
    went = planned + timedelta(seconds=20)
    state, reason = state_of(story)
    sent = state == "delivered"
    connection.execute(sa.insert(tables.ledger_entries).values(
        message_id=story.message_id, person_id=story.number, programme="cart_recovery", programme_version=1,
        step="first_mail", occurrence=story.cart_id, channel="email", address=story.email, state=state, reason=reason,
        is_holdout=story.ending == "held_out", context={"cart_id": story.cart_id, "locale": "de"}, planned_at=planned,
        subject="Still thinking it over?" if sent else "", provider="sendgrid" if sent else "",
        handed_over_at=went if sent else None, accepted_at=went if sent else None,
        delivered_at=went + timedelta(seconds=40) if sent else None, updated_at=went, attempts=1 if sent else 0,
    ))  # fmt: skip
    steps = ["planned", *(["claimed", "handed_over", "accepted", "delivered"] if sent else
                          ["claimed", "handed_over", "ambiguous"] if state == "ambiguous" else [state])]  # fmt: skip
    for number, (before, after) in enumerate(zip(["", *steps], steps, strict=False)):
        connection.execute(sa.insert(tables.ledger_transitions).values(
            message_id=story.message_id, from_state=before, to_state=after,
            reason=reason if after == state else "", happened_at=planned + timedelta(seconds=5 * number),
        ))  # fmt: skip
    if sent:
        html = (f"<html><body style='font-family:sans-serif'><h1>Still thinking it over, {story.first_name}?</h1>"
                "<img src='https://cdn.example/1.png' width='180' alt='Trail shoes'><p>Use <b>COMEBACK10</b>.</p>"
                "<script>parent.document.title='owned'</script></body></html>")  # fmt: skip
        connection.execute(sa.insert(tables.rendered_messages).values(
            message_id=story.message_id, from_address="Northwind <hello@shop.example>", to_address=story.email,
            subject="Still thinking it over?", html=html, text="Still thinking it over? Use COMEBACK10.",
            headers={"List-Unsubscribe": "<https://shop.example/u/1>"}, rendered_at=went,
        ))  # fmt: skip
