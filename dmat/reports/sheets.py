"""A report that was made as a workbook, or as one table of text.

Belongs here: how sections become sheets and lines. Stays out: that no cell becomes a formula
(`dmat/segments/export.py`), figures (`making.py`).

Amounts are in whole units of their currency, rates between 0 and 1; what is not known is an empty cell.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openpyxl import Workbook

from dmat.reports.making import Figures, Made, metric_columns
from dmat.segments.export import as_cell, csv_text, new_sheet

LONGEST_TITLE = 31
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
CSV_HEADINGS = ("section", "day, week or month", "dimensions", "metric", "value", "unit", "before", "change")


def as_xlsx(made: Made) -> bytes:
    """The report as a workbook: a sheet a section, and a last one that says where the figures come from."""
    book = Workbook(write_only=True)
    taken: set[str] = set()
    for number, section in enumerate(made.figures["sections"], 1):
        title = _sheet_title(section["title"], number, taken)
        _write(book, title, _headings(section), _lines(section))
    _write(book, "About", ("", ""), _about(made))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def as_csv(made: Made) -> str:
    """The report as one long table: a line for each figure."""
    return csv_text(CSV_HEADINGS, (line for section in made.figures["sections"] for line in _long_lines(section)))


def _sheet_title(title: str, number: int, taken: set[str]) -> str:
    name = " ".join(title.translate(_FORBIDDEN).split())[:LONGEST_TITLE].strip("' ") or f"Section {number}"
    if name.lower() in taken:
        name = f"{name[: LONGEST_TITLE - 4]} {number}"
    taken.add(name.lower())
    return name


def _write(book: Workbook, title: str, headings: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    sheet = new_sheet(book, title, headings)
    for line in lines:
        sheet.append([as_cell(sheet, value) for value in line])


def _headings(section: Figures) -> list[str]:
    if section["is_key_figures"]:
        return ["Figure", "Value", "Unit", "Before", "Change"]
    return [_heading(column, section) for column in section["columns"]]


def _heading(column: Mapping[str, str], section: Figures) -> str:
    return f"{column['name']} ({section['currency']})" if column["unit"] == "cents" else column["name"]


def _lines(section: Figures) -> list[list[Any]]:
    if not section["is_key_figures"]:
        return [
            [_value(value, column, section) for value, column in zip(row, section["columns"], strict=True)]
            for row in section["rows"]
        ]
    return [
        [column["name"], _value(section["totals"][column["key"]], column, section), _unit(column, section),
         _value(section["before"].get(column["key"]), column, section), section["changes"].get(column["key"])]
        for column in metric_columns(section)
    ]  # fmt: skip


def _long_lines(section: Figures) -> Iterator[list[Any]]:
    columns = section["columns"]
    figures = [(column, place) for place, column in enumerate(columns) if column["role"] == "metric"]
    for row in section["rows"]:
        pairs = list(zip(row, columns, strict=True))
        grain = next((value for value, column in pairs if column["role"] == "grain"), "")
        told = [str(_value(value, column, section) or "") for value, column in pairs if column["role"] == "dimension"]
        for column, place in figures:
            value = _value(row[place], column, section)
            yield [section["title"], grain, " / ".join(told), column["name"], value, _unit(column, section), None, None]
    for column, _ in figures:
        key = column["key"]
        yield [section["title"], "", "", column["name"], _value(section["totals"][key], column, section),
               _unit(column, section), _value(section["before"].get(key), column, section),
               section["changes"].get(key)]  # fmt: skip


def _value(value: Any, column: Mapping[str, str], section: Figures) -> Any:
    if value is None or column["role"] == "grain":
        return value
    if column["role"] == "dimension":
        return section["labels"].get(column["key"], {}).get(str(value), value)
    return value / 100 if column["unit"] == "cents" else value


def _unit(column: Mapping[str, str], section: Figures) -> str:
    return str(section["currency"]) if column["unit"] == "cents" else column["unit"]


def _about(made: Made) -> list[list[Any]]:
    definitions = dict(tuple(pair) for section in made.figures["sections"] for pair in section["definitions"])
    return [
        ["Report", made.title], ["First day", made.since.isoformat()], ["Until before", made.until.isoformat()],
        ["Data as of (UTC)", made.as_of.isoformat(sep=" ", timespec="seconds")],
        ["Version of the tables", made.data_version], ["Runs", ", ".join(made.run_ids)],
        *([["What moved", words] for words in made.figures["insights"]]),
        *([name, words] for name, words in sorted(definitions.items())),
    ]  # fmt: skip
