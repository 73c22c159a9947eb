"""The make-believe company: the same seed gives the same rows, rows fit together, figures look like a real shop's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
import pytest

from dmat.errors import InvalidInputError
from dmat.simulate import company as made
from dmat.simulate.tables import COMPANY_TABLES, PERSON_TABLES, TRUTH_TABLES

END = datetime(2026, 3, 1, 10)
PEOPLE = 2000


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        made.make_tables(made.generate(PEOPLE, 7, END), connection)
        yield connection


def value(db: duckdb.DuckDBPyConnection, sql: str) -> float:
    row = db.execute(sql).fetchone()
    assert row is not None
    return float(row[0])


def fingerprint(people: int, seed: int) -> dict[str, tuple[int, int]]:
    names = [f"main.{name}" for name in COMPANY_TABLES | PERSON_TABLES] + [f"truth.{name}" for name in TRUTH_TABLES]
    with duckdb.connect() as connection:
        made.make_tables(made.generate(people, seed, END), connection)
        rows = {n: connection.execute(f"select count(*), bit_xor(hash(t)) from {n} as t").fetchone() for n in names}
    return {name: (int(row[0]), int(row[1] or 0)) for name, row in rows.items() if row}


def test_the_same_seed_gives_the_same_rows_and_another_seed_gives_others() -> None:
    first = fingerprint(300, 7)
    assert fingerprint(300, 7) == first
    other = fingerprint(300, 8)
    assert all(other[f"main.{name}"] != first[f"main.{name}"] for name in ("people", "orders", "visits", "carts"))


def test_a_company_of_no_people_or_no_time_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="people"):
        made.generate(0, 7, END)
    with pytest.raises(InvalidInputError, match="months"):
        made.generate(10, 7, END, months=0)


def test_a_tenth_of_the_people_make_about_a_tenth_of_the_rows(db: duckdb.DuckDBPyConnection) -> None:
    small = fingerprint(PEOPLE // 10, 7)
    for table in ("visits", "carts", "email_events", "shop_customers"):
        assert 0.6 < 10 * small[f"main.{table}"][0] / value(db, f"select count(*) from {table}") < 1.6, table


def test_chunks_of_people_fit_together_as_one_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "CHUNK_PEOPLE", 150)
    with duckdb.connect() as db:
        made.make_tables(made.generate(400, 7, END), db)
        assert value(db, "select max(person_id) from people") == 400
        for table, key in UNIQUE:
            assert value(db, f"select count(*) - count(distinct {key}) from {table}") == 0, table
        assert value(db, "select count(*) from orders where person_id > 300") > 0


UNIQUE = [
    ("people", "person_id"), ("shop_customers", "customer_id"), ("outlet_customers", "customer_id"),
    ("crm_contacts", "contact_id"), ("deals", "deal_id"), ("form_submissions", "submission_id"), ("visits", "visit_id"),
    ("carts", "cart_id"), ("carts", "token"), ("orders", "(outlet, order_id)"), ("refunds", "refund_id"),
    ("email_events", "sg_event_id"), ("text_messages", "sid"), ("products", "sku"), ("companies", "domain"),
    ("shop_customers", "lower(email)"), ("truth.identities", "contact_key"), ("social_posts", "post_id"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "key"), UNIQUE)
def test_every_key_is_given_once(db: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    assert value(db, f"select count({key}) - count(distinct {key}) from {table}") == 0


ORPHANS = [
    ("order_lines", "products", "product_id"), ("order_lines", "orders", "order_id"), ("refunds", "orders", "order_id"),
    ("cart_lines", "carts", "cart_id"), ("cart_lines", "products", "product_id"), ("orders", "people", "person_id"),
    ("deals", "crm_contacts", "contact_id"), ("deals", "companies", "company_id"), ("carts", "people", "person_id"),
    ("form_submissions", "forms", "form_id"), ("forms", "pages", "page_id"), ("carts", "shop_customers", "customer_id"),
    ("visits", "people", "person_id"), ("crm_contacts", "companies", "company_id"), ("carts", "orders", "order_id"),
    ("email_events", "mailings", "mailing_id"), ("truth.identities", "people", "person_id"),
]  # fmt: skip


@pytest.mark.parametrize(("child", "parent", "key"), ORPHANS)
def test_nothing_points_to_what_is_not_there(
    db: duckdb.DuckDBPyConnection, child: str, parent: str, key: str
) -> None:  # fmt: skip
    found = f"select count(*) from {child} where {key} is not null and {key} not in (select {key} from {parent})"
    assert value(db, found) == 0


BROKEN = {
    "an order's total is its lines less its discount": """select count(*) from orders join (
        select order_id, sum(quantity * unit_price_cents) as gross from order_lines group by order_id) using (order_id)
        where total_cents <> gross - discount_cents or subtotal_cents <> total_cents""",
    "every order has lines": "select count(*) from orders where order_id not in (select order_id from order_lines)",
    "a cart's total is that of its lines": """select count(*) from carts join (
        select cart_id, sum(quantity * unit_price_cents) as gross from cart_lines group by cart_id) using (cart_id)
        where total_cents <> gross""",
    "an order carries the token of its cart": """select count(*) from carts join orders using (order_id)
        where token <> cart_token or ordered_at <> completed_at or orders.customer_id <> carts.customer_id""",
    "a shop's order comes from a cart": """select count(*) from orders
        where outlet = 'shopify' and cart_token not in (select token from carts where completed_at is not null)""",
    "an outlet's order belongs to an account there": """select count(*) from orders where outlet = 'woocommerce'
        and customer_id not in (select customer_id from outlet_customers)""",
    "refunds add up to what the order says": """select count(*) from orders left join (
        select order_id, sum(amount_cents) as amount from refunds group by order_id) using (order_id)
        where refunded_cents <> coalesce(amount, 0) or refunded_cents > total_cents""",
    "a cart is touched after it is made": "select count(*) from carts where updated_at < created_at",
    "a record changes after it is made": """select count(*) from (
        select created_at, updated_at from shop_customers union all select created_at, updated_at from crm_contacts
        union all select created_at, updated_at from deals union all select ordered_at, updated_at from orders
        union all select posted_at, updated_at from social_posts) where updated_at < created_at""",
    "an order is not older than its customer": """select count(*) from orders join shop_customers using (customer_id)
        where outlet = 'shopify' and ordered_at < created_at""",
    "nobody is mailed before the consent or after the withdrawal": """select count(*) from email_events as e
        join people as p using (person_id) where e.event = 'delivered' and (p.email_consent = 'never' or
        (p.email_consent = 'granted' and make_timestamp(e.timestamp * 1000000) < p.email_consent_at) or
        (p.email_consent = 'withdrawn' and
            make_timestamp(e.timestamp * 1000000) > p.email_consent_at + interval 3 hour))""",
    "people who agreed left a trace of it": """select count(*) from people where email_consent = 'granted'
        and person_id not in (select person_id from shop_customers where email_state = 'SUBSCRIBED')
        and person_id not in (select person_id from form_submissions where email_consent)""",
}


@pytest.mark.parametrize("rule", BROKEN)
def test_figures_agree(db: duckdb.DuckDBPyConnection, rule: str) -> None:
    assert value(db, BROKEN[rule]) == 0


@pytest.mark.parametrize(
    ("table", "column"),
    [("visits", "started_at"), ("carts", "updated_at"), ("orders", "updated_at"), ("crm_contacts", "updated_at"),
     ("shop_customers", "updated_at"), ("form_submissions", "submitted_at"), ("deals", "updated_at"),
     ("text_messages", "updated_at"), ("refunds", "created_at"), ("social_posts", "updated_at"),
     ("ad_days", "updated_at"), ("email_events", "make_timestamp(timestamp * 1000000)")],
)  # fmt: skip
def test_nothing_happens_after_the_end(db: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    assert value(db, f"select count(*) from {table} where {column} > timestamp '{END}'") == 0


RATES = {
    "people who ever ordered": ("select count(distinct person_id) / 2000.0 from orders", 0.23, 0.33),
    "buyers who came again": ("select avg((n > 1)::int) from (select count(*) n from orders group by person_id)",
                              0.3, 0.6),
    "carts that were abandoned": ("select avg((completed_at is null)::int) from carts", 0.63, 0.75),
    "carts that nobody can be asked about": ("select avg((customer_id is null)::int) from carts", 0.03, 0.08),
    "orders of the outlet": ("select avg((outlet = 'woocommerce')::int) from orders", 0.06, 0.17),
    "orders with a code": ("select avg((discount_code is not null)::int) from orders", 0.10, 0.30),
    "orders sent back or cancelled": ("select avg((refunded_cents > 0)::int) from orders", 0.05, 0.13),
    "contacts per human": ("select count(*) / 2000.0 from truth.identities", 1.5, 2.0),
    "people who agreed to mail": ("select avg((email_consent = 'granted')::int) from people", 0.5, 0.7),
    "visits without a person": ("select avg((person_id is null)::int) from visits", 0.25, 0.42),
    "opens by machines": ("select avg(sg_machine_open::int) from email_events where event = 'open'", 0.4, 0.65),
    "mails that bounce": ("select avg((event = 'bounce')::int) from email_events", 0.0001, 0.004),
    "people who share an address": ("select count(distinct person_id) / 2000.0 from truth.shared_addresses",
                                    0.015, 0.06),
    "people of one source only": ("""select avg((n = 1)::int) from (select person_id,
        count(distinct split_part(contact_key, ':', 1)) as n from truth.identities group by 1)""", 0.35, 0.75),
    "spend per earned euro": ("select (select sum(spend_cents) from ad_days) / (select sum(total_cents) from orders)",
                              0.03, 0.2),
}  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_rates_look_like_a_real_shop(db: duckdb.DuckDBPyConnection, rate: str) -> None:
    sql, low, high = RATES[rate]
    assert low <= value(db, sql) <= high


def test_december_sells_more_than_the_summer_and_the_second_year_more_than_the_first(
    db: duckdb.DuckDBPyConnection,
) -> None:
    months = dict(db.execute("select strftime(ordered_at, '%Y-%m'), count(*) from orders group by 1").fetchall())
    assert months["2025-12"] > 1.2 * months["2025-07"]
    assert months["2025-12"] > 1.3 * months["2024-12"]
    by_hour = dict(db.execute("select hour(started_at), count(*) from visits group by 1").fetchall())
    assert by_hour[18] > 4 * by_hour[2]


def test_every_person_is_known_to_some_source(db: duckdb.DuckDBPyConnection) -> None:
    assert value(db, "select count(distinct person_id) from truth.identities") == PEOPLE


def test_sources_are_as_dirty_as_real_ones(db: duckdb.DuckDBPyConnection) -> None:
    for sql in (
        "select count(*) from crm_contacts where email is null",
        "select count(*) from crm_contacts where email is not null and email not like '_%@_%.example'",
        "select count(*) from crm_contacts where email <> lower(email)",
        "select count(*) from shop_customers where email like '%+%'",
        "select count(*) from crm_contacts where phone like '00%' or phone like '% %'",
        "select count(*) from shop_customers where first_name <> strip_accents(first_name)",
        "select count(*) from crm_contacts where last_name like '%🌸%' or first_name like '%🌸%'",
        "select count(*) from crm_contacts where first_name is null",
        "select count(*) from people where phone is null",
    ):
        assert value(db, sql) > 0, sql


def test_couples_share_an_address_but_not_a_first_name(db: duckdb.DuckDBPyConnection) -> None:
    names = db.execute(
        """select a.first_name, b.first_name from truth.shared_addresses as s
        join people as a on a.person_id = s.person_id join people as b on b.person_id = s.partner_id"""
    ).fetchall()
    assert len(names) > 10
    assert all(first != second for first, second in names)


def test_carts_are_open_at_the_end_so_that_there_is_something_to_recover_at_once(db: duckdb.DuckDBPyConnection) -> None:
    since, until = END - timedelta(hours=48), END - timedelta(hours=1)
    due = value(
        db,
        "select count(*) from carts where completed_at is null and customer_id is not null"
        f" and updated_at between '{since}' and '{until}'",
    )
    assert 60 * PEOPLE / 5000 * 0.6 <= due <= 150 * PEOPLE / 5000 * 1.5
    assert value(db, f"select count(*) from carts where completed_at is null and updated_at > '{until}'") >= 0
