"""Opening the store: one engine per workspace, durable commits, write transactions that never deadlock.

Belongs here: connections, pragmas, migrations run from code. Stays out: what is read and written.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from dmat.settings import Settings

BUSY_SECONDS = 30
TURN_SECONDS = 0.001  # between two looks whether it is one's turn to write
CACHE_KILOBYTES = 32_000  # of each connection: SQLite's own 2 MB are too few for the indexes of a million messages
CHECKPOINT_PAGES = 8_000  # 32 MB of log: pages that change in several transactions are moved to the file once
IN_CHUNK = 500  # values in one `in (...)`: SQLite and drivers have limits
_WRITES = "dmat_writes"
T = TypeVar("T")


class Store:
    """The store of one workspace; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this store is a SQLite file (else PostgreSQL)."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store and writes nothing."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: the lock is taken at its start, it is committed at its end."""
        with self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_store(settings: Settings, cache_kilobytes: int = CACHE_KILOBYTES) -> Store:
    """Open the store of a workspace, made or brought up to date if need be.

    Args:
        settings: the workspace.
        cache_kilobytes: what each connection to a SQLite file may keep in memory.
    """
    store = connect_store(settings.resolved_store_url, cache_kilobytes)
    upgrade(store)
    return store


def connect_store(url: str, cache_kilobytes: int = CACHE_KILOBYTES) -> Store:
    """Open a store by SQLAlchemy URL without looking at its tables."""
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        return Store(_sqlite_engine(address, cache_kilobytes))
    if address.drivername in {"postgres", "postgresql"}:
        address = address.set(drivername="postgresql+psycopg")
    return Store(sa.create_engine(address, pool_pre_ping=True, pool_size=5, max_overflow=10))


def _sqlite_engine(address: sa.URL, cache_kilobytes: int) -> Engine:
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        address,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=5,
        max_overflow=20,
        pool_use_lifo=True,
        json_deserializer=_from_json,
    )
    sa.event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, cache_kilobytes))
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _from_json(text: Any) -> Any:
    """Fast reading of JSON columns; SQLite gives a text that is a number as a number."""
    return orjson.loads(text) if isinstance(text, (str, bytes)) else text


def _prepare_sqlite(connection: sqlite3.Connection, cache_kilobytes: int) -> None:
    connection.isolation_level = None  # Python's own BEGIN comes too late; `_begin_sqlite` writes it
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"cache_size = -{cache_kilobytes}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("begin")
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine is one of SQLite
    if not _take_turn(driver):
        connection.exec_driver_sql("begin immediate")


def _take_turn(driver: sqlite3.Connection) -> bool:
    """Begin to write; False when it cannot be, so that SQLAlchemy tries and says why.

    SQLite's own waiting sleeps up to a tenth of a second between two looks, so that nobody writes while all sleep.
    """
    until = time.monotonic() + BUSY_SECONDS
    driver.execute("pragma busy_timeout = 0")
    try:
        while time.monotonic() < until:
            try:
                driver.execute("begin immediate")
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    return False
                time.sleep(TURN_SECONDS)
            else:
                return True
        return False
    finally:
        driver.execute(f"pragma busy_timeout = {BUSY_SECONDS * 1000}")


def upgrade(store: Store) -> None:
    """Bring the tables up to date; does nothing, quickly, when they are."""
    from dmat.store.migrations import upgrade_tables

    upgrade_tables(store)


def chunks(values: Iterable[T], size: int = IN_CHUNK) -> Iterator[list[T]]:
    """Cut values into lists of at most `size`."""
    if isinstance(values, list):
        yield from (values[place : place + size] for place in range(0, len(values), size))
        return
    batch: list[T] = []
    for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def upsert(connection: Connection, table: sa.Table) -> Any:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`, in the database's own dialect."""
    return upsert_in(connection.dialect.name, table)


def upsert_in(dialect: str, table: sa.Table) -> Any:
    """The same for a statement that is kept: building one, and its key, takes longer than SQLite takes to run it."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def lock_rows(connection: Connection, query: sa.Select[Any], skip_locked: bool = False) -> sa.Select[Any]:
    """Let a query lock the rows it reads (PostgreSQL); SQLite holds the whole file already."""
    return query if connection.dialect.name == "sqlite" else query.with_for_update(skip_locked=skip_locked)


def rows_of(
    connection: Connection, query: sa.Executable, parameters: Sequence[Any] | None = None
) -> list[dict[str, Any]]:
    """Run a query and give its rows as dictionaries."""
    result = connection.execute(query, parameters) if parameters is not None else connection.execute(query)
    return [dict(row) for row in result.mappings()]
