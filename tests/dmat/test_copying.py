"""Under test: a new version is made of an old one by bringing over only what was written, and is equal all the same."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dmat import copying
from dmat.core_file import NOTE, ranges_of
from dmat.settings import load_settings
from dmat.warehouse import VERSIONS_KEPT, Workspace, publish, writer, writer_lock

WORK = (
    "insert into {table} select range, hash(range + {rows}), md5(range::varchar), [range, 2] from range({rows})",
    "delete from {table} where i % {step} = 0",
    "update {table} set h = h + 1 where i % {step} = 0",
    "update {table} set s = s || 'x' where i < {rows}",
    "drop table {table}",
    "create or replace table {table} as select * from {table} order by h",
    "checkpoint",
    "begin; insert into {table} select range, 1, 'gone', [] from range({rows}); rollback",
    "delete from {table}",
)
TABLE = "create table if not exists {} as select range as i, hash(range) as h, md5(range::varchar) as s, [range] as l"
DIES_HALF_WAY = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from dmat import copying
copies = copying._copy
copying._copy = lambda *job: copies(*job) if job[2] == 0 else os._exit(9)
copying.make_version(**json.load(sys.stdin))
"""


@pytest.fixture
def settings(tmp_path):
    if copying.clone(__file__, str(tmp_path / "clone")):
        pytest.skip("this file system clones files, so versions are never made of old ones")
    return load_settings(tmp_path, duckdb_memory_limit="500MB")


def write_and_publish(settings, *statements: str) -> Path:
    with writer(settings) as connection:
        for statement in statements:
            connection.execute(statement)
    with writer_lock(settings):
        return publish(settings).path


def publish_rounds(settings, count: int) -> list[Path]:
    first = "create or replace table numbers as select {} as number from range(200000)"
    return [write_and_publish(settings, first.format(number)) for number in range(count)]


def random_work(chance: random.Random) -> list[str]:
    table, work = f"t{chance.randint(0, 4)}", chance.choice(WORK)
    rows, step = chance.choice([1, 100, 20_000, 300_000]), chance.randint(2, 3000)
    return [TABLE.format(table) + " from range(1000)", work.format(table=table, rows=rows, step=step)]


@pytest.mark.parametrize("seed", range(3))
def test_after_any_work_a_version_made_of_an_old_one_is_byte_for_byte_the_core_file(settings, seed):
    chance = random.Random(seed)
    inodes: list[int] = []
    for _ in range(15):
        for _ in range(chance.randint(0, 2)):  # the core file is closed in between: each closing writes as well
            with writer(settings) as connection:
                for statement in random_work(chance):
                    connection.execute(statement)
        version = write_and_publish(settings, *random_work(chance))
        assert version.read_bytes() == settings.core_path.read_bytes()
        inodes.append(version.stat().st_ino)
    assert inodes[VERSIONS_KEPT:] == inodes[:-VERSIONS_KEPT], "each file was used again when its version was too old"


def test_two_rows_that_change_places_reach_the_new_version(settings):
    """The checksum that DuckDB keeps of a block does not see this: it is a sum without order."""
    setup = "create or replace table t as select range as i, hash(range) as v from range(20000)"
    swap = "update t set v = hash(11 - i) where i in (5, 6)", "update t set v = hash(i) where i in (5, 6)"
    write_and_publish(settings, "set force_compression = 'uncompressed'", setup)
    for number in range(12):
        other = f"create or replace table other_{number % 5} as select range from range({number * 9999})"
        version = write_and_publish(settings, "set force_compression = 'uncompressed'", other, swap[number % 2])
        assert version.read_bytes() == settings.core_path.read_bytes()


def test_a_version_that_is_read_is_not_touched_and_is_used_again_when_its_reader_has_left(settings):
    versions = publish_rounds(settings, 1)
    reader = duckdb.connect(str(versions[0]), read_only=True)
    inode = versions[0].stat().st_ino
    later = publish_rounds(settings, VERSIONS_KEPT + 2)
    assert inode not in {file.stat().st_ino for file in later if file.exists()}
    assert reader.execute("select min(number), max(number), count(*) from numbers").fetchall() == [(0, 0, 200000)]
    reader.close()
    newest = publish_rounds(settings, 1)[0]
    assert newest.stat().st_ino == inode
    assert newest.read_bytes() == settings.core_path.read_bytes()


def test_a_publisher_that_is_killed_half_way_disturbs_no_reader_and_the_next_one_carries_on(settings):
    versions = publish_rounds(settings, VERSIONS_KEPT)
    view = Workspace(settings)
    assert view.rows("select max(number) as n from numbers") == [{"n": VERSIONS_KEPT - 1}]
    with writer(settings) as connection:
        connection.execute("update numbers set number = 77")
    partial = versions[0].parent / f".v{VERSIONS_KEPT + 1}.partial"
    lacking = json.loads((settings.warehouse_dir / NOTE).read_text())["lacking"]
    job = {
        "core": str(settings.core_path),
        "partial": str(partial),
        "candidates": [{"file": str(versions[0]), "ranges": lacking["1"]}],
    }
    root = str(Path(copying.__file__).parent.parent)
    died = subprocess.run([sys.executable, "-c", DIES_HALF_WAY, root], input=json.dumps(job), text=True)
    assert died.returncode == 9
    assert partial.exists()
    assert Workspace(settings).rows("select max(number) as n from numbers") == [{"n": VERSIONS_KEPT - 1}]
    newest = write_and_publish(settings, "update numbers set number = number + 1")
    assert newest.read_bytes() == settings.core_path.read_bytes()
    assert view.rows("select min(number) as n from numbers") == [{"n": 78}]
    assert not partial.exists()


def test_a_writer_that_is_killed_leaves_nothing_known_so_the_next_version_is_copied_whole(settings):
    old = publish_rounds(settings, VERSIONS_KEPT)[0].stat().st_ino
    code = "import os, sys; from dmat.settings import load_settings; from dmat.warehouse import writer\n"
    code += "with writer(load_settings(sys.argv[1])) as c:\n"
    code += " c.execute('update numbers set number = 5'); c.execute('checkpoint'); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(settings.home)]).returncode == 9
    assert_copied_whole(settings, old)


def test_what_a_stranger_wrote_is_published_too(settings):
    old = publish_rounds(settings, VERSIONS_KEPT)[0].stat().st_ino
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('update numbers set number = 5')"
    subprocess.run([sys.executable, "-c", code, str(settings.core_path)], check=True)
    assert_copied_whole(settings, old)


def test_after_a_power_cut_no_old_version_is_built_on(settings):
    old = publish_rounds(settings, VERSIONS_KEPT)[0].stat().st_ino
    note = settings.warehouse_dir / NOTE
    note.write_text(json.dumps({**json.loads(note.read_text()), "boot": "before the power cut"}))
    with writer(settings) as connection:
        connection.execute("update numbers set number = 5")
    assert_copied_whole(settings, old)


def assert_copied_whole(settings, old_inode: int) -> None:
    held_inode = os.open(settings.warehouse_dir / "serving" / "v1.duckdb", os.O_RDONLY)  # keeps the number taken
    with writer_lock(settings):
        newest = publish(settings).path
    os.close(held_inode)
    assert newest.stat().st_ino != old_inode
    assert newest.read_bytes() == settings.core_path.read_bytes()
    assert Workspace(settings).rows("select distinct number from numbers") == [{"number": 5}]


def test_what_failed_is_rolled_back_and_the_next_version_is_equal_all_the_same(settings):
    publish_rounds(settings, VERSIONS_KEPT)
    with pytest.raises(duckdb.ConversionException):
        write_and_publish(settings, "begin", "update numbers set number = 6", "select 'six'::int")
    newest = write_and_publish(settings, "create table other as select 1 as one")
    assert newest.read_bytes() == settings.core_path.read_bytes()
    assert Workspace(settings).rows("select distinct number from numbers") == [{"number": VERSIONS_KEPT - 1}]


def test_a_file_with_a_second_name_is_not_written_to(settings):
    versions = publish_rounds(settings, VERSIONS_KEPT)
    kept = settings.home / "kept.duckdb"
    os.link(versions[0], kept)
    before = kept.read_bytes()
    write_and_publish(settings, "update numbers set number = 9")
    assert kept.read_bytes() == before


def test_numbers_become_ranges():
    assert ranges_of({7, 1, 2, 3, 9, 8}) == [[1, 3], [7, 9]]
    assert ranges_of(set()) == []
