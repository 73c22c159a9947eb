"""Members of a segment as a file: CSV or XLSX, row by row, so that memory does not grow with the segment.

Belongs here: how values are written, and that no cell can become a formula in a spreadsheet. Stays out: who is a member
(`engine.py`), which columns there are (`people_columns.py`), who may take them away (`apps/api`).

A text that a spreadsheet would take for a formula (it starts with = + - @, a tab or a line break) gets an apostrophe
before it in CSV; in XLSX every text is stored as text, which no spreadsheet evaluates. Plain phone numbers (+ and
digits) stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from dmat.errors import InvalidInputError
from dmat.segments.people_columns import PersonColumn

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheets read UTF-8 as something else
ROWS_PER_SHEET = 1_000_000
LONGEST_CELL = 32_767
_FORMULA = re.compile(r"^[\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n|%]")
_PHONE = re.compile(r"\+\d{6,15}")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def check_format(wanted: str) -> str:
    """The format, if there is such a one.

    Raises:
        InvalidInputError: there is not.
    """
    if wanted not in FORMATS:
        raise InvalidInputError("format", f"{wanted[:20]!r} is not a format", ", ".join(FORMATS))
    return wanted


def header(columns: Sequence[PersonColumn]) -> list[str]:
    """Names of the columns of the file; money has its currency beside it."""
    names: list[str] = []
    for column in columns:
        names.append(column.key)
        if column.type == "money" and column.currency_column:
            names.append(f"{column.key}_currency")
    return names


def csv_text(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A whole file as text: names of the columns, then the rows."""
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([as_text(name) for name in names])
    writer.writerows([as_text(value) for value in row] for row in rows)
    return buffer.getvalue()


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[PersonColumn]) -> Iterator[str]:
    """The file as text, some lines at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    names = header(columns)
    money = {column.key for column in columns if column.type == "money"}
    buffer.write(BYTE_ORDER_MARK)
    writer.writerow(names)
    for row in rows:
        writer.writerow([as_text(_major(row[name]) if name in money else row[name]) for name in names])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def write_xlsx(file: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[PersonColumn]) -> int:
    """Write a workbook; after a million people another sheet follows. Gives the number of rows."""
    book = Workbook(write_only=True)
    names = header(columns)
    money = {column.key for column in columns if column.type == "money"}
    count, sheet = 0, new_sheet(book, "Members", names)
    for row in rows:
        if count and count % ROWS_PER_SHEET == 0:
            sheet = new_sheet(book, f"Members {count // ROWS_PER_SHEET + 1}", names)
        sheet.append([as_cell(sheet, _major(row[name]) if name in money else row[name]) for name in names])
        count += 1
    book.save(file)
    return count


def new_sheet(book: Workbook, title: str, names: Sequence[str]) -> Any:
    """A sheet with names of columns in bold that stay in sight."""
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    cells = []
    for name in names:
        cell = WriteOnlyCell(sheet, name)
        cell.font = Font(bold=True)
        cells.append(cell)
    sheet.append(cells)
    return sheet


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could take a text for a formula."""
    return bool(_FORMULA.match(text)) and not _PHONE.fullmatch(text)


def as_text(value: Any) -> str:
    """A value as a cell of a CSV file, never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, (int, float, date)):
        return str(value)
    text = _joined(value)
    return f"'{text}" if is_formula(text) else text


def as_cell(sheet: Any, value: Any) -> Any:
    """A value as a cell of a workbook; texts are stored as texts, never as formulas."""
    if value is None or isinstance(value, (bool, float, date, datetime)):
        return value
    if isinstance(value, int) and abs(value) < 10**15:  # a spreadsheet keeps no more digits of a number
        return value
    cell = WriteOnlyCell(sheet, _NOT_IN_XML.sub("", _joined(value))[:LONGEST_CELL])
    cell.data_type = "s"  # text, whatever it looks like: "=..." would be a formula otherwise
    return cell


def _joined(value: Any) -> str:
    return "; ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)


def _major(cents: Any) -> Any:
    """Cents as an amount; whole cents have an exact text, which is what is written."""
    return None if cents is None else round(int(cents) / 100, 2)
