"""Checkouts around real orders: the one that each order came from, and invented ones that were left.

Belongs here: when the checkout of an order was begun, and which real baskets were filled again and left.
Stays out: the orders themselves (`real_orders.py`).

A customer leaves as many carts for each order as the hidden truth says: of all carts filled, a share `completion_rate`
is bought at once and of the others a share `return_rate` within 72 hours. A left cart holds the first lines of one of
the customer's own orders. When it was left follows the days on which the shop was busy, give or take two days.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from dmat.simulate.columns import NONE, moments, numbers, stage
from dmat.simulate.commerce import CART_BASE
from dmat.simulate.people import SHOP_CUSTOMER_BASE, People
from dmat.simulate.rhythm import DAY, HOUR, Calendar

KNOWN_SHARE = 0.92


@dataclass(frozen=True)
class RealCarts:
    """Checkouts (parallel arrays): `order` is a position among the file's orders, -1 in `completed` is left."""

    order: np.ndarray
    person: np.ndarray
    is_known: np.ndarray
    kept_lines: np.ndarray
    created: np.ndarray
    touched: np.ndarray
    completed: np.ndarray

    @property
    def visits(self) -> tuple[np.ndarray, np.ndarray]:
        """Whose visit led to each cart of a customer, and when it began."""
        own = self.person != NONE
        return self.person[own], self.created[own] - 400


def draw_real_carts(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, humans: People, calendar: Calendar
) -> RealCarts:
    """Draw the checkouts of all orders with goods, and the left ones; `file_orders` must be there."""
    found = connection.execute(
        "select position, coalesce(person_id, 0) as person_id, lines, epoch(ordered_at)::bigint as at"
        " from file_orders where lines > 0 order by position"
    ).fetchnumpy()
    order, lines, at = (np.asarray(found[name], dtype=np.int64) for name in ("position", "lines", "at"))
    person = np.asarray(found["person_id"], dtype=np.int64) - 1
    bought = _draw_bought(rng, humans, order, person, lines, at)
    left = _draw_left(rng, humans, calendar, order, person, lines, at)
    return RealCarts(*(np.concatenate(pair) for pair in zip(bought, left, strict=True)))


Columns = tuple[np.ndarray, ...]


def _draw_bought(
    rng: np.random.Generator, humans: People, order: np.ndarray, person: np.ndarray, lines: np.ndarray, at: np.ndarray
) -> Columns:
    """One checkout for each order; some were left for hours before they were bought."""
    size = len(order)
    returns = np.where(person == NONE, 0.0, humans.truth["return_rate"][person])
    rested = rng.random(size) < returns
    lead = np.where(rested, 2 * HOUR + (rng.random(size) ** 2 * 68 * HOUR).astype(np.int64),
                    rng.integers(120, 2400, size))  # fmt: skip
    return order, person, person != NONE, lines, at - lead, at, at


def _draw_left(
    rng: np.random.Generator, humans: People, calendar: Calendar, order: np.ndarray, person: np.ndarray,
    lines: np.ndarray, at: np.ndarray,
) -> Columns:  # fmt: skip
    """Carts that nobody bought."""
    completes, returns = humans.truth["completion_rate"][person], humans.truth["return_rate"][person]
    bought_share = completes + (1 - completes) * returns
    counts = rng.poisson(np.where(person == NONE, 0.0, (1 - bought_share) / bought_share))
    like = np.repeat(np.arange(len(order)), counts)
    size, now = len(like), calendar.end_second - 60
    busy = at[rng.integers(0, len(at), size)] + np.rint(rng.normal(0, 2, size)).astype(np.int64) * DAY
    busy -= np.maximum(-(-(busy - now) // DAY), 0) * 2 * DAY
    created = np.clip(busy, humans.joined[person[like]] + HOUR, now)
    kept = np.maximum(np.ceil(rng.random(size) * lines[like]), 1).astype(np.int64)
    is_known = rng.random(size) < KNOWN_SHARE
    touched = np.minimum(created + rng.integers(0, 1500, size), now)
    return order[like], person[like], is_known, kept, created, touched, np.full(size, NONE)


def write_real_carts(connection: duckdb.DuckDBPyConnection, carts: RealCarts, currency_code: str) -> None:
    """Write `carts` and `cart_lines`; `people`, `file_orders` and `file_goods` must be there."""
    person = np.where(carts.person == NONE, NONE, carts.person + 1)
    stage(connection, "drawn_carts", {
        "cart_id": CART_BASE + np.arange(1, len(person) + 1), "position": carts.order, "person_id": numbers(person),
        "customer_id": numbers(np.where(carts.is_known, SHOP_CUSTOMER_BASE + person * 4, NONE)),
        "kept_lines": carts.kept_lines, "created_at": moments(carts.created), "touched_at": moments(carts.touched),
        "completed_at": moments(carts.completed),
    })  # fmt: skip
    connection.execute(
        "insert into cart_lines select d.cart_id, g.line_number, g.product_id, g.quantity, g.unit_cents"
        " from drawn_carts as d join file_goods as g using (position) where g.line_number <= d.kept_lines"
    )
    connection.execute(_INSERT_CARTS, [currency_code])
    connection.unregister("drawn_carts")


_INSERT_CARTS = """
    insert into carts by name
    select d.cart_id, md5('cart' || d.cart_id) as token, md5('key' || d.cart_id || coalesce(d.person_id, 0)) as
        recovery_key, d.person_id, d.customer_id, p.client_id, d.created_at, d.touched_at as updated_at, d.completed_at,
        case when d.completed_at is not null then o.order_id end as order_id, $1 as currency_code, t.total_cents
    from drawn_carts as d
    join file_orders as o using (position)
    join (select cart_id, sum(quantity * unit_price_cents)::bigint as total_cents from cart_lines group by 1) as t
        using (cart_id)
    left join people as p on p.person_id = d.person_id"""
