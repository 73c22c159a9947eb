"""The crowd: which people visit in a stretch of time, from where, and what comes of it.

Belongs here: drawing visits, baskets and the future of a cart from the hidden truth, with the same calendar, channels
and shares as the written past. Stays out: writing carts and orders (`shopping.py`) and reactions to messages.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import numpy as np

from dmat.simulate.channels import (
    BROWSERS,
    CAMPAIGNS,
    CHANNELS,
    DEVICES,
    LANDING_PAGES,
    channel_shares,
    channel_strengths,
    draw_campaigns,
)  # fmt: skip
from dmat.simulate.columns import moments, stage, words
from dmat.simulate.diary import Happening
from dmat.simulate.reactions import Truth
from dmat.simulate.rhythm import GROWTH, HOUR_FACTORS, MONTH_FACTORS, WEEKDAY_FACTORS
from dmat.simulate.shopping import Basket

TRUTH_FIELDS = [one.name for one in fields(Truth) if one.name not in ("person_id", "time_zone", "is_scanned")]
SECONDS_PER_MONTH = 30.4 * 86_400
TOUCH_SHARE = 0.3
FORM_SHARE = 0.012


@dataclass(frozen=True)
class Visit:
    """One visit and what will come of it."""

    started_at: datetime
    leads_to: tuple[Happening, ...]
    columns: dict[str, Any]


@dataclass
class Crowd:
    """Everybody's hidden habits as arrays, and the shelves of the shop."""

    person_id: np.ndarray
    place: dict[int, int]
    cumulative_rate: np.ndarray
    cart_rate: np.ndarray
    completion: np.ndarray
    column: dict[str, np.ndarray]
    addresses: dict[str, int]
    products: np.ndarray
    prices: np.ndarray
    currency_code: str
    forms: tuple[int, ...]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection) -> Crowd:
        """Read the habits once; they do not change."""
        names = ", ".join(f"t.{name}" for name in TRUTH_FIELDS)
        habits = connection.execute(
            "select person_id, visits_per_month, conversion_rate, completion_rate, client_id, country_code, email,"
            f" second_email, phone, time_zone, company_id is not null as works, {names}"
            " from truth.people as t join people using (person_id) order by person_id"
        ).fetch_arrow_table()
        shelf = connection.execute(
            "select product_id, price_cents, currency_code from products order by product_id"
        ).fetchnumpy()
        forms = connection.execute("select form_id from forms order by form_id").fetchall()
        column = {name: habits.column(name).to_numpy() for name in habits.column_names}
        ids, completion = column["person_id"].astype(np.int64), np.maximum(column["completion_rate"], 0.01)
        return cls(
            person_id=ids,
            place={int(number): place for place, number in enumerate(ids)},
            cumulative_rate=np.cumsum(column["visits_per_month"]),
            cart_rate=np.minimum(column["conversion_rate"] / completion, 0.9),
            completion=completion,
            column=column,
            addresses=_address_book(column),
            products=np.asarray(shelf["product_id"], dtype=np.int64),
            prices=np.asarray(shelf["price_cents"], dtype=np.int64),
            currency_code=str(shelf["currency_code"][0]) if len(shelf["product_id"]) else "EUR",
            forms=tuple(number for (number,) in forms),
        )

    def find_truth(self, address: str, person_id: int | None) -> Truth | None:
        """What is true of a person, or else of whoever has this e-mail address or phone number.

        Couples share an address (the first of them reads), and some people add a tag to theirs.
        """
        place = self.place.get(person_id) if person_id is not None else None
        if place is None:
            name, _, domain = address.removeprefix("whatsapp:").partition("@")
            place = self.addresses.get(f"{name.split('+')[0]}@{domain}" if domain else name)
        if place is None:
            return None
        known = {name: self.column[name][place] for name in TRUTH_FIELDS}
        known = {name: value.item() if isinstance(value, np.generic) else value for name, value in known.items()}
        is_scanned = bool(self.column["works"][place]) and zlib.crc32(address.encode()) % 5 == 0
        return Truth(int(self.person_id[place]), str(self.column["time_zone"][place]), is_scanned=is_scanned, **known)

    def draw_visits(self, rng: np.random.Generator, since: datetime, until: datetime) -> list[Visit]:
        """The visits between two moments, in order of time; ids are given when they are written."""
        if not len(self.person_id):
            return []
        middle = since + (until - since) / 2
        factor = HOUR_FACTORS[middle.hour] / HOUR_FACTORS.mean()
        factor *= (1 + GROWTH / 2) * MONTH_FACTORS[middle.month - 1] * WEEKDAY_FACTORS[middle.weekday()]
        seconds = (until - since).total_seconds()
        count = int(rng.poisson(self.cumulative_rate[-1] / SECONDS_PER_MONTH * seconds * factor))
        chosen = np.searchsorted(self.cumulative_rate, rng.random(count) * self.cumulative_rate[-1], side="right")
        chosen = np.minimum(chosen, len(self.person_id) - 1)
        offsets = np.sort(rng.random(count)) * seconds
        channel = rng.choice(len(CHANNELS), count, p=channel_shares())
        campaign = draw_campaigns(rng, channel)
        strength = channel_strengths()[channel]
        return [
            self._visit(rng, int(chosen[n]), since + timedelta(seconds=float(offsets[n])), int(channel[n]),
                        int(campaign[n]), float(strength[n]))
            for n in range(count)
        ]  # fmt: skip

    def _visit(
        self, rng: np.random.Generator, index: int, at: datetime, channel: int, campaign: int, strength: float
    ) -> Visit:
        person_id = int(self.person_id[index])
        source = CHANNELS[channel]
        client_id, country = self.column["client_id"][index], self.column["country_code"][index]
        views = 1 + int(rng.poisson(2.5))
        columns = {
            "person_id": person_id, "client_id": client_id, "country_code": country, "source": source.source,
            "medium": source.medium, "campaign": CAMPAIGNS[campaign] if campaign >= 0 else "(not set)",
            "device": DEVICES[int(rng.choice(3, p=[0.6, 0.35, 0.05]))],
            "browser": BROWSERS[int(rng.integers(len(BROWSERS)))],
            "landing_page": LANDING_PAGES[int(rng.integers(len(LANDING_PAGES)))],
            "page_views": views, "engagement_seconds": int(views * rng.exponential(25)),
        }  # fmt: skip
        leads_to = tuple(self._leads_to(rng, index, at, strength))
        return Visit(at, leads_to, columns)

    def _leads_to(self, rng: np.random.Generator, index: int, at: datetime, strength: float) -> Iterator[Happening]:
        person_id = int(self.person_id[index])
        if rng.random() < self.cart_rate[index] * strength:
            due = at + timedelta(seconds=float(rng.uniform(90, 900)))
            yield Happening(due, "cart", {"person_id": person_id, "seed": int(rng.integers(2**62))})
        if self.forms and rng.random() < FORM_SHARE:
            due = at + timedelta(seconds=float(rng.uniform(60, 400)))
            form = {"person_id": person_id, "form_id": int(rng.choice(self.forms)), "agrees": bool(rng.random() < 0.6)}
            yield Happening(due, "form", form)

    def write_visits(self, connection: duckdb.DuckDBPyConnection, visits: list[Visit]) -> list[int]:
        """Add visits to the table; gives their ids."""
        if not visits:
            return []
        found = connection.execute("select coalesce(max(visit_id), 0) + 1 from visits").fetchone()
        first = int(found[0]) if found else 1
        ids = list(range(first, first + len(visits)))
        columns: dict[str, Any] = {
            name: np.array([visit.columns[name] for visit in visits])
            for name in ("person_id", "page_views", "engagement_seconds")
        }
        for name in visits[0].columns.keys() - columns.keys():
            listed = [str(visit.columns[name]) for visit in visits]
            columns[name] = words(listed, np.arange(len(listed)))
        columns["visit_id"] = np.array(ids)
        columns["started_at"] = moments(np.array([_epoch(visit.started_at) for visit in visits]))
        stage(connection, "new_visits", columns)
        connection.execute("insert into visits by name select * from new_visits")
        connection.unregister("new_visits")
        return ids

    def fill_basket(self, rng: np.random.Generator) -> Basket:
        """One to four different products."""
        size = min(len(self.products), 1 + int(rng.poisson(0.8)), 4)
        chosen = rng.choice(len(self.products), size, replace=False)
        lines = tuple(
            (int(self.products[place]), 1 + int(rng.random() < 0.2), int(self.prices[place])) for place in chosen
        )
        return Basket(lines, self.currency_code)

    def cart_future(self, rng: np.random.Generator, person_id: int, token: str, at: datetime) -> list[Happening]:
        """What becomes of a cart without any message: ordered at once, ordered within 72 hours, or left."""
        place = self.place[person_id]
        completes, returns = self.completion[place], self.column["return_rate"][place]
        touched = at + timedelta(seconds=float(rng.uniform(20, 1500)))
        looks = [Happening(touched, "cart_touch", {"token": token})] if rng.random() < TOUCH_SHARE else []
        if rng.random() < completes:
            return [*looks, _order(touched + timedelta(seconds=float(rng.uniform(60, 900))), token)]
        if rng.random() < returns:
            return [*looks, _order(touched + timedelta(hours=2 + 68 * float(rng.random()) ** 2), token)]
        return looks

    @staticmethod
    def source_of_link(url: str, kind: str = "") -> dict[str, str]:
        """Source, medium, campaign and landing page of a visit that began with this link; `kind`: text, or a mail."""
        parts = urlsplit(url)
        found = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return {
            "source": found.get("utm_source", kind or "newsletter"),
            "medium": found.get("utm_medium", kind or "email"),
            "campaign": found.get("utm_campaign", "(not set)"),
            "landing_page": parts.path or "/",
        }


def _address_book(column: dict[str, np.ndarray]) -> dict[str, int]:
    """Place of the person for each address; where two share one, of the first."""
    book: dict[str, int] = {}
    for name in ("phone", "second_email", "email"):
        listed = column[name].tolist()
        book.update({address: place for place, address in reversed(list(enumerate(listed))) if address})
    return book


def _order(at: datetime, token: str) -> Happening:
    return Happening(at, "order", {"token": token, "code": None})


def _epoch(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())
