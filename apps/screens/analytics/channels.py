"""Channels: messages, site, ads and posts, each with what it reached, cost and earned; countries and devices.

Belongs here: which pieces it has. Stays out: how they are made (`pieces.py`).
"""

from __future__ import annotations

from typing import Any

from apps.screens.analytics.beside import others
from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Note, Side, Table, table_of, with_short_names

CHANNELS = ("sent", "delivery_rate", "open_rate", "click_rate", "conversions", "campaign_revenue", "message_cost")
ACROSS = ("channel_revenue", "channel_orders", "channel_leads", "channel_visits", "channel_sent",
          "channel_impressions", "channel_click_rate", "channel_spend", "channel_roi")  # fmt: skip
VISITS = ("visits", "visitors", "pages_per_visit", "time_per_visit")
SPENT = ("ad_spend", "ad_impressions", "ad_clicks", "ad_click_rate", "cost_per_click")
POSTS = ("posts", "post_impressions", "post_reactions", "post_engagement_rate")
FREQUENCY = ("reached_by_channels", "converted_by_channels", "conversion_by_channels", "revenue_by_channels")
COUNTRIES = ("orders", "revenue", "average_order")


def channels(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    pieces: list[Any] = [
        _table(desk, look, "All channels", ACROSS, "channel", "Channel", "What each channel sent, cost and earned"),
        _table(desk, look, "Messages", CHANNELS, "channel", "Channel", "Reactions of people; machines do not count"),
        frequency(desk, look),
        _table(desk, look, "Visits by the way they came", VISITS, "channel", "Way", ""),
    ]
    beside = [
        _table(desk, look, "Ads", SPENT, "platform", "Platform", "Days as the platforms count them"),
        _table(desk, look, "Posts", POSTS, "platform", "Platform", ""),
        _table(desk, look, "Visits by device", VISITS[:2], "device", "Device", ""),
        _table(desk, look, "Visits by browser", VISITS[:2], "browser", "Browser", ""),
        _table(desk, look, "Visits by country", VISITS[:2], "country", "Country", ""),
        _table(desk, look, "Orders by country", COUNTRIES, "country", "Country", "The buyer's country"),
        _table(desk, look, "Visits by campaign tag", VISITS[:2], "utm_campaign", "UTM campaign", ""),
    ]
    shown = [piece for piece in beside if piece is not None]
    if not any(pieces) and not shown:
        return [Note("Nothing in these days", "Choose other days.", "send")]
    return [*filter(None, pieces), Side(tuple(shown), layout="packed"), *others(desk, look)]


def frequency(desk: AnalyticsDesk, look: Look) -> Table | None:
    """People of campaigns by the number of channels that reached them."""
    wanted = desk.told_apart(FREQUENCY, "channels_reached_by")
    answer = desk.asked(look, wanted, by=("channels_reached_by",), order="channels_reached_by", is_compared=False)
    table = table_of("One channel or several", answer, "channels_reached_by", wanted, "Channels",
                     "People of campaigns that began in these days, by the number of channels that reached them. "
                     "Who is reached by more may be another kind of person.")  # fmt: skip
    return with_short_names(table) if table and table.rows else None


def _table(
    desk: AnalyticsDesk, look: Look, title: str, keys: tuple[str, ...], dimension: str, first: str, about: str,
) -> Any:  # fmt: skip
    wanted = desk.told_apart(keys, dimension)
    if not wanted:
        return None
    answer = desk.asked(look, wanted, by=(dimension,), order=f"-{wanted[0]}", limit=15)
    table = table_of(title, answer, dimension, wanted, first, about)
    if table and keys is ACROSS:  # every row is a channel: the headings need not say so
        table = with_short_names(table)
    return table if table and any(row.key for row in table.rows) else None
