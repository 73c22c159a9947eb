"""What the company has: products, employers of its business customers, pages, forms.

Belongs here: the rows that do not belong to one person and do not change with time.
Stays out: mailings, posts and advertising (`media.py`).
"""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np

from dmat.simulate.columns import moments, store, words
from dmat.simulate.markets import COMPANY_FORMS, COMPANY_TRADES, COMPANY_WORDS, INDUSTRIES, MARKETS, market_weights
from dmat.simulate.rhythm import DAY, Calendar

CURRENCY = "EUR"
CATEGORIES: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("Coffee", 1500, ("Espresso Beans", "Filter Roast", "Cold Brew Kit", "Decaf Blend", "Moka Pot", "Hand Grinder")),
    ("Tea", 1300, ("Green Tea", "Earl Grey", "Herbal Blend", "Chai", "Glass Teapot", "Tea Sampler")),
    ("Kitchen", 3900, ("Chef Knife", "Oak Board", "Cast-Iron Pan", "Linen Apron", "Bread Tin", "Salt Cellar")),
    ("Home", 4900, ("Wool Blanket", "Table Lamp", "Ceramic Vase", "Cushion", "Scented Candle", "Wall Clock")),
    ("Garden", 2900, ("Herb Planter", "Pruning Shears", "Watering Can", "Seed Box", "Bird Feeder", "Garden Gloves")),
    ("Outdoor", 6900, ("Picnic Rug", "Vacuum Flask", "Camp Mug", "Day Pack", "Rain Poncho", "Folding Chair")),
    ("Stationery", 1600, ("Notebook", "Fountain Pen", "Desk Pad", "Letter Set", "Planner", "Pencil Case")),
    ("Gifts", 3500, ("Gift Box", "Breakfast Hamper", "Birthday Set", "Office Hamper", "Treat Box", "Voucher Card")),
)
ADJECTIVES = ("Classic", "Nordic", "Everyday", "Fine", "Small", "Large", "Dark", "Light", "Organic", "Limited")
PAGES = (
    ("home", "Welcome"), ("about", "About us"), ("journal", "Journal"), ("business", "For business"),
    ("contact", "Contact"), ("newsletter", "Newsletter"), ("office-coffee-guide", "The office coffee guide"),
    ("tasting", "Online tasting"), ("gift-finder", "Gift finder"), ("delivery", "Delivery"), ("privacy", "Privacy"),
)  # fmt: skip
FORMS = (
    ("Newsletter", 6, "Yes, please send me news and offers by e-mail. I can unsubscribe at any time."),
    ("Contact", 5, "You may answer me and tell me about offers by e-mail."),
    ("Office coffee guide", 7, "Send me the guide, and news by e-mail."),
    ("Online tasting", 8, "Keep me informed by e-mail and text message."),
    ("Request a quote", 4, "You may contact me about this request and similar offers."),
)
FORM_SHARES = (0.48, 0.20, 0.12, 0.10, 0.10)


def companies_count(people: int) -> int:
    """How many employers a company with so many people knows."""
    return max(20, people // 40)


def write_catalogue(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar, people: int
) -> None:
    """Write `products`, `companies`, `pages` and `forms`."""
    _write_products(connection, rng, calendar)
    write_surroundings(connection, rng, calendar, people)


def write_surroundings(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar, people: int
) -> None:
    """Write `companies`, `pages` and `forms`: all but the products."""
    _write_companies(connection, rng, calendar, companies_count(people))
    created = calendar.end - timedelta(days=1000)
    connection.executemany(
        "insert into pages values (?, ?, ?, ?, ?)",
        [
            (number, slug, title, created, created + timedelta(days=13 * number))
            for number, (slug, title) in enumerate(PAGES, 1)
        ],
    )
    connection.executemany(
        "insert into forms values (?, ?, ?, ?)",
        [(number, name, page, consent) for number, (name, page, consent) in enumerate(FORMS, 1)],
    )


def product_titles() -> list[tuple[str, str, float]]:
    """(title, category, usual price in cents) of every product, in order of `product_id` from 1."""
    return [
        (f"{adjective} {noun}", category, price)
        for category, price, nouns in CATEGORIES
        for noun in nouns
        for adjective in ADJECTIVES[:: 2 if len(noun) % 2 else 3]
    ]


def product_prices(rng: np.random.Generator) -> np.ndarray:
    """Price in cents of every product: near the category's, ending in 90 cents."""
    usual = np.array([price for _, _, price in product_titles()])
    drawn = usual * np.exp(rng.normal(0, 0.45, len(usual)))
    return np.asarray(np.maximum(np.rint(drawn / 100), 3).astype(np.int64) * 100 - 10)


def _write_products(connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar) -> None:
    products = product_titles()
    prices = product_prices(rng)
    created = calendar.end - timedelta(days=900)
    rows = []
    for number, ((title, category, _), price) in enumerate(zip(products, prices, strict=True), 1):
        handle = title.lower().replace(" ", "-")
        rows.append(
            (
                number, f"{category[:3].upper()}-{number:04d}", title, category, "The Shop", int(price), CURRENCY,
                handle, f"https://cdn.shop.example/products/{handle}.jpg", created,
                created + timedelta(days=int(rng.integers(0, 880)), seconds=number),
            )
        )  # fmt: skip
    connection.executemany("insert into products values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _write_companies(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar, count: int
) -> None:
    number = np.arange(1, count + 1)
    created = calendar.end_second - rng.integers(30 * DAY, 900 * DAY, count)
    updated = np.minimum(created + rng.integers(0, 200 * DAY, count), calendar.end_second - DAY)
    store(connection, "companies", {
        "company_id": number,
        "name": words(_company_names(), rng.integers(0, len(_company_names()), count)),
        "industry": words(INDUSTRIES, rng.integers(0, len(INDUSTRIES), count)),
        "employees": np.exp(rng.normal(3.4, 1.4, count)).astype(np.int64) + 1,
        "country_code": words([m.code for m in MARKETS], rng.choice(len(MARKETS), count, p=market_weights())),
        "created_at": moments(created), "updated_at": moments(updated),
    })  # fmt: skip
    connection.execute(
        "update companies set domain = lower(regexp_replace(name, '[^A-Za-z]', '', 'g')) || company_id || '.example'"
    )


def _company_names() -> list[str]:
    return [f"{word} {trade} {form}" for word in COMPANY_WORDS for trade in COMPANY_TRADES for form in COMPANY_FORMS]
