"""Under test: the loop of the demo on real orders - a week of a real shop's invoices, read, mailed and earned.

The demo runs once, as a user starts it; its own proof must hold, and the warehouse must hold the file to the cent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import dmat
from dmat.settings import load_settings
from dmat.simulate import read_orders_report
from dmat.warehouse import Workspace

ROOT = Path(__file__).resolve().parents[2]
SINCE = "2011-06-20"

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def week(shared_dir, tmp_path_factory):
    """The last week of the real file."""
    source = shared_dir / "data" / "online_retail_2010-12_2011-06.parquet"
    if not source.is_file():
        pytest.skip("../shared/data has no Online Retail file")
    path = tmp_path_factory.mktemp("orders") / "week.parquet"
    moment = "strptime(InvoiceDate, '%m/%d/%y %H:%M')"
    duckdb.execute(f"copy (from '{source}' where {moment} >= timestamp '{SINCE}') to '{path}'")
    return path


@pytest.fixture(scope="module")
def home(week, tmp_path_factory):
    """A workspace in which `dmat demo --once --orders` has run on that week."""
    home = tmp_path_factory.mktemp("demo-orders") / "home"
    command = [sys.executable, "-m", "dmat.cli", "demo", "--once", "--orders", str(week), "--home", str(home)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DMAT_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    if done.returncode:
        pytest.fail(f"the demo failed:\n{(done.stdout + done.stderr)[-6000:]}")
    (home / "demo.log").write_text(done.stdout + done.stderr)
    return home


@pytest.fixture(scope="module")
def report(home):
    return read_orders_report(load_settings(home=home))


@pytest.fixture(scope="module")
def workspace(home):
    return dmat.open(str(home))


def test_the_demo_says_that_everything_adds_up(home):
    printed = (home / "demo.log").read_text()
    assert "Real orders:" in printed
    assert "Does it add up?" in printed
    assert "NO" not in printed.split("Does it add up?")[1]


def test_goods_in_the_warehouse_are_the_sales_of_the_file_to_the_cent(week, report, workspace):
    in_file = duckdb.execute(
        f"select sum(round(Quantity * UnitPrice * 100))::bigint from '{week}' where Quantity > 0 and UnitPrice > 0"
        " and regexp_matches(StockCode, '^([0-9]|DCGS|PADS|gift_)')"
    ).fetchone()[0]
    found = workspace.rows(
        "select sum(gross_cents) as gross, count(*) as orders from commerce.fct_orders"
        f" where ordered_at < timestamp '{report.end}'"
    )[0]
    assert int(found["gross"]) == in_file
    assert int(found["orders"]) == report.orders_count


def test_revenue_is_that_of_the_file_less_what_was_credited(report, workspace):
    found = workspace.rows(
        f"select sum(net_cents) as net from commerce.fct_orders where ordered_at < timestamp '{report.end}'"
    )[0]
    assert int(found["net"]) == report.shop_cents


def test_all_orders_carts_and_earnings_are_in_pounds(workspace):
    for table in ("commerce.fct_orders", "commerce.fct_carts", "commerce.dim_products", "operations.home_daily",
                  "evaluation.cart_recovery_summary"):  # fmt: skip
        assert [row["currency_code"] for row in workspace.rows(f"select distinct currency_code from {table}")] == [
            "GBP"
        ], table


def test_left_carts_of_real_baskets_got_a_mail_and_some_came_back(workspace):
    row = workspace.rows(
        "select count(*) filter (where not is_holdout and messaged_at is not null) as messaged,"
        " count(*) filter (where is_recovered and not is_holdout) as recovered,"
        " coalesce(sum(recovered_cents) filter (where not is_holdout), 0) as cents from evaluation.cart_recoveries"
    )[0]
    assert row["messaged"] > 0
    assert 0 < row["recovered"] <= row["messaged"]
    assert row["cents"] > 0


def test_the_tables_of_measurement_hold_the_file_too(home):
    view = Workspace(load_settings(home=home))
    counts = "status not in ('cancelled', 'credit_note', 'adjustment')"
    orders, cents = (
        view.cursor().execute(f"select count(*), sum(net_cents) from commerce.fct_orders where {counts}").fetchone()
    )
    for row in view.rows("select model, sum(credit) as credit, sum(credited_cents) as cents"
                         " from attribution.hourly_credits where kind = 'order' group by model"):  # fmt: skip
        assert (row["credit"], row["cents"]) == (pytest.approx(orders), cents), row["model"]
    known = (
        view.cursor()
        .execute(f"select count(*), sum(net_cents) from commerce.fct_orders where {counts} and person_id is not null")
        .fetchone()
    )
    revenue = (
        "select sum(orders_count), sum(revenue_cents) from cohorts.cohort_revenue where cohort_kind = 'first_order'"
    )
    assert view.cursor().execute(f"{revenue} and grain = 'week'").fetchone() == known
    buyers = view.cursor().execute("select count(*) from people.dim_people where orders_count > 0").fetchone()
    assert view.cursor().execute("select count(*) from customers.rfm").fetchone() == buyers
