"""How fast journeys run: 100,000 due members of a million in one tick, durable steps a second, a replay of 90 days.

`journeys.tick_100k_s`: a tenth of all members are due at once: each is written a message in the ledger and waits again,
every batch in a durable transaction. `journeys.steps_per_s`: the same in steps (a send and a wait each) a CPU second.
`journeys.replay_90d_s`: cart recovery on 90 days in which a tenth of all people leave a cart and a third of these buy.
Checked: the ledger has one row for each due member, nobody is due afterwards; the replay has one first mail an entry.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from benchmarks.measure import Row
from dmat.journeys.definition import Definition, parse_definition
from dmat.journeys.entries import Source
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.records import JourneyVersion
from dmat.journeys.replay import replay
from dmat.journeys.runner import JourneyRunner
from dmat.messages.library import Templates
from dmat.segments.desk import Desk
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat.store.journey_tables import journey_members
from dmat.store.tables import ledger_entries
from dmat.warehouse import publish, writer_lock

NOW = datetime(2026, 3, 4, 12, 0)
CONTENT = {"locales": {"": {"text": "Hello"}}}
TABLES = """
create schema people; create schema commerce; create schema segments; create schema consent; create schema seeds;
create schema raw; create schema engagement;
create table raw.workspace_clock (build_number bigint, now_at timestamp);
create table people.dim_people as select
    range as person_id, 'p' || range || '@example.com' as email, '+49' || (1700000000 + range) as phone,
    'Ann' as first_name, 'DE' as country_code, 'Europe/Berlin' as time_zone, 1 as _build
    from range(1, {people} + 1);
create table commerce.fct_orders as select
    'o' || range as order_id, range * 10 as person_id,
    timestamp '{first}' + to_minutes((range * 7919) % 129600) + to_hours(20) as ordered_at, 5000 as net_cents,
    'EUR' as currency_code, 'paid' as status
    from range(1, {people} // 10 + 1) where range % 3 = 0;
create table commerce.fct_carts as select
    'c' || range as cart_id, range * 10 as person_id, 'x' as contact_email,
    timestamp '{first}' + to_minutes((range * 7919) % 129600) as last_touched_at, null::timestamp as completed_at,
    'open' as status, 1 as item_count, 5000 as total_cents, 'EUR' as currency_code, 'https://x.example' as recovery_url
    from range(1, {people} // 10 + 1);
create table seeds.regions (position integer, region varchar, region_name varchar, country_code varchar);
create table segments.segment_memberships (
    segment_key varchar, person_id bigint, entered_at timestamp, left_at timestamp, recorded_at timestamp,
    left_recorded_at timestamp
);
create table segments.segment_catalogue as select
    1 as position, 'event' as kind, 'ordered' as key, '' as event_key, 'Ordered' as label, '' as type,
    'Shop' as group_name, 'commerce.fct_orders' as table_name, '' as column_name, 'person_id' as person_column,
    'ordered_at' as at_column, '' as filter_sql, '' as data_type, '' as unit, '' as currency_column, '' as channel,
    '' as default_op, '' as description, false as is_personal;
create table consent.person_channel_consent (
    person_id bigint, channel varchar, purpose varchar, is_granted boolean, decided_at timestamp, source varchar,
    evidence varchar
);
"""


def run(people: int, size: str) -> list[Row]:
    """Both measurements on one workspace."""
    with tempfile.TemporaryDirectory(prefix="journeys-") as folder:
        settings = _make(Path(folder), people)
        store = open_store(settings)
        source = Source(settings, store, Desk(settings, store))
        rows = [*_tick(source, people, size), _replay(source, people, size)]
        store.close()
    return rows


def _make(home: Path, people: int) -> Settings:
    settings = load_settings(home=home)
    settings.clock.set(NOW)
    with writer_lock(settings):
        settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(settings.core_path))
        connection.execute(TABLES.format(people=people, first=NOW - timedelta(days=90)))
        connection.close()
        publish(settings)
    return settings


def _document(**changes: Any) -> Definition:
    send = {"do": "send", "channel": "sms", "template": "hello", "expires_after": "20h"}
    document: dict[str, Any] = {
        "key": "bench", "name": "Bench", "trigger": {"kind": "api"}, "exit_when": [{"event": "ordered"}],
        "steps": [{"key": "begin", "do": "wait", "for": "1h"}, {"key": "first", **send},
                  {"key": "day", "do": "wait", "for": "23h"}, {"key": "second", **send}],
    }  # fmt: skip
    return parse_definition(document | changes)


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - began, time.process_time() - cpu


def _tick(source: Source, people: int, size: str) -> list[Row]:
    store, due = source.store, people // 10
    templates = Templates(store, source.settings.clock)
    templates.create(name="Hello", key="hello", channel="sms", kind="text", content=CONTENT, by="bench")
    library = JourneyLibrary(source)
    library.create(_document(), "bench")
    journey = library.start("bench", "bench")
    _fill(store, journey.journey_id, people, due)
    source.settings.clock.set(NOW + timedelta(minutes=1))
    look, wall, cpu = _timed(JourneyRunner(source).look)
    with store.read() as connection:
        rows = connection.execute(sa.select(sa.func.count()).select_from(ledger_entries)).scalar_one()
        waiting = sa.select(sa.func.count()).where(journey_members.c.due_at <= NOW + timedelta(minutes=1))
        left = connection.execute(waiting).scalar_one()
    checked = rows == due and left == 0 and look.planned == due
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scale = due / 100_000
    return [
        Row("journeys.tick_100k_s", size, wall / scale, "s", 10, False, cpu_s=cpu, peak_rss_mb=peak, checked=checked),
        Row("journeys.steps_per_s", size, 2 * due / cpu, "1/s", 100_000, True, cpu_s=cpu, checked=checked),
    ]


def _fill(store: Store, journey_id: int, people: int, due: int) -> None:
    """A million members; the first tenth is due a moment from now."""
    named = (
        "journey_id, version, person_id, entry_key, status, step, at, due_at, why, context, path, is_holdout,"
        " entered_at, seen_at, revision"
    )
    text = NOW.isoformat(" ", "microseconds")
    soon, later = (
        (NOW + span).isoformat(" ", "microseconds") for span in (timedelta(seconds=30), timedelta(days=9))
    )  # fmt: skip
    rows = [
        (journey_id, 1, n, f"e{n}", "waiting", "begin", text, soon if n <= due else later, "wait 1 hour", "{}", "", 0,
         text, text, 1)
        for n in range(1, people + 1)
    ]  # fmt: skip
    with store.write() as connection:
        connection.exec_driver_sql(f"insert into journey_members ({named}) values ({', '.join('?' * 15)})", rows)


def _replay(source: Source, people: int, size: str) -> Row:
    trigger = {"kind": "cart_abandoned", "after": "1h"}
    version = JourneyVersion(0, 1, _document(trigger=trigger), {}, "", NOW, "")
    found, wall, cpu = _timed(lambda: replay(source, 0, version, NOW - timedelta(days=90), NOW))
    firsts = sum(row.step == "first" for row in found.rows)
    entered = sum(member.life.entered_at <= NOW - timedelta(hours=1) for member in found.members.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    checked = firsts == entered > people // 20
    return Row("journeys.replay_90d_s", size, wall, "s", 120, False, cpu_s=cpu, peak_rss_mb=peak, checked=checked)
