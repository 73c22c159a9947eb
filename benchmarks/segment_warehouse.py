"""A warehouse with the product's tables of people and what they did, made straight in SQL, for the group `segments`.

Belongs here: tables of a given size (a million people, twenty million events), the next version after new events, the
catalogue of it, random rules. Stays out: measuring (`segments.py`).
"""

from __future__ import annotations

import json
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.workspace import FOLDER
from dmat.segments.catalogue import Catalogue, EventType, Field, Property, Region
from dmat.segments.rules import Rule, parse
from dmat.settings import Settings, load_settings

NOW = datetime(2026, 11, 1, 9)
COUNTRIES = ("US", "GB", "DE", "FR", "IN", "BR", "CA", "AU", "JP")
LIFECYCLES = ("subscriber", "lead", "opportunity", "customer", "repeat_customer")
EVENTS_A_PERSON = {"10m": 2}  # of the larger size fewer, to fit on the disk of a laptop; else 20
NEW_EVENTS = 10_000
_PEOPLE, _ORDERS, _MESSAGES, _VISITS = (
    "people.dim_people", "commerce.fct_orders", "engagement.message_events", "engagement.fct_visits",
)  # fmt: skip


def _field(key: str, type_: str, data_type: str) -> Field:
    currency = "currency_code" if type_ == "money" else ""
    return Field(key, key, type_, "Person", _PEOPLE, key, data_type=data_type, currency_column=currency)


def _event(key: str, table: str, at: str, where: str, *properties: tuple[str, str, str]) -> EventType:
    found = {name: Property(name, name, type_, name, data_type=data_type) for name, type_, data_type in properties}
    return EventType(key, key, "Events", table, at, filter_sql=where, properties=found)


CATALOGUE = Catalogue(
    fields={
        field.key: field
        for field in (
            _field("country_code", "geography", "varchar"), _field("lifecycle", "text", "varchar"),
            _field("city", "text", "varchar"), _field("orders_count", "number", "bigint"),
            _field("revenue_cents", "money", "bigint"), _field("clicks_count", "number", "bigint"),
            _field("birthday", "date", "date"), _field("last_order_at", "date", "timestamp"),
            _field("has_email_consent", "consent", "boolean"),
        )
    },
    events={
        event.key: event
        for event in (
            _event("ordered", _ORDERS, "ordered_at", "status <> 'cancelled'", ("net_cents", "money", "bigint")),
            _event("opened", _MESSAGES, "occurred_at", "event_type = 'opened'", ("channel", "text", "varchar")),
            _event("clicked", _MESSAGES, "occurred_at", "event_type = 'clicked'", ("channel", "text", "varchar")),
            _event("delivered", _MESSAGES, "occurred_at", "event_type = 'delivered'"),
            _event("visited", _VISITS, "started_at", "", ("channel", "text", "varchar")),
        )
    },
    version=1,
    regions={"dach": Region("dach", "DACH", ("DE", "AT", "CH"))},
)  # fmt: skip


def _statements(people: int, events: int) -> list[str]:
    """Draws are hashes of the row number, so that every size is the same on every machine."""
    person = "(hash((hash(i + {salt}) % " + str(people) + ")::bigint) >> 4)::bigint"
    back = f"timestamp '{NOW}' - to_microseconds((hash(i + {{salt}}) % ({{days}} * 86400000000))::bigint)"

    def pick(values: tuple[str, ...], salt: int) -> str:
        return f"[{', '.join(repr(value) for value in values)}][1 + (hash(i + {salt}) % {len(values)})::int]"

    orders, messages, visits = (people * events * part // 20 for part in (4, 11, 5))
    return [
        *(f"create schema {name}" for name in ("people", "commerce", "engagement", "consent")),
        f"""create table {_PEOPLE} as select (hash(i) >> 4)::bigint as person_id,
            'person' || i || '@mail' || (i % 50) || '.example' as email,
            case when i % 3 = 0 then '+49' || (1000000 + i) end as phone,
            {pick(COUNTRIES, 1)} as country_code, 'City ' || (hash(i + 2) % 3000) as city,
            {pick(("UTC", "Europe/Berlin", "America/New_York"), 3)} as time_zone,
            case when hash(i + 4) % 4 > 0 then date '1950-01-01' + (hash(i + 5) % 20000)::int end as birthday,
            (hash(i + 8) % 12)::bigint as orders_count, (hash(i + 9) % 80000)::bigint as revenue_cents,
            (hash(i + 15) % 9)::bigint as clicks_count, 'EUR' as currency_code,
            case when hash(i + 10) % 3 > 0 then {back.format(salt=11, days=700)} end as last_order_at,
            hash(i + 12) % 3 > 0 as has_email_consent, {pick(LIFECYCLES, 14)} as lifecycle, 1::bigint as _build
            from range({people}) as t(i)""",
        f"""create table consent.person_channel_consent as select person_id, channel, 'marketing' as purpose,
            is_granted, 1::bigint as _build from (
                select person_id, 'email' as channel, has_email_consent as is_granted from {_PEOPLE}
                union all select person_id, 'sms', hash(person_id) % 5 = 0 from {_PEOPLE} where phone is not null)""",
        f"""create table {_ORDERS} as select 'o' || i as order_id, {person.format(salt=300)} as person_id,
            {back.format(salt=21, days=700)} as ordered_at, (hash(i + 31) % 30000)::bigint as net_cents,
            {pick(("paid", "paid", "paid", "cancelled"), 41)} as status, 'EUR' as currency_code, 1::bigint as _build
            from range({orders}) as t(i)""",
        f"""create table {_MESSAGES} as select 'm' || i as event_key, {person.format(salt=500)} as person_id,
            {back.format(salt=51, days=400)} as occurred_at,
            {pick(("delivered", "delivered", "opened", "clicked"), 61)} as event_type,
            {pick(("email", "email", "sms"), 71)} as channel, 1::bigint as _build from range({messages}) as t(i)""",
        f"""create table {_VISITS} as select 'v' || i as visit_id, {person.format(salt=700)} as person_id,
            {back.format(salt=81, days=400)} as started_at, {pick(("search", "direct", "email", "ads"), 91)} as channel,
            1::bigint as _build from range({visits}) as t(i)""",
    ]


def make(people: int, size: str) -> Settings:
    """A workspace whose first version has so many people and twenty events each; made anew unless it is there."""
    settings = load_settings(home=FOLDER / f"segments-{size}")
    settings.clock.set(NOW)
    serving = settings.warehouse_dir / "serving"
    first = serving / "v1.duckdb"
    if not first.exists():
        serving.mkdir(parents=True, exist_ok=True)
        partial = serving / ".v1.partial"
        partial.unlink(missing_ok=True)
        with duckdb.connect(str(partial)) as connection:
            connection.execute("set threads = 2")
            connection.execute("set memory_limit = '2GB'")
            for statement in _statements(people, EVENTS_A_PERSON.get(size, 20)):
                connection.execute(statement)
        partial.replace(first)
    for newer in serving.glob("v*.duckdb"):
        if newer != first:
            newer.unlink()
    point_to(settings, 1)
    return settings


def point_to(settings: Settings, number: int) -> None:
    """Let readers take version `number`."""
    when = (NOW + timedelta(seconds=number)).isoformat()
    pointer = {"version": number, "file": f"v{number}.duckdb", "published_at": when, "data_as_of": when}
    (settings.warehouse_dir / "serving" / "CURRENT").write_text(json.dumps(pointer))


def add_events(settings: Settings, number: int) -> None:
    """Make version `number` from the one before, as a hot build does: new events, and their people written anew."""
    serving = settings.warehouse_dir / "serving"
    before, after = serving / f"v{number - 1}.duckdb", serving / f"v{number}.duckdb"
    shutil.copyfile(before, after)
    with duckdb.connect(str(after)) as connection:
        connection.execute("set memory_limit = '1GB'")
        for statement in _new_events(number):
            connection.execute(statement)
    if number > 2:
        Path(before).unlink()


def _new_events(number: int) -> list[str]:
    third, now = NEW_EVENTS // 3, NOW + timedelta(seconds=number)
    some = f"(select person_id from {_PEOPLE} where hash(person_id + {number}) % 40 = 0 limit {{many}})"
    new = f"(select distinct person_id from {_ORDERS} where _build = {number})"
    return [
        f"insert into {_ORDERS} select 'n{number}-' || person_id, person_id, timestamp '{now}', 5000, 'paid', 'EUR',"
        f" {number} from {some.format(many=third)}",
        f"insert into {_MESSAGES} select 'n{number}-' || person_id, person_id, timestamp '{now}', 'clicked', 'email',"
        f" {number} from {some.format(many=third)}",
        f"insert into {_VISITS} select 'n{number}-' || person_id, person_id, timestamp '{now}', 'direct', {number}"
        f" from {some.format(many=NEW_EVENTS - 2 * third)}",
        f"create temp table touched as select * replace (orders_count + 1 as orders_count,"
        f" timestamp '{now}' as last_order_at, {number} as _build) from {_PEOPLE} where person_id in {new}",
        f"delete from {_PEOPLE} where person_id in {new}",
        f"insert into {_PEOPLE} select * from touched",
    ]


def last(days: int) -> dict[str, Any]:
    """A window of so many days until now."""
    return {"last": {"amount": days, "unit": "days"}}


def attribute(draw: random.Random) -> dict[str, Any]:
    """A random condition on a field."""
    kind = draw.randrange(7)
    if kind == 0:
        return {"field": "country_code", "op": "one_of", "value": draw.sample(COUNTRIES, draw.choice((1, 2, 3)))}
    if kind == 1:
        return {"field": "lifecycle", "op": "equals", "value": draw.choice(LIFECYCLES)}
    if kind == 2:
        return {"field": "revenue_cents", "op": draw.choice(("at_least", "less_than")), "value": draw.randrange(800)}
    if kind == 3:
        span = {"amount": draw.choice((30, 60, 90, 180, 365)), "unit": "days"}
        return {"field": "last_order_at", "op": draw.choice(("within_last", "not_within_last")), "value": span}
    if kind == 4:
        return {"field": "city", "op": "starts_with", "value": f"City {draw.randrange(10, 99)}"}
    key = "orders_count" if kind == 5 else "clicks_count"
    return {"field": key, "op": draw.choice(("at_least", "equals")), "value": draw.randrange(8)}


def event(draw: random.Random, days: int = 0) -> dict[str, Any]:
    """A random condition on what people did in a window, of so many days or a usual one."""
    window = last(days or draw.choice((7, 14, 30, 60, 90)))
    kind = draw.randrange(4)
    if kind == 0:
        return {"event": "ordered", "measure": "sum", "property": "net_cents", "op": "at_least",
                "value": draw.choice((50, 100, 200)), "window": window}  # fmt: skip
    if kind == 1:
        return {"event": draw.choice(("opened", "clicked", "visited")), "measure": "count", "op": "at_least",
                "value": draw.choice((2, 3)), "window": window}  # fmt: skip
    return {"event": draw.choice(("opened", "clicked", "visited", "ordered")), "did": kind == 2, "window": window}


def attribute_rule(draw: random.Random) -> Rule:
    """Three conditions that must hold, or one other."""
    return parse({"where": {"any": [{"all": [attribute(draw) for _ in range(3)]}, attribute(draw)]}})


def event_rule(draw: random.Random) -> Rule:
    """Three event windows and a condition on a field."""
    one, other, third = (event(draw, draw.randrange(5, 120)) for _ in range(3))
    return parse({"where": {"all": [{"any": [one, other]}, third, attribute(draw)]}})


def segment_rules(number: int, seed: int = 7) -> dict[str, Rule]:
    """So many segments of a working marketing team: every third one looks at what people did."""
    draw = random.Random(seed)
    usual = [event(draw) for _ in range(30)]
    found = {}
    for count in range(number):
        parts = [attribute(draw) for _ in range(3)]
        if count % 3 == 0:
            parts[0] = draw.choice(usual)
        found[f"segment-{count}"] = parse(
            {"where": {"any": [{"all": parts}, {"all": [attribute(draw)] * 1 + parts[1:]}]}}
        )
    return found
