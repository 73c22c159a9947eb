"""Raw tables: what a vendor sent, as it was sent, with when and by which run it was loaded.

Belongs here: the shape of `raw.*` tables, "twice gives once", and the outcome that every capture run writes.
Stays out: reading vendors (`dmat/connectors`) and making sense of payloads (`dbt/models/staging`).

Every raw table has the same columns; a record that comes again unchanged is not written again, a record that
changed is a new row, and staging keeps the newest row of each record (by record_updated_at, then _loaded_at).
`_loaded_at` never goes back within a table, whatever the clock does: what was loaded later never lies before what was
loaded earlier, so tables take what is not older than their own newest.
Where a capture goes on from is kept in `raw.capture_cursors`, in the transaction that lands its pages.

Each run writes its outcome. The stream looks every few seconds and mostly finds nothing, so a run that brought nothing
takes the place of one before it that ended the same way, and `runs_count` says how many runs a row speaks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from dmat.captured import Record as Record
from dmat.captured import Refusal as Refusal
from dmat.errors import InvalidInputError

RAW_COLUMNS = """
    record_id varchar not null,
    record_updated_at timestamp not null,
    payload json not null,
    payload_hash varchar not null,
    _loaded_at timestamp not null,
    _run_id varchar not null
"""


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
    written_refusals: int = 0

    @property
    def refused_count(self) -> int:
        """How many records were not kept."""
        return len(self.refusals)


OUTCOMES_KEPT = timedelta(days=90)

_OUTCOME_TABLES = (
    "create table if not exists raw.capture_outcomes (source varchar, resource varchar, run_id varchar,"
    " started_at timestamp, finished_at timestamp, fetched_count bigint, kept_count bigint,"
    ' unchanged_count bigint, refused_count bigint, "cursor" varchar, error varchar, runs_count bigint default 1)',
    "alter table raw.capture_outcomes add column if not exists runs_count bigint default 1",
    "create table if not exists raw.capture_refusals (source varchar, resource varchar, run_id varchar,"
    " refused_at timestamp, record_id varchar, reason varchar, payload varchar)",
    "create table if not exists raw.capture_cursors (source varchar, resource varchar, run_id varchar,"
    ' moved_at timestamp, "cursor" varchar)',
)

# A record of the batch is written when nothing newer says the same: either its (id, time, content) is not there
# at all, or the newest row of that time says something else (a figure that went up and came down again).
_LAND = """
    insert into raw.{table}
    with batch as (
        select record_id, record_updated_at, payload, md5(payload) as payload_hash
        from (
            select *, row_number() over (partition by record_id, record_updated_at order by position desc) as recency
            from landing_batch
        ) as numbered
        where recency = 1
    ),
    known as (
        select r.record_id, r.record_updated_at, r.payload_hash,
            row_number() over (
                partition by r.record_id, r.record_updated_at order by r._loaded_at desc, r.rowid desc
            ) as recency,
            max(r.record_updated_at) over (partition by r.record_id) as newest_at
        from raw.{table} as r
        where r.record_updated_at >= (select min(record_updated_at) from batch)
            and r.record_id in (select record_id from batch)
    )
    select b.record_id, b.record_updated_at, b.payload::json, b.payload_hash,
        greatest(?::timestamp, (select max(_loaded_at) from raw.{table})), ?
    from batch as b
    where not exists (
        select 1 from known as k
        where k.record_id = b.record_id and k.record_updated_at = b.record_updated_at
            and k.payload_hash = b.payload_hash and (k.recency = 1 or k.newest_at > b.record_updated_at)
    )
"""


def create_raw_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Create `raw.<table>` and the tables of outcomes if they are not there.

    Raises:
        InvalidInputError: `table` is not a plain lower-case name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", table):
        raise InvalidInputError("table", f"{table!r} is not a name", "lower-case letters, digits, _")
    create_outcome_tables(connection)
    connection.execute(f"create table if not exists raw.{table} ({RAW_COLUMNS})")


def create_outcome_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the schema `raw` and the tables of outcomes, refusals and cursors if they are not there."""
    connection.execute("create schema if not exists raw")
    for statement in _OUTCOME_TABLES:
        connection.execute(statement)


def land(
    connection: duckdb.DuckDBPyConnection, table: str, records: Iterable[Record], run_id: str, now: datetime
) -> tuple[int, int]:
    """Append the records that are new or changed to `raw.<table>`.

    Args:
        connection: an open connection on the core file, under the writer lock.
        table: name without schema, e.g. `shopify_orders`.
        records: what the vendor sent; of two with the same id and time the later one counts.
        run_id: the run that loads them.
        now: the workspace's time.

    Returns:
        (kept, unchanged) counts; kept + unchanged = number of records.
    """
    rows = [(r.record_id, r.updated_at, orjson.dumps(r.payload, option=orjson.OPT_SORT_KEYS).decode()) for r in records]
    batch = pa.table(
        {
            "record_id": pa.array([r[0] for r in rows], pa.string()),
            "record_updated_at": pa.array([r[1] for r in rows], pa.timestamp("us")),
            "payload": pa.array([r[2] for r in rows], pa.string()),
        }
    )
    return land_table(connection, table, batch, run_id, now)


def land_table(
    connection: duckdb.DuckDBPyConnection, table: str, batch: pa.Table, run_id: str, now: datetime
) -> tuple[int, int]:
    """Like `land`, for an Arrow table with the columns record_id, record_updated_at and payload (JSON text)."""
    create_raw_table(connection, table)
    if batch.num_rows == 0:
        return 0, 0
    numbered = batch.append_column("position", pa.array(range(batch.num_rows), pa.int64()))
    connection.register("landing_batch", numbered)
    try:
        inserted = connection.execute(_LAND.format(table=table), [now, run_id]).fetchone()
    finally:
        connection.unregister("landing_batch")
    kept = int(inserted[0]) if inserted else 0
    return kept, batch.num_rows - kept


def write_refusals(connection: duckdb.DuckDBPyConnection, outcome: Outcome, now: datetime) -> None:
    """Write the refusals of `outcome` that are not written yet; one that was written by an earlier run is not again."""
    create_outcome_tables(connection)
    waiting = outcome.refusals[outcome.written_refusals :]
    if waiting:
        batch = pa.table(
            {
                "position": pa.array(range(len(waiting)), pa.int64()),
                "record_id": pa.array([r.record_id for r in waiting], pa.string()),
                "reason": pa.array([r.reason for r in waiting], pa.string()),
                "payload": pa.array([r.payload or json.dumps(None) for r in waiting], pa.string()),
            }
        )
        connection.register("refusal_batch", batch)
        try:
            connection.execute(
                "insert into raw.capture_refusals select ?, ?, ?, ?, b.record_id, b.reason, b.payload"
                " from (select record_id, reason, payload, min(position) as position from refusal_batch"
                " group by 1, 2, 3) as b where not exists (select 1 from raw.capture_refusals as r"
                " where r.source = ? and r.resource = ? and r.record_id = b.record_id and r.reason = b.reason"
                " and r.payload = b.payload) order by b.position",
                [outcome.source, outcome.resource, outcome.run_id, now, outcome.source, outcome.resource],
            )
        finally:
            connection.unregister("refusal_batch")
    outcome.written_refusals = len(outcome.refusals)


def write_outcome(connection: duckdb.DuckDBPyConnection, outcome: Outcome, now: datetime) -> None:
    """Write what a capture did, and each record it refused, to `raw.capture_outcomes` and `raw.capture_refusals`.

    A run that brought nothing (nothing kept, no new refusal) takes over the row of the run before it if that brought
    nothing either and ended with the same error or none. Rows older than `OUTCOMES_KEPT` go, but the last success.
    """
    write_refusals(connection, outcome, now)
    outcome.finished_at = now
    if outcome.kept_count or not _take_over_last_outcome(connection, outcome):
        connection.execute(
            "insert into raw.capture_outcomes (source, resource, run_id, started_at, finished_at, fetched_count,"
            ' kept_count, unchanged_count, refused_count, "cursor", error, runs_count)'
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            [outcome.source, outcome.resource, *_facts_of(outcome), outcome.error],
        )
        connection.execute(
            "delete from raw.capture_outcomes where source = $1 and resource = $2 and finished_at < $3 and finished_at"
            " < (select max(finished_at) from raw.capture_outcomes where source = $1 and resource = $2 and error = '')",
            [outcome.source, outcome.resource, now - OUTCOMES_KEPT],
        )


def _facts_of(outcome: Outcome) -> list[Any]:
    return [
        outcome.run_id, outcome.started_at, outcome.finished_at, outcome.fetched_count, outcome.kept_count,
        outcome.unchanged_count, outcome.refused_count, outcome.cursor,
    ]  # fmt: skip


def _take_over_last_outcome(connection: duckdb.DuckDBPyConnection, outcome: Outcome) -> bool:
    """Whether the newest row of the resource was one that this outcome, which kept nothing, could take over."""
    taken = connection.execute(
        "update raw.capture_outcomes set run_id = $1, started_at = $2, finished_at = $3, fetched_count = $4,"
        ' kept_count = $5, unchanged_count = $6, refused_count = $7, "cursor" = $8, runs_count = runs_count + 1'
        " where kept_count = 0 and error = $9 and rowid = (select rowid from raw.capture_outcomes"
        " where source = $10 and resource = $11 order by finished_at desc, rowid desc limit 1) and not exists"
        " (select 1 from raw.capture_refusals as r where r.source = $10 and r.resource = $11"
        " and r.run_id in (capture_outcomes.run_id, $1))",
        [*_facts_of(outcome), outcome.error, outcome.source, outcome.resource],
    ).fetchone()
    return bool(taken and taken[0])


def move_cursor(
    connection: duckdb.DuckDBPyConnection, source: str, resource: str, cursor: str, run_id: str, now: datetime
) -> None:
    """Remember where the next capture of a resource goes on; call it in the transaction that lands the pages."""
    create_outcome_tables(connection)
    connection.execute("delete from raw.capture_cursors where source = ? and resource = ?", [source, resource])
    connection.execute(
        "insert into raw.capture_cursors values (?, ?, ?, ?, ?)", [source, resource, run_id, now, cursor]
    )


def last_cursor(connection: duckdb.DuckDBPyConnection, source: str, resource: str) -> str:
    """Where the last capture of a resource stopped, also one that died; empty when there was none."""
    create_outcome_tables(connection)
    row = connection.execute(
        'select "cursor" from raw.capture_cursors where source = ? and resource = ?', [source, resource]
    ).fetchone()
    return str(row[0]) if row else ""
