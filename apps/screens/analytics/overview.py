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
SENT = ("sent", "delivered", "delivery_rate", "open_rate", "click_rate", "replied", "cost_per_message")
EARNED = ("revenue", "orders", "average_order", "new_customers")
CAMPAIGNS = ("campaign_revenue", "campaign_spend", "roi", "conversions", "conversion_rate", "cost_per_conversion")
LEADS = ("leads", "mqls", "sqls", "leads_won")
SITE = ("visits", "form_submissions", "spend", "cost_per_lead")
RATES = ("delivery_rate", "open_rate", "click_rate")
TOP = ("sent", "click_rate", "conversions", "conversion_rate", "campaign_revenue", "roi")


def overview(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the overview; all of them are one question, so that each table is read once."""
    keys = dict.fromkeys((*SENT, *RATES, *CAMPAIGNS, *EARNED, *LEADS, *SITE))
    answer = desk.asked(look, keys, grain=look.grain(desk.today))
    beside = [figures_of("Sales", answer, EARNED, "coins", "success"), figures_of("Leads", answer, LEADS, "people"),
              figures_of("Site and spend", answer, SITE, "globe")]  # fmt: skip
    courses = [trend_of("Revenue", answer, ("revenue",), marks), trend_of("Visits", answer, ("visits",), marks)]
    pieces = [
        figures_of("Messages", answer, SENT, "send"),
        figures_of("Campaigns", answer, CAMPAIGNS, "megaphone"),
        Side(tuple(filter(None, beside)), layout="three"),
        trend_of("Delivery, opens and clicks", answer, RATES, marks),
        Side(tuple(filter(None, courses))),
        *top_campaigns(desk, look),
    ]
    return [piece for piece in pieces if piece is not None]


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
