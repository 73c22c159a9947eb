"""Campaigns: the list with figures, and one of them: its way from sent to bought, steps, segments, countries.

Belongs here: which pieces they have. Stays out: how they are made (`pieces.py`), comparing them (`comparing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Note, Side, figure_of, figures_of, table_of, trend_of
from apps.screens.analytics.wording import shown
from dmat.metrics.asking import Answer
from dmat.metrics.question import Filter
from dmat.metrics.reached import Reached, reached_people
from dmat.metrics.shares import share_of

LISTED = ("sent", "delivery_rate", "open_rate", "click_rate", "conversions", "campaign_revenue", "message_cost", "roi")
WAY = ("sent", "delivered", "opened", "clicked", "conversions")
MONEY = ("campaign_revenue", "revenue_per_message", "message_cost", "campaign_spend", "roi",
         "cost_per_conversion", "conversion_rate", "unsubscribe_rate", "bounce_rate", "complaint_rate")  # fmt: skip
PARTS = ("sent", "click_rate", "conversions", "campaign_revenue")
APART = (("step", "By step", "Step"), ("channel", "By channel", "Channel"), ("segment", "By segment", "Segment"),
         ("variant", "By variant", "Variant"), ("country", "By country", "Country"),
         ("lifecycle", "By stage of the customer", "Stage"))  # fmt: skip
PAGE = 12
CAME = {"delivered": "Delivered", "opened": "Opened", "clicked": "Clicked", "replied": "Answered", "ordered": "Ordered"}
"""Stations of a person, in words."""


@dataclass(frozen=True)
class Stage:
    """One station of the way: its figure, its share of the first station, and the length of its bar."""

    figure: Figure
    of_all: str
    width: float


@dataclass(frozen=True)
class Way:
    """The way of messages from sent to bought."""

    title: str
    about: str
    stages: tuple[Stage, ...]
    kind: str = "way"


@dataclass(frozen=True)
class People:
    """The people whom the campaign reached, each with their way in words; for readers who may see people."""

    rows: tuple[tuple[Reached, tuple[str, ...]], ...]
    count: int
    pages: int
    kind: str = "people"


def campaigns(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The list, or one campaign."""
    return one_campaign(desk, look, marks) if look.campaign else listed(desk, look)


def listed(desk: AnalyticsDesk, look: Look) -> list[Any]:
    """Every campaign that sent or earned something in these days."""
    keys = desk.told_apart(LISTED, "campaign")
    answer = desk.asked(look, keys, by=("campaign",), order="-sent", limit=200)

    def link(value: str | None) -> str:
        return look.but(campaign=value).address if value else ""

    table = table_of("Campaigns", answer, "campaign", keys, "Campaign",
                     "Messages by the day on which they left; orders by the day on which they came", link)  # fmt: skip
    if table is None or not table.rows:
        return [Note("No campaign in these days", "Choose other days, or start a campaign.", "megaphone")]
    return [table]


def name_of(desk: AnalyticsDesk, number: str) -> str:
    """A campaign's name."""
    return next((each.name for each in desk.campaigns() if each.key == number), f"Campaign {number}")


def one_campaign(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of one campaign."""
    only = (Filter(dimension="campaign", values=(look.campaign,)),)
    way = desk.asked(look, WAY, filters=only, is_compared=False)
    money = desk.asked(look, MONEY, filters=only)
    rates = desk.asked(look, ("click_rate", "open_rate"), filters=only, grain=look.grain(desk.today))
    if way is None or not way.totals.get("sent"):
        text = "It sent nothing in these days. Choose days that hold its messages."
        return [Note("Nothing to show", text, "megaphone")]
    pieces: list[Any] = [
        way_of("From sent to bought", way),
        figures_of("What it earned and cost", money, MONEY, "coins"),
        trend_of("Opens and clicks", rates, ("open_rate", "click_rate"), marks),
    ]
    tables = []
    for dimension, title, first in APART:
        keys = desk.told_apart(PARTS, dimension, "campaign")
        answer = desk.asked(look, keys, by=(dimension,), filters=only, order=f"-{keys[0]}" if keys else "", limit=12,
                            is_compared=False)  # fmt: skip
        table = table_of(title, answer, dimension, keys, first)
        if table and [row for row in table.rows if row.key]:
            tables.append(table)
    return [*filter(None, pieces), Side(tuple(tables)), people_of(desk, look)]


def people_of(desk: AnalyticsDesk, look: Look) -> People:
    """A page of the people whom the campaign reached, each with the stations they came to."""
    context = desk.context
    count, found = reached_people(context.workspace, context.settings, look.question(("sent",), is_compared=False),
                                  int(look.campaign), look.who, PAGE, (look.page - 1) * PAGE)  # fmt: skip
    rows = tuple((each, ("Sent", *(CAME[station] for station in each.stations))) for each in found)
    return People(rows, count, max(1, -(-count // PAGE)))


def way_of(title: str, answer: Answer) -> Way:
    """Stations of the way; each bar is as long as its share of the first one."""
    first = answer.totals.get("sent")
    stages = []
    for key in (key for key in WAY if key in answer.totals):
        share = share_of(answer.totals[key], first)
        stages.append(Stage(figure_of(key, answer), shown(share, "rate", ""), min(100 * (share or 0.0), 100.0)))
    return Way(title, "Shares are of the messages that were sent", tuple(stages))
