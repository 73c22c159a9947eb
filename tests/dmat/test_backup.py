"""Under test: a backup taken while everything is open comes back whole, and never brings the fence along."""

from __future__ import annotations

import sqlite3
import tarfile
from datetime import datetime

import pytest

from dmat.backup import read_backup, write_backup
from dmat.errors import InvalidInputError, NotFoundError
from dmat.landing import Record, land
from dmat.settings import load_settings
from dmat.warehouse import Workspace, publish, writer, writer_lock

NOW = datetime(2026, 11, 1, 9)


@pytest.fixture
def settings(tmp_path):
    settings = load_settings(home=tmp_path / "home")
    with writer(settings) as connection:
        land(connection, "shopify_orders", [Record("1", NOW, {"id": 1})], "run", NOW)
    with writer_lock(settings):
        publish(settings)
    folder = settings.home / "store"
    folder.mkdir()
    live = sqlite3.connect(folder / "dmat.sqlite")
    live.execute("pragma journal_mode = wal")
    live.execute("create table users (email text)")
    live.execute("insert into users values ('a@people.example')")
    live.commit()
    (settings.home / "instance.json").write_text("{}")
    yield settings
    live.close()


def test_a_backup_comes_back_whole_also_what_only_stands_in_the_log_of_the_store(settings, tmp_path):
    report = write_backup(settings, tmp_path / "b.tar.gz")
    assert report.parts == ["store", "warehouse"]
    other = load_settings(home=tmp_path / "other")
    read_backup(other, tmp_path / "b.tar.gz")
    assert Workspace(other).rows("select count(*) as n from raw.shopify_orders")[0]["n"] == 1
    with sqlite3.connect(other.home / "store" / "dmat.sqlite") as restored:
        assert restored.execute("select email from users").fetchall() == [("a@people.example",)]


def test_the_fence_stays_behind_so_that_a_restored_store_waits_for_a_yes(settings, tmp_path):
    write_backup(settings, tmp_path / "b.tar.gz")
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert not any("instance.json" in name for name in archive.getnames())
    read_backup(settings, tmp_path / "b.tar.gz", force=True)
    assert not (settings.home / "instance.json").exists()


def test_a_backup_is_for_its_owner_only(settings, tmp_path):
    write_backup(settings, tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0


def test_a_workspace_is_not_overwritten_unless_asked(settings, tmp_path):
    write_backup(settings, tmp_path / "b.tar.gz")
    with pytest.raises(InvalidInputError, match="already holds"):
        read_backup(settings, tmp_path / "b.tar.gz")


def test_a_file_that_is_no_backup_is_refused_and_nothing_is_lost(settings, tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_backup(settings, tmp_path / "x.tar.gz", force=True)
    assert settings.core_path.exists()


def test_an_existing_file_is_not_overwritten_and_an_empty_workspace_has_nothing_to_back_up(settings, tmp_path):
    (tmp_path / "b.tar.gz").write_text("mine")
    with pytest.raises(InvalidInputError, match="exists already"):
        write_backup(settings, tmp_path / "b.tar.gz")
    with pytest.raises(NotFoundError):
        write_backup(load_settings(home=tmp_path / "empty"), tmp_path / "c.tar.gz")
