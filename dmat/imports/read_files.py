"""A file as rows of text with line numbers: CSV of any delimiter and encoding, Parquet, XLSX.

Belongs here: finding out how a file is written, and lines that are no rows. Stays out: what the text means.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from dmat.errors import InvalidInputError

LINE = "_line"
DELIMITERS = ",;\t|"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
csv.field_size_limit(16 * 1024 * 1024)


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no row, and why."""

    line: int
    text: str
    reason: str


@dataclass
class FileRows:
    """The rows of a file.

    Attributes:
        texts: `_line` (where the row begins, 1 = first line of the file; Parquet: number of the row) and every
            column as text; empty cells are empty texts or null.
        original: the columns in their own types, in the same order of rows (for CSV and XLSX the texts).
        how: how the file is written, in words.
        broken: lines that are no rows.
    """

    texts: pa.Table
    original: pa.Table
    how: str
    broken: list[BrokenLine] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """Names of the file's columns."""
        return [name for name in self.texts.column_names if name != LINE]

    @property
    def lines_count(self) -> int:
        """Rows and broken lines."""
        return int(self.texts.num_rows) + len(self.broken)


def read_rows(path: Path) -> FileRows:
    """Read a whole file.

    Raises:
        InvalidInputError: it is not there, empty, or none of the known formats.
    """
    if not path.is_file():
        raise InvalidInputError("file", f"{path} is not there", "CSV, Parquet or XLSX")
    with path.open("rb") as handle:
        head = handle.read(8)
    if not head:
        raise InvalidInputError("file", f"{path.name} is empty", "CSV, Parquet or XLSX")
    if head.startswith(b"PAR1"):
        return _read_parquet(path)
    if head.startswith(b"PK\x03\x04"):
        return _read_xlsx(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise InvalidInputError("file", f"{path.name} is an old Excel file (.xls)", "save it as XLSX or CSV")
    return _read_csv(path)


# CSV -----------------------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> FileRows:
    content = path.read_bytes()
    encoding = find_encoding(content)
    text = content.decode(encoding, errors="replace")
    delimiter = find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    _check_quotes(text, delimiter, path)
    rows = _numbered(reader)
    header = next(rows, None)
    if header is None:
        raise InvalidInputError("file", f"{path.name} holds no line", "a line of column names, then rows")
    names = {"\t": "tab"}
    how = f"CSV, {encoding}, delimiter {names.get(delimiter, delimiter)}"
    return _collect(_unique(header[1]), rows, how)


def _check_quotes(text: str, delimiter: str, path: Path) -> None:
    """Look whether the last row ends inside a quote: it would hold the rest of the file in one cell.

    Raises:
        InvalidInputError: a quote was opened and never closed, and in which line.
    """
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter)
    before, begin = 0, 0
    try:
        for _ in reader:
            before, begin = reader.line_num, before
        if before - begin > 1:
            last = "".join(io.StringIO(text, newline="").readlines()[begin:])
            list(csv.reader(io.StringIO(last, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error) or "field larger" in str(error):
            problem = f"{path.name}: a quote opened in line {begin + 1} is never closed"
            raise InvalidInputError("file", problem, "quotes in pairs") from None


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line where they begin; empty lines are skipped."""
    before = 0
    for row in reader:
        if any(cell.strip() for cell in row):
            yield before + 1, row
        before = reader.line_num


def find_encoding(content: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, UTF-8 when the bytes are that, else Windows-1252."""
    for mark, name in _BOMS:
        if content.startswith(mark):
            return name
    try:
        content.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "cp1252"


def find_delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of cells, the most of them."""
    sample = text[:65536]
    best, best_cells = ",", 1
    for delimiter in DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row][:50]
        if len(rows) > 2 and len(text) > len(sample):
            rows = rows[:-1]
        if not rows:
            continue
        cells, times = Counter(len(row) for row in rows).most_common(1)[0]
        if cells > best_cells and times * 2 > len(rows) and len(rows[0]) == cells:
            best, best_cells = delimiter, cells
    return best


def _collect(header: list[str], rows: Iterable[tuple[int, list[str]]], how: str) -> FileRows:
    """Rows as columns; a row with more or fewer cells than the header is broken (empty cells at its end are not)."""
    width = len(header)
    lines: list[int] = []
    kept: list[list[str]] = []
    broken: list[BrokenLine] = []
    for line, row in rows:
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) == width:
            lines.append(line)
            kept.append(row)
        else:
            broken.append(BrokenLine(line, " | ".join(row), f"has {len(row)} cells, the header has {width}"))
    columns = list(zip(*kept, strict=True)) if kept else [()] * width
    arrays = {name: pa.array(list(column), pa.string()) for name, column in zip(header, columns, strict=True)}
    texts = pa.table({LINE: pa.array(lines, pa.int64()), **arrays})
    return FileRows(texts, texts.drop_columns([LINE]), how, broken)


def _unique(header: list[str]) -> list[str]:
    """Names of columns, trimmed; one without a name or with a name that is taken gets a number."""
    names: list[str] = []
    for number, cell in enumerate(header, 1):
        name = cell.strip().strip("\ufeff") or f"column_{number}"
        names.append(f"{name}_{number}" if name in names or name == LINE else name)
    return names


# XLSX ----------------------------------------------------------------------------------------------------------------


def _read_xlsx(path: Path) -> FileRows:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (KeyError, ValueError, OSError, BadZipFile) as error:
        raise InvalidInputError("file", f"{path.name} cannot be read as XLSX: {error}", "XLSX") from None
    try:
        sheet = book.worksheets[0]
        rows = (
            (number, [cell_text(cell) for cell in row])
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1)
            if any(cell is not None and str(cell).strip() for cell in row)
        )
        header = next(rows, None)
        if header is None:
            raise InvalidInputError("file", f"{path.name} holds no row", "a row of column names, then rows")
        return _collect(_unique(_without_tail(header[1])), _widened(rows, len(_without_tail(header[1]))), "XLSX")
    finally:
        book.close()


def _without_tail(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _widened(rows: Iterable[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    """A sheet leaves empty cells at the end of a row out."""
    for number, row in rows:
        yield number, row + [""] * (width - len(row))


def cell_text(cell: object) -> str:
    """A cell of a sheet as text: whole numbers without `.0`, times in ISO."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(round(cell, 6))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


# Parquet -------------------------------------------------------------------------------------------------------------


def _read_parquet(path: Path) -> FileRows:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError("file", f"{path.name} cannot be read as Parquet: {error}", "Parquet") from None
    original = table.rename_columns(_unique(list(table.column_names)))
    if not original.num_columns:
        raise InvalidInputError("file", f"{path.name} holds no column", "Parquet with columns")
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.register("original", original)
    types = connection.execute("describe select * from original").fetchall()
    texts = [f"{_as_text(connection, str(row[0]), str(row[1]))} as {quote(str(row[0]))}" for row in types]
    result = connection.execute(f"select {', '.join(texts)} from original").to_arrow_table()
    lines = pa.array(range(1, result.num_rows + 1), pa.int64())
    return FileRows(result.add_column(0, LINE, lines), original, "Parquet")


def _as_text(connection: duckdb.DuckDBPyConnection, name: str, type_name: str) -> str:
    """SQL for a typed column as text: times in ISO with their zone, floats without noise, ids without `.0`."""
    column = quote(name)
    if type_name in ("DOUBLE", "FLOAT"):
        fraction = connection.execute(f"select count(*) from original where {column} <> floor({column})").fetchone()
        finite = f"case when isfinite({column}) then {column} end"
        whole = fraction is not None and fraction[0] == 0
        return f"cast({finite} as bigint)::varchar" if whole else f"round({finite}, 6)::varchar"
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column}, '%Y-%m-%d %H:%M:%S.%fZ')"
    return f"cast({column} as varchar)"


def quote(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
