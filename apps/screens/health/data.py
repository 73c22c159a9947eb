"""Questions about sources: how fresh each resource is, what its runs did, and which rows were refused and why.

Belongs here: queries to the `operations` marts. Stays out: the queue (`queue.py`) and layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.context import Context
from apps.screens.home.data import Source, missing_tables
from dmat.warehouse import Version

TABLES = ("operations.source_freshness", "operations.capture_runs", "operations.capture_refusals")
RUNS_SHOWN, REFUSED_SHOWN = 30, 100
Row = dict[str, Any]

_RESOURCES = """
    with runs as (
        select *, row_number() over (partition by source, resource order by finished_at desc, started_at desc) as place
        from operations.capture_runs
    )
    select f.source, f.resource, f.last_loaded_at, f.last_record_at, f.last_checked_at, f.rows_count,
        runs.run_id, runs.started_at, runs.finished_at, runs.fetched_count, runs.kept_count, runs.unchanged_count,
        runs.refused_count, coalesce(runs.error, '') as error
    from operations.source_freshness as f
    left join runs on f.source = runs.source and f.resource = runs.resource and runs.place = 1
    order by f.source, f.resource
"""
_REFUSED = """
    from operations.capture_refusals
    where (? = '' or source = ?) and (? = '' or lower(reason) like ? or lower(record_id) like ?)
"""


@dataclass(frozen=True)
class SourcesHealth:
    """Resources with their last run, the latest runs, and refused rows by source."""

    version: int
    data_as_of: datetime
    resources: tuple[Row, ...]
    runs: tuple[Row, ...]
    refused: tuple[Row, ...]
    refused_fitting: int
    refused_counts: tuple[tuple[str, int], ...]
    missing: tuple[str, ...] = ()


def state_of(row: Row, now: datetime) -> str:
    """fresh, late, stale, failing, never or received, by the same rule as on Home."""
    seen = [at for at in (row["last_loaded_at"], row["last_checked_at"]) if at is not None]
    source = Source(row["source"], max(seen) if seen else None, row["last_checked_at"] is not None,
                    row["rows_count"] or 0, 0, row["error"])  # fmt: skip
    return source.state(now)


def read_sources(context: Context, version: Version, source: str = "", search: str = "") -> SourcesHealth:
    """Everything about sources; refused rows narrowed to one source and to words in the reason."""
    words = " ".join(search.lower().split())[:80]
    key = ("health", version.number, source, words)
    return context.answers.get(key, lambda: _read_sources(context, version, source, words))


def _read_sources(context: Context, version: Version, source: str, words: str) -> SourcesHealth:
    missing = missing_tables(context, TABLES)
    if missing:
        return SourcesHealth(version.number, version.data_as_of, (), (), (), 0, (), missing)
    rows = context.workspace.rows
    pattern = f"%{words.replace('%', '').replace('_', '')}%"
    narrowed = [source, source, words, pattern, pattern]
    return SourcesHealth(
        version=version.number,
        data_as_of=version.data_as_of,
        resources=tuple(rows(_RESOURCES)),
        runs=tuple(rows(f"select * from operations.capture_runs order by finished_at desc, started_at desc"
                        f" limit {RUNS_SHOWN}")),
        refused=tuple(rows(f"select * {_REFUSED} order by refused_at desc, record_id limit {REFUSED_SHOWN}", narrowed)),
        refused_fitting=int(rows(f"select count(*) as refused_count {_REFUSED}", narrowed)[0]["refused_count"]),
        refused_counts=tuple(
            (row["source"], int(row["refused_count"]))
            for row in rows("select source, count(*) as refused_count from operations.capture_refusals"
                            " group by source order by source")
        ),
    )  # fmt: skip
