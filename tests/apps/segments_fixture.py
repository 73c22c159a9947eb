"""Four hundred people whose countries, orders and consents follow from their numbers, for tests of segments' screens.

Belongs here: people that one can count by head, and segments among them. Stays out: dbt and the simulated company.
People have the numbers 1001 to 1400, and the twelve Germans of the carts are there too. Every fourth is German, French,
American, or of unknown country; who has a number that ends in 0 spent 900 EUR in five orders, the last 10 days ago;
the others 30 EUR in one, 100 days ago.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from serving_fixture import NOW, build_home, republish

from dmat.segments.catalogue import read_catalogue
from dmat.segments.library import Library
from dmat.segments.rules import parse
from dmat.settings import Settings
from dmat.store import open_store
from dmat.warehouse import Workspace

FIRST, PEOPLE = 1001, 400
EVERYBODY = PEOPLE + 12
GERMANS = 112
BIG_SPENDERS = 40
BIG_SPENDERS_IN_GERMANY = 20
TABLES = (Path(__file__).parent / "segments_tables.sql").read_text()
GERMANY = {"version": 1, "where": {"all": [{"field": "country_code", "op": "one_of", "value": ["DE"]}]}}
BIG = {"version": 1, "where": {"all": [{"field": "revenue_cents", "op": "at_least", "value": 500}]}}

_PEOPLE = f"""
    insert into people.dim_people by name
    select
        i as person_id, 'p' || i || '@example.com' as email, 'example.com' as email_domain,
        'Person ' || i as full_name, [ 'DE', 'FR', 'US', null ][1 + i % 4] as country_code,
        timestamp '{NOW}' - to_days(cast(i % 90 as integer)) as last_seen_at,
        case when i % 10 = 0 then 5 else 1 end as orders_count,
        case when i % 10 = 0 then 90000 else 3000 end as revenue_cents, 'EUR' as currency_code,
        timestamp '{NOW}' - to_days(case when i % 10 = 0 then 10 else 100 end) as last_order_at,
        i % 2 = 0 as has_email_consent, i % 5 = 0 as has_sms_consent, false as has_whatsapp_consent,
        case when i % 3 = 0 then 'customer' else 'lead' end as lifecycle
    from range({FIRST}, {FIRST + PEOPLE}) as numbers (i)
"""
_ORDERS = f"""
    insert into commerce.fct_orders by name
    select
        'f:' || i || ':' || n as order_id, 'shopify' as source, i as person_id, 'paid' as status,
        'EUR' as currency_code,
        timestamp '{NOW}' - to_days(cast(case when i % 10 = 0 then 10 * n else 100 end as integer)) as ordered_at,
        case when i % 10 = 0 then 18000 else 3000 end as net_cents
    from range({FIRST}, {FIRST + PEOPLE}) as numbers (i), range(1, 6) as times (n)
    where i % 10 = 0 or n = 1
"""


def build_audience(home: Path, with_segments: bool = True) -> Settings:
    """A workspace with the people; with segments, also `germans` and `big-spenders` with thirty days behind them."""
    settings = build_home(home)
    statements = [*filter(None, (part.strip() for part in TABLES.split(";\n"))), _PEOPLE, _ORDERS]
    republish(settings, *statements)
    if with_segments:
        keep_segments(settings)
        republish(
            settings,
            *(_sizes(key, size) for key, size in (("germans", GERMANS), ("big-spenders", BIG_SPENDERS))),
            *_moves(),
        )
    return settings


def keep_segments(settings: Settings) -> None:
    """Two segments, the second in its second version."""
    store, workspace = open_store(settings), Workspace(settings)
    library = Library(store, settings.clock, lambda: read_catalogue(workspace))
    library.create(name="Germans", key="germans", rule=parse(GERMANY), by="marketer@example.com", tags=["europe"])
    smaller: dict[str, Any] = {"version": 1, "where": {"all": [{**BIG["where"]["all"][0], "value": 300}]}}
    library.create(name="Big spenders", key="big-spenders", rule=parse(smaller), by="marketer@example.com",
                   folder="Buying", description="Who spent 500 EUR or more")  # fmt: skip
    library.update("big-spenders", rule=parse(BIG), by="marketer@example.com", note="300 was too low")
    store.close()


def _sizes(key: str, size: int) -> str:
    return (
        f"insert into segments.segment_sizes select '{key}', date '{NOW:%Y-%m-%d}' - cast(29 - i as integer),"
        f" {size} - 29 + i, 1, 0, i from range(0, 30) as numbers (i)"
    )


def _moves() -> list[str]:
    since, left = NOW - timedelta(days=29), NOW - timedelta(days=2)
    members = f"select i from range({FIRST}, {FIRST + PEOPLE}) as numbers (i) where i % 4 = 0"
    return [
        f"insert into segments.segment_memberships select 'germans', i, '{since}', null, 1, '{since}', null, 'rule',"
        f" null, i, null from ({members})",
        f"insert into segments.segment_memberships values ('germans', 1001, '{since}', '{left}', 1, '{since}',"
        f" '{left}', 'rule', 'data', 9001, 9002)",
    ]
