"""A PostgreSQL server for as long as a benchmark runs, and the schemas that other tools would ask there.

Belongs here: starting the server, filling tables in the style of listmonk (one JSON document a subscriber) and of
Mautic (a wide table of leads, a table of page hits), their queries. Stays out: measuring (`segments.py`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from dmat.processes import free_ports

_ROWS_A_COPY = 50_000


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None when they are not installed."""
    found = shutil.which("initdb")
    candidates = [Path(found).parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


def _as_other_user() -> dict[str, Any]:
    """PostgreSQL refuses root: run it as somebody else then."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def server(folder_of_programs: Path) -> Iterator[psycopg.Connection]:
    """A connection to a fresh server with the memory that its makers advise for a machine shared with others."""
    identity, port = _as_other_user(), next(iter(free_ports("127.0.0.1").values()))
    folder = Path(tempfile.mkdtemp(prefix="dmat-bench-pg-", dir="/tmp"))
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **identity}
    initdb = [folder_of_programs / "initdb", "-D", folder / "data", "-U", "dmat", "-A", "trust", "--no-sync"]
    subprocess.run([*initdb, "-E", "UTF8", "--locale=C"], check=True, **quiet)
    options = ["fsync=off", "shared_buffers=512MB", "work_mem=64MB", "max_wal_size=4GB", f"port={port}"]
    options += [f"unix_socket_directories={folder}", "listen_addresses=127.0.0.1"]
    arguments = [part for option in options for part in ("-c", option)]
    running = subprocess.Popen([folder_of_programs / "postgres", "-D", folder / "data", *arguments], **quiet)
    try:
        with _connected(port) as connection:
            yield connection
    finally:
        running.send_signal(signal.SIGINT)  # does not wait for who is connected
        running.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(port: int) -> psycopg.Connection:
    for _ in range(600):
        try:
            return psycopg.connect(f"host=127.0.0.1 port={port} user=dmat dbname=postgres", autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise TimeoutError("PostgreSQL does not answer")


def fill(connection: psycopg.Connection, source: duckdb.DuckDBPyConnection) -> None:
    """The same people and visits in the schemas of listmonk and of Mautic, with the indexes that these have."""
    connection.execute("create table subscribers (id bigint primary key, status text, attribs jsonb)")
    connection.execute(
        "create table leads (id bigint primary key, country text, stage text, revenue_cents bigint, points bigint)"
    )
    connection.execute("create table page_hits (id bigserial primary key, lead_id bigint, date_hit timestamp)")
    person = (
        '\'{"country": "\' || country_code || \'", "stage": "\' || lifecycle || \'", "orders": \' || orders_count'
        " || ', \"revenue_cents\": ' || revenue_cents || '}'"
    )
    _copy(connection, source, "subscribers", f"select person_id, 'enabled', {person} from people.dim_people")
    _copy(
        connection, source, "leads",
        "select person_id, country_code, lifecycle, revenue_cents, clicks_count from people.dim_people",
    )  # fmt: skip
    _copy(
        connection, source, "page_hits (lead_id, date_hit)", "select person_id, started_at from engagement.fct_visits"
    )
    for statement in (
        "create index on leads (country)", "create index on leads (stage)", "create index on page_hits (lead_id)",
        "create index on page_hits (date_hit)", "vacuum analyze",
    ):  # fmt: skip
        connection.execute(statement)


def _copy(connection: psycopg.Connection, source: duckdb.DuckDBPyConnection, table: str, sql: str) -> None:
    rows = source.execute(sql)
    with connection.cursor().copy(f"copy {table} from stdin") as copy:
        while batch := rows.fetchmany(_ROWS_A_COPY):
            for row in batch:
                copy.write_row(row)


LISTMONK = """
select attribs->>'stage', count(*) from subscribers
where status = 'enabled' and ((attribs->>'country' in ('DE', 'GB') and (attribs->>'revenue_cents')::bigint >= %(cents)s
    and (attribs->>'orders')::bigint >= 2) or attribs->>'stage' = 'opportunity')
group by 1
"""
MAUTIC = """
select l.stage, count(distinct l.id) from leads l
where l.country in ('DE', 'GB') and l.revenue_cents >= %(cents)s
    and exists (select 1 from page_hits h where h.lead_id = l.id and h.date_hit > %(since)s and h.date_hit <= %(now)s)
group by 1
"""
