"""An answer as a file: CSV or XLSX, with what it was asked and where it comes from.

Belongs here: how figures are written. Stays out: that no cell becomes a formula (`dmat/segments/export.py`), PDF
(`dmat/reports`).

Amounts are written in whole units of the currency, rates between 0 and 1 (XLSX shows them in per cent). What is not
known is an empty cell.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from dmat.metrics.asking import Answer, Column, Row
from dmat.metrics.catalogue import load
from dmat.segments.export import as_cell, csv_text, new_sheet

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_NUMBER_FORMATS = {
    "rate": "0.0%",
    "cents": "#,##0.00",
    "ratio": "0.00",
    "days": "0.0",
    "seconds": "0",
    "count": "#,##0",
}


def headings(answer: Answer) -> list[str]:
    """Names of the columns; amounts with their currency."""
    names = []
    for column in answer.columns:
        names.append(f"{column.name} ({answer.currency})" if column.unit == "cents" else column.name)
        if column.key in answer.labels:
            names.append(f"{column.name}, name")
    return names


def lines(answer: Answer) -> list[list[Any]]:
    """The rows, and the totals last when there is more than one row."""
    rows = [_cells(answer, row) for row in answer.rows]
    if not answer.rows:
        return [_cells(answer, dict(answer.totals))]
    if len(answer.rows) > 1 or answer.is_cut:
        rows.append(_cells(answer, dict(answer.totals), "Total"))
    return rows


def as_csv(answer: Answer) -> str:
    """The answer as CSV."""
    return csv_text(headings(answer), lines(answer))


def as_xlsx(answer: Answer, title: str = "Figures", run_ids: Sequence[str] = ()) -> bytes:
    """The answer as a workbook; a second sheet says what was asked, how it is counted, and from which data."""
    book = Workbook(write_only=True)
    _write(book, _sheet_title(title), headings(answer), lines(answer), _formats(answer))
    _write(book, "About", ["", ""], about(answer, run_ids), ["", ""])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def about(answer: Answer, run_ids: Sequence[str] = ()) -> list[list[str]]:
    """What was asked, of when the data are, and the definition of each metric."""
    since, until = answer.question.days
    asked = answer.question
    rows = [
        ["From", str(since)],
        ["Until, without this day", str(until)],
        ["Data as of", f"{answer.as_of:%Y-%m-%d %H:%M} UTC"],
        ["Version of the data", str(answer.data_version)],
        ["Currency", answer.currency],
    ]
    for each in asked.filters:
        rows.append([f"Only {each.dimension}", "; ".join(value or "not known" for value in each.values)])
    rows += [["Runs", ", ".join(run_ids)]] if run_ids else []
    rows += [["Only members of", asked.segment]] if asked.segment else []
    metrics = [load().metric(key) for key in asked.metrics]
    rows += [[metric.name, f"{metric.words} Counted as: {metric.formula}."] for metric in metrics]
    return rows + [[f"Not published: {table}", "its figures are empty"] for table in answer.missing]


def _cells(answer: Answer, row: Row, first: str = "") -> list[Any]:
    cells: list[Any] = []
    for column in answer.columns:
        cells.append(_value(column, row.get(column.key)))
        if column.key in answer.labels:
            cells.append(answer.labels[column.key].get(str(row.get(column.key))))
    if first and answer.columns[0].role != "metric":
        cells[0] = first
    return cells


def _value(column: Column, value: Any) -> Any:
    return round(value / 100, 2) if column.unit == "cents" and value is not None else value


def _formats(answer: Answer) -> list[str]:
    formats = []
    for column in answer.columns:
        formats.append(_NUMBER_FORMATS.get(column.unit, ""))
        formats += [""] if column.key in answer.labels else []
    return formats


def _write(book: Workbook, title: str, names: Sequence[str], rows: Sequence[Sequence[Any]], formats: list[str]) -> None:
    sheet = new_sheet(book, title, names)
    for row in rows:
        cells = []
        for value, number_format in zip(row, formats, strict=True):
            cell = as_cell(sheet, value)
            if number_format and isinstance(value, (int, float)):
                cell = WriteOnlyCell(sheet, value)
                cell.number_format = number_format
            cells.append(cell)
        sheet.append(cells)


def _sheet_title(title: str) -> str:
    kept = "".join(sign for sign in title if sign not in "[]:*?/\\'" and ord(sign) >= 32)
    return kept[:31] or "Figures"
