"""Numpy draws to Arrow columns: moments, optional numbers, words picked from a list.

Belongs here: the conventions between the drawing modules and DuckDB: seconds since 1970, and -1 for "none".
Stays out: what the columns mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

NONE = -1


def moments(seconds: np.ndarray) -> pa.Array:
    """Seconds since 1970 as timestamps; -1 is null."""
    values = np.asarray(seconds, dtype=np.int64)
    return pa.array(values * 1_000_000, pa.timestamp("us"), mask=values == NONE)


def numbers(values: np.ndarray) -> pa.Array:
    """Whole numbers; -1 is null."""
    whole = np.asarray(values, dtype=np.int64)
    return pa.array(whole, pa.int64(), mask=whole == NONE)


def words(vocabulary: Sequence[str], index: np.ndarray) -> pa.Array:
    """The words at each index; -1 is null."""
    picked = np.asarray(index, dtype=np.int64)
    return pa.array(list(vocabulary), pa.string()).take(pa.array(picked, pa.int64(), mask=picked == NONE))


def store(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, pa.Array | np.ndarray]) -> None:
    """Append columns to a table of the same column names; columns that are not given stay null."""
    stage(connection, "stored_batch", columns)
    connection.execute(f"insert into {table} by name select * from stored_batch")
    connection.unregister("stored_batch")


def stage(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, pa.Array | np.ndarray]) -> None:
    """Make columns readable as a table called `name` on this connection."""
    connection.register(name, pa.table(columns))
