"""Under test: a shop made of real orders - every line has its place, amounts agree to the cent, nothing is made up.

The small file has every kind of dirt that the real one has, and some more; the real one is read whole where it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from dmat.errors import InvalidInputError
from dmat.imports.convert import convert, guess_map
from dmat.imports.fields import apply_choices
from dmat.imports.read_files import read_rows
from dmat.settings import Settings
from dmat.simulate import OrdersReport, read_orders_report, simulate
from dmat.simulate.company import write_world
from dmat.simulate.order_lines import (
    BAD_DEBT,
    LEFT_OVER,
    NO_CUSTOMER,
    NO_ORDER,
    NOBODY,
    NOT_WHOLE,
    STOCK,
    place_lines,
)  # fmt: skip
from dmat.simulate.real_orders import company_from_orders

END = datetime(2026, 10, 1, 9)
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINES = """
536365,85123A,WHITE  HANGING HEART ,6,2010-12-01 08:26,2.55,17850,United Kingdom
536365,71053,WHITE METAL LANTERN,6,2010-12-01 08:26,3.39,17850,United Kingdom
536366,85123a,WHITE HANGING HEART,10,2010-12-02 09:00,2.55,17850,United Kingdom
536366,POST,POSTAGE,1,2010-12-02 09:00,18.00,17850,United Kingdom
536367,22423,CAKESTAND,2,2010-12-02 10:00,12.75,12583,France
536367,M,Manual,1,2010-12-02 10:00,1.50,12583,France
536367,22424,FREE GIFT,1,2010-12-02 10:01,0,12583,France
536368,22423,CAKESTAND,3,2010-12-03 11:00,24.96,,United Kingdom
536368,DOT,DOTCOM POSTAGE,1,2010-12-03 11:00,569.77,,United Kingdom
536368,gift_0001_20,Gift Voucher 20,1,2010-12-03 11:00,17.02,,United Kingdom
536369,M,Manual,1,2010-12-03 12:00,320.69,12583,France
536370,22424,found,80,2010-12-03 12:30,0,,United Kingdom
536371,22424,damaged,-12,2010-12-03 12:40,0,,United Kingdom
536372,AMAZONFEE,AMAZON FEE,1,2010-12-03 13:00,13541.33,,United Kingdom
536373,PADS,PADS,1,2010-12-03 13:00,0.001,13952,Channel Islands
536374,22423,CAKESTAND,1.5,2010-12-03 14:00,10.00,13952,Channel Islands
A563185,B,Adjust bad debt,1,2010-12-04 08:00,11062.06,,United Kingdom
C536379,85123A,WHITE HANGING HEART,-12,2010-12-03 15:00,2.55,17850,United Kingdom
C536380,85123A,WHITE HANGING HEART,-12,2010-12-03 16:00,2.55,17850,United Kingdom
C536381,22423,CAKESTAND,-2,2010-12-03 17:00,12.75,12583,France
C536381,M,Manual,-1,2010-12-03 17:00,1.50,12583,France
C536382,D,Discount,-1,2010-12-03 18:00,27.50,17850,United Kingdom
C536383,22423,CAKESTAND,-1,2010-12-03 18:30,24.96,,United Kingdom
C536384,71053,WHITE METAL LANTERN,-1,2010-11-30 08:00,3.39,17850,United Kingdom
C536385,22960,JAM SET,-1,2010-12-03 19:00,4.25,15061,Japan
536386,22423,CAKESTAND,2,2010-12-04 10:59,12.75,15061,Japan
536387,22423,CAKESTAND,many,2010-12-04 10:59,12.75,15061,Japan
,22423,CAKESTAND,1,2010-12-04 10:59,12.75,15061,Japan
"""


def write_csv(path, lines=LINES):
    path.write_text(HEADER + "\n" + lines.strip() + "\n")
    return path


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("orders") / "orders.csv")


@pytest.fixture(scope="module")
def small(tmp_path_factory, small_file):
    company = company_from_orders(small_file, 5, END)
    path = tmp_path_factory.mktemp("world") / "company.duckdb"
    write_world(company, path)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield company.report, connection


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def reasons(report):
    return {(one.kind, one.reason): one.lines_count for one in report.sums if one.place == LEFT_OVER}


def assert_the_tables_agree(report, connection):
    """The shop's tables hold to the cent what the report says of the file."""
    goods = rows(connection, "select count(*), sum(quantity * unit_price_cents) from order_lines")[0]
    assert goods[0] == report.count(place="order line")
    assert goods[1] == sum(one.cents for one in report.sums if one.place == "order line")
    totals, refunded = rows(connection, "select sum(total_cents), sum(refunded_cents) from orders")[0]
    charges = sum(one.cents for one in report.sums if one.place == "charge")
    assert totals == goods[1] + charges
    assert -refunded == sum(one.cents for one in report.sums if one.place == "refund")
    assert totals - refunded == report.shop_cents
    assert rows(connection, "select sum(amount_cents) from refunds")[0][0] == refunded
    assert rows(connection, "select count(*) from orders where refunded_cents > total_cents") == [(0,)]


def test_every_line_has_a_place_and_the_tables_agree_with_it_to_the_cent(small):
    report, connection = small
    assert report.lines_count == 28
    assert (report.refused_count, report.repeated_count) == (2, 0)
    assert report.count() + report.refused_count == report.lines_count
    assert_the_tables_agree(report, connection)


def test_amounts_by_kind_are_those_of_the_file(small):
    report, _ = small
    assert report.amount("sale") == Decimal("202.021")
    assert report.amount("shipping_or_fee") == Decimal("14129.10")
    assert report.amount("cancellation") == Decimal("-119.30")
    assert report.amount("adjustment") == Decimal("11382.75")
    assert report.amount("discount") == Decimal("-27.50")
    assert report.amount("gift_voucher") == Decimal("17.02")
    assert report.amount("no_charge") == report.amount("stock_correction") == 0
    assert report.below_a_cent == Decimal("0.001")


def test_what_cannot_be_in_a_shop_is_counted_with_its_reason(small):
    report, _ = small
    assert reasons(report) == {
        ("adjustment", BAD_DEBT): 1, ("stock_correction", STOCK): 1, ("sale", NOT_WHOLE): 1,
        ("cancellation", NO_ORDER): 3, ("cancellation", NO_CUSTOMER): 1, ("discount", NO_ORDER): 1,
        ("no_charge", NOBODY): 1, ("shipping_or_fee", NOBODY): 1,
    }  # fmt: skip


def test_orders_are_the_invoices_with_their_quantities_prices_and_charges(small):
    _, connection = small
    found = rows(
        connection,
        "select order_id % 1000000000 + 1000, customer_id, subtotal_cents, total_cents, currency_code from orders"
        " order by order_id",
    )
    assert found == [
        (536365, 17850, 3564, 3564, "GBP"), (536366, 17850, 2550, 4350, "GBP"), (536367, 12583, 2550, 2700, "GBP"),
        (536368, None, 9190, 66167, "GBP"), (536369, 12583, 0, 32069, "GBP"), (536373, 13952, 0, 0, "GBP"),
        (536386, 15061, 2550, 2550, "GBP"),
    ]  # fmt: skip
    assert rows(connection, "select payload->>'name' from records where resource = 'shopify_orders' order by 1")[0] == (
        "#536365",
    )


def test_times_move_by_one_whole_number_of_days_and_end_just_before_the_end(small):
    report, connection = small
    shift = timedelta(days=report.shift_days)
    first, last = rows(connection, "select min(ordered_at), max(ordered_at) from orders")[0]
    assert first == datetime(2010, 12, 1, 8, 26) + shift
    assert last == datetime(2010, 12, 4, 10, 59) + shift
    assert timedelta(0) < END - last < timedelta(days=1)
    assert rows(connection, f"select count(*) from records where updated_at >= timestamp '{END}'") == [(0,)]


def test_a_credit_takes_back_pieces_of_earlier_orders_the_latest_first(small):
    _, connection = small
    found = rows(
        connection,
        "select order_id % 1000000000 + 1000, amount_cents, reason from refunds order by order_id, amount_cents",
    )
    assert found == [
        (536365, 510, "credited by C536379"), (536366, 2550, "credited by C536379"),
        (536367, 2700, "credited by C536381"),
    ]  # fmt: skip


def test_an_order_that_is_credited_whole_within_two_days_is_cancelled(small):
    _, connection = small
    found = rows(
        connection,
        "select order_id % 1000000000 + 1000, financial_status, cancelled_at is not null from orders"
        " where refunded_cents > 0 order by 1",
    )
    assert found == [
        (536365, "PARTIALLY_REFUNDED", False), (536366, "PARTIALLY_REFUNDED", False), (536367, "REFUNDED", True)
    ]  # fmt: skip


def test_one_product_stands_for_all_spellings_of_its_code_at_its_usual_price(small):
    _, connection = small
    found = rows(connection, "select sku, title, price_cents, currency_code from products order by sku")
    assert ("85123A", "WHITE HANGING HEART", 255, "GBP") in found
    assert ("22423", "CAKESTAND", 1275, "GBP") in found
    assert [sku for sku, *_ in found] == ["22423", "22424", "71053", "85123A", "GIFT_0001_20", "PADS"]


def test_customers_have_the_numbers_and_countries_of_the_file_and_invented_addresses(small):
    report, connection = small
    found = rows(connection, "select customer_id, country_code, email from shop_customers order by customer_id")
    assert [(number, country) for number, country, _ in found] == [
        (12583, "FR"), (13952, "GB"), (15061, "JP"), (17850, "GB")
    ]  # fmt: skip
    assert all(email.lower().split("@")[1].split(".")[-1] in ("example", "com", "org") for *_, email in found)
    assert report.unknown_country_count == 1
    assert rows(connection, "select time_zone from people where country_code = 'JP'") == [("Asia/Tokyo",)]


def test_a_guest_has_no_customer_and_no_address(small):
    report, connection = small
    assert report.guest_orders_count == 1
    assert rows(
        connection, "select person_id, customer_id, email, client_id from orders where customer_id is null"
    ) == [(None, None, None, None)]


def test_each_order_with_goods_came_from_a_checkout_with_the_same_lines(small):
    _, connection = small
    found = rows(
        connection,
        """select o.order_id % 1000000000 + 1000, c.total_cents = o.subtotal_cents, c.completed_at = o.ordered_at,
            c.created_at < o.ordered_at, o.cart_token = c.token
        from orders as o join carts as c on c.order_id = o.order_id order by 1""",
    )
    assert [row[0] for row in found] == [536365, 536366, 536367, 536368, 536373, 536386]
    assert all(all(row[1:]) for row in found)


def test_a_left_cart_holds_the_first_lines_of_an_order_of_the_same_customer(small):
    report, connection = small
    assert report.left_carts_count > 0
    strange = rows(
        connection,
        """select c.cart_id from carts as c join cart_lines as l using (cart_id)
        where c.completed_at is null and not exists (
            select 1 from orders as o join order_lines as ol using (order_id)
            where o.person_id = c.person_id and ol.product_id = l.product_id and ol.quantity = l.quantity
                and ol.line_number = l.line_number)""",
    )
    assert strange == []


def test_the_same_seed_makes_the_same_world(tmp_path, small_file, small):
    _, connection = small
    write_world(company_from_orders(small_file, 5, END), tmp_path / "again.duckdb")
    each = "resource || record_id || payload::varchar, '' order by resource, record_id"
    sql = f"select md5(string_agg({each})) from records"
    with duckdb.connect(str(tmp_path / "again.duckdb"), read_only=True) as again:
        assert rows(again, sql) == rows(connection, sql)


def test_simulate_leaves_an_account_of_the_file_beside_the_world(tmp_path, small_file):
    settings = Settings(home=tmp_path / "home", _env_file=None)
    made = simulate(settings, end=END, orders=small_file)
    assert made.orders is not None
    assert read_orders_report(settings) == made.orders
    left = (tmp_path / "home" / "simulation" / "orders_left_over.csv").read_text().splitlines()
    assert len(left) - 1 == made.orders.count(place=LEFT_OVER)
    simulate(settings, people=100, months=1, end=END)
    assert read_orders_report(settings) is None


def test_a_file_without_orders_is_refused(tmp_path):
    stock = write_csv(tmp_path / "stock.csv", "536371,22424,damaged,-12,2010-12-03 12:40,0,,United Kingdom\n" * 2)
    with pytest.raises(InvalidInputError, match="no line that is an order"):
        place_lines(stock)


@pytest.mark.shared
def test_the_whole_real_file_reconciles_to_the_cent(shared_dir, tmp_path):
    path = shared_dir / "data" / "online_retail_2010-12_2011-06.parquet"
    if not path.is_file():
        pytest.skip("../shared/data has no Online Retail file")
    company = company_from_orders(path, 7, END)
    write_world(company, tmp_path / "company.duckdb")
    report: OrdersReport = company.report
    in_file = duckdb.execute(
        f"select count(*), sum(Quantity * UnitPrice::decimal(18, 4)), count(distinct CustomerID) from '{path}'"
    ).fetchone()
    assert (report.count(), report.amount(), report.customers_count) == in_file
    assert report.lines_count == 240_007
    assert {place: report.count(place=place) for place in ("order line", "charge", "refund", LEFT_OVER)} == {
        "order line": 233_134, "charge": 1_124, "refund": 3_082, LEFT_OVER: 2_667,
    }  # fmt: skip
    assert report.shop_cents == 450_542_434
    assert report.below_a_cent == Decimal("0.001")
    with duckdb.connect(str(tmp_path / "company.duckdb"), read_only=True) as connection:
        assert_the_tables_agree(report, connection)
        left = rows(connection, "select count(*) filter (where completed_at is null) / count(*) from carts")[0][0]
    assert 0.55 < left < 0.8
    assert report.open_carts_count > 20


def test_what_is_left_over_can_be_imported_and_keeps_its_amounts(tmp_path, small_file):
    placed, path = place_lines(small_file), tmp_path / "left.csv"
    placed.write_left_over(path)
    rows_left = read_rows(path)
    mapping = apply_choices("orders", rows_left.columns, guess_map("orders", rows_left), [])
    converted = convert("orders", rows_left, mapping)
    left = [line for line in placed.lines.to_pylist() if line["place"] == LEFT_OVER]
    assert converted.kept_count == len(left)
    assert sum(one["amount"] for one in converted.sums) == sum(line["amount"] for line in left)
    assert {one["kind"] for one in converted.sums} == {line["kind"] for line in left}
