"""One published version of the warehouse, held open while arrays are read from it.

Belongs here: pinning a version so that all columns come from the same one, asking for Arrow, what a table is made of.
Stays out: what is kept of it in memory (`columns.py`, `event_arrays.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from dmat.errors import NotPublishedError
from dmat.segments.bitmaps import Ids
from dmat.warehouse import Version, Workspace

ROWS_A_BATCH = 262_144


class Snapshot:
    """A version of the warehouse; it stays readable after newer ones have replaced it."""

    def __init__(self, version: Version, connection: duckdb.DuckDBPyConnection) -> None:
        self.version = version
        self._connection = connection
        self._tables = {row[0] for row in self.rows("select schema_name || '.' || table_name from duckdb_tables()")}
        self._types: dict[str, dict[str, str]] = {}
        for table, column, type_ in self.rows(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() where not internal"
        ):
            self._types.setdefault(table, {})[column] = type_

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A fresh cursor on this version."""
        return self._connection.cursor()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.cursor().execute(sql, list(parameters)).fetchall()

    def arrow(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The result of a query as Arrow."""
        return self._connection.cursor().execute(sql, list(parameters)).to_arrow_table()

    def batches(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[pa.RecordBatch]:
        """The result of a query, a batch at a time."""
        return iter(self._connection.cursor().execute(sql, list(parameters)).to_arrow_reader(ROWS_A_BATCH))

    def ids(self, sql: str, parameters: Sequence[Any] = ()) -> Ids:
        """The first column of a query as person numbers, without nulls."""
        column = self.arrow(sql, parameters).column(0).drop_null()
        return np.ascontiguousarray(column.cast(pa.int64()).to_numpy(), np.int64)

    def number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """The single whole number that a query gives; null is 0."""
        return int(self.rows(sql, parameters)[0][0] or 0)

    def types(self, table: str) -> dict[str, str]:
        """Column -> type in the engine's words; empty when there is no such table."""
        return self._types.get(table, {})

    def is_table(self, table: str) -> bool:
        """Whether it is stored, so that scans give its rows in one order."""
        return table in self._tables


def take_snapshot(workspace: Workspace) -> Snapshot:
    """Hold the newest published version.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    for _ in range(20):
        version, cursor = workspace.version, workspace.cursor()
        file = cursor.execute("select path from duckdb_databases() where not internal").fetchall()[0][0]
        if Path(file).name == version.path.name:
            return Snapshot(version, cursor)
    raise NotPublishedError("the published version changes faster than it can be opened")


class Pinned(Workspace):
    """A workspace that stays at the version of a snapshot."""

    def __init__(self, workspace: Workspace, snapshot: Snapshot) -> None:
        super().__init__(workspace.settings)
        self._snapshot = snapshot

    @property
    def version(self) -> Version:
        """The version of the snapshot."""
        return self._snapshot.version

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A fresh cursor on that version."""
        return self._snapshot.cursor()


def quoted(name: str) -> str:
    """An identifier of the catalogue, as it stands in SQL."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(name: str) -> str:
    """`schema.table` of the catalogue, as it stands in SQL."""
    return ".".join(quoted(part) for part in name.split("."))
