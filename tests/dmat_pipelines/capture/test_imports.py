"""Under test: importing a file twice changes nothing, refused rows are written where the user finds them, and the real
invoice lines of a shop go in whole, to the cent."""

from __future__ import annotations

import csv
from decimal import Decimal

import duckdb
import pytest

from dmat.settings import load_settings
from dmat.warehouse import writer
from dmat_pipelines.capture.imports import import_file

PEOPLE = "email,first_name\nada@shop.example,Ada\nnot an address,Bob\n"


@pytest.fixture
def settings(tmp_path):
    return load_settings(tmp_path / "home")


def query(settings, sql):
    with writer(settings) as connection:
        return connection.execute(sql).fetchall()


def test_importing_twice_changes_nothing(settings, tmp_path):
    (tmp_path / "p.csv").write_text(PEOPLE)
    first = import_file(settings, "people", tmp_path / "p.csv")
    second = import_file(settings, "people", tmp_path / "p.csv")
    assert (first.kept_count, first.unchanged_count, first.refused_count) == (1, 0, 1)
    assert (second.kept_count, second.unchanged_count, second.refused_count) == (0, 1, 1)
    assert query(settings, "select record_id from raw.import_people") == [("email:ada@shop.example",)]
    assert len(query(settings, "select * from raw.capture_refusals")) == 1
    assert len(query(settings, "select * from raw.capture_outcomes")) == 2


def test_a_line_that_was_mended_is_taken_and_the_file_of_refused_rows_goes_away(settings, tmp_path):
    (tmp_path / "p.csv").write_text(PEOPLE)
    report = import_file(settings, "people", tmp_path / "p.csv")
    with report.refused_file.open(encoding="utf-8-sig") as handle:
        (row,) = csv.DictReader(handle)
    assert (row["line"], row["field"], row["reason"]) == ("3", "email", "is not an e-mail address")
    assert row["first_name"] == "Bob"
    (tmp_path / "p.csv").write_text(PEOPLE.replace("not an address", "bob@shop.example"))
    mended = import_file(settings, "people", tmp_path / "p.csv")
    assert (mended.kept_count, mended.unchanged_count, mended.refused_file) == (1, 1, None)
    assert not report.refused_file.exists()


def test_a_mapping_is_remembered_for_files_of_the_same_shape(settings, tmp_path):
    seen = []
    for name, choices in (("one", ["who=first_name"]), ("two", [])):
        (tmp_path / f"{name}.csv").write_text(f"who,email\n{name},{name}@shop.example\n")
        import_file(settings, "people", tmp_path / f"{name}.csv", choices, lambda p: seen.append(p) or True)
    assert [p.is_saved for p in seen] == [False, True]
    assert seen[1].mapping.columns == {"email": "email", "first_name": "who"}


def test_what_is_not_confirmed_writes_nothing(settings, tmp_path):
    (tmp_path / "p.csv").write_text(PEOPLE)
    assert import_file(settings, "people", tmp_path / "p.csv", confirm=lambda proposal: False) is None
    assert not settings.core_path.exists()


def test_the_invoice_lines_of_a_real_shop_go_in_whole_and_their_sum_is_the_files_to_the_cent(settings, shared_dir):
    path = shared_dir / "data" / "online_retail_2010-12_2011-06.parquet"
    if not path.exists():
        pytest.skip("../shared/data has no Online Retail file")
    report = import_file(settings, "orders", path)
    assert (report.lines_count, report.kept_count, report.refused_count, report.repeated_count) == (240_007,) * 2 + (
        0,
        0,
    )
    (file_sum, file_lines), = duckdb.sql(
        f"select sum(Quantity * cast(UnitPrice as decimal(18, 4))), count(*) from '{path}'"
    ).fetchall()  # fmt: skip
    (landed_sum, landed_lines, people), = query(
        settings,
        "select sum((payload->>'quantity')::decimal(18, 4) * (payload->>'unit_price')::decimal(18, 4)), count(*),"
        " count(payload->>'customer_id') from raw.import_orders",
    )  # fmt: skip
    assert (landed_sum, landed_lines) == (file_sum, file_lines)
    assert round(landed_sum, 2) == Decimal("4275143.93")
    assert people == duckdb.sql(f"select count(CustomerID) from '{path}'").fetchone()[0]
    assert sum(row["amount"] for row in report.sums) == file_sum
    assert {row["kind"]: row["lines_count"] for row in report.sums} == {
        "sale": 233_081, "cancellation": 4_062, "shipping_or_fee": 1_091, "stock_correction": 737, "no_charge": 671,
        "adjustment": 309, "discount": 35, "gift_voucher": 21,
    }  # fmt: skip
    again = import_file(settings, "orders", path)
    assert (again.kept_count, again.unchanged_count) == (0, 240_007)
