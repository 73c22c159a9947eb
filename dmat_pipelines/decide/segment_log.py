"""The log of who entered and left: `raw.segment_changes`, appended to and never changed.

Belongs here: its shape, reading who is in from it, appending what a pass found. Stays out: what is found
(`segments.py`) and the tables made from it (`dbt/models/marts/segments`).

Changes are numbered without gaps under the writer lock, so one number says up to where a process knows the log: if it
has grown in the meantime (another process wrote), what this process knew is read again before it compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from dmat.segments.bitmaps import Bits, Ids, PersonIndex
from dmat.segments.membership import Kept, Moments, Moves

COLUMNS = (
    "change_number bigint not null, segment_key varchar not null, rule_version integer not null,"
    " person_id bigint not null, change varchar not null, valid_at timestamp not null, recorded_at timestamp not null,"
    " cause varchar not null, _run_id varchar not null"
)
BATCH_ROWS = 1_000_000
_STILL_IN = """
    select segment_key, person_id
    from raw.segment_changes
    group by segment_key, person_id
    having arg_max(change, change_number) = 'entered'
"""


@dataclass(frozen=True)
class Stamp:
    """When a pass looked, when it wrote, and which run it was."""

    valid_at: datetime
    recorded_at: datetime
    run_id: str


def create_log(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `raw.segment_changes` if it is not there."""
    connection.execute("create schema if not exists raw")
    connection.execute(f"create table if not exists raw.segment_changes ({COLUMNS})")


def last_number(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the newest change; 0 for none."""
    row = connection.execute("select coalesce(max(change_number), 0) from raw.segment_changes").fetchone()
    return int(row[0]) if row else 0


def read_kept(connection: duckdb.DuckDBPyConnection, index: PersonIndex) -> dict[str, Kept]:
    """Who is in each segment according to the log, batch by batch."""
    found: dict[str, Bits] = {}
    for batch in connection.execute(_STILL_IN).to_arrow_reader(BATCH_ROWS):
        keys = batch.column(0).dictionary_encode()
        codes = keys.indices.to_numpy(zero_copy_only=False)
        places = index.add(np.ascontiguousarray(batch.column(1).to_numpy(zero_copy_only=False), np.int64))
        for code, key in enumerate(keys.dictionary.to_pylist()):
            members = Bits.at(places[codes == code], len(index))
            found[key] = members | found[key].grown(members.size) if key in found else members
    versions = connection.execute(
        "select segment_key, max(rule_version) from raw.segment_changes group by 1"
    ).fetchall()
    empty = Bits.none(len(index))
    return {key: Kept(found.get(key, empty).grown(len(index)), int(version)) for key, version in versions}


def append(connection: duckdb.DuckDBPyConnection, all_moves: Sequence[Moves], number: int, stamp: Stamp) -> int:
    """Append what a pass found, all of it or nothing; gives the number of the newest change."""
    connection.execute("begin")
    try:
        for moves in all_moves:
            number = _append(connection, moves, "left", (moves.left, moves.left_at), number, stamp)
            number = _append(connection, moves, "entered", (moves.entered, moves.entered_at), number, stamp)
        connection.execute("commit")
    except BaseException:  # boundary: half a pass must not stay, whatever stopped it
        connection.execute("rollback")
        raise
    return number


def _append(
    connection: duckdb.DuckDBPyConnection,
    moves: Moves,
    change: str,
    people: tuple[Ids, Moments | None],
    number: int,
    stamp: Stamp,
) -> int:
    ids, moments = people
    if not len(ids):
        return number
    when = pa.nulls(len(ids), pa.timestamp("us")) if moments is None else pa.array(moments, from_pandas=True)
    batch = pa.table({"number": np.arange(number + 1, number + 1 + len(ids)), "person_id": ids, "moment": when})
    connection.register("moving_people", batch)
    try:
        connection.execute(
            "insert into raw.segment_changes select number, ?, ?, person_id, ?, coalesce(moment, ?), ?,"
            " case when moment is null then ? else 'time' end, ? from moving_people order by number",
            [moves.key, moves.rule_version, change, stamp.valid_at, stamp.recorded_at, moves.cause, stamp.run_id],
        )
    finally:
        connection.unregister("moving_people")
    return number + len(ids)


def count_open(connection: duckdb.DuckDBPyConnection, keys: Iterable[str]) -> dict[str, int]:
    """How many people are in each of these segments according to the log."""
    rows = connection.execute(f"select segment_key, count(*) from ({_STILL_IN}) group by 1").fetchall()
    found = {str(key): int(count) for key, count in rows}
    return {key: found.get(key, 0) for key in keys}
