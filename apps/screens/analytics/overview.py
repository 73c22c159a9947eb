"""The first section: what went out, what came of it, what it cost and earned, and the best campaigns.

Belongs here: which pieces it has. Stays out: how they are made (`pieces.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.pieces import Side, figures_of, table_of, trend_of

Marks = Sequence[tuple[date, str]]
SENT = ("sent", "delivered", "delivery_rate", "open_rate", "click_rate")
EARNED = ("revenue", "orders", "average_order", "new_customers")
CAMPAIGNS = ("campaign_revenue", "conversions", "spend", "roi", "message_cost", "ad_spend", "cost_per_conversion")
LEADS = ("leads", "mqls", "sqls", "leads_won", "cost_per_lead", "ad_cost_per_lead")
SITE = ("visits", "visitors", "form_submissions")
RATES = ("delivery_rate", "open_rate", "click_rate")
TOP = ("sent", "click_rate", "conversions", "conversion_rate", "campaign_revenue", "roi")


def overview(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the overview."""
    grain = look.grain(desk.today)
    cards = [
        figures_of("Messages", desk.asked(look, SENT, grain=grain), SENT, "send"),
        figures_of("Campaigns", desk.asked(look, CAMPAIGNS, grain=grain), CAMPAIGNS, "megaphone"),
        figures_of("Sales", desk.asked(look, EARNED, grain=grain), EARNED, "coins", "success"),
        figures_of("Leads", desk.asked(look, LEADS, grain=grain), LEADS, "people"),
        figures_of("Site", desk.asked(look, SITE, grain=grain), SITE, "globe"),
    ]
    rates, revenue = desk.asked(look, RATES, grain=grain), desk.asked(look, ("revenue",), grain=grain)
    visits = desk.asked(look, ("visits",), grain=grain)
    trends = [
        trend_of("Delivery, opens and clicks", rates, RATES, marks),
        trend_of("Revenue", revenue, ("revenue",), marks),
        trend_of("Visits", visits, ("visits",), marks),
    ]
    return [*filter(None, cards[:2]), Side(tuple(filter(None, cards[2:])), layout="three"),
            *filter(None, trends[:1]), Side(tuple(filter(None, trends[1:]))), *top_campaigns(desk, look)]  # fmt: skip


def top_campaigns(desk: AnalyticsDesk, look: Look) -> list[Any]:
    """Campaigns of these days, the one that earned most first."""
    keys = desk.told_apart(TOP, "campaign")
    order = "-campaign_revenue" if "campaign_revenue" in keys else ""
    answer = desk.asked(look, keys, by=("campaign",), order=order, limit=10)

    def link(value: str | None) -> str:
        return look.but(view="campaigns", campaign=value).address if value else ""

    table = table_of("Campaigns that earned most", answer, "campaign", keys, "Campaign",
                     "Orders within each campaign's window after its message", link)  # fmt: skip
    return [table] if table else []
