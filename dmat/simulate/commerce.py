"""Carts and orders: which visits fill a cart, which carts are bought, at once, later or never.

Belongs here: drawing carts, their lines, orders with discounts, cancellations and returns, and writing them.
Stays out: who the customers are in the shop's eyes (`contacts.py`).

A cart is filled in a visit with probability conversion / completion x strength of the channel. It is bought at once
with probability `completion_rate`; an abandoned one comes back within 72 hours with probability `return_rate`.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from dmat.simulate.catalogue import CATEGORIES, CURRENCY, product_titles
from dmat.simulate.channels import channel_strengths
from dmat.simulate.columns import NONE, moments, numbers, stage, store, words
from dmat.simulate.people import SHOP_CUSTOMER_BASE, People
from dmat.simulate.rhythm import DAY, HOUR, Calendar
from dmat.simulate.traffic import Visits

CART_BASE = 5_000_000_000_000
ORDER_BASE = 6_000_000_000_000
OUTLET_ORDER_BASE = 50_000
CODES = ("SALE20", "WELCOME10", "THANKS5")
CODE_PERCENT = np.array([20, 10, 5])
STATUSES = ("PAID", "PARTIALLY_REFUNDED", "REFUNDED", "VOIDED")
PAID, PARTIAL, REFUNDED, VOIDED = range(len(STATUSES))
REASONS = ("does not fit", "damaged on arrival", "changed my mind", "cancelled before dispatch")


@dataclass(frozen=True)
class Carts:
    """Filled carts of one chunk in order of time (parallel arrays); moments are -1 where it did not happen."""

    number: np.ndarray
    visit: np.ndarray
    person: np.ndarray
    is_outlet: np.ndarray
    created: np.ndarray
    touched: np.ndarray
    completed: np.ndarray
    customer: np.ndarray
    total: np.ndarray
    line_cart: np.ndarray
    line_product: np.ndarray
    line_quantity: np.ndarray
    line_price: np.ndarray


def draw_carts(
    rng: np.random.Generator, people: People, calendar: Calendar, visits: Visits, prices: np.ndarray, first_number: int
) -> Carts:
    """Draw which visits fill a cart, with what, and which carts are bought."""
    visit, person = _draw_fillings(rng, people, visits)
    truth = people.truth
    created = visits.start[visit] + rng.integers(40, 900, len(visit))
    touched = created + rng.integers(0, 1500, len(visit))
    at_once = rng.random(len(visit)) < truth["completion_rate"][person]
    returns = ~at_once & (rng.random(len(visit)) < truth["return_rate"][person])
    later = touched + 2 * HOUR + (rng.random(len(visit)) ** 2 * 68 * HOUR).astype(np.int64)
    completed = np.where(at_once, touched + rng.integers(60, 900, len(visit)), np.where(returns, later, NONE))
    now = calendar.end_second - 5
    completed = np.where(completed >= now, NONE, completed)
    is_known = (completed != NONE) | (rng.random(len(visit)) < 0.92)
    second = people.is_duplicated[person] & (rng.random(len(visit)) < 0.4)
    customer = np.where(is_known, SHOP_CUSTOMER_BASE + people.ids[person] * 4 + second, NONE)
    is_outlet = people.in_outlet[person] & (rng.random(len(visit)) < 0.8)
    lines = _draw_lines(rng, people.ids[person], prices)
    total = np.bincount(lines[0], lines[2] * lines[3], len(visit)).astype(np.int64)
    return Carts(
        first_number + np.arange(len(visit)), visit, person, is_outlet, np.minimum(created, now),
        np.minimum(touched, now), completed, customer, total, *lines,
    )  # fmt: skip


def _draw_fillings(rng: np.random.Generator, people: People, visits: Visits) -> tuple[np.ndarray, np.ndarray]:
    known = np.flatnonzero(visits.person != NONE)
    person = visits.person[known]
    chance = people.truth["conversion_rate"] / people.truth["completion_rate"]
    fills = rng.random(len(known)) < chance[person] * channel_strengths()[visits.channel[known]]
    return known[fills], person[fills]


def _draw_lines(
    rng: np.random.Generator, person_ids: np.ndarray, prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cart index, product index, quantity and price of each line; a product stands once in a cart."""
    count = len(person_ids)
    per_cart = np.minimum(rng.geometric(0.55, count), 5)
    cart = np.repeat(np.arange(count), per_cart)
    category = np.array([[name for name, _, _ in CATEGORIES].index(c) for _, c, _ in product_titles()])
    starts, sizes = np.searchsorted(category, np.arange(len(CATEGORIES))), np.bincount(category)
    favourite = (person_ids[cart] * 31) % len(CATEGORIES)
    of_favourite = starts[favourite] + (rng.random(len(cart)) ** 1.5 * sizes[favourite]).astype(np.int64)
    anything = (rng.random(len(cart)) ** 1.3 * len(prices)).astype(np.int64) * 37 % len(prices)
    product = np.where(rng.random(len(cart)) < 0.5, of_favourite, anything)
    keys = np.unique(cart * len(prices) + product)
    cart, product = keys // len(prices), keys % len(prices)
    quantity = 1 + (rng.random(len(cart)) < 0.16) + 2 * (rng.random(len(cart)) < 0.03)
    return cart, product, quantity, prices[product]


def write_carts(connection: duckdb.DuckDBPyConnection, people: People, visits: Visits, carts: Carts) -> None:
    """Write `carts` and `cart_lines` of the shop (the outlet keeps no carts)."""
    shop = np.flatnonzero(~carts.is_outlet)
    completed = carts.completed[shop]
    stage(connection, "drawn_carts", {
        "cart_id": CART_BASE + carts.number[shop], "person_id": people.ids[carts.person[shop]],
        "customer_id": numbers(carts.customer[shop]), "client": visits.client[carts.visit[shop]],
        "client_since": visits.client_since[carts.visit[shop]], "created_at": moments(carts.created[shop]),
        "updated_at": moments(np.where(completed == NONE, carts.touched[shop], completed)),
        "completed_at": moments(completed),
        "order_id": numbers(np.where(completed == NONE, NONE, ORDER_BASE + carts.number[shop])),
        "currency_code": pa.array([CURRENCY] * len(shop)), "total_cents": carts.total[shop],
    })  # fmt: skip
    connection.execute(
        "insert into carts by name select * exclude (client, client_since), md5('cart' || cart_id) as token,"
        " md5('key' || cart_id || person_id) as recovery_key, client || '.' || client_since as client_id"
        " from drawn_carts"
    )
    connection.unregister("drawn_carts")
    _write_lines(connection, "cart", carts, ~carts.is_outlet, CART_BASE + carts.number)


def _write_lines(
    connection: duckdb.DuckDBPyConnection, owner: str, carts: Carts, mask: np.ndarray, ids: np.ndarray
) -> None:
    kept = mask[carts.line_cart]
    cart = carts.line_cart[kept]
    first = np.searchsorted(carts.line_cart, np.arange(len(carts.number)))
    number = np.arange(len(carts.line_cart)) - first[carts.line_cart] + 1
    store(connection, f"{owner}_lines", {
        f"{owner}_id": ids[cart], "line_number": number[kept], "product_id": carts.line_product[kept] + 1,
        "quantity": carts.line_quantity[kept], "unit_price_cents": carts.line_price[kept],
    })  # fmt: skip


@dataclass(frozen=True)
class Orders:
    """What became of the bought carts (parallel arrays); `cart` is an index in `Carts`, moments are -1 for none."""

    cart: np.ndarray
    code: np.ndarray
    discount: np.ndarray
    cancelled: np.ndarray
    returned: np.ndarray
    refunded: np.ndarray
    status: np.ndarray


def draw_orders(rng: np.random.Generator, people: People, calendar: Calendar, carts: Carts) -> Orders:
    """Draw discount codes, cancellations and returns of the bought carts."""
    cart = np.flatnonzero(carts.completed != NONE)
    size, bought, total = len(cart), carts.completed[cart], carts.total[cart]
    sensitivity = people.truth["price_sensitivity"][carts.person[cart]]
    on_sale = calendar.is_sale[calendar.day_of(bought)] & (rng.random(size) < 0.25 + 0.6 * sensitivity)
    has_code = on_sale | (rng.random(size) < 0.36 * sensitivity)
    code = np.where(has_code, np.where(on_sale, 0, rng.choice([1, 2], size, p=[0.7, 0.3])), NONE)
    discount = np.where(has_code, total * CODE_PERCENT[code] // 100, 0)
    cancelled = np.where(rng.random(size) < 0.025, bought + rng.integers(600, 30 * HOUR, size), NONE)
    cancelled = np.where(cancelled < calendar.end_second, cancelled, NONE)
    sends_back = (cancelled == NONE) & (rng.random(size) < 0.07)
    returned = np.where(sends_back, bought + rng.integers(3 * DAY, 25 * DAY, size), NONE)
    returned = np.where(returned < calendar.end_second, returned, NONE)
    is_whole = rng.random(size) < 0.6
    is_void = (cancelled != NONE) & (rng.random(size) < 0.3)
    paid = total - discount
    part = np.maximum(np.rint(paid * rng.uniform(0.2, 0.8, size)), 1).astype(np.int64)
    gives_back = (returned != NONE) | ((cancelled != NONE) & ~is_void)
    refunded = np.where(gives_back, np.where((returned != NONE) & ~is_whole, part, paid), 0)
    status = np.where(is_void, VOIDED, np.where(refunded == 0, PAID, np.where(refunded < paid, PARTIAL, REFUNDED)))
    return Orders(cart, code, discount, cancelled, returned, refunded, status)


def write_orders(
    connection: duckdb.DuckDBPyConnection, people: People, visits: Visits, carts: Carts, orders: Orders
) -> None:
    """Write `orders`, `order_lines` and `refunds`; the customers of both shops must be there."""
    cart, person = orders.cart, carts.person[orders.cart]
    outlet, number = carts.is_outlet[cart], carts.number[cart]
    ids = np.where(outlet, OUTLET_ORDER_BASE, ORDER_BASE) + number
    bought = carts.completed[cart]
    updated = np.maximum(bought + 5, np.maximum(orders.cancelled, orders.returned))
    stage(connection, "drawn_orders", {
        "order_id": ids, "outlet": words(("shopify", "woocommerce"), outlet.astype(np.int64)),
        "person_id": people.ids[person],
        "shop_customer_id": numbers(np.where(outlet, NONE, carts.customer[cart])),
        "outlet_customer_id": numbers(np.where(outlet, people.ids[person] + 100, NONE)),
        "cart_id": CART_BASE + number, "ordered_at": moments(bought), "updated_at": moments(updated),
        "cancelled_at": moments(orders.cancelled), "financial_status": words(STATUSES, orders.status),
        "currency_code": pa.array([CURRENCY] * len(cart)), "subtotal_cents": carts.total[cart] - orders.discount,
        "discount_cents": orders.discount, "total_cents": carts.total[cart] - orders.discount,
        "refunded_cents": orders.refunded, "discount_code": words(CODES, orders.code),
        "client": visits.client[carts.visit[cart]], "client_since": visits.client_since[carts.visit[cart]],
    })  # fmt: skip
    connection.execute(_INSERT_ORDERS)
    connection.unregister("drawn_orders")
    by_cart = np.full(len(carts.number), NONE)
    by_cart[cart] = ids
    _write_lines(connection, "order", carts, carts.completed != NONE, by_cart)
    _write_refunds(connection, orders, ids)


def _write_refunds(connection: duckdb.DuckDBPyConnection, orders: Orders, ids: np.ndarray) -> None:
    gives = np.flatnonzero(orders.refunded > 0)
    is_return = orders.returned[gives] != NONE
    store(connection, "refunds", {
        "refund_id": ids[gives] + 900_000_000, "order_id": ids[gives],
        "created_at": moments(np.where(is_return, orders.returned[gives], orders.cancelled[gives])),
        "amount_cents": orders.refunded[gives], "reason": words(REASONS, np.where(is_return, ids[gives] % 3, 3)),
    })  # fmt: skip


_INSERT_ORDERS = """
    insert into orders by name
    select d.* exclude (client, client_since, cart_id, shop_customer_id, outlet_customer_id),
        coalesce(d.shop_customer_id, d.outlet_customer_id) as customer_id,
        case when d.outlet = 'shopify' then md5('cart' || d.cart_id) end as cart_token,
        d.client || '.' || d.client_since as client_id,
        coalesce(c.first_name, w.first_name) as first_name, coalesce(c.last_name, w.last_name) as last_name,
        coalesce(c.email, w.email) as email, coalesce(c.phone, w.phone) as phone, p.locale,
        coalesce(c.country_code, p.country_code) as country_code, coalesce(c.city, p.city) as city,
        coalesce(c.zip, p.zip) as zip
    from drawn_orders as d
    join people as p using (person_id)
    left join shop_customers as c on c.customer_id = d.shop_customer_id
    left join outlet_customers as w on w.customer_id = d.outlet_customer_id"""
