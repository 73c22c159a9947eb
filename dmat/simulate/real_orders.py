"""A shop whose history is a file of real orders: the typed tables filled from invoices instead of drawn.

Belongs here: products, customers, orders, refunds and checkouts of the file, moved to the workspace's time. Stays out:
which line is what (`order_lines.py`), carts that were left (`real_carts.py`), everything else a company has.

Real: what was bought, when (moved by whole days, the file's local times taken for UTC), for how much, by which customer
number in which country, what was credited. Invented, as in any simulated company: names, addresses, consent, habits,
carts, visits, forms, CRM and deals, newsletters, text messages, posts, advertising. Empty: the second shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from dmat.imports.values import COUNTRY_CODES
from dmat.simulate import catalogue, contacts, deals, mailing, media, people, traffic
from dmat.simulate.columns import stage
from dmat.simulate.commerce import ORDER_BASE
from dmat.simulate.company import Progress, tell
from dmat.simulate.markets import MARKETS
from dmat.simulate.order_lines import CHARGE, ORDER_LINE, PLACES, LineSum, OrdersReport, PlacedLines, place_lines
from dmat.simulate.people import Known, People
from dmat.simulate.places import HOME_COUNTRY, PLACES_ABROAD
from dmat.simulate.real_carts import draw_real_carts, write_real_carts
from dmat.simulate.rhythm import DAY, HOUR, Calendar
from dmat.simulate.tables import create_tables

JOINED_BEFORE_DAYS = 20
BROWSER, OCCASIONAL, LOYAL = range(3)
LOYAL_FROM, OCCASIONAL_FROM = 5, 2
CANCELLED_WITHIN_DAYS = 2
PLACE_COLUMNS = ("code", "city", "zip", "time_zone", "locale", "dialling")


@dataclass(frozen=True)
class OrdersCompany:
    """A company whose orders are real; `report` says where every line of the file went."""

    placed: PlacedLines
    seed: int
    end: datetime
    report: OrdersReport

    @property
    def has_outlet(self) -> bool:
        """Whether it has a second, older shop: the file knows of one only."""
        return False

    @cached_property
    def calendar(self) -> Calendar:
        """The days of its history: whole months that hold all of the file."""
        first = self.placed.lines["ordered_at"].to_pandas().min().to_pydatetime()
        days = (self.end - first - timedelta(days=self.report.shift_days)).days
        return Calendar(self.end, max(1, -(-(days * 10) // 304)))

    def rng(self, part: int) -> np.random.Generator:
        """The random stream of one part."""
        return np.random.default_rng([self.seed, 0, part])

    def fill(self, connection: duckdb.DuckDBPyConnection, progress: Progress | None = None) -> None:
        """Create and fill every typed table and schema `truth` in the connection's current database."""
        create_tables(connection)
        _stage_file(connection, self.placed, self.report.shift_days)
        known, customers = _read_customers(connection, self)
        size = len(customers)
        catalogue.write_surroundings(connection, self.rng(1), self.calendar, size)
        media.write_media(connection, self.rng(2), self.calendar, size)
        connection.execute(_INSERT_PRODUCTS, [self.calendar.dates[0], self.placed.currency_code])
        tell(progress, "customers", 0.2)
        humans = people.draw_people(self.rng(3), 1, size, self.calendar, catalogue.companies_count(size), known)
        _write_lives(self, connection, humans)
        tell(progress, "orders", 0.5)
        _settle(connection, customers, self.placed.currency_code)
        contacts.write_identities(connection)
        _count(connection, self)
        tell(progress, "orders", 1.0)


def company_from_orders(file: Path, seed: int, end: datetime) -> OrdersCompany:
    """The company whose history is the orders of a file, moved by whole days so that the last comes just before `end`.

    Args:
        file: invoice lines as CSV, Parquet or XLSX; the columns are guessed as `dmat import orders` does.
        seed: the same seed invents the same people and carts.
        end: where its history ends (UTC without zone).

    Raises:
        InvalidInputError: the file cannot be read or holds no order.
    """
    placed, end = place_lines(file), end.replace(microsecond=0)
    last = placed.lines["ordered_at"].to_pandas().max().to_pydatetime()
    report = OrdersReport(
        file.name, placed.currency_code, placed.lines_count, placed.refused_count, placed.repeated_count,
        (end - last - timedelta(seconds=60)) // timedelta(days=1), end, _sum_lines(placed),
    )  # fmt: skip
    return OrdersCompany(placed, seed, end, report)


def _sum_lines(placed: PlacedLines) -> list[LineSum]:
    with duckdb.connect() as connection:
        connection.register("lines", placed.lines)
        rows = connection.execute(
            "select kind, place, coalesce(reason, ''), count(*), sum(amount), sum(quantity * unit_cents)::bigint"
            " from lines group by all order by 4 desc, 1, 3"
        ).fetchall()
    return sorted((LineSum(*row) for row in rows), key=lambda one: PLACES.index(one.place))


def _stage_file(connection: duckdb.DuckDBPyConnection, placed: PlacedLines, shift_days: int) -> None:
    """Temporary tables of the file: its customers, products, orders and order lines, in their new time."""
    connection.register("placed_lines", placed.lines)
    connection.register("placed_refunds", placed.refunds)
    connection.execute(f"create temp table moved as select * replace (ordered_at + interval {shift_days} day as"
                       " ordered_at), ordered_at as written_at from placed_lines")  # fmt: skip
    connection.execute(f"create temp table moved_refunds as select * replace (refunded_at + interval {shift_days} day"
                       " as refunded_at) from placed_refunds")  # fmt: skip
    for sql in (_CUSTOMERS, _PRODUCTS, _ORDERS, _GOODS):
        connection.execute(sql)


_CUSTOMERS = """
    create temp table file_customers as
    select customer, row_number() over (order by try_cast(customer as double), customer) as person_id,
        min(ordered_at) as first_at, arg_max(country, line) as country,
        count(distinct order_id) filter (where place in ('order line', 'charge')) as orders
    from moved where customer is not null group by customer"""

_PRODUCTS = """
    create temp table file_products as
    with titles as (
        select sku, title, row_number() over (partition by sku order by count(*) desc, title) as rank
        from moved where place = 'order line' and title is not null group by sku, title
    ), prices as (
        select sku, unit_cents, row_number() over (
            partition by sku order by unit_cents > 0 desc, count(*) desc, unit_cents) as rank
        from moved where place = 'order line' group by sku, unit_cents
    )
    select prices.sku, row_number() over (order by prices.sku) as product_id, coalesce(title, prices.sku) as title,
        unit_cents
    from prices left join titles on titles.sku = prices.sku and titles.rank = 1 where prices.rank = 1"""

_ORDERS = f"""
    create temp table file_orders as
    with found as (
        select order_id as invoice, any_value(customer) as customer, min(ordered_at) as ordered_at,
            coalesce(sum(quantity * unit_cents) filter (where place = '{ORDER_LINE}'), 0)::bigint as goods_cents,
            coalesce(sum(quantity * unit_cents) filter (where place = '{CHARGE}'), 0)::bigint as charge_cents,
            count(*) filter (where place = '{ORDER_LINE}') as lines, min(line) as line
        from moved where place in ('{ORDER_LINE}', '{CHARGE}') group by order_id
    )
    select found.*, person_id, {ORDER_BASE} + coalesce(
        case when regexp_matches(invoice, '^[1-9][0-9]{{3,8}}$') then invoice::bigint - 1000 end,
        900_000_000 + row_number() over (order by line)) as order_id,
        row_number() over (order by found.ordered_at, line) - 1 as position
    from found left join file_customers using (customer)"""

_GOODS = f"""
    create temp table file_goods as
    select position, o.order_id, row_number() over (partition by o.order_id order by m.line) as line_number,
        product_id, quantity::integer as quantity, m.unit_cents
    from moved as m join file_orders as o on o.invoice = m.order_id join file_products using (sku)
    where m.place = '{ORDER_LINE}'"""

_INSERT_PRODUCTS = """
    insert into products
    select product_id, sku, title, case when sku like 'GIFT%' then 'Gift vouchers' else 'Gifts' end, 'The Shop',
        unit_cents, $2, handle, 'https://cdn.shop.example/products/' || handle || '.jpg', $1, $1
    from (select *, trim(regexp_replace(lower(title || '-' || sku), '[^a-z0-9]+', '-', 'g'), '-') as handle
        from file_products) order by product_id"""


def _read_customers(connection: duckdb.DuckDBPyConnection, company: OrdersCompany) -> tuple[Known, pa.Table]:
    """What the file knows of its customers, in order of `person_id`; countries we do not know count as home."""
    found = connection.execute(
        "select person_id, customer, country, epoch(first_at)::bigint as first, orders from file_customers order by 1"
    ).to_arrow_table()
    codes = [COUNTRY_CODES.get((name or "").lower()) for name in found["country"].to_pylist()]
    company.report.unknown_country_count = sum(code is None for code in codes)
    codes = [code or HOME_COUNTRY for code in codes]
    home = [market.code for market in MARKETS]
    country = np.array([home.index(code if code in home else HOME_COUNTRY) for code in codes], dtype=np.int64)
    orders = found["orders"].to_numpy()
    segment = np.where(orders >= LOYAL_FROM, LOYAL, np.where(orders >= OCCASIONAL_FROM, OCCASIONAL, BROWSER))
    before = company.rng(20).integers(HOUR, JOINED_BEFORE_DAYS * DAY, len(codes))
    stage(connection, "customer_places", {"person_id": found["person_id"], "country_code": pa.array(codes)})
    return Known(country, found["first"].to_numpy() - before, segment), found


def _write_lives(company: OrdersCompany, connection: duckdb.DuckDBPyConnection, humans: People) -> None:
    """Everything that hangs on people: the real orders, and the invented rest around them."""
    calendar, rng = company.calendar, company.rng
    mail = mailing.draw_mail_reactions(rng(4), humans, calendar)
    texts = mailing.draw_text_reactions(rng(5), humans, calendar)
    visits = traffic.draw_visits(rng(6), humans, calendar, mail, 1)
    carts = draw_real_carts(connection, rng(7), humans, calendar)
    people.write_people(connection, humans, mail.withdrawn, texts.withdrawn)
    _move_abroad(connection)
    mailing.write_email_events(connection, humans, mail)
    mailing.write_text_messages(connection, humans, texts)
    traffic.write_visits(connection, rng(9), humans, traffic.add_visits(rng(21), humans, visits, *carts.visits))
    write_real_carts(connection, carts, company.placed.currency_code)
    contacts.write_shop_customers(connection, rng(10), humans, mail)
    connection.execute(_INSERT_ORDERS, [company.placed.currency_code])
    connection.execute("insert into order_lines select * exclude (position) from file_goods")
    connection.execute(_INSERT_REFUNDS)
    connection.execute(_REFUND_ORDERS)
    deals.write_deals(connection, rng(12), humans, calendar, 1)
    contacts.write_crm_contacts(connection, rng(13), humans, calendar)
    contacts.write_form_submissions(connection, rng(14), humans, calendar, mail, 1)


def _move_abroad(connection: duckdb.DuckDBPyConnection) -> None:
    """Customers in countries outside the usual markets live there; until now they stood at home."""
    rows = [[getattr(place, name) for place in PLACES_ABROAD] for name in PLACE_COLUMNS]
    stage(connection, "places", {name: pa.array(values) for name, values in zip(PLACE_COLUMNS, rows, strict=True)})
    connection.execute(
        """update people set country_code = w.code, city = w.city, zip = w.zip, time_zone = w.time_zone,
            locale = w.locale, phone = '+' || w.dialling || substr(phone, 4)
        from (select * from customer_places join places on places.code = customer_places.country_code) as w
        where people.person_id = w.person_id"""
    )


_INSERT_ORDERS = """
    insert into orders by name
    select o.order_id, 'shopify' as outlet, o.person_id, c.customer_id, k.token as cart_token, o.ordered_at,
        o.ordered_at + interval 5 second as updated_at, 'PAID' as financial_status, $1 as currency_code,
        o.goods_cents as subtotal_cents, 0 as discount_cents, o.goods_cents + o.charge_cents as total_cents,
        0 as refunded_cents, c.first_name, c.last_name, c.email, c.phone, p.client_id, p.locale,
        c.country_code, c.city, c.zip
    from file_orders as o
    left join people as p on p.person_id = o.person_id
    left join shop_customers as c on c.person_id = o.person_id
    left join carts as k on k.order_id = o.order_id
    order by o.ordered_at, o.order_id"""

_INSERT_REFUNDS = f"""
    insert into refunds by name
    select {ORDER_BASE} + 1_900_000_000 + row_number() over (order by refunded_at, credit_id, o.order_id) as refund_id,
        o.order_id, refunded_at as created_at, amount_cents, 'credited by ' || credit_id as reason
    from (
        select order_id as invoice, credit_id, refunded_at, sum(cents)::bigint as amount_cents
        from moved_refunds group by all
    ) join file_orders as o using (invoice)"""

_REFUND_ORDERS = f"""
    update orders set refunded_cents = r.cents, updated_at = r.last_at + interval 5 second,
        financial_status = case when r.cents = total_cents then 'REFUNDED' else 'PARTIALLY_REFUNDED' end,
        cancelled_at = case when r.cents = total_cents
            and r.last_at <= ordered_at + interval {CANCELLED_WITHIN_DAYS} day then r.last_at end
    from (select order_id, sum(amount_cents) as cents, max(created_at) as last_at from refunds group by 1) as r
    where r.order_id = orders.order_id and r.cents > 0"""


def _settle(connection: duckdb.DuckDBPyConnection, customers: pa.Table, currency_code: str) -> None:
    """Give customers the numbers of the file, and everything that has a price its currency."""
    connection.register("numbered", customers)
    connection.execute(
        """create temp table renumbered as
        select c.customer_id as drawn, coalesce(try_cast(n.customer as bigint), c.customer_id) as number
        from shop_customers as c join numbered as n using (person_id)"""
    )
    for table in ("people", "carts", "orders", "shop_customers"):
        connection.execute(
            f"update {table} set customer_id = r.number from renumbered as r where customer_id = r.drawn"
        )
    for table in ("deals", "ad_days"):
        connection.execute(f"update {table} set currency_code = ?", [currency_code])
    connection.unregister("numbered")


def _count(connection: duckdb.DuckDBPyConnection, company: OrdersCompany) -> None:
    """Complete the report from the tables as they are."""

    def number(sql: str) -> int:
        row = connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    report, since = company.report, company.end - timedelta(hours=48)
    report.orders_count = number("select count(*) from orders")
    report.guest_orders_count = number("select count(*) from orders where customer_id is null")
    report.customers_count = number("select count(*) from shop_customers")
    report.products_count = number("select count(*) from products")
    report.refunds_count = number("select count(*) from refunds")
    report.left_carts_count = number("select count(*) from carts where completed_at is null")
    report.open_carts_count = number(
        f"select count(*) from carts where completed_at is null and updated_at > timestamp '{since}'"
    )
