"""What the company sends out to everybody: mailings, text campaigns, social posts, advertising.

Belongs here: when mailings went out, how posts did, what each campaign cost a day.
Stays out: how single people reacted (`mailing.py`) and the visits that came (`traffic.py`).
"""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa

from dmat.simulate.catalogue import CURRENCY
from dmat.simulate.channels import CHANNELS
from dmat.simulate.columns import moments, store, words
from dmat.simulate.rhythm import DAY, HOUR, Calendar

MAILING_EVERY_DAYS = 42
TEXT_EVERY_DAYS = 130
SUBJECTS = (
    "New in the shop", "Three things for the week-end", "A quiet hour with tea", "The sale has begun",
    "Gifts that are used", "From our journal", "What the garden needs now",
)  # fmt: skip
CAPTIONS = (
    "Fresh from the roastery ☕", "A slow Sunday, a good blanket.", "Which mug would you pick?", "Gift ideas 🎁",
    "New: the herb planter 🌿", "Made to be used every day.", "Behind the scenes at the studio",
    "The sale is on until Sunday!",
)  # fmt: skip
VISITS_PER_PERSON_MONTH = 0.55


def mailing_moments(calendar: Calendar) -> np.ndarray:
    """When each newsletter went out (08:00 UTC), oldest first; the newest about ten days before the end."""
    count = (calendar.days - 11) // MAILING_EVERY_DAYS + 1 if calendar.days > 11 else 0
    back = 10 + MAILING_EVERY_DAYS * np.arange(count)[::-1]
    return np.asarray(calendar.end_second // DAY * DAY - back * DAY + 8 * HOUR)


def text_moments(calendar: Calendar) -> np.ndarray:
    """When each text campaign went out (11:00 UTC), oldest first."""
    count = (calendar.days - 31) // TEXT_EVERY_DAYS + 1 if calendar.days > 31 else 0
    back = 30 + TEXT_EVERY_DAYS * np.arange(count)[::-1]
    return np.asarray(calendar.end_second // DAY * DAY - back * DAY + 11 * HOUR)


def mailing_name(number: int) -> str:
    """Name (and UTM campaign) of the newsletter with that number, counted from 1."""
    return f"newsletter-{number:02d}"


def write_media(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar, people: int
) -> None:
    """Write `mailings`, `social_posts`, `ad_days` and `truth.channels`."""
    sent = mailing_moments(calendar)
    numbers = np.arange(1, len(sent) + 1)
    if len(sent):
        store(connection, "mailings", {
            "mailing_id": numbers, "name": pa.array([mailing_name(int(n)) for n in numbers]),
            "category": pa.array(["newsletter"] * len(sent)), "subject": words(SUBJECTS, numbers % len(SUBJECTS)),
            "sent_at": moments(sent),
        })  # fmt: skip
    _write_posts(connection, rng, calendar, people, "instagram", 3, 17_900_000_000_000_000)
    _write_posts(connection, rng, calendar, people, "linkedin", 7, 7_100_000_000_000_000_000)
    for channel in CHANNELS:
        if channel.platform:
            _write_ads(connection, rng, calendar, people, CHANNELS.index(channel))
    connection.executemany(
        "insert into truth.channels values (?, ?, ?, ?, ?)",
        [(c.name, c.source, c.medium, c.share, c.strength) for c in CHANNELS],
    )


def _write_posts(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar, people: int,
    platform: str, every_days: int, first_id: int,
) -> None:  # fmt: skip
    days = np.arange(calendar.days - 2, 0, -every_days)[::-1]
    count = len(days)
    posted = calendar.first_midnight + days * DAY + rng.integers(9 * HOUR, 19 * HOUR, count)
    followers = 300 + people * (0.9 if platform == "instagram" else 0.2)
    impressions = (followers * np.exp(rng.normal(-0.6, 0.5, count))).astype(np.int64) + 20
    settled = np.minimum(posted + 7 * DAY, calendar.end_second - rng.integers(60, HOUR, count))
    store(connection, "social_posts", {
        "post_id": first_id + np.arange(1, count + 1) * 137, "platform": pa.array([platform] * count),
        "media_type": words(("IMAGE", "VIDEO", "CAROUSEL_ALBUM"), rng.choice(3, count, p=[0.6, 0.25, 0.15])),
        "body": words(CAPTIONS, rng.integers(0, len(CAPTIONS), count)), "posted_at": moments(posted),
        "updated_at": moments(np.maximum(settled, posted)), "impressions": impressions,
        "reach": (impressions * rng.uniform(0.7, 0.95, count)).astype(np.int64),
        "clicks": rng.binomial(impressions, 0.012), "likes": rng.binomial(impressions, 0.045),
        "comments": rng.binomial(impressions, 0.004), "shares": rng.binomial(impressions, 0.003),
        "saved": rng.binomial(impressions, 0.006),
    })  # fmt: skip


def _write_ads(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, calendar: Calendar, people: int, index: int
) -> None:
    """One row a campaign and day, in step with the visits that the channel brings."""
    channel = CHANNELS[index]
    campaigns, days = len(channel.campaigns), calendar.days
    known = 0.45 + 0.55 * np.linspace(0, 1, days)
    visits = people * VISITS_PER_PERSON_MONTH / 30.4 * 1.5 * channel.share * calendar.demand * known / campaigns
    expected = np.tile(visits * 1.15, campaigns)
    clicks = rng.poisson(expected)
    impressions = rng.poisson(expected * 62) + clicks
    spend = clicks * channel.click_cents * rng.normal(1, 0.06, len(clicks)) + expected * channel.click_cents * 0.02
    day = np.tile(np.arange(days), campaigns)
    seconds = calendar.first_midnight + day * DAY
    first = calendar.dates[0].date()
    store(connection, "ad_days", {
        "platform": pa.array([channel.platform] * len(day)),
        "campaign_id": 6_000_000 + index * 1000 + np.repeat(np.arange(campaigns), days),
        "campaign": words(channel.campaigns, np.repeat(np.arange(campaigns), days)),
        "day": pa.array([first + timedelta(days=int(number)) for number in day], pa.date32()),
        "spend_cents": np.maximum(np.rint(spend), 0).astype(np.int64), "currency_code": pa.array([CURRENCY] * len(day)),
        "impressions": impressions, "clicks": clicks,
        "updated_at": moments(np.minimum(seconds + DAY + 4 * HOUR, calendar.end_second - HOUR)),
    })  # fmt: skip
