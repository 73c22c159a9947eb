"""The vendors' records: every payload of the make-believe company, by resource, in order of change.

Belongs here: reading pages of `main.records` in the orders that vendors page by, and writing changed records.
Stays out: what a payload looks like (`payloads.py`) and how a vendor words its pages (`vendors/`).
`Records` is safe to use from several threads; only one process at a time may open the file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

ORDERS = {
    "updated_at": ("updated_at", "record_id"),
    "created_at": ("created_at", "record_id"),
    "id": ("length(record_id)", "record_id"),
}


@dataclass(frozen=True)
class Row:
    """One record as it is stored: `payload` is the JSON text of what the vendor answers."""

    record_id: str
    created_at: datetime
    updated_at: datetime
    payload: str

    def load(self) -> dict[str, Any]:
        """The payload as a dictionary."""
        loaded: dict[str, Any] = orjson.loads(self.payload)
        return loaded

    def key(self, order: str) -> list[Any]:
        """What a cursor must remember to go on after this row."""
        first = {"updated_at": self.updated_at, "created_at": self.created_at, "id": len(self.record_id)}[order]
        return [first.isoformat() if isinstance(first, datetime) else first, self.record_id]


@dataclass(frozen=True)
class Wanted:
    """Which records of a resource, in which order, how many."""

    resource: str
    order: str = "id"
    descending: bool = False
    updated_from: datetime | None = None
    updated_until: datetime | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    after: Sequence[Any] | None = None
    limit: int = 100
    offset: int = 0
    #: further conditions on the payload, as (SQL text, values): for filters that only one vendor has
    more: tuple[tuple[str, tuple[Any, ...]], ...] = field(default=())


class Records:
    """The table `main.records` of one company file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.lock = threading.RLock()

    @classmethod
    def open(cls, path: Path) -> Records:
        """Open the company's file for reading and writing (one process only)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path))
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set memory_limit = '1GB'")
        connection.execute("set threads = 2")
        connection.execute(
            "create table if not exists main.records (resource varchar, record_id varchar, created_at timestamp,"
            " updated_at timestamp, payload json)"
        )
        return cls(connection)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same file, for one thread."""
        return self._connection.cursor()

    def close(self) -> None:
        """Write everything to the file and let go of it."""
        self._connection.close()

    @property
    def currency_code(self) -> str:
        """The currency of the shop's prices, which is that of its accounts as well."""
        try:
            found = self.cursor().execute("select any_value(currency_code) from products").fetchone()
        except duckdb.CatalogException:
            found = None
        return str(found[0]) if found and found[0] else "EUR"

    def page(self, wanted: Wanted) -> list[Row]:
        """The records asked for, at most `limit`."""
        where, values = _conditions(wanted)
        order = ", ".join(f"{part} {'desc' if wanted.descending else 'asc'}" for part in ORDERS[wanted.order])
        sql = (
            f"select record_id, created_at, updated_at, payload::varchar from main.records where {where}"
            f" order by {order} limit {int(wanted.limit)} offset {int(wanted.offset)}"
        )
        return [Row(*found) for found in self.cursor().execute(sql, values).fetchall()]

    def count(self, wanted: Wanted) -> int:
        """How many records fit, whatever `limit`, `offset` and `after` say."""
        where, values = _conditions(wanted, counting=True)
        found = self.cursor().execute(f"select count(*) from main.records where {where}", values).fetchone()
        return int(found[0]) if found else 0

    def get(self, resource: str, record_id: str) -> Row | None:
        """One record, or None."""
        sql = (
            "select record_id, created_at, updated_at, payload::varchar from main.records"
            " where resource = ? and record_id = ?"
        )
        found = self.cursor().execute(sql, [resource, record_id]).fetchone()
        return Row(*found) if found else None

    def newest_change(self) -> datetime | None:
        """When the newest record changed: the end of the company's written past."""
        found = self.cursor().execute("select max(updated_at) from main.records").fetchone()
        return found[0] if found else None

    def put(self, resource: str, rows: Iterable[Row]) -> int:
        """Write records, in place of those with the same id."""
        listed = [[resource, row.record_id, row.created_at, row.updated_at, row.payload] for row in rows]
        if not listed:
            return 0
        with self.lock:
            cursor = self.cursor()
            cursor.begin()
            ids = [row[1] for row in listed]
            cursor.execute(
                "delete from main.records where resource = ? and list_contains(?::varchar[], record_id)",
                [resource, ids],
            )
            cursor.executemany("insert into main.records values (?, ?, ?, ?, ?)", listed)
            cursor.commit()
        return len(listed)


def _conditions(wanted: Wanted, counting: bool = False) -> tuple[str, list[Any]]:
    parts, values = ["resource = ?"], [wanted.resource]  # type: tuple[list[str], list[Any]]
    bounds = [
        ("updated_at >= ?", wanted.updated_from),
        ("updated_at < ?", wanted.updated_until),
        ("created_at >= ?", wanted.created_from),
        ("created_at < ?", wanted.created_until),
    ]
    for text, bound in bounds:
        if bound is not None:
            parts.append(text)
            values.append(bound)
    for text, more in wanted.more:
        parts.append(text)
        values.extend(more)
    if wanted.after is not None and not counting:
        first, second = ORDERS[wanted.order]
        sign = "<" if wanted.descending else ">"
        parts.append(f"({first} {sign} ? or ({first} = ? and {second} {sign} ?))")
        head, tail = wanted.after
        head = head if wanted.order == "id" else datetime.fromisoformat(head)
        values.extend([head, head, tail])
        if wanted.order != "id":  # lets DuckDB skip what lies before, by the statistics of each row group
            parts.append(f"{first} {'<=' if wanted.descending else '>='} ?")
            values.append(head)
    return " and ".join(parts), values
