"""Channels: messages, site, ads and posts, each with what it reached, cost and earned; countries and devices.

Belongs here: which pieces it has. Stays out: how they are made (`pieces.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Note, Side, table_of

CHANNELS = ("sent", "delivery_rate", "open_rate", "click_rate", "conversions", "campaign_revenue", "message_cost")
ACROSS = ("channel_revenue", "channel_orders", "channel_leads", "channel_visits", "channel_sent",
          "channel_impressions", "channel_click_rate", "channel_spend", "channel_roi")  # fmt: skip
VISITS = ("visits", "visitors", "pages_per_visit", "time_per_visit")
SPENT = ("ad_spend", "ad_impressions", "ad_clicks", "ad_click_rate", "cost_per_click")
POSTS = ("posts", "post_impressions", "post_reactions", "post_engagement_rate")
COUNTRIES = ("orders", "revenue", "average_order")


def channels(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    pieces: list[Any] = [
        _table(desk, look, "All channels", ACROSS, "channel", "Channel", "What each channel sent, cost and earned"),
        _table(desk, look, "Messages", CHANNELS, "channel", "Channel", "Reactions of people; machines do not count"),
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
    return [*filter(None, pieces), Side(tuple(shown))]


def _table(
    desk: AnalyticsDesk, look: Look, title: str, keys: tuple[str, ...], dimension: str, first: str, about: str,
) -> Any:  # fmt: skip
    wanted = desk.told_apart(keys, dimension)
    if not wanted:
        return None
    answer = desk.asked(look, wanted, by=(dimension,), order=f"-{wanted[0]}", limit=15)
    table = table_of(title, answer, dimension, wanted, first, about)
    if table and keys is ACROSS:  # every row is a channel: the headings need not say so
        table = replace(table, columns=tuple(replace(one, name=_shortened(one.name)) for one in table.columns))
    return table if table and any(row.key for row in table.rows) else None


def _shortened(name: str) -> str:
    for tail in (" of the channel", " from the channel", " on the channel"):
        name = name.removesuffix(tail)
    return name
