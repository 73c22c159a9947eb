"""Rows of a file as records to land, and every line that cannot be kept with the reason.

Belongs here: record ids that stay the same when a file comes again, payloads, and the account of all lines.
Stays out: reading files (`read_files.py`), reading values (`values.py`), landing (`dmat_pipelines/capture/imports.py`).

Record ids: people `id:<external id>`, else `email:<address>`, else `phone:<number>`; order lines
`<order>:<line number>`, numbered in the order of the file where it has no numbers; events `<provider>:<event id>`.
A person or event that comes twice in one file counts once, by its last line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from dmat.imports.fields import REQUIRED, ColumnMap, check_kind, guess_columns, plain
from dmat.imports.read_files import LINE, FileRows
from dmat.imports.record_sql import ROW, records_sql
from dmat.imports.values import (
    CURRENCY_OF_COUNTRY,
    CURRENCY_SIGNS,
    Style,
    allowed,
    find_style,
    read_column,
    read_country,
    trim_texts,
)

SENDGRID_ID = "sgeventid"
REFUSED, LEFT_OUT, REPEATED = "refused", "value left out", "repeated"


@dataclass(frozen=True)
class Issue:
    """Something about a line: the field, its text, what is wrong, what would have been accepted, what became of it."""

    line: int
    field: str
    value: str
    reason: str
    allowed: str
    treatment: str = REFUSED


@dataclass
class Converted:
    """What a file gave.

    Attributes:
        table: raw table for the records.
        batch: record_id, record_updated_at, payload: ready for `dmat.landing.land_table`.
        issues: every line or value that was not taken.
        lines_count: lines of the file; = kept + refused + repeated.
        styles: how columns of numbers and times were read, by field.
        sums: orders only: a row a kind with lines_count, quantity, amount; amounts are exact.
    """

    table: str
    batch: pa.Table
    issues: list[Issue]
    lines_count: int
    styles: dict[str, Style] = field(default_factory=dict)
    sums: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kept_count(self) -> int:
        """Lines that became records."""
        return int(self.batch.num_rows)

    def count(self, treatment: str) -> int:
        """Lines with an issue of that treatment."""
        return len({issue.line for issue in self.issues if issue.treatment == treatment})


def guess_map(kind: str, rows: FileRows) -> dict[str, str]:
    """field -> column, by names and values; an order file without currency gets one by signs or countries."""
    sample = rows.texts.slice(0, 1000)
    emails = [c for c in rows.columns if _looks_like_email(trim_texts(sample[c]))]
    found = guess_columns(kind, rows.columns, emails)
    if kind == "orders" and "currency_code" not in found:
        found["currency_code"] = f'"{_guess_currency(rows, found)}"'
    return found


def _looks_like_email(texts: pa.Array) -> bool:
    known = texts.drop_null()
    good = read_column(known, "email", Style()).values
    return len(known) > 0 and (len(good) - good.null_count) * 5 >= len(known) * 4


def _guess_currency(rows: FileRows, found: dict[str, str]) -> str:
    if "unit_price" in found:
        prices = "".join(text or "" for text in rows.texts[found["unit_price"]].slice(0, 1000).to_pylist())
        signs = [sign for sign in CURRENCY_SIGNS if sign in prices]
        if signs:
            return CURRENCY_SIGNS[max(signs, key=prices.count)]
    if "country" in found:
        counts = pc.value_counts(trim_texts(rows.texts[found["country"]]).drop_null()).to_pylist()
        if counts:
            try:
                country = read_country(max(counts, key=lambda c: c["counts"])["values"], Style())
                return CURRENCY_OF_COUNTRY.get(country, "EUR")
            except ValueError:
                return "EUR"
    return "EUR"


def convert(kind: str, rows: FileRows, mapping: ColumnMap) -> Converted:
    """Read every line of a file by a mapping."""
    issues = [Issue(b.line, "", b.text, b.reason, "as many cells as the header") for b in rows.broken]
    columns, styles, found = _read_fields(kind, rows, mapping)
    issues += found
    issues += _missing(kind, rows, columns, found)
    if kind == "people" and "full_name" in columns:
        _split_names(columns)
    if kind == "orders":
        for name in ("line_number", "sku"):
            columns.setdefault(
                name, pa.nulls(rows.texts.num_rows, pa.int64() if name == "line_number" else pa.string())
            )
    typed = pa.table({ROW: pa.array(range(rows.texts.num_rows), pa.int64()), LINE: rows.texts[LINE], **columns})
    is_archive = kind == "events" and plain(mapping.columns.get("event_id", "")) == SENDGRID_ID
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("typed", typed)
        connection.register("original", rows.original.append_column(ROW, typed[ROW]))
        bad = sorted({i.line for i in issues if i.treatment == REFUSED})
        connection.register("bad", pa.table({LINE: pa.array(bad, pa.int64())}))
        names = rows.original.column_names
        connection.execute(f"create table records as {records_sql(kind, list(columns), names, is_archive)}")
        issues += _repeats(connection)
        batch = connection.execute(
            "select record_id, record_updated_at, payload::varchar as payload from records"
            " where recency = 1 order by row_number"
        ).to_arrow_table()
        sums = _sums(connection) if kind == "orders" else []
    table = "delivery_events" if is_archive else f"import_{kind}"
    return Converted(table, batch, sorted(issues, key=lambda i: i.line), rows.lines_count, styles, sums)


def _read_fields(
    kind: str, rows: FileRows, mapping: ColumnMap
) -> tuple[dict[str, pa.Array], dict[str, Style], list[Issue]]:
    columns: dict[str, pa.Array] = {}
    styles: dict[str, Style] = {}
    issues: list[Issue] = []
    for one in check_kind(kind):
        if one.name in mapping.columns:
            texts = trim_texts(rows.texts[mapping.columns[one.name]])
        elif one.name in mapping.constants:
            texts = pa.repeat(pa.scalar(mapping.constants[one.name], pa.string()), rows.texts.num_rows)
        else:
            continue
        style = find_style(texts, one.type)
        read = read_column(texts, one.type, style)
        columns[one.name] = read.values
        if one.type in ("number", "money", "time", "date"):
            styles[one.name] = style
        treatment = REFUSED if one.is_strict else LEFT_OUT
        for line, text, reason in _bad(rows.texts[LINE], texts, read.problems):
            issues.append(Issue(line, one.name, text, reason, allowed(one.type, style), treatment))
    return columns, styles, issues


def _bad(lines: pa.ChunkedArray, texts: pa.Array, problems: pa.Array) -> Iterable[tuple[int, str, str]]:
    if problems.null_count == len(problems):
        return []
    table = pa.table({"line": lines, "text": texts, "problem": problems}).filter(pc.is_valid(problems))
    return zip(*(table[name].to_pylist() for name in ("line", "text", "problem")), strict=True)


def _missing(kind: str, rows: FileRows, columns: dict[str, pa.Array], found: list[Issue]) -> list[Issue]:
    """Lines in which a field that must be there is empty (a bad value is told already)."""
    told = {(issue.line, issue.field) for issue in found}
    issues = []
    for alternatives in REQUIRED[kind]:
        empty = None
        for name in alternatives:
            if name in columns:
                is_null = pc.is_null(columns[name])
                empty = is_null if empty is None else pc.and_(empty, is_null)
        for line in rows.texts[LINE].filter(empty).to_pylist() if empty is not None else []:
            if not any((line, name) in told for name in alternatives):
                what = "is empty" if len(alternatives) == 1 else "are empty"
                issues.append(Issue(line, " and ".join(alternatives), "", what, " or ".join(alternatives)))
    return issues


def _split_names(columns: dict[str, pa.Array]) -> None:
    """A full name fills first and last name where the file has neither: all but the last word is the first name."""
    full = columns.pop("full_name").to_pylist()
    if "first_name" in columns or "last_name" in columns:
        return
    cut = [(name.rsplit(" ", 1) if " " in name else [name, None]) if name else [None, None] for name in full]
    columns["first_name"] = pa.array([c[0] for c in cut], pa.string())
    columns["last_name"] = pa.array([c[1] for c in cut], pa.string())


def _repeats(connection: duckdb.DuckDBPyConnection) -> list[Issue]:
    found = connection.execute(
        "select line, record_id, counting_line from records where recency > 1 order by line"
    ).fetchall()
    return [
        Issue(int(line), "", str(key), f"comes again in line {last}, which counts", "each record once", REPEATED)
        for line, key, last in found
    ]


def _sums(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = connection.execute(
        "select kind, count(*), sum(quantity), sum(quantity * unit_price) from records where recency = 1"
        " group by kind order by count(*) desc, kind"
    ).fetchall()
    return [{"kind": k, "lines_count": n, "quantity": q, "amount": a} for k, n, q, a in found]
