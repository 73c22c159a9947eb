"""The humans and the truth about them: who they are, where they can be found, how they behave.

Belongs here: drawing one chunk of people as arrays, and writing them to `people`, `truth.people`.
Stays out: the records that sources hold of them (`contacts.py`) and what they do (`traffic.py`, `commerce.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa

from dmat.simulate.columns import NONE, moments, numbers, stage, words
from dmat.simulate.markets import (
    JOB_TITLES,
    MAIL_DOMAINS,
    MARKETS,
    TIME_ZONES,
    flatten,
    market_weights,
)  # fmt: skip
from dmat.simulate.rhythm import DAY, HOUR, Calendar

SHOP_CUSTOMER_BASE = 7_000_000_000_000
SEGMENTS = ("browser", "occasional", "loyal")
SEGMENT_SHARES = (0.60, 0.30, 0.10)
VISITS_PER_MONTH = np.array([0.38, 0.58, 1.50])
CONVERSION = np.array([0.010, 0.085, 0.220])
COMPLETION = np.array([0.09, 0.22, 0.33])
CONSENT_SHARE = 0.70
SMS_CONSENT_SHARE = 0.24
COUPLE_SHARE = 0.015


@dataclass(frozen=True)
class People:
    """One chunk of people as arrays of equal length; -1 is none, moments are seconds since 1970."""

    first_id: int
    country: np.ndarray
    zone: np.ndarray
    city: np.ndarray
    first_name: np.ndarray
    last_name: np.ndarray
    has_phone: np.ndarray
    birthday: np.ndarray
    company: np.ndarray
    job: np.ndarray
    joined: np.ndarray
    partner: np.ndarray
    in_shop: np.ndarray
    in_crm: np.ndarray
    in_outlet: np.ndarray
    in_forms: np.ndarray
    is_duplicated: np.ndarray
    email_consent: np.ndarray
    sms_consent: np.ndarray
    client: np.ndarray
    second_client: np.ndarray
    truth: dict[str, np.ndarray]

    @cached_property
    def ids(self) -> np.ndarray:
        """`person_id` of each person."""
        return np.arange(self.first_id, self.first_id + len(self.country), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.country)


@dataclass(frozen=True)
class Known:
    """What is known of people before they are drawn: country (index in `MARKETS`), when they joined, segment.

    They are customers of the shop, one record each, and share their address with nobody.
    """

    country: np.ndarray
    joined: np.ndarray
    segment: np.ndarray


def draw_people(
    rng: np.random.Generator, first_id: int, size: int, calendar: Calendar, companies: int, known: Known | None = None
) -> People:
    """Draw `size` people whose ids start at `first_id`; `companies` is how many employers there are."""
    country = rng.choice(len(MARKETS), size, p=market_weights()) if known is None else known.country
    place = _draw_place(rng, country)
    first, last = _draw_names(rng, country)
    share = 2 * COUPLE_SHARE if known is None else 0.0
    partner = np.where((np.arange(size) % 2 == 1) & (rng.random(size) < share), np.arange(size) - 1, NONE)
    _settle_couples(rng, partner, country, place, first, last)
    is_business = (rng.random(size) < 0.18) & (partner == NONE)
    sources = _draw_sources(rng, is_business, partner)
    if known is not None:
        everybody = np.ones(size, bool)
        sources |= {"in_shop": everybody, "in_outlet": ~everybody, "is_duplicated": ~everybody}
    joined = _draw_joined(rng, size, calendar) if known is None else known.joined
    has_consent = (rng.random(size) < CONSENT_SHARE) & (sources["in_shop"] | sources["in_forms"]) & (partner == NONE)
    has_phone = rng.random(size) < 0.72
    has_sms = has_phone & sources["in_shop"] & (rng.random(size) < SMS_CONSENT_SHARE / 0.72 / 0.75)
    later = np.minimum(joined + rng.integers(0, 5 * DAY, size), calendar.end_second - HOUR)
    return People(
        first_id=first_id, country=country, zone=place["zone"], city=place["city"], first_name=first, last_name=last,
        has_phone=has_phone, birthday=_draw_birthdays(rng, size, calendar),
        company=np.where(is_business, rng.integers(1, companies + 1, size), NONE),
        job=np.where(is_business, rng.integers(0, len(JOB_TITLES), size), NONE),
        joined=joined, partner=partner, **sources,
        email_consent=np.where(has_consent, later, NONE), sms_consent=np.where(has_sms, later, NONE),
        client=rng.integers(10**8, 2**31, size), second_client=np.where(
            rng.random(size) < 0.35, rng.integers(10**8, 2**31, size), NONE),
        truth=_draw_truth(rng, partner != NONE, None if known is None else known.segment),
    )  # fmt: skip


def _draw_place(rng: np.random.Generator, country: np.ndarray) -> dict[str, np.ndarray]:
    cities = np.array([len(market.cities) for market in MARKETS])
    zones = np.array([len(market.time_zones) for market in MARKETS])
    zone_ids = np.full((len(MARKETS), int(zones.max())), NONE)
    for row, market in enumerate(MARKETS):
        zone_ids[row, : len(market.time_zones)] = [TIME_ZONES.index(zone) for zone in market.time_zones]
    city = (rng.random(len(country)) * cities[country]).astype(np.int64)
    is_island = (zones[country] == 2) & (rng.random(len(country)) < 0.06)
    local = np.where(zones[country] > 2, city, is_island.astype(np.int64))
    return {"city": city, "zone": zone_ids[country, local]}


def _draw_names(rng: np.random.Generator, country: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    picked = []
    for lists in ([m.first_names for m in MARKETS], [m.last_names for m in MARKETS]):
        _, starts, sizes = flatten(lists)
        origin = np.where(rng.random(len(country)) < 0.08, rng.integers(0, len(MARKETS), len(country)), country)
        skewed = (rng.random(len(country)) ** 1.4 * sizes[origin]).astype(np.int64)
        picked.append(starts[origin] + skewed)
    return picked[0], picked[1]


def _settle_couples(
    rng: np.random.Generator, partner: np.ndarray, country: np.ndarray, place: dict[str, np.ndarray],
    first: np.ndarray, last: np.ndarray,
) -> None:  # fmt: skip
    """Put both of a couple at one place, with different first names and often the same last name."""
    second = np.flatnonzero(partner != NONE)
    other = partner[second]
    country[second] = country[other]
    for values in place.values():
        values[second] = values[other]
    names, _, _ = flatten([market.first_names for market in MARKETS])
    same = first[second] == first[other]
    first[second[same]] = (first[second[same]] + 1) % len(names)
    takes_name = rng.random(len(second)) < 0.6
    last[second[takes_name]] = last[other[takes_name]]


def _draw_sources(rng: np.random.Generator, is_business: np.ndarray, partner: np.ndarray) -> dict[str, np.ndarray]:
    size = len(partner)
    is_second = partner != NONE
    in_shop = (rng.random(size) < 0.74) & ~is_second
    in_crm = rng.random(size) < np.where(is_business, 0.9, 0.22)
    in_outlet = rng.random(size) < 0.15
    in_forms = (rng.random(size) < 0.27) | (is_second & ~in_crm)
    nowhere = ~(in_shop | in_crm | in_outlet | in_forms)
    in_shop |= nowhere
    in_shop[partner[is_second]] = True
    return {
        "in_shop": in_shop, "in_crm": in_crm, "in_outlet": in_outlet, "in_forms": in_forms,
        "is_duplicated": in_shop & ~is_second & (rng.random(size) < 0.07),
    }  # fmt: skip


def _draw_joined(rng: np.random.Generator, size: int, calendar: Calendar) -> np.ndarray:
    start = calendar.first_midnight
    before = start - rng.integers(1, 720 * DAY, size)
    span = calendar.end_second - HOUR - start
    during = start + (rng.random(size) ** 0.8 * span).astype(np.int64)
    return np.where(rng.random(size) < 0.4, before, during)


def _draw_birthdays(rng: np.random.Generator, size: int, calendar: Calendar) -> np.ndarray:
    """Days since 1970 (may be negative); the smallest whole number for those whose birthday nobody knows."""
    age = 18 + 66 * rng.beta(2.0, 3.6, size)
    born = calendar.end_second // DAY - (age * 365.25).astype(np.int64)
    return np.where(rng.random(size) < 0.55, born, np.iinfo(np.int32).min)


def _draw_truth(
    rng: np.random.Generator, is_second: np.ndarray, segment: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    size = len(is_second)
    segment = rng.choice(len(SEGMENTS), size, p=SEGMENT_SHARES) if segment is None else segment
    price_sensitivity = rng.beta(2.0, 3.0, size)
    weekday_habit = rng.choice([8, 12, 17, 20], size, p=[0.22, 0.20, 0.20, 0.38])
    buys = ~is_second
    return {
        "segment": segment,
        "visits_per_month": VISITS_PER_MONTH[segment] * rng.gamma(2.0, 0.5, size) * np.where(is_second, 0.3, 1.0),
        "conversion_rate": np.clip(CONVERSION[segment] * rng.gamma(6.0, 1 / 6.0, size), 0, 0.6) * buys,
        "completion_rate": np.clip(COMPLETION[segment] + rng.normal(0, 0.02, size), 0.03, 0.6),
        "price_sensitivity": price_sensitivity,
        "return_rate": rng.beta(1.6, 18.0, size) * buys,
        "recovery_effect": np.clip(rng.beta(2.0, 18.0, size) * (0.6 + 0.8 * price_sensitivity), 0, 0.5) * buys,
        "discount_effect": 0.10 * price_sensitivity * buys,
        "sms_effect": rng.beta(1.5, 40.0, size) * buys,
        "best_hour": (weekday_habit + np.rint(rng.normal(0, 1.2, size)).astype(np.int64)) % 24,
        "open_rate": rng.beta(2.4, 5.0, size),
        "click_rate": rng.beta(1.6, 9.0, size),
        "unsubscribe_rate": rng.beta(0.6, 200.0, size),
        "complaint_rate": rng.beta(0.4, 1600.0, size),
        "reply_rate": rng.beta(0.6, 30.0, size),
        "is_machine_opener": rng.random(size) < 0.42,
        "is_bouncing": rng.random(size) < 0.013,
    }


def write_people(
    connection: duckdb.DuckDBPyConnection, people: People, withdrawn: np.ndarray, sms_stopped: np.ndarray
) -> None:
    """Write `people` and `truth.people`; `withdrawn` and `sms_stopped` are moments, or -1 (see `mailing.py`)."""
    stage(connection, "drawn_people", _columns(people, withdrawn, sms_stopped))
    connection.execute(_INSERT_PEOPLE)
    connection.unregister("drawn_people")
    truth = people.truth | {
        "person_id": people.ids, "segment": words(SEGMENTS, people.truth["segment"]),
    }  # fmt: skip
    stage(connection, "drawn_truth", truth)
    connection.execute("insert into truth.people by name select * from drawn_truth")
    connection.unregister("drawn_truth")


def _columns(people: People, withdrawn: np.ndarray, sms_stopped: np.ndarray) -> dict[str, pa.Array]:
    first_names, _, _ = flatten([market.first_names for market in MARKETS])
    last_names, _, _ = flatten([market.last_names for market in MARKETS])
    cities, starts, _ = flatten([tuple(name for name, _ in market.cities) for market in MARKETS])
    zips, _, _ = flatten([tuple(zip_code for _, zip_code in market.cities) for market in MARKETS])
    city = starts[people.country] + people.city
    born = people.birthday
    owner = np.where(people.partner == NONE, people.ids, people.first_id + people.partner)
    return {
        "person_id": people.ids,
        "address_owner_id": owner,
        "first_name": words(first_names, people.first_name),
        "last_name": words(last_names, people.last_name),
        "domain": words(MAIL_DOMAINS, (owner * 7 + people.country) % len(MAIL_DOMAINS)),
        "dialling": words([m.dialling for m in MARKETS], people.country),
        "mobile": words([m.mobile for m in MARKETS], people.country),
        "has_phone": people.has_phone,
        "birthday": pa.array(born.astype(np.int32), pa.date32(), mask=born == np.iinfo(np.int32).min),
        "country_code": words([m.code for m in MARKETS], people.country),
        "city": words(cities, city), "zip": words(zips, city), "time_zone": words(TIME_ZONES, people.zone),
        "locale": words([m.locale for m in MARKETS], people.country),
        "company_id": numbers(people.company), "job_title": words(JOB_TITLES, people.job),
        "client": numbers(people.client), "second_client": numbers(people.second_client),
        "joined_at": moments(people.joined),
        "customer_id": numbers(np.where(people.in_shop, SHOP_CUSTOMER_BASE + people.ids * 4, NONE)),
        "outlet_customer_id": numbers(np.where(people.in_outlet, people.ids + 100, NONE)),
        "email_consent_at": moments(np.where(withdrawn != NONE, withdrawn, people.email_consent)),
        "email_consent": words(("never", "granted", "withdrawn"), _state(people.email_consent, withdrawn)),
        "sms_consent_at": moments(np.where(sms_stopped != NONE, sms_stopped, people.sms_consent)),
        "sms_consent": words(("never", "granted", "withdrawn"), _state(people.sms_consent, sms_stopped)),
    }  # fmt: skip


def _state(granted: np.ndarray, withdrawn: np.ndarray) -> np.ndarray:
    return np.where(granted == NONE, 0, np.where(withdrawn == NONE, 1, 2))


_PLAIN = "regexp_replace(translate(lower(strip_accents({name})), 'łøßæ', 'losa'), '[^a-z]', '', 'g')"


def _local_part(first: str, last: str, dot: str, number: str) -> str:
    return f"{_PLAIN.format(name=first)} || '{dot}' || {_PLAIN.format(name=last)} || {number}"


_INSERT_PEOPLE = f"""
    insert into people by name
    select d.person_id, d.first_name, d.last_name,
        {_local_part("o.first_name", "o.last_name", ".", "d.address_owner_id")}
            || '@' || d.domain as email,
        case when c.domain is not null
            then {_local_part("d.first_name", "d.last_name", ".", "d.person_id")} || '@' || c.domain
            else {_local_part("left(d.first_name, 1)", "d.last_name", "", "d.person_id")}
                || '@freemail.example' end as second_email,
        case when d.has_phone then '+' || d.dialling || d.mobile || case when d.dialling = '1'
            then lpad((d.person_id * 7919 % 10000000)::varchar, 7, '0')
            else lpad((d.person_id * 7919 % 100000000)::varchar, 8, '0') end end as phone,
        d.birthday, d.country_code, d.city, d.zip, d.time_zone, d.locale, d.company_id, d.job_title,
        d.client || '.' || epoch(d.joined_at)::bigint as client_id,
        d.second_client || '.' || epoch(d.joined_at)::bigint as second_client_id, d.joined_at,
        d.customer_id, d.outlet_customer_id, d.email_consent, d.email_consent_at, d.sms_consent, d.sms_consent_at
    from drawn_people as d
    join drawn_people as o on o.person_id = d.address_owner_id
    left join companies as c on c.company_id = d.company_id"""
