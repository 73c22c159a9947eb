"""What people do in the living company: visits, carts, orders, refunds, forms, text messages.

Belongs here: adding rows to the typed tables and rendering the vendors' records of what changed. Stays out: who does
it and when (`world.py`), and how a record looks (`payloads.py`). A `Shopping` lives for one step, in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from dmat.simulate.payloads import render

KEYS = {
    "ga4_sessions": "visit_id",
    "shopify_abandoned_checkouts": "cart_id",
    "shopify_orders": "order_id",
    "shopify_customers": "customer_id",
    "wordpress_form_submissions": "submission_id",
    "woocommerce_orders": "order_id",
    "hubspot_contacts": "contact_id",
    "hubspot_deals": "deal_id",
    "twilio_messages": "sid",
    "meta_posts": "post_id",
    "linkedin_posts": "post_id",
    **dict.fromkeys(("meta_ad_insights", "linkedin_ad_analytics", "ga4_ad_costs"), "campaign_id || ':' || day"),
}
#: share of the price that a discount code takes off
DISCOUNT = 0.10


@dataclass(frozen=True)
class Basket:
    """What a person puts into a cart: (product id, quantity, unit price in cents)."""

    lines: tuple[tuple[int, int, int], ...]
    currency_code: str

    @property
    def total_cents(self) -> int:
        """Price of everything in it."""
        return sum(quantity * cents for _, quantity, cents in self.lines)


@dataclass
class Shopping:
    """Rows written in one step, and which records must be rendered again."""

    connection: duckdb.DuckDBPyConnection
    changed: dict[str, set[Any]] = field(default_factory=dict)

    def one(self, sql: str, values: Sequence[Any] = ()) -> dict[str, Any] | None:
        """The first row as a dictionary, or None."""
        cursor = self.connection.execute(sql, list(values))
        names = [column[0] for column in cursor.description or []]
        row = cursor.fetchone()
        return dict(zip(names, row, strict=True)) if row else None

    def next_id(self, table: str, column: str) -> int:
        """One more than the highest id there is."""
        found = self.connection.execute(f"select coalesce(max({column}), 0) + 1 from {table}").fetchone()
        return int(found[0]) if found else 1

    def add(self, table: str, **values: Any) -> None:
        """Insert a row; columns that are not named stay null."""
        marks = ", ".join("?" for _ in values)
        names = ", ".join(f'"{name}"' for name in values)
        self.connection.execute(f"insert into main.{table} ({names}) values ({marks})", list(values.values()))

    def touch(self, resource: str, key: Any) -> None:
        """Render this record when the step ends."""
        if key is not None:
            self.changed.setdefault(resource, set()).add(key)

    def render_changed(self) -> int:
        """Put every changed record into `records`; gives how many."""
        count = 0
        for resource, keys in self.changed.items():
            if not keys:
                continue
            listed = ", ".join(repr(key) for key in sorted(keys))
            count += render(self.connection, resource, f"{KEYS[resource]} in ({listed})")
        self.changed = {}
        return count

    def visit(self, person: dict[str, Any], at: datetime, **source: Any) -> None:
        """A visit of the web site."""
        visit_id = self.next_id("visits", "visit_id")
        self.add("visits", visit_id=visit_id, person_id=person["person_id"], client_id=person["client_id"],
                 started_at=at, country_code=person["country_code"], **source)  # fmt: skip
        self.touch("ga4_sessions", visit_id)

    def start_cart(self, person: dict[str, Any], at: datetime, basket: Basket, token: str, key: str) -> int:
        """A checkout is started; from now on it is among the abandoned checkouts, completed or not."""
        cart_id = self.next_id("carts", "cart_id")
        self.add("carts", cart_id=cart_id, token=token, recovery_key=key, person_id=person["person_id"],
                 customer_id=person["customer_id"], client_id=person["client_id"], created_at=at, updated_at=at,
                 currency_code=basket.currency_code, total_cents=basket.total_cents)  # fmt: skip
        for number, (product_id, quantity, cents) in enumerate(basket.lines, start=1):
            self.add("cart_lines", cart_id=cart_id, line_number=number, product_id=product_id, quantity=quantity,
                     unit_price_cents=cents)  # fmt: skip
        self.touch("shopify_abandoned_checkouts", cart_id)
        return cart_id

    def touch_cart(self, token: str, at: datetime) -> dict[str, Any] | None:
        """The person comes back to an open cart and takes one more of its first product."""
        cart = self.one("select * from carts where token = ? and completed_at is null", [token])
        if cart is None:
            return None
        self.connection.execute(
            "update cart_lines set quantity = quantity + 1 where cart_id = ? and line_number = 1", [cart["cart_id"]]
        )
        self.connection.execute(
            "update carts set updated_at = ?, total_cents = (select sum(quantity * unit_price_cents) from cart_lines"
            " where cart_id = carts.cart_id) where cart_id = ?",
            [at, cart["cart_id"]],
        )
        self.touch("shopify_abandoned_checkouts", cart["cart_id"])
        return cart

    def order_cart(self, token: str, at: datetime, code: str | None) -> dict[str, Any] | None:
        """An open cart becomes an order, with a discount code or without; None when it is no longer open."""
        cart = self.one("select * from carts where token = ? and completed_at is null", [token])
        if cart is None:
            return None
        order = self._order_of(cart, self._buyer(cart), at, code)
        self.add("orders", **order)
        self.connection.execute(
            "insert into order_lines select ?, line_number, product_id, quantity, unit_price_cents"
            " from cart_lines where cart_id = ?",
            [order["order_id"], cart["cart_id"]],
        )
        self.connection.execute(
            "update carts set completed_at = ?, updated_at = ?, order_id = ? where cart_id = ?",
            [at, at, order["order_id"], cart["cart_id"]],
        )
        self.touch("shopify_orders", order["order_id"])
        self.touch("shopify_abandoned_checkouts", cart["cart_id"])
        self._touch_customer(cart["customer_id"], at)
        return order

    def _buyer(self, cart: dict[str, Any]) -> dict[str, Any]:
        """Who buys, as the shop knows them; a guest gives their own name and address."""
        person = self.one("select * from people where person_id = ?", [cart["person_id"]]) or {}
        customer = self.one("select * from shop_customers where customer_id = ?", [cart["customer_id"]]) or {}
        return person | {name: value for name, value in customer.items() if value is not None}

    def _order_of(self, cart: dict[str, Any], person: dict[str, Any], at: datetime, code: str | None) -> dict[str, Any]:
        discount = round(cart["total_cents"] * DISCOUNT) if code else 0
        copied = ("first_name", "last_name", "email", "phone", "locale", "country_code", "city", "zip")
        return {
            "order_id": self.next_id("orders", "order_id"), "outlet": "shopify", "person_id": cart["person_id"],
            "customer_id": cart["customer_id"], "cart_token": cart["token"], "ordered_at": at, "updated_at": at,
            "financial_status": "PAID", "currency_code": cart["currency_code"],
            "subtotal_cents": cart["total_cents"] - discount, "discount_cents": discount,
            "total_cents": cart["total_cents"] - discount, "refunded_cents": 0, "discount_code": code,
            "client_id": cart["client_id"], **{name: person.get(name) for name in copied},
        }  # fmt: skip

    def order_at_outlet(self, person: dict[str, Any], at: datetime, basket: Basket) -> dict[str, Any]:
        """An order in the older outlet, which keeps no carts."""
        found = self.one("select coalesce(max(order_id), 50000) + 1 as number from orders where outlet = 'woocommerce'")
        customer = (
            self.one("select * from outlet_customers where customer_id = ?", [person["outlet_customer_id"]]) or {}
        )
        buyer = person | {name: value for name, value in customer.items() if value is not None}
        copied = ("first_name", "last_name", "email", "phone", "country_code", "city", "zip")
        order = {
            "order_id": (found or {"number": 50_001})["number"], "outlet": "woocommerce",
            "person_id": person["person_id"], "customer_id": person["outlet_customer_id"], "ordered_at": at,
            "updated_at": at, "financial_status": "PAID", "currency_code": basket.currency_code,
            "subtotal_cents": basket.total_cents, "discount_cents": 0, "total_cents": basket.total_cents,
            "refunded_cents": 0, "client_id": person["client_id"], **{name: buyer.get(name) for name in copied},
        }  # fmt: skip
        self.add("orders", **order)
        for number, (product_id, quantity, cents) in enumerate(basket.lines, start=1):
            self.add("order_lines", order_id=order["order_id"], line_number=number, product_id=product_id,
                     quantity=quantity, unit_price_cents=cents)  # fmt: skip
        self.touch("woocommerce_orders", order["order_id"])
        return order

    def _touch_customer(self, customer_id: int | None, at: datetime) -> None:
        if customer_id is not None:
            self.connection.execute("update shop_customers set updated_at = ? where customer_id = ?", [at, customer_id])
            self.touch("shopify_customers", customer_id)

    def refund_order(self, order_id: int, at: datetime, is_cancelled: bool) -> None:
        """A whole order is sent back, or cancelled before it left."""
        order = self.one("select * from orders where order_id = ? and refunded_cents = 0", [order_id])
        if order is None:
            return
        self.add("refunds", refund_id=self.next_id("refunds", "refund_id"), order_id=order_id, created_at=at,
                 amount_cents=order["total_cents"],
                 reason="cancelled before dispatch" if is_cancelled else "changed my mind")  # fmt: skip
        self.connection.execute(
            "update orders set refunded_cents = total_cents, financial_status = 'REFUNDED', updated_at = ?,"
            " cancelled_at = ? where order_id = ?",
            [at, at if is_cancelled else None, order_id],
        )
        self.touch(f"{order['outlet']}_orders", order_id)

    def know_contact(self, person: dict[str, Any], at: datetime) -> int | None:
        """The CRM hears of a person; gives the new contact's id, or None when it knew them."""
        if self.one("select 1 from crm_contacts where person_id = ?", [person["person_id"]]):
            return None
        contact_id = self.next_id("crm_contacts", "contact_id")
        copied = ("person_id", "first_name", "last_name", "email", "country_code", "time_zone")
        self.add("crm_contacts", contact_id=contact_id, created_at=at, updated_at=at, lifecycle_stage="lead",
                 lead_status="NEW", source="DIRECT_TRAFFIC", **{name: person[name] for name in copied})  # fmt: skip
        self.touch("hubspot_contacts", contact_id)
        return contact_id

    def submit_form(self, person: dict[str, Any], at: datetime, form_id: int, agrees: bool) -> None:
        """A form of the web site is sent."""
        submission_id = self.next_id("form_submissions", "submission_id")
        copied = {name: person[name] for name in ("person_id", "client_id", "email", "first_name", "last_name")}
        self.add("form_submissions", submission_id=submission_id, form_id=form_id, submitted_at=at, modified_at=at,
                 email_consent=agrees, sms_consent=False, utm_source="(direct)", **copied)  # fmt: skip
        self.touch("wordpress_form_submissions", submission_id)

    def add_text(self, **message: Any) -> None:
        """A text message, going out or coming in."""
        self.add("text_messages", **message)
        self.touch("twilio_messages", message["sid"])

    def change_text(self, sid: str, status: str, at: datetime, error_code: int | None) -> None:
        """What became of a text message."""
        self.connection.execute(
            "update text_messages set status = ?, updated_at = ?, sent_at = coalesce(sent_at, ?), error_code = ?"
            " where sid = ?",
            [status, at, at, error_code, sid],
        )
        self.touch("twilio_messages", sid)
