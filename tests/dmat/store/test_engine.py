"""Under test: the store keeps what was committed, on SQLite and PostgreSQL alike; its steps fit its tables."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sending_fixtures import NOON

from dmat import store as store_package
from dmat.store import engine, migrations, open_store, upgrade
from dmat.store.engine import chunks, connect_store
from dmat.store.tables import metadata, settings_values
from dmat.store.workspace_values import get_value, set_value


def test_the_migrations_equal_the_tables(both_stores):
    for module in pkgutil.iter_modules(store_package.__path__):
        if module.name.endswith("tables"):
            importlib.import_module(f"dmat.store.{module.name}")
    with both_stores.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(both_stores):
    set_value(both_stores, "colour", "blue", NOON)
    upgrade(both_stores)
    assert get_value(both_stores, "colour") == "blue"


def test_a_store_one_step_behind_is_brought_to_the_last_step(both_stores):
    steps = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert steps.get_current_head() == migrations.HEAD
    before = steps.get_revision(migrations.HEAD).down_revision
    with both_stores.write() as connection:
        command.downgrade(migrations.alembic_config(connection), before)
    upgrade(both_stores)
    with both_stores.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == migrations.HEAD


def test_processes_that_open_a_new_store_at_once_migrate_it_once(both_settings, monkeypatch):
    monkeypatch.setattr(migrations, "upgrade_tables", migrations.upgrade_tables.__wrapped__)
    if both_settings.store_url:  # a new database of the tests is a migrated one
        emptied = connect_store(both_settings.store_url)
        with emptied.write() as connection:
            connection.execute(sa.text("drop schema public cascade"))
            connection.execute(sa.text("create schema public"))
        emptied.close()
    failures = []

    def open_it():
        try:
            open_store(both_settings).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failures == []


def test_sqlite_commits_durably_and_keeps_its_keys(store):
    with store.read() as connection:
        pragmas = {name: connection.exec_driver_sql(f"pragma {name}").scalar() for name in
                   ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}  # fmt: skip
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_an_error_inside_a_write_leaves_nothing_behind(both_stores):
    def fail():
        with both_stores.write() as connection:
            connection.execute(sa.insert(settings_values).values(key="a", value=1, updated_at=NOON, updated_by=""))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fail()
    assert get_value(both_stores, "a") is None


def test_many_writers_lose_no_update(both_stores):
    set_value(both_stores, "n", 0, NOON)
    statement = sa.select(settings_values.c.value).where(settings_values.c.key == "n")

    def add():
        for _ in range(10):
            with both_stores.write() as connection:
                query = statement if both_stores.is_sqlite else statement.with_for_update()
                value = connection.execute(query).scalar_one()
                connection.execute(sa.update(settings_values).values(value=value + 1))

    threads = [threading.Thread(target=add) for _ in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert get_value(both_stores, "n") == 50


def test_a_reader_sees_one_state_while_others_write(store):
    set_value(store, "n", 1, NOON)
    with store.read() as connection:
        first = connection.execute(sa.select(settings_values.c.value)).scalar_one()
        set_value(store, "n", 2, NOON)
        assert connection.execute(sa.select(settings_values.c.value)).scalar_one() == first


def test_who_waits_in_vain_for_another_writer_is_told_so(store, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    with store.write(), pytest.raises(sa.exc.OperationalError, match="locked"), store.write():
        raise AssertionError("two write at once")


def test_why_nothing_can_be_written_is_said_as_sqlalchemy_says_it(store):
    with store.engine.connect() as connection:
        connection.connection.driver_connection.execute("begin")  # behind SQLAlchemy's back
        with pytest.raises(sa.exc.OperationalError, match="within a transaction"):
            connection.execution_options(dmat_writes=True).begin()


def test_a_plain_postgresql_address_uses_our_driver():
    assert connect_store("postgresql://dmat@127.0.0.1:1/x").engine.url.drivername == "postgresql+psycopg"


def test_chunks_lose_nothing():
    assert [list(part) for part in chunks(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
