"""What a build left: the size of each table, and which run built it (`raw.table_builds`, for the lineage of figures).

Belongs here: counting, and writing it down. Stays out: building (`runner.py`), reading it (`dmat/metrics/lineage.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

TABLE = "raw.table_builds"
_MADE = f"""
    create table if not exists {TABLE} (
        table_name varchar not null, built_at timestamp not null, run_id varchar not null, seconds double,
        rows_count bigint
    )
"""


class Built(Protocol):
    """What is known of a table that was built."""

    schema: str
    name: str
    resource_type: str
    seconds: float
    rows_count: int | None

    @property
    def is_ok(self) -> bool:
        """Whether it was built."""
        ...


def count_rows(cursor: Any) -> Mapping[tuple[str, str], int]:
    """(schema, table) -> rows, of every table of the core file."""
    found = cursor.execute("select schema_name, table_name, estimated_size from duckdb_tables()")
    return {(str(schema), str(name)): int(rows) for schema, name, rows in found.fetchall()}


def note_builds(cursor: Any, results: Iterable[Built], run_id: str, now: datetime) -> int:
    """Write down that a run built these tables; gives how many they were.

    Args:
        cursor: of the core file, open for writing.
        results: of the build; tests and what failed are passed over.
        run_id: of the run.
        now: the workspace's time.
    """
    done = [each for each in results if each.is_ok and each.resource_type in ("model", "seed")]
    if not done:
        return 0
    names = [f"{each.schema}.{each.name}" for each in done]
    seconds, counts = [each.seconds for each in done], [each.rows_count for each in done]
    cursor.execute("begin")
    cursor.execute(_MADE)
    cursor.execute(f"delete from {TABLE} where table_name in (select unnest(?::varchar[]))", [names])
    cursor.execute(
        f"insert into {TABLE} select unnest(?::varchar[]), ?, ?, unnest(?::double[]), unnest(?::bigint[])",
        [names, now, run_id, seconds, counts],
    )
    cursor.execute("commit")
    return len(done)
