"""Under test: what a text means, and that a value which does not fit is refused and never bent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from dmat.imports.values import Style, find_style, read_column, trim_texts

COMMA = Style(decimal_comma=True)
MONTH = Style(day_first=False)


def read(type_name, text, style=None):
    column = read_column(pa.array([text]), type_name, style or Style())
    return column.values[0].as_py(), column.problems[0].as_py()


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("2.55", Style(), "2.55"),
        ("1,234.50", Style(), "1234.50"),
        ("1,234", Style(), "1234"),
        ("-3", Style(), "-3"),
        ("(12.50)", Style(), "-12.50"),
        ("12.50-", Style(), "-12.50"),
        ("£ 2.55", Style(), "2.55"),
        ("0.001", Style(), "0.001"),
        ("1e3", Style(), "1000"),
        ("1.234,50", COMMA, "1234.50"),
        ("1.234", COMMA, "1234"),
        ("12,5 €", COMMA, "12.5"),
        ("1'234,50", COMMA, "1234.50"),
    ],
)
def test_a_number_is_read_as_its_column_writes_numbers(text, style, expected):
    assert read("money", text, style) == (Decimal(expected), None)


@pytest.mark.parametrize(
    ("text", "style", "reason"),
    [
        ("12,5", Style(), "is not a number"),
        ("3.50", COMMA, "is not a number"),
        ("abc", Style(), "is not a number"),
        ("€", Style(), "is not a number"),
        ("1.23456", Style(), "has more than four decimals"),
        ("9" * 20, Style(), "is too large"),
    ],
)
def test_a_number_that_does_not_fit_its_column_is_refused(text, style, reason):
    assert read("money", text, style) == (None, reason)


def test_the_column_decides_which_mark_is_the_decimal_one():
    assert find_style(pa.array(["1,234", "2.50"]), "money") == Style(decimal_comma=False)
    assert find_style(pa.array(["1.234", "2,50"]), "money") == Style(decimal_comma=True)
    assert find_style(pa.array(["1,234", "5"]), "money") == Style(is_decided=False)
    assert find_style(pa.array(["12", "5"]), "money") == Style(is_decided=True)


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("2026-03-05T14:30:00Z", Style(), datetime(2026, 3, 5, 14, 30)),
        ("2026-03-05 14:30:00+02:00", Style(), datetime(2026, 3, 5, 12, 30)),
        ("2026/3/5", Style(), datetime(2026, 3, 5)),
        ("20260305", Style(), datetime(2026, 3, 5)),
        ("05.03.2026 14:30", Style(), datetime(2026, 3, 5, 14, 30)),
        ("12/1/10 8:26", MONTH, datetime(2010, 12, 1, 8, 26)),
        ("12/1/10 8:26 PM", MONTH, datetime(2010, 12, 1, 20, 26)),
        ("12/1/10 12:00 am", MONTH, datetime(2010, 12, 1)),
        ("1 Jun 2026", Style(), datetime(2026, 6, 1)),
        ("1767225600", Style(), datetime(2026, 1, 1)),
        ("1767225600000", Style(), datetime(2026, 1, 1)),
        ("1.1.69", Style(), datetime(1969, 1, 1)),
    ],
)
def test_times_come_in_several_forms_and_end_in_utc(text, style, expected):
    assert read("time", text, style) == (expected, None)


@pytest.mark.parametrize("text", ["31.02.2026", "2026-02-30", "13/13/2026", "someday", "1.1.26 13:00 pm", "1/2/3"])
def test_a_time_that_never_was_is_refused(text):
    assert read("time", text) == (None, "is not a time")


def test_a_time_of_another_age_is_refused():
    assert read("time", "01.01.0202") == (None, "is out of range")


def test_the_column_decides_whether_day_or_month_comes_first():
    assert find_style(pa.array(["12/1/10", "12/13/10"]), "time") == Style(day_first=False)
    assert find_style(pa.array(["1/12/10", "13/12/10"]), "time") == Style(day_first=True)
    assert find_style(pa.array(["1/12/10"]), "time") == Style(day_first=True, is_decided=False)
    assert find_style(pa.array(["2026-01-12"]), "time") == Style(is_decided=True)


def test_addresses_lose_their_wrapping_and_their_capitals():
    assert read("email", "Ada <Ada@Shop.Example>") == ("ada@shop.example", None)
    assert read("email", "mailto:ada@shop.example") == ("ada@shop.example", None)
    assert read("email", "jörg@müller.de") == ("jörg@müller.de", None)


@pytest.mark.parametrize("text", ["ada", "ada@", "@shop.example", "a b@c.de", "a@b", "a@@b.de", "a@b..de", ".a@b.de"])
def test_what_is_no_address_is_refused(text):
    assert read("email", text) == (None, "is not an e-mail address")


def test_phone_numbers_keep_their_digits_and_rounded_ones_are_refused():
    assert read("phone", "0049 (30) 123-4567") == ("+49301234567", None)
    assert read("phone", "4.91512E+12") == (None, "is a number that a spreadsheet has rounded")
    assert read("phone", "12") == (None, "is not a phone number")


def test_consent_is_never_guessed():
    assert read("truth", "Ja") == (True, None)
    assert read("truth", "opted out") == (False, None)
    assert read("truth", "maybe") == (None, "is neither yes nor no")


def test_countries_and_currencies_become_codes():
    assert read("country", "Deutschland") == ("DE", None)
    assert read("country", "eire") == ("IE", None)
    assert read("country", "Atlantis") == (None, "is not a country we know")
    assert read("currency", "£") == ("GBP", None)
    assert read("date", "31.12.1979") == (date(1979, 12, 31), None)


def test_nothing_is_null_and_the_surname_null_is_a_name():
    assert trim_texts(pa.array([" ", "NULL", "Null", "\u00a0x\u200b", None])).to_pylist() == [
        None, None, "Null", "x", None,
    ]  # fmt: skip
