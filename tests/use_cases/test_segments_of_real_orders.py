"""Under test: five segments of the customers of a real shop have the sizes that SQL written by hand finds in the file.

The file is imported and built as a user does it; the SQL by hand reads the file itself and knows none of our tables.
One customer in 24 is enough; `DMAT_RULES=many` takes them all. An invoice typed in over two minutes is one order, at
the first of them; a customer with two countries lives in that of the last line.
"""

from __future__ import annotations

import os
from datetime import datetime

import duckdb
import pytest

import dmat
from dmat.segments.catalogue import read_catalogue
from dmat.segments.compiler import compile_rule
from dmat.segments.rules import parse
from dmat.settings import load_settings
from dmat_pipelines.capture.imports import import_file
from dmat_pipelines.conform.runner import build

pytestmark = pytest.mark.shared
NOW = datetime(2011, 7, 1)
SHARE = "true" if os.environ.get("DMAT_RULES") == "many" else "CustomerID % 24 = 0"
SALES = """
    select CustomerID as customer, StockCode as code, Quantity as pieces, round(UnitPrice * Quantity * 100) as cents,
        InvoiceNo as invoice, Country as country,
        min(strptime(InvoiceDate, '%m/%d/%y %H:%M')) over (partition by InvoiceNo) as moment
    from lines
    where CustomerID is not null and Quantity > 0 and UnitPrice > 0 and regexp_matches(InvoiceNo, '^[0-9]')
        and regexp_matches(StockCode, '^([0-9]|DCGS|PADS)')
"""


def bought(**parts):
    return {"event": "bought", **parts}


def code(start):
    return [{"property": "sku", "op": "starts_with", "value": start}]


CASES = {
    "customers in Germany, Austria and Switzerland": (
        {"field": "country_code", "op": "in_region", "value": ["dach"]},
        """select count(*) from (
            select arg_max(Country, strptime(InvoiceDate, '%m/%d/%y %H:%M')) as country from lines
            where CustomerID is not null group by CustomerID
        ) where country in ('Germany', 'Austria', 'Switzerland')""",
    ),
    "who spent at least 1,000 pounds in the last 90 days": (
        bought(
            measure="sum", property="amount", op="at_least", value=1000, currency="GBP",
            window={"last": {"amount": 90, "unit": "days"}},
        ),
        """select count(*) from (
            select customer from sales where moment > timestamp '2011-04-02' group by customer
            having sum(cents) >= 100000
        )""",
    ),
    "who bought before June and not since": (
        {
            "all": [
                bought(did=True, window={"to": "2011-05-31"}),
                bought(did=False, window={"from": "2011-06-01"}),
            ]
        },
        """select count(*) from (
            select customer from sales group by customer having max(moment) < timestamp '2011-06-01'
        )""",
    ),
    "who bought at least ten different articles that begin with 22, but none that begins with 85": (
        {
            "all": [
                bought(measure="distinct", property="sku", op="at_least", value=10, where=code("22")),
                {"not": bought(did=True, where=code("85"))},
            ]
        },
        """select count(*) from (
            select customer from sales group by customer
            having count(distinct case when code like '22%' then upper(code) end) >= 10
                and count(*) filter (where code like '85%') = 0
        )""",
    ),
    "who bought 84..., then within two weeks 21..., and nothing with 47... in between": (
        {
            "sequence": [
                {"event": "bought", "where": code("84")},
                {"event": "bought", "where": code("21"), "within": {"amount": 14, "unit": "days"}},
            ],
            "without": {"event": "bought", "where": code("47")},
        },
        """select count(distinct a.customer) from sales as a join sales as b using (customer)
        where a.code like '84%' and b.code like '21%' and b.moment > a.moment
            and b.moment <= a.moment + interval 336 hours
            and not exists (
                from sales as c where c.customer = a.customer and c.code like '47%'
                    and c.moment > a.moment and c.moment < b.moment
            )""",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def lines(shared_dir, tmp_path_factory):
    """The lines of the customers looked at, as a file."""
    source = shared_dir / "data" / "online_retail_2010-12_2011-06.parquet"
    if not source.is_file():
        pytest.skip("../shared/data has no Online Retail file")
    path = tmp_path_factory.mktemp("lines") / "orders.parquet"
    duckdb.execute(f"copy (from '{source}' where {SHARE}) to '{path}'")
    return path


@pytest.fixture(scope="module")
def workspace(lines, tmp_path_factory):
    settings = load_settings(tmp_path_factory.mktemp("retail"), duckdb_memory_limit="1GB")
    settings.clock.set(NOW)
    import_file(settings, "orders", lines)
    tables = ["dim_people", "fct_purchases", "segment_catalogue", "regions"]
    build(settings, [f"+{table}" for table in tables], exclude_tests=True, publish_after=True).require_ok()
    return dmat.open(str(settings.home))


@pytest.fixture(scope="module")
def by_hand(lines):
    connection = duckdb.connect()
    connection.execute(f"create table lines as from '{lines}'")
    connection.execute(f"create table sales as {SALES}")
    return connection


@pytest.mark.parametrize("name", CASES)
def test_a_segment_has_the_size_that_sql_by_hand_finds(name, workspace, by_hand):
    node, sql = CASES[name]
    query = compile_rule(parse({"where": node}), read_catalogue(workspace), NOW)
    found = len(workspace.rows(query.sql, query.parameters))
    assert found == by_hand.execute(sql).fetchone()[0]
    assert found > 0
