"""A file of real invoice lines, each line given its place in a shop or a reason why it has none.

Belongs here: reading the file as the import reads it, the place of every kind of line, finding the order that a credit
belongs to, the account of it all. Stays out: making a shop of it (`real_orders.py`).

| place | which lines |
|---|---|
| order line | goods, gift vouchers and free goods on an invoice that is an order |
| charge | postage, fees and manual charges on an invoice that is an order: in its total, beside its lines |
| refund | credits whose order is found: same customer, same code, enough pieces left, at no higher price |
| left over | all the rest, each with its reason; not in the shop, listed in `orders_left_over.csv` |

An invoice is an order when it sells something, or when it charges or gives something to a known customer.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from dmat.errors import InvalidInputError
from dmat.imports.convert import REFUSED, REPEATED, convert, guess_map
from dmat.imports.fields import apply_choices
from dmat.imports.read_files import read_rows

ORDER_LINE, CHARGE, REFUND, LEFT_OVER = "order line", "charge", "refund", "left over"
PLACES = (ORDER_LINE, CHARGE, REFUND, LEFT_OVER)
BAD_DEBT = "bad debt, an entry of the books"
STOCK = "stock correction: nobody bought or sent back anything"
NOT_WHOLE = "a part of a piece"
OTHER_CURRENCY = "another currency than most of the file"
NO_ORDER = "credit whose order is not in the file"
NO_CUSTOMER = "credit to no known customer"
NOBODY = "charge, gift or found goods of no known customer"


@dataclass(frozen=True)
class LineSum:
    """Lines of one kind in one place: how many, their exact amount, and what of it the shop holds in whole cents."""

    kind: str
    place: str
    reason: str
    lines_count: int
    amount: Decimal
    cents: int


@dataclass
class OrdersReport:
    """Where every line of the file went.

    Attributes:
        file: name of the file.
        lines_count: lines of the file; those of `sums`, `refused_count` and `repeated_count` add up to it.
        refused_count: lines that cannot be read, as the import refuses them.
        repeated_count: lines that a later line of the file replaces.
        shift_days: whole days by which every time was moved.
        end: where the history ends (UTC without zone).
        unknown_country_count: customers whose country is none we know; they are taken as British.
        left_carts_count, open_carts_count: simulated carts that were left; those of the last 48 hours.
    """

    file: str
    currency_code: str
    lines_count: int
    refused_count: int
    repeated_count: int
    shift_days: int
    end: datetime
    sums: list[LineSum] = field(default_factory=list)
    orders_count: int = 0
    guest_orders_count: int = 0
    customers_count: int = 0
    products_count: int = 0
    refunds_count: int = 0
    unknown_country_count: int = 0
    left_carts_count: int = 0
    open_carts_count: int = 0

    @property
    def shop_cents(self) -> int:
        """What the shop's orders are worth after refunds: all lines that are not left over."""
        return sum(one.cents for one in self.sums if one.place != LEFT_OVER)

    @property
    def below_a_cent(self) -> Decimal:
        """What prices in fractions of a cent lose in a shop that counts in cents."""
        return sum((one.amount - Decimal(one.cents) / 100 for one in self.sums), Decimal(0))

    def amount(self, kind: str | None = None, place: str | None = None) -> Decimal:
        """The exact amount of the lines of one kind, one place, or all."""
        chosen = (s for s in self.sums if kind in (None, s.kind) and place in (None, s.place))
        return sum((one.amount for one in chosen), Decimal(0))

    def count(self, kind: str | None = None, place: str | None = None) -> int:
        """The number of lines of one kind, one place, or all."""
        return sum(s.lines_count for s in self.sums if kind in (None, s.kind) and place in (None, s.place))

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), default=str, indent=1))

    @classmethod
    def read(cls, path: Path) -> OrdersReport:
        """Read what `write` wrote."""
        found = json.loads(path.read_text())
        found["end"] = datetime.fromisoformat(found["end"])
        found["sums"] = [LineSum(**{**one, "amount": Decimal(one["amount"])}) for one in found["sums"]]
        return cls(**found)


@dataclass(frozen=True)
class PlacedLines:
    """The lines of a file in their places.

    Attributes:
        lines: line, order_id, line_number, sku, title, quantity, unit_price (exact), unit_cents, ordered_at,
            customer (or null), country, kind, place, reason; in the order of the file.
        refunds: order_id, credit_id, refunded_at, cents: one row for each order line that a credit takes back.
    """

    lines: pa.Table
    refunds: pa.Table
    currency_code: str
    lines_count: int
    refused_count: int
    repeated_count: int

    def write_left_over(self, path: Path) -> None:
        """Write the lines that have no place in the shop as CSV, each with its reason."""
        with duckdb.connect() as connection:
            connection.register("lines", self.lines)
            connection.execute(
                "copy (select reason, kind, order_id, line_number, ordered_at, customer, country, sku, title, quantity,"
                f" unit_price, amount from lines where place = '{LEFT_OVER}' order by line) to '{path}' (header)"
            )


def place_lines(file: Path) -> PlacedLines:
    """Read the file and give each line its place.

    Raises:
        InvalidInputError: the file is no order file, or has no order.
    """
    rows = read_rows(file)
    converted = convert("orders", rows, apply_choices("orders", rows.columns, guess_map("orders", rows), []))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("batch", converted.batch)
        connection.execute(_READ)
        connection.execute(_PLACE)
        refunds = _find_orders_of_credits(connection)
        connection.register("found_refunds", refunds)
        connection.execute(_SETTLE_CREDITS)
        lines = connection.execute("select * from placed order by line").to_arrow_table()
        found = connection.execute(
            f"select any_value(currency_code), count(*) from placed where place = '{ORDER_LINE}'"
        ).fetchone()
    if not found or not found[1]:
        raise InvalidInputError("orders", f"{file.name} has no line that is an order", "invoice lines that sell goods")
    return PlacedLines(
        lines, refunds, str(found[0]), converted.lines_count, converted.count(REFUSED), converted.count(REPEATED)
    )


_READ = """
    create table typed as
    with texts as (
        select json_transform(payload, '{"order_id": "VARCHAR", "line_number": "BIGINT", "customer_id": "VARCHAR",
            "sku": "VARCHAR", "title": "VARCHAR", "quantity": "DECIMAL(18,4)", "unit_price": "DECIMAL(18,4)",
            "currency_code": "VARCHAR", "country": "VARCHAR", "kind": "VARCHAR"}') as t,
            record_updated_at as ordered_at, row_number() over () as line
        from batch
    )
    select line, t.order_id as order_id, t.line_number as line_number, upper(trim(coalesce(t.sku, t.title))) as sku,
        nullif(regexp_replace(replace(trim(t.title), chr(65533), '£'), '\\s+', ' ', 'g'), '') as title, t.quantity as
        quantity, t.unit_price as unit_price, round(t.unit_price * 100)::bigint as unit_cents, ordered_at,
        min(t.customer_id) over (partition by t.order_id) as customer,
        t.country as country, coalesce(t.currency_code, '') as currency_code, t.kind as kind,
        t.quantity * t.unit_price as amount
    from texts"""

_PLACE = f"""
    create table placed as
    with main as (select currency_code from typed group by 1 order by count(*) desc, 1 limit 1),
    sides as (
        select typed.*, typed.currency_code <> main.currency_code as is_foreign,
            regexp_matches(order_id, '^[Aa][0-9]') as is_entry,
            regexp_matches(order_id, '^[Cc][0-9]') as is_credit_note,
            kind in ('sale', 'gift_voucher', 'no_charge') and quantity > 0 and quantity = trunc(quantity)
                and unit_price >= 0 as is_goods,
            kind in ('shipping_or_fee', 'adjustment') and amount > 0 and quantity = trunc(quantity) as is_charge
        from typed cross join main
    ), judged as (
        select *, not is_entry and not is_credit_note and bool_or(not is_foreign and
            ((is_goods and amount > 0) or (customer is not null and (is_goods or is_charge))))
            over (partition by order_id) as is_order
        from sides
    ), placed as (
        select *, case
            when is_foreign then '{OTHER_CURRENCY}' when is_entry then '{BAD_DEBT}'
            when kind = 'stock_correction' then '{STOCK}' when quantity <> trunc(quantity) then '{NOT_WHOLE}'
            when is_order and (is_goods or is_charge) then null
            when amount < 0 or is_credit_note then case when customer is null then '{NO_CUSTOMER}'
                else '{NO_ORDER}' end
            else '{NOBODY}' end as reason
        from judged
    )
    select line, order_id, line_number, sku, title, quantity, unit_price, unit_cents, ordered_at, customer, country,
        currency_code, kind, amount, case when reason is not null then '{LEFT_OVER}'
            when is_goods then '{ORDER_LINE}' else '{CHARGE}' end as place, reason
    from placed"""

_SETTLE_CREDITS = f"""
    update placed set place = '{REFUND}', reason = null where line in (select credit_line from found_refunds)"""


@dataclass
class _Bought:
    """Pieces of one code on one order that nobody has credited yet."""

    order_id: str
    at: datetime
    unit_cents: int
    left: int


def _find_orders_of_credits(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Go through the credits in order of time; each takes back pieces of earlier orders, the same price first."""
    columns = "customer, sku, order_id, ordered_at, abs(unit_cents), abs(quantity)::bigint"
    bought: dict[tuple[str, str], list[_Bought]] = defaultdict(list)
    sold = f"select {columns} from placed where place in ('{ORDER_LINE}', '{CHARGE}') and customer is not null"
    for customer, sku, order_id, at, cents, pieces in connection.execute(f"{sold} order by line").fetchall():
        bought[customer, sku].append(_Bought(order_id, at, cents, pieces))
    found: list[tuple[int, str, str, datetime, int]] = []
    credits = f"select {columns}, line from placed where reason = '{NO_ORDER}' and amount < 0 order by ordered_at, line"
    for customer, sku, credit_id, at, cents, pieces, line in connection.execute(credits).fetchall():
        for one, taken in _take_back(bought.get((customer, sku), []), at, cents, pieces):
            found.append((line, one.order_id, credit_id, at, taken * cents))
    names = ("credit_line", "order_id", "credit_id", "refunded_at", "cents")
    types = (pa.int64(), pa.string(), pa.string(), pa.timestamp("us"), pa.int64())
    return pa.table(
        {
            name: pa.array([row[number] for row in found], type_)
            for number, (name, type_) in enumerate(zip(names, types, strict=True))
        }
    )


def _take_back(bought: list[_Bought], at: datetime, cents: int, pieces: int) -> list[tuple[_Bought, int]]:
    """The order lines that so many pieces are taken from, and how many from each; none when there are too few."""
    fitting = [one for one in bought if one.at <= at and one.left and one.unit_cents >= cents]
    if sum(one.left for one in fitting) < pieces:
        return []
    taken = []
    for one in sorted(fitting, key=lambda one: (one.unit_cents == cents, one.at), reverse=True):
        count = min(one.left, pieces)
        if count:
            one.left -= count
            pieces -= count
            taken.append((one, count))
    return taken
