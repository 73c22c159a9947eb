"""Raw tables: what a vendor sent, as it was sent, with when and by which run it was loaded.

Belongs here: the shape of `raw.*` tables, "twice gives once", and the outcome that every capture run writes.
Stays out: reading vendors (`dmat/connectors`) and making sense of payloads (`dbt/models/staging`).

Every raw table has the same columns; a record that comes again unchanged is not written again, a record that
changed is a new row, and staging keeps the newest row of each record.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from dmat.errors import InvalidInputError

RAW_COLUMNS = """
    record_id varchar not null,
    record_updated_at timestamp not null,
    payload json not null,
    payload_hash varchar not null,
    _loaded_at timestamp not null,
    _run_id varchar not null
"""


@dataclass(frozen=True)
class Record:
    """One thing as a vendor sent it: its id there, when it last changed there (UTC), and the whole payload."""

    record_id: str
    updated_at: datetime
    payload: dict[str, Any]


@dataclass
class Refusal:
    """A record that was not kept, and why."""

    record_id: str
    reason: str
    payload: str = ""


@dataclass
class Outcome:
    """What one capture of one resource did: fetched = kept + unchanged + refused."""

    source: str
    resource: str
    run_id: str
    started_at: datetime
    fetched_count: int = 0
    kept_count: int = 0
    unchanged_count: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    cursor: str = ""
    finished_at: datetime | None = None
    error: str = ""


def create_raw_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Create `raw.<table>` and the tables of outcomes if they are not there."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", table):
        raise InvalidInputError("table", f"{table!r} is not a name", "lower-case letters, digits, _")
    connection.execute("create schema if not exists raw")
    connection.execute(f"create table if not exists raw.{table} ({RAW_COLUMNS})")
    connection.execute(
        "create table if not exists raw.capture_outcomes (source varchar, resource varchar, run_id varchar,"
        " started_at timestamp, finished_at timestamp, fetched_count bigint, kept_count bigint,"
        ' unchanged_count bigint, refused_count bigint, "cursor" varchar, error varchar)'
    )
    connection.execute(
        "create table if not exists raw.capture_refusals (source varchar, resource varchar, run_id varchar,"
        " refused_at timestamp, record_id varchar, reason varchar, payload varchar)"
    )


def land(
    connection: duckdb.DuckDBPyConnection, table: str, records: Iterable[Record], run_id: str, now: datetime
) -> tuple[int, int]:
    """Append the records that are new or changed to `raw.<table>`.

    Args:
        connection: an open connection on the core file, under the writer lock.
        table: name without schema, e.g. `shopify_orders`.
        records: what the vendor sent.
        run_id: the run that loads them.
        now: the workspace's time.

    Returns:
        (kept, unchanged) counts; kept + unchanged = number of records.
    """
    create_raw_table(connection, table)
    rows = [(r.record_id, r.updated_at, orjson.dumps(r.payload, option=orjson.OPT_SORT_KEYS)) for r in records]
    if not rows:
        return 0, 0
    batch = pa.table(
        {
            "record_id": pa.array([r[0] for r in rows], pa.string()),
            "record_updated_at": pa.array([r[1] for r in rows], pa.timestamp("us")),
            "payload": pa.array([r[2].decode() for r in rows], pa.string()),
            "payload_hash": pa.array([hashlib.blake2b(r[2], digest_size=16).hexdigest() for r in rows], pa.string()),
        }
    )
    connection.register("landing_batch", batch)
    try:
        before = _count(connection, table)
        connection.execute(
            f"insert into raw.{table} select b.record_id, b.record_updated_at, b.payload::json, b.payload_hash, ?, ?"
            " from (select record_id, payload_hash, record_updated_at, any_value(payload) as payload"
            " from landing_batch group by 1, 2, 3) as b"
            f" where not exists (select 1 from raw.{table} as r"
            " where r.record_id = b.record_id and r.payload_hash = b.payload_hash"
            " and r.record_updated_at = b.record_updated_at)",
            [now, run_id],
        )
        kept = _count(connection, table) - before
    finally:
        connection.unregister("landing_batch")
    return kept, len(rows) - kept


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from raw.{table}").fetchone()
    return int(row[0]) if row else 0


def write_outcome(connection: duckdb.DuckDBPyConnection, outcome: Outcome, now: datetime) -> None:
    """Write what a capture did, and each record it refused, to `raw.capture_outcomes` and `raw.capture_refusals`."""
    create_raw_table(connection, f"{outcome.source}_{outcome.resource}")
    outcome.finished_at = now
    connection.execute(
        "insert into raw.capture_outcomes values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            outcome.source, outcome.resource, outcome.run_id, outcome.started_at, now, outcome.fetched_count,
            outcome.kept_count, outcome.unchanged_count, len(outcome.refusals), outcome.cursor, outcome.error,
        ],
    )  # fmt: skip
    for refusal in outcome.refusals:
        connection.execute(
            "insert into raw.capture_refusals values (?, ?, ?, ?, ?, ?, ?)",
            [
                outcome.source, outcome.resource, outcome.run_id, now,
                refusal.record_id, refusal.reason, refusal.payload or json.dumps(None),
            ],
        )  # fmt: skip


def last_cursor(connection: duckdb.DuckDBPyConnection, source: str, resource: str) -> str:
    """Where the last successful capture of a resource stopped; empty when there was none."""
    create_raw_table(connection, f"{source}_{resource}")
    row = connection.execute(
        'select "cursor" from raw.capture_outcomes where source = ? and resource = ? and error = \'\''
        " and \"cursor\" <> '' order by finished_at desc, started_at desc limit 1",
        [source, resource],
    ).fetchone()
    return str(row[0]) if row else ""
