"""The company as a whole: make it from a seed, write it as a world, or load it straight into raw tables.

Belongs here: the order of the steps, chunk by chunk so that memory stays bounded, and the doors that others call.
Stays out: how each part comes about (`people.py`, `traffic.py`, `commerce.py` ...) and payload shapes (`payloads.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np

from dmat.errors import InvalidInputError
from dmat.landing import create_raw_table
from dmat.simulate import catalogue, commerce, contacts, deals, mailing, media, people, traffic
from dmat.simulate.payloads import SHAPES, payload_sql
from dmat.simulate.rhythm import Calendar
from dmat.simulate.tables import (
    COMPANY_TABLES,
    PERSON_TABLES,
    TRUTH_TABLES,
    create_tables,
    empty_person_tables,
)

CHUNK_PEOPLE = 50_000
IDS_PER_CHUNK = 4_000_000
ARCHIVED = "delivery_events"
Progress = Callable[[str, float], None]
RAW_TIMES = {name: "created_at" for name in ("meta_posts", "meta_ad_insights", "linkedin_ad_analytics", "ga4_ad_costs")}
RAW_TIMES["ga4_sessions"] = "date_trunc('minute', created_at)"


class FillsTables(Protocol):
    """A company of whatever origin: it can fill the typed tables of a world."""

    @property
    def has_outlet(self) -> bool:
        """Whether it has a second, older shop."""

    def fill(self, connection: duckdb.DuckDBPyConnection, progress: Progress | None = None) -> None:
        """Create and fill every typed table and schema `truth` in the connection's current database."""


@dataclass(frozen=True)
class Company:
    """A make-believe company: the recipe (sizes, seed, dates) from which every row follows."""

    people: int
    seed: int
    end: datetime
    months: int = 18

    @cached_property
    def calendar(self) -> Calendar:
        """The days of its history."""
        return Calendar(self.end, self.months)

    @property
    def chunks(self) -> int:
        """Number of chunks of people; each can be made on its own."""
        return -(-self.people // CHUNK_PEOPLE)

    def rng(self, part: int, chunk: int = 0) -> np.random.Generator:
        """The random stream of one part of one chunk; streams do not depend on each other."""
        return np.random.default_rng([self.seed, chunk, part])

    @property
    def has_outlet(self) -> bool:
        """Whether it has a second, older shop: it does."""
        return True

    def fill(self, connection: duckdb.DuckDBPyConnection, progress: Progress | None = None) -> None:
        """Create and fill every typed table and schema `truth` in the connection's current database."""
        make_tables(self, connection, progress)


def generate(people: int, seed: int, end: datetime, months: int = 18) -> Company:
    """The company of `people` humans whose history of `months` months ends at `end` (UTC without zone).

    Rows are made when they are asked for; the same arguments give the same rows.

    Raises:
        InvalidInputError: a size that makes no company.
    """
    if people < 1:
        raise InvalidInputError("people", f"{people} is not a size", "1 or more")
    if not 1 <= months <= 120:
        raise InvalidInputError("months", f"{months} is too short or too long", "1 to 120")
    return Company(people, seed, end.replace(microsecond=0), months)


def make_company_tables(company: Company, connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the tables that belong to no single person, in the connection's current database."""
    catalogue.write_catalogue(connection, company.rng(1), company.calendar, company.people)
    media.write_media(connection, company.rng(2), company.calendar, company.people)


def make_chunk(company: Company, connection: duckdb.DuckDBPyConnection, chunk: int) -> None:
    """Append one chunk of people and all they did, identities aside; the company's own tables must be there."""
    calendar, first_id = company.calendar, chunk * IDS_PER_CHUNK + 1
    size = min(CHUNK_PEOPLE, company.people - chunk * CHUNK_PEOPLE)
    employers = catalogue.companies_count(company.people)
    humans = people.draw_people(company.rng(3, chunk), chunk * CHUNK_PEOPLE + 1, size, calendar, employers)
    mail = mailing.draw_mail_reactions(company.rng(4, chunk), humans, calendar)
    texts = mailing.draw_text_reactions(company.rng(5, chunk), humans, calendar)
    visits = traffic.draw_visits(company.rng(6, chunk), humans, calendar, mail, first_id)
    prices = catalogue.product_prices(company.rng(1))
    carts = commerce.draw_carts(company.rng(7, chunk), humans, calendar, visits, prices, first_id)
    orders = commerce.draw_orders(company.rng(8, chunk), humans, calendar, carts)
    people.write_people(connection, humans, mail.withdrawn, texts.withdrawn)
    mailing.write_email_events(connection, humans, mail)
    mailing.write_text_messages(connection, humans, texts)
    traffic.write_visits(connection, company.rng(9, chunk), humans, visits)
    commerce.write_carts(connection, humans, visits, carts)
    contacts.write_shop_customers(connection, company.rng(10, chunk), humans, mail)
    contacts.write_outlet_customers(connection, company.rng(11, chunk), humans)
    commerce.write_orders(connection, humans, visits, carts, orders)
    deals.write_deals(connection, company.rng(12, chunk), humans, calendar, first_id)
    contacts.write_crm_contacts(connection, company.rng(13, chunk), humans, calendar)
    contacts.write_form_submissions(connection, company.rng(14, chunk), humans, calendar, mail, first_id)


def make_tables(company: Company, connection: duckdb.DuckDBPyConnection, progress: Progress | None = None) -> None:
    """Create and fill every typed table and schema `truth` in the connection's current database."""
    create_tables(connection)
    make_company_tables(company, connection)
    for chunk in range(company.chunks):
        make_chunk(company, connection, chunk)
        tell(progress, "people", (chunk + 1) / company.chunks)
    contacts.write_identities(connection)


def write_world(company: FillsTables, path: Path, progress: Progress | None = None) -> None:
    """Write the world file: typed tables, schema `truth` and `records` (one row per vendor payload).

    An older file is replaced. Past e-mail events are not in `records`: a webhook tells them once (see
    `write_email_archive`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with duckdb.connect(str(partial)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        company.fill(connection, progress)
        absent = () if company.has_outlet else ("woocommerce_orders", "woocommerce_customers", "woocommerce_products")
        resources = [name for name in SHAPES if name not in (ARCHIVED, *absent)]
        for number, resource in enumerate(resources, 1):
            connection.execute(f"insert into records select ?, * from ({payload_sql(resource)})", [resource])
            tell(progress, resource, number / len(resources))
        connection.execute("checkpoint")
    partial.replace(path)


def write_email_archive(source: Company | Path, path: Path) -> int:
    """Write the past SendGrid events as Parquet, one column per key of the vendor's event; gives the row count.

    `source` is a world file (quick) or a company, whose events are then made anew.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = "* exclude (person_id, mailing_id)"
    with _scratch(source) as (connection, company):
        chunks = range(company.chunks) if company else range(1)
        for chunk in chunks:
            if company:
                make_chunk(company, connection, chunk)
            target = path if len(chunks) == 1 else path.with_suffix(f".{chunk}.partial")
            connection.execute(
                f"copy (select {keys} from email_events order by \"timestamp\", sg_event_id) to '{target}'"
                " (format parquet, compression zstd)"
            )
            if company:
                empty_person_tables(connection)
        if len(chunks) > 1:
            pieces = [str(path.with_suffix(f".{chunk}.partial")) for chunk in chunks]
            connection.execute(f"copy (from read_parquet({pieces})) to '{path}' (format parquet, compression zstd)")
            for piece in pieces:
                Path(piece).unlink()
        row = connection.execute(f"select count(*) from read_parquet('{path}')").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _scratch(source: Company | Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Company | None]]:
    """A connection to a world file, or to memory that holds a company's own tables."""
    if isinstance(source, Path):
        with duckdb.connect(str(source), read_only=True) as connection:
            yield connection, None
        return
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        create_tables(connection)
        make_company_tables(source, connection)
        yield connection, source


def load_raw(
    source: Company | Path,
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    now: datetime,
    progress: Progress | None = None,
    with_email_events: bool = True,
) -> dict[str, int]:
    """Insert every payload straight into `raw.*`, chunk by chunk; gives the row count of each table.

    For benchmarks: what capture would have landed, without HTTP. `source` is a company or a world file.

    Args:
        source: a company (its rows are made in memory, a chunk at a time) or the path of a world file.
        connection: an open connection on the core file, under the writer lock.
        run_id: the run that loads them.
        now: the workspace's time.
        progress: told the name of a table and the share done.
        with_email_events: whether past e-mail events go into `raw.delivery_events` as well.
    """
    core = _current_database(connection)
    resources = [name for name in SHAPES if with_email_events or name != ARCHIVED]
    for resource in resources:
        create_raw_table(connection, resource)
    connection.execute("set preserve_insertion_order = false")
    place, mode = (str(source), " (read_only)") if isinstance(source, Path) else (":memory:", "")
    connection.execute(f"attach '{place}' as simulated_company{mode}")
    connection.execute("use simulated_company")
    try:
        if isinstance(source, Path):
            counts = {name: _load(connection, core, name, run_id, now) for name in resources}
        else:
            counts = _load_chunks(source, connection, core, resources, run_id, now, progress)
    finally:
        connection.execute(f'use "{core}"')
        connection.execute("detach simulated_company")
    return counts


def _load_chunks(
    company: Company, connection: duckdb.DuckDBPyConnection, core: str, resources: list[str], run_id: str,
    now: datetime, progress: Progress | None,
) -> dict[str, int]:  # fmt: skip
    create_tables(connection)
    make_company_tables(company, connection)
    common = [name for name in resources if SHAPES[name].table in COMPANY_TABLES]
    counts = {name: _load(connection, core, name, run_id, now) for name in common}
    for chunk in range(company.chunks):
        make_chunk(company, connection, chunk)
        for name in resources:
            if name not in common:
                counts[name] = counts.get(name, 0) + _load(connection, core, name, run_id, now)
        empty_person_tables(connection)
        tell(progress, "raw tables", (chunk + 1) / company.chunks)
    return counts


def _load(connection: duckdb.DuckDBPyConnection, core: str, resource: str, run_id: str, now: datetime) -> int:
    changed = RAW_TIMES.get(resource, "updated_at")
    row = connection.execute(
        f'insert into "{core}".raw.{resource} select record_id, {changed}, payload, md5(payload::varchar), ?, ?'
        f" from ({payload_sql(resource)})",
        [now, run_id],
    ).fetchone()
    return int(row[0]) if row else 0


def _current_database(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select current_database()").fetchone()
    return str(row[0]) if row else "memory"


def tell(progress: Progress | None, what: str, share: float) -> None:
    """Say what is being made and the share done, when somebody wants to know."""
    if progress is not None:
        progress(what, share)


__all__ = [
    "CHUNK_PEOPLE", "COMPANY_TABLES", "PERSON_TABLES", "TRUTH_TABLES", "Company", "FillsTables", "generate", "load_raw",
    "make_chunk", "make_company_tables", "make_tables", "tell", "write_email_archive", "write_world",
]  # fmt: skip
