"""Under test: whole files, broken ones among them: every line is kept, or refused with its reason."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dmat.errors import InvalidInputError
from dmat.imports.convert import LEFT_OUT, REFUSED, REPEATED, convert, guess_map
from dmat.imports.fields import ColumnMap, apply_choices, signature
from dmat.imports.read_files import read_rows

BROKEN = Path(__file__).parent / "broken_files"


def imported(kind, path, *choices):
    rows = read_rows(path)
    result = convert(kind, rows, apply_choices(kind, rows.columns, guess_map(kind, rows), choices))
    records = {r["record_id"]: orjson.loads(r["payload"]) for r in result.batch.to_pylist()}
    assert result.lines_count == result.kept_count + result.count(REFUSED) + result.count(REPEATED)
    return result, records


def reasons(result, treatment=REFUSED):
    return [(i.line, i.field, i.reason) for i in result.issues if i.treatment == treatment]


def test_a_german_file_from_windows_gives_its_people_and_refuses_the_rest_by_line_and_reason():
    result, records = imported("people", BROKEN / "people_german_windows.csv")
    assert read_rows(BROKEN / "people_german_windows.csv").how == "CSV, cp1252, delimiter ;"
    assert set(records) == {"email:joerg.mueller@example.de", "email:zoe@example.de"}
    jorg = records["email:joerg.mueller@example.de"]
    assert (jorg["first_name"], jorg["phone"], jorg["country_code"], jorg["email_consent"], jorg["birthday"]) == (
        "Jörg", "+49301234567", "DE", True, "1979-12-31",
    )  # fmt: skip
    assert jorg["original"]["E-Mail-Adresse"] == "Joerg.Mueller@Example.DE "
    assert records["email:zoe@example.de"]["email_consent"] is False
    assert reasons(result) == [
        (4, "email and phone and external_id", "are empty"),
        (5, "email", "is not an e-mail address"),
        (6, "phone", "is a number that a spreadsheet has rounded"),
        (6, "email_consent", "is neither yes nor no"),
    ]
    assert reasons(result, LEFT_OUT) == [(5, "country_code", "is not a country we know")]


def test_lines_that_are_no_rows_are_refused_and_line_numbers_are_those_of_the_file():
    result, records = imported("people", BROKEN / "people_with_bom_and_broken_lines.csv")
    assert reasons(result) == [
        (4, "", "has 3 cells, the header has 4"),
        (6, "", "has 5 cells, the header has 4"),
    ]
    assert reasons(result, REPEATED) == [(2, "", "comes again in line 7, which counts")]
    assert records["email:ada@shop.example"]["last_name"] == "King"
    assert records["email:mary@shop.example"]["last_name"] == "Null"


def test_a_decimal_comma_is_understood_and_what_does_not_fit_it_refused():
    result, records = imported("orders", BROKEN / "orders_decimal_comma.csv")
    assert records["1001:1"]["unit_price"] == "1234.5"
    assert records["1001:2"] == {
        "order_id": "1001", "line_number": 2, "ordered_at": "2026-03-05T14:30:00Z", "customer_id": "7", "sku": "A2",
        "title": "Teller", "quantity": "1", "unit_price": "12.5", "currency_code": "EUR", "kind": "sale",
        "original": records["1001:2"]["original"],
    }  # fmt: skip
    assert (records["C1002:1"]["kind"], records["C1002:1"]["ordered_at"]) == ("cancellation", "2026-03-06T08:00:00Z")
    assert records["1006:1"]["kind"] == "adjustment"
    assert "customer_id" not in records["1006:1"]
    assert reasons(result) == [
        (5, "ordered_at", "is not a time"),
        (6, "unit_price", "is not a number"),
        (7, "quantity", "is empty"),
        (8, "order_id", "is empty"),
    ]


def test_events_in_utf_16_are_read_and_one_that_comes_twice_counts_once():
    result, records = imported("events", BROKEN / "events_utf16.csv")
    assert set(records) == {"import:e1", "import:e2"}
    assert records["import:e1"]["occurred_at"] == "2026-01-01T00:00:00Z"
    assert reasons(result) == [(5, "occurred_at", "is not a time")]
    assert reasons(result, REPEATED) == [(2, "", "comes again in line 4, which counts")]
    assert result.table == "import_events"


def test_the_archive_of_sendgrid_is_kept_as_sendgrid_sent_it(tmp_path):
    table = pa.table(
        {
            "email": ["ada@shop.example"], "timestamp": pa.array([1767225600], pa.int64()), "event": ["open"],
            "sg_event_id": ["x1"], "sg_machine_open": [True], "url": pa.array([None], pa.string()),
            "category": [["cart"]],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "archive.parquet")
    result, records = imported("events", tmp_path / "archive.parquet")
    assert result.table == "delivery_events"
    assert records == {
        "sendgrid:x1": {
            "email": "ada@shop.example", "timestamp": 1767225600, "event": "open", "sg_event_id": "x1",
            "sg_machine_open": True, "category": ["cart"],
        }
    }  # fmt: skip
    assert result.batch["record_updated_at"][0].as_py() == datetime(2026, 1, 1)


def test_a_sheet_of_excel_keeps_numbers_and_dates(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["Order", "Date", "Customer ID", "SKU", "Qty", "Price", None],
        [1001, datetime(2026, 3, 5, 14, 30), 7.0, "A1", 2, 2.5, None],
        [None, None, None, None, None, None, None],
        [1002, "not a date", 8, "A1", 1, 3, None],
    ):
        book.active.append(row)
    book.save(tmp_path / "orders.xlsx")
    result, records = imported("orders", tmp_path / "orders.xlsx")
    line = records["1001:1"]
    assert (line["customer_id"], line["unit_price"], line["ordered_at"]) == ("7", "2.5", "2026-03-05T14:30:00Z")
    assert reasons(result) == [(4, "ordered_at", "is not a time")]


def test_identical_lines_of_an_order_stay_separate_lines(tmp_path):
    (tmp_path / "o.csv").write_text("invoice,date,sku,qty,price\n" + "1,2026-01-01,A,1,2.50\n" * 3)
    result, records = imported("orders", tmp_path / "o.csv")
    assert sorted(records) == ["1:1", "1:2", "1:3"]
    assert result.sums[0]["lines_count"] == 3


def test_a_line_keeps_its_number_when_a_bad_line_before_it_is_mended(tmp_path):
    for name, price in (("bad", "x"), ("mended", "9.00")):
        lines = f"invoice,date,sku,qty,price\n1,2026-01-01,A,1,{price}\n1,2026-01-01,B,1,2.50\n"
        (tmp_path / f"{name}.csv").write_text(lines)
    _, bad = imported("orders", tmp_path / "bad.csv")
    _, mended = imported("orders", tmp_path / "mended.csv")
    assert bad["1:2"] == mended["1:2"]


@pytest.mark.parametrize(
    ("order", "sku", "quantity", "price", "kind"),
    [
        ("536365", "85123A", 6, "2.55", "sale"),
        ("C536379", "D", -1, "27.50", "discount"),
        ("C536383", "35004C", -1, "4.65", "cancellation"),
        ("536589", "21777", -10, "0", "stock_correction"),
        ("536590", "21777", -10, "1.25", "return"),
        ("536414", "22139", 56, "0", "no_charge"),
        ("A563185", "B", 1, "11062.06", "adjustment"),
        ("536370", "POST", 3, "18.00", "shipping_or_fee"),
        ("C537600", "AMAZONFEE", -1, "1.00", "shipping_or_fee"),
        ("537600", "bank charges", 1, "15.00", "shipping_or_fee"),
        ("536569", "M", 1, "1.25", "adjustment"),
        ("536569", "m", 1, "2.55", "adjustment"),
        ("539492", "gift_0001_20", 1, "16.67", "gift_voucher"),
        ("540000", "DCGS0076", 1, "20.00", "sale"),
        ("540001", "X1", 1, "-5", "adjustment"),
        ("CARTS-7", "X1", 1, "5", "sale"),
        ("A-17", "X1", 1, "5", "sale"),
    ],
)
def test_every_line_gets_the_kind_that_its_rule_says(tmp_path, order, sku, quantity, price, kind):
    (tmp_path / "o.csv").write_text(f"invoice,date,sku,qty,price\n{order},2026-01-31,{sku},{quantity},{price}\n")
    _, records = imported("orders", tmp_path / "o.csv")
    assert records[f"{order}:1"]["kind"] == kind


def test_a_choice_corrects_the_guess_and_a_quoted_one_sets_a_value(tmp_path):
    (tmp_path / "o.csv").write_text("a,date,sku,qty,price,b\n1,2026-01-31,X,1,2,9\n")
    with pytest.raises(InvalidInputError, match="order_id"):
        imported("orders", tmp_path / "o.csv")
    _, records = imported("orders", tmp_path / "o.csv", "a=order_id", '"USD"=currency_code', "b=customer_id")
    assert (records["1:1"]["currency_code"], records["1:1"]["customer_id"]) == ("USD", "9")
    with pytest.raises(InvalidInputError, match="no column"):
        imported("orders", tmp_path / "o.csv", "zzz=order_id")
    with pytest.raises(InvalidInputError, match="no field"):
        imported("orders", tmp_path / "o.csv", "a=colour")


def test_a_column_of_addresses_is_known_by_its_values(tmp_path):
    (tmp_path / "p.csv").write_text("who,x\nAda,ada@shop.example\nGrace,grace@shop.example\n")
    _, records = imported("people", tmp_path / "p.csv")
    assert set(records) == {"email:ada@shop.example", "email:grace@shop.example"}


def test_a_full_name_is_cut_where_the_file_has_no_other(tmp_path):
    (tmp_path / "p.csv").write_text("name,email\nAda King Lovelace,ada@shop.example\nCher,cher@shop.example\n")
    _, records = imported("people", tmp_path / "p.csv")
    ada = records["email:ada@shop.example"]
    assert (ada["first_name"], ada["last_name"]) == ("Ada King", "Lovelace")
    assert "last_name" not in records["email:cher@shop.example"]


def test_files_of_one_shape_have_one_signature_in_any_order_of_columns():
    assert signature("people", ["E-Mail", "Name"]) == signature("people", ["name", "email"])
    assert signature("people", ["email"]) != signature("orders", ["email"])


def test_a_mapping_is_the_same_after_it_was_saved():
    mapping = ColumnMap({"order_id": "Invoice"}, {"currency_code": "GBP"})
    assert ColumnMap.of(mapping.named) == mapping


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n \n", "holds no line"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old Excel"),
        ("cut.xlsx", b"PK\x03\x04rest", "cannot be read as XLSX"),
        ("cut.parquet", b"PAR1rest", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_none_is_told_for_what_it_is(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=problem):
        read_rows(tmp_path / name)


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_the_file():
    with pytest.raises(InvalidInputError, match="opened in line 2 is never closed"):
        read_rows(BROKEN / "unclosed_quote.csv")
