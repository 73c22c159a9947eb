"""Where Dagster keeps its runs and events: its own SQLite files, with connections that stay open.

Belongs here: how the files of `<home>/dagster` are opened. Stays out: what is written into them (Dagster's own code).

Dagster opens and closes a file for each event, and each close writes the log of the file back and waits for the disk:
a refresh spent more time on its history than on its tables. Here the connection to a file stays open, a crash of the
machine (not of a process) may cost the last events of a run, and the log is written back about once a second, which is
what screens that follow a run wait for. `dmat/processes.py` names this class in `dagster.yaml`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

FILES_KEPT_OPEN = 16  # Dagster has a file for each run; a screen may look at many
WRITE_BACK_SECONDS = 1.0


class EventLog(SqliteEventLogStorage):
    """Dagster's event log in SQLite; the files used last stay open."""

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._written_back_at: dict[str, float] = {}
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine_of(shard)
            with engine.connect() as connection:
                with connection.begin():
                    yield connection
                self._write_back(shard, connection)

    def _engine_of(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=sa.QueuePool,
                pool_size=1,
                max_overflow=1,  # setting up a new file takes a second connection
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            sa.event.listen(engine, "connect", _set_up_connection)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
            if len(self._engines) > FILES_KEPT_OPEN:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def _write_back(self, shard: str, connection: sa.Connection) -> None:
        now = time.monotonic()
        if now - self._written_back_at.get(shard, 0.0) >= WRITE_BACK_SECONDS:
            connection.exec_driver_sql("pragma wal_checkpoint(passive)").close()  # an open one blocks commits
            self._written_back_at[shard] = now

    def wipe(self) -> None:
        """Delete all events; closes the files, because they are deleted."""
        self._close_files()
        super().wipe()

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        self._close_files()

    def _close_files(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


class RunHistory(DagsterSqliteStorage):
    """Dagster's SQLite storage with an event log whose files stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = EventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> RunHistory:
        """As `dagster.yaml` names it."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _set_up_connection(connection: Any, _: Any) -> None:
    connection.execute("pragma synchronous = normal")
