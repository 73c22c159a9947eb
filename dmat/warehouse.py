"""The warehouse: one writer at a time, readers on published copies that never wait and never fail.

Belongs here: the writer lock, publishing a version, and the read-only view of the newest version.
Stays out: what is in the tables (`dbt/`) and who writes them (`dmat_pipelines/`).

A DuckDB file that is open for writing cannot be opened by any other process, and closing a second handle on
it inside the writing process drops its lock. So `core.duckdb` is opened only by the holder of `core.lock`
(`core_file.py`), and a child process makes the file that readers open (`copying.py`). Every version has its own file
name, because `duckdb.connect` gives back a cached instance for a path it already knows.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import duckdb

from dmat import copying
from dmat.core_file import limit, open_core, ranges_of
from dmat.errors import NotPublishedError, WarehouseBusyError
from dmat.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from dmat.metrics.lineage import Lineage
    from dmat.segments.notebook import RuleView, SegmentView

VERSIONS_KEPT = 3


@contextmanager
def writer_lock(settings: Settings, timeout_seconds: float = 900.0) -> Iterator[None]:
    """Hold the right to write the warehouse; released also when the process dies.

    Raises:
        WarehouseBusyError: another process kept it for longer than `timeout_seconds`.
    """
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    with open(settings.warehouse_dir / "core.lock", "a+") as handle:
        _acquire(handle, time.monotonic() + timeout_seconds)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _acquire(handle: IO[str], deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise WarehouseBusyError("another process is writing the warehouse") from None
            time.sleep(0.02)
    handle.seek(0)
    handle.truncate()
    handle.write(f"{os.getpid()}\n")
    handle.flush()


@contextmanager
def writer(settings: Settings, timeout_seconds: float = 900.0) -> Iterator[duckdb.DuckDBPyConnection]:
    """The writer lock together with an open connection on the core file.

    Raises:
        WarehouseBusyError: see `writer_lock`.
    """
    with writer_lock(settings, timeout_seconds), open_core(settings) as core:
        yield core.connection


@dataclass(frozen=True)
class Version:
    """One published copy: its number, its file, when it was made, and up to when its data reach."""

    number: int
    path: Path
    published_at: datetime
    data_as_of: datetime


def current_version(settings: Settings) -> Version:
    """The newest published version.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    serving = settings.warehouse_dir / "serving"
    try:
        pointer = json.loads((serving / "CURRENT").read_text())
    except FileNotFoundError:
        raise NotPublishedError("nothing has been published yet; run `dmat refresh` first") from None
    return Version(
        number=int(pointer["version"]),
        path=serving / pointer["file"],
        published_at=datetime.fromisoformat(pointer["published_at"]),
        data_as_of=datetime.fromisoformat(pointer["data_as_of"]),
    )


def publish(settings: Settings) -> Version:
    """Make the next serving version from the core file and point readers to it.

    Call it inside `writer_lock`, with every other connection of this process to the core file closed or idle.
    The file is made by a child process, is complete before the pointer moves, and the pointer moves atomically.
    """
    serving = settings.warehouse_dir / "serving"
    serving.mkdir(parents=True, exist_ok=True)
    with open_core(settings) as core:
        core.checkpoint()
        number = _next_number(settings)
        _make_version(settings, number, core.lacking)
        now = settings.clock.now().isoformat()
        pointer = {"version": number, "file": f"v{number}.duckdb", "published_at": now, "data_as_of": now}
        temporary = serving / ".CURRENT.partial"
        temporary.write_text(json.dumps(pointer))
        temporary.replace(serving / "CURRENT")
        core.lacking[number] = set()
        for version in core.lacking.keys() - {kept for kept, _ in _versions(serving)}:
            del core.lacking[version]
    return current_version(settings)


def _next_number(settings: Settings) -> int:
    try:
        return current_version(settings).number + 1
    except NotPublishedError:
        return 1


def _make_version(settings: Settings, number: int, lacking: Mapping[int, set[int]]) -> None:
    """Make the file of a version; one too old to be kept is reused for it, unless somebody still reads it."""
    serving = settings.warehouse_dir / "serving"
    for left_over in serving.glob(".v*.partial"):
        left_over.unlink()  # by a process that died
    partial = serving / f".v{number}.partial"
    old = [(version, file) for version, file in _versions(serving) if version <= number - VERSIONS_KEPT]
    job = {
        "core": str(settings.core_path),
        "partial": str(partial),
        "candidates": [
            {"file": str(file), "ranges": ranges_of(lacking[version]) if version in lacking else None}
            for version, file in old
        ],
    }
    command = [sys.executable, "-I", "-S", str(Path(copying.__file__))]
    subprocess.run(command, input=json.dumps(job), text=True, check=True, stdout=subprocess.DEVNULL)
    partial.replace(serving / f"v{number}.duckdb")


def _versions(serving: Path) -> list[tuple[int, Path]]:
    """The versions that lie there, oldest first."""
    return sorted((int(file.stem[1:]), file) for file in serving.glob("v*.duckdb"))


class Workspace:
    """A read-only view of the newest published warehouse; moves to a new version between queries.

    Safe to share between threads: each query runs on its own cursor.

    Args:
        settings: those of the workspace.
        is_resident: read within the smaller memory of processes that also keep arrays of segments.
    """

    def __init__(self, settings: Settings, is_resident: bool = False) -> None:
        self.settings = settings
        self._is_resident = is_resident
        self._lock = threading.Lock()
        self._version: Version | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def version(self) -> Version:
        """The version that the next query reads.

        Raises:
            NotPublishedError: nothing has been published yet.
        """
        return current_version(self.settings)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A fresh cursor on the newest version."""
        for _ in range(5):
            newest = current_version(self.settings)
            with self._lock:
                try:
                    if self._connection is None or self._version is None or self._version.number != newest.number:
                        self._connection = self._open(newest.path)
                        self._version = newest
                    return self._connection.cursor()
                except duckdb.IOException:
                    continue  # pruned between reading the pointer and opening the file: read the pointer again
        raise NotPublishedError(f"the published file {newest.path.name} cannot be opened")

    def _open(self, path: Path) -> duckdb.DuckDBPyConnection:
        memory = self.settings.duckdb_resident_memory_limit if self._is_resident else ""
        return limit(duckdb.connect(str(path), read_only=True), self.settings, memory)

    def sql(self, query: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
        """Run a query and give its rows as a data frame; parameters are bound to `?`."""
        return self.cursor().execute(query, list(parameters)).df()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a query and give its rows as dictionaries."""
        cursor = self.cursor().execute(query, list(parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables(self) -> list[str]:
        """Names of all tables, as `schema.table`."""
        found = self.rows(
            "select table_schema || '.' || table_name as name from information_schema.tables order by name"
        )
        return [str(row["name"]) for row in found]

    def segments(self) -> pd.DataFrame:
        """The active segments: key, name, kind, size at the last evaluation, rule in words."""
        from dmat.segments.notebook import list_segments

        return list_segments(self)

    def segment(self, key: str) -> SegmentView:
        """One segment: `.members()`, `.size_at(moment)`, `.growth()`, `.sentence`, `.versions()`.

        Raises:
            NotFoundError: there is none with that key.
        """
        from dmat.segments.notebook import get_segment

        return get_segment(self, key)

    def segment_from(self, people: pd.DataFrame | str | dict[str, Any]) -> RuleView:
        """A segment in the making, from a condition as pandas takes it, a data frame of people, or a rule.

        A data frame names people by a column `person_id` or `email`. `.save("Name")` keeps it.

        Raises:
            InvalidInputError: it cannot be read, or names people that have no e-mail address.
            InvalidRuleError: the rule does not fit the catalogue.
        """
        from dmat.segments.notebook import segment_from

        return segment_from(self, people)

    def metrics(self) -> pd.DataFrame:
        """The metrics that there are: key, name, what each tells, formula, unit, dimensions."""
        from dmat.metrics.notebook import metrics_frame

        return metrics_frame()

    def metric(self, metrics: str | Sequence[str], **question: Any) -> pd.DataFrame:
        """Metrics, as screens, reports and doors have them.

        Args:
            metrics: one key, or several.
            question: `since` and `until` (exclusive) or `period` ("last_30_days" when none is given), `by`
                (dimensions), `where` ({dimension: value or values}), `grain`, `segment`, `currency`, `order`, `limit`.

        Returns:
            One row for each combination; `.attrs` has the totals, the SQL, the currency and as of when the data are.

        Raises:
            InvalidInputError: the question cannot be answered; names the field and what is allowed.
        """
        from dmat.metrics.notebook import metric_frame

        return metric_frame(self, metrics, **question)

    def lineage(self, metric: str, **question: Any) -> Lineage:
        """Where a metric comes from: definition, SQL, models and commit, runs, inputs, sample rows.

        Raises:
            InvalidInputError: no such metric, or a question that cannot be answered.
        """
        from dmat.metrics.notebook import lineage_of

        return lineage_of(self, metric, **question)

    def compare(self, first: str, second: str) -> pd.DataFrame:
        """Two segments beside each other: only in the first, in both, only in the second.

        Raises:
            NotFoundError: there is no such segment.
        """
        from dmat.segments.notebook import compare_segments

        return compare_segments(self, first, second)
