"""Under test: who is who, against the truth of a simulated company with dirty records and shared addresses."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import pytest

from dmat.simulate.company import generate, load_raw, write_world
from dmat.warehouse import writer
from dmat_pipelines.conform.runner import build

END = datetime(2026, 3, 10, 12)
CONTACTS = ("shopify_customers", "woocommerce_customers", "hubspot_contacts", "wordpress_form_submissions")
MODELS = ["+person_merges"]
GROUPS = """
    select list(contact_key order by contact_key) as members from people.person_contacts group by person_id order by 1
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The company as it really is: raw rows of its contacts, and `truth.identities`."""
    path = tmp_path_factory.mktemp("world") / "company.duckdb"
    write_world(generate(800, seed=11, end=END), path)
    return path


def load_contacts(settings, world, where: str) -> None:
    """Land the contacts of the world that fulfil a condition."""
    with duckdb.connect() as scratch:
        load_raw(world, scratch, "run", END, with_email_events=False)
        rows = {
            t: scratch.execute(f"select * from raw.{t} where {where} order by record_id").to_arrow_table()
            for t in CONTACTS
        }
    with writer(settings) as connection:
        connection.execute("create schema if not exists raw")
        for table, found in rows.items():
            connection.register("found", found)
            connection.execute(f"create table if not exists raw.{table} as select * from found limit 0")
            connection.execute(
                f"insert into raw.{table} select * replace (?::timestamp as _loaded_at) from found",
                [settings.clock.now()],
            )
            connection.unregister("found")


def query(settings, sql, *attached):
    with writer(settings) as connection:
        for name, path in attached:
            connection.execute(f"attach '{path}' as {name} (read_only)")
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def at_once(tmp_path_factory, world, new_home):
    settings = new_home(tmp_path_factory.mktemp("once"))
    load_contacts(settings, world, "true")
    build(settings, select=MODELS, exclude_tests=True).require_ok()
    return settings


def test_nearly_no_two_humans_are_taken_for_one_and_most_records_find_their_human(at_once, world):
    [(true_pairs, found_pairs, right_pairs)] = query(at_once, """
        with records as (
            select found.person_id as found, truth.person_id as truth
            from people.person_contacts as found
            inner join world.truth.identities as truth using (contact_key)
        )
        select
            (select sum(n * (n - 1) / 2) from (select count(*) as n from records group by truth)),
            (select sum(n * (n - 1) / 2) from (select count(*) as n from records group by found)),
            (select sum(n * (n - 1) / 2) from (select count(*) as n from records group by truth, found))
    """, ("world", world))  # fmt: skip
    assert true_pairs > 500
    assert right_pairs / found_pairs > 0.99
    assert right_pairs / true_pairs > 0.9, "what remains has no address in common"


def test_contacts_that_come_bit_by_bit_end_in_the_same_people(at_once, world, tmp_path, new_home):
    settings = new_home(tmp_path)
    for part in range(3):
        load_contacts(settings, world, f"hash(record_id) % 3 = {part}")
        build(settings, select=MODELS, exclude_tests=True).require_ok()
        settings.clock.advance(timedelta(hours=1))
    assert query(settings, GROUPS) == query(at_once, GROUPS)
    merged = query(settings, "select count(*) from people.person_merges")[0][0]
    assert merged > 0, "some were two before a third record joined them"


def test_building_again_from_scratch_keeps_every_id(at_once):
    before = query(at_once, "select contact_key, person_id from people.person_contacts order by 1")
    build(at_once, select=MODELS, full_refresh=True, exclude_tests=True).require_ok()
    assert query(at_once, "select contact_key, person_id from people.person_contacts order by 1") == before
