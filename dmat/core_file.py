"""The core file, opened so that each block written to it is known; and what each published version still lacks.

Belongs here: opening the file for writing, reading DuckDB's own log of writes, the note of what kept versions lack.
Stays out: the writer lock and publishing (`warehouse.py`), bringing blocks over (`copying.py`).

DuckDB logs each write to a file that is attached while the log is on, so the file is attached to an empty database in
memory. The note (`core.blocks.json`) is taken away while the file is open and put back when it was closed well: after
a death, a power cut, or a write by somebody else nothing is known, and the next versions are copied whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from dmat.copying import BLOCK_BYTES, HEAD_BYTES
from dmat.settings import Settings

NAME = "core"
NOTE = "core.blocks.json"
_WRITES = "select pos::bigint, bytes::bigint from duckdb_logs_parsed('FileSystem') where path = ? and op = 'WRITE'"


@dataclass
class CoreFile:
    """The open core file: a connection, the blocks that each kept version lacks, and how often it is in use."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    lacking: dict[int, set[int]]
    users: int = 0

    def checkpoint(self) -> None:
        """Bring everything that was committed into the file, and note what was written since the last time."""
        note_writes(self.connection, self.path, self.lacking)


_open: dict[Path, CoreFile] = {}  # a second handle in one process would drop the first one's lock when it closes


@contextmanager
def open_core(settings: Settings) -> Iterator[CoreFile]:
    """Open the core file for writing; only inside the writer lock. Within it, the same handle is given again."""
    path = settings.core_path
    core = _open.get(path)
    if core is None:
        lacking = take_note(settings)
        connection = duckdb.connect(_memory_name(path))
        try:
            limit(connection, settings)
            connection.execute(f"set temp_directory = '{_quoted(path)}.tmp'")
            connection.execute("set enable_progress_bar = false")  # our own progress is shown; refused in notebooks
            attach(connection, path)
            connection.execute(f"use {NAME}")
        except duckdb.Error:
            connection.close()
            raise
        core = _open[path] = CoreFile(connection, path, lacking)
    core.users += 1
    try:
        yield core
    finally:
        core.users -= 1
        if core.users == 0:
            del _open[path]
            close_core(settings, core.connection, core.lacking)


def limit(
    connection: duckdb.DuckDBPyConnection, settings: Settings, memory_limit: str = ""
) -> duckdb.DuckDBPyConnection:
    """Apply the workspace's limits of memory (or this one) and threads, and its time zone."""
    connection.execute(f"set memory_limit = '{memory_limit or settings.duckdb_memory_limit}'")
    connection.execute(f"set threads = {settings.duckdb_threads}")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach the core file with the log of writes on; the log must be on before the file is opened."""
    connection.execute("call enable_logging('FileSystem')")
    connection.execute(f"attach if not exists '{_quoted(path)}' as {NAME}")


def note_writes(connection: duckdb.DuckDBPyConnection, path: Path, lacking: dict[int, set[int]]) -> None:
    """Checkpoint, and add what was written since the log was last read to what every version lacks."""
    connection.execute(f"checkpoint {NAME}")
    written = set(_blocks(connection.execute(_WRITES, [str(path)]).fetchall()))
    connection.execute("call truncate_duckdb_logs()")
    for blocks in lacking.values():
        blocks |= written


def close_core(settings: Settings, connection: duckdb.DuckDBPyConnection, lacking: dict[int, set[int]]) -> None:
    """Close the file; what versions lack is written down only if the log holds everything that was written."""
    path, before = settings.core_path, None
    try:
        _end_transaction(connection)
        note_writes(connection, path, lacking)
        before = _identity(path)
    except duckdb.Error:
        pass  # what was committed is in DuckDB's own log; only that nothing is known of the blocks
    finally:
        connection.close()
    if _identity(path) == before:
        put_note(settings, lacking)


def _end_transaction(connection: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.TransactionException):  # none was open
        connection.execute("rollback")


def take_note(settings: Settings) -> dict[int, set[int]]:
    """Version -> the blocks it lacks, of versions of which it is known; the note is gone until it is put back."""
    file = settings.warehouse_dir / NOTE
    try:
        note = json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    file.unlink()
    if note["core"] != _identity(settings.core_path) or note["boot"] != _boot():
        return {}
    return {
        int(version): {block for first, last in ranges for block in range(first, last + 1)}
        for version, ranges in note["lacking"].items()
    }


def put_note(settings: Settings, lacking: dict[int, set[int]]) -> None:
    """Write down what each version lacks, and which file this is true of."""
    note = {
        "core": _identity(settings.core_path),
        "boot": _boot(),
        "lacking": {version: ranges_of(blocks) for version, blocks in lacking.items()},
    }
    temporary = settings.warehouse_dir / f".{NOTE}.partial"
    temporary.write_text(json.dumps(note))
    temporary.replace(settings.warehouse_dir / NOTE)


def ranges_of(blocks: Iterable[int]) -> list[list[int]]:
    """Numbers as ranges [first, last], in order."""
    ranges: list[list[int]] = []
    for block in sorted(blocks):
        if ranges and ranges[-1][1] == block - 1:
            ranges[-1][1] = block
        else:
            ranges.append([block, block])
    return ranges


def _blocks(writes: Iterable[tuple[int, int]]) -> Iterator[int]:
    for position, length in writes:
        if position + length > HEAD_BYTES:  # the head is always copied
            first = max(0, position - HEAD_BYTES) // BLOCK_BYTES
            yield from range(first, (position + length - 1 - HEAD_BYTES) // BLOCK_BYTES + 1)


def _identity(path: Path) -> list[int]:
    """What changes whenever somebody writes the file. (Opening it here would drop DuckDB's lock when it closes.)"""
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def _boot() -> str:
    """This start of the machine: copies are not forced to disk, so after a power cut none is trusted."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def _memory_name(path: Path) -> str:
    """A name that makes all connections of this process to one core file share one database."""
    return f":memory:dmat_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
