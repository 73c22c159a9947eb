"""Visits of the website: by people we know of, and by people nobody ever identifies.

Belongs here: drawing when people came, from which channel, on which device.
Stays out: what they put into carts (`commerce.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from dmat.simulate.channels import (
    BROWSERS,
    CAMPAIGNS,
    CHANNELS,
    DEVICES,
    EMAIL,
    LANDING_PAGES,
    channel_shares,
    draw_campaigns,
)
from dmat.simulate.columns import NONE, moments, numbers, stage, words
from dmat.simulate.mailing import CLICK, MailReactions
from dmat.simulate.markets import MARKETS, TIME_ZONES, market_weights
from dmat.simulate.media import mailing_name
from dmat.simulate.people import People
from dmat.simulate.rhythm import HOUR, Calendar, draw_hours

ANONYMOUS_SHARE = 0.5
DEVICE_SHARES = (0.58, 0.37, 0.05)
BROWSER_SHARES = (0.52, 0.28, 0.08, 0.08, 0.04)


@dataclass(frozen=True)
class Visits:
    """Visits of one chunk in order of time (parallel arrays); `person` is an index in the chunk or -1."""

    first_id: int
    person: np.ndarray
    start: np.ndarray
    channel: np.ndarray
    mailing: np.ndarray
    client: np.ndarray
    client_since: np.ndarray

    @property
    def ids(self) -> np.ndarray:
        """`visit_id` of each visit."""
        return self.first_id + np.arange(len(self.person))


def draw_visits(
    rng: np.random.Generator, people: People, calendar: Calendar, mail: MailReactions, first_id: int
) -> Visits:
    """Draw the visits of a chunk: own ones, those that follow a click in a mail, and anonymous ones."""
    days = calendar.demand_after(people.joined)
    counts = rng.poisson(people.truth["visits_per_month"] / 30.4 * days)
    own = np.repeat(np.arange(len(people)), counts)
    own_start = calendar.to_utc(
        calendar.draw_days(rng, people.joined[own]), draw_hours(rng, people.truth["best_hour"][own]), people.zone[own]
    )
    own_start = np.maximum(own_start, people.joined[own] + 60)
    clicked = mail.kind == CLICK
    strangers, strange_start = _draw_strangers(rng, calendar, int(len(own) * ANONYMOUS_SHARE))
    person = np.concatenate([own, mail.person[clicked], strangers])
    start = np.concatenate([own_start, mail.moment[clicked] + 2, strange_start])
    channel = rng.choice(len(CHANNELS), len(person), p=channel_shares())
    mailing = np.full(len(person), NONE)
    mailed = slice(len(own), len(own) + int(clicked.sum()))
    channel[mailed], mailing[mailed] = EMAIL, mail.mailing[clicked]
    client, since = _clients(rng, people, person, start)
    order = np.argsort(start, kind="stable")
    order = order[start[order] < calendar.end_second - 30]
    return Visits(first_id, person[order], start[order], channel[order], mailing[order], client[order], since[order])


def add_visits(
    rng: np.random.Generator, people: People, visits: Visits, person: np.ndarray, start: np.ndarray
) -> Visits:
    """The same visits and some more, of these people at these moments, from channels as drawn visits have."""
    channel = rng.choice(len(CHANNELS), len(person), p=channel_shares())
    more = (person, start, channel, np.full(len(person), NONE), people.client[person], people.joined[person])
    before = (visits.person, visits.start, visits.channel, visits.mailing, visits.client, visits.client_since)
    order = np.argsort(np.concatenate([visits.start, start]), kind="stable")
    return Visits(visits.first_id, *(np.concatenate(pair)[order] for pair in zip(before, more, strict=True)))


def _draw_strangers(rng: np.random.Generator, calendar: Calendar, count: int) -> tuple[np.ndarray, np.ndarray]:
    day = calendar.draw_days(rng, np.full(count, calendar.first_midnight))
    berlin = np.full(count, TIME_ZONES.index("Europe/Berlin"))
    second = draw_hours(rng, np.full(count, 12), loyalty=0.0)
    return np.full(count, NONE), calendar.to_utc(day, second, berlin)


def _clients(
    rng: np.random.Generator, people: People, person: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The browser's client number of each visit and since when it exists; strangers have a fresh one."""
    second = (people.second_client[person] != NONE) & (rng.random(len(person)) < 0.4)
    own = np.where(second, people.second_client[person], people.client[person])
    fresh = rng.integers(10**8, 2**31, len(person))
    is_known = person != NONE
    return np.where(is_known, own, fresh), np.where(is_known, people.joined[person], start)


def write_visits(connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, people: People, v: Visits) -> None:
    """Write `visits`."""
    size = len(v.person)
    campaigns = list(CAMPAIGNS) + [mailing_name(number) for number in range(1, int(v.mailing.max(initial=0)) + 2)]
    campaign = np.where(v.mailing == NONE, draw_campaigns(rng, v.channel), len(CAMPAIGNS) + v.mailing)
    device = rng.choice(len(DEVICES), size, p=DEVICE_SHARES)
    pages = 1 + rng.poisson(np.where(v.person == NONE, 1.2, 3.1))
    strange = rng.choice(len(MARKETS), size, p=market_weights())
    country = np.where(v.person == NONE, strange, people.country[v.person])
    stage(connection, "drawn_visits", {
        "visit_id": v.ids, "person_id": numbers(np.where(v.person == NONE, NONE, people.ids[v.person])),
        "client": v.client, "client_since": v.client_since, "started_at": moments(v.start),
        "source": words([c.source for c in CHANNELS], v.channel),
        "medium": words([c.medium for c in CHANNELS], v.channel), "campaign": words(campaigns, campaign),
        "device": words(DEVICES, device), "browser": words(BROWSERS, rng.choice(len(BROWSERS), size, p=BROWSER_SHARES)),
        "country_code": words([m.code for m in MARKETS], country),
        "landing_page": words(LANDING_PAGES, (rng.random(size) ** 2 * len(LANDING_PAGES)).astype(np.int64)),
        "page_views": pages, "engagement_seconds": np.minimum(rng.exponential(38, size) * pages, HOUR).astype(np.int64),
    })  # fmt: skip
    connection.execute(
        "insert into visits by name select * exclude (client, client_since),"
        " client || '.' || client_since as client_id from drawn_visits"
    )
    connection.unregister("drawn_visits")
