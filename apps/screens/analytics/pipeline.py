"""Pipeline: what sales has in hand, how fast and how often it is won, by stage and over time; what leads cost.

Belongs here: which pieces it has. Stays out: how they are made (`pieces.py`).
"""

from __future__ import annotations

from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Note, Side, figures_of, table_of, trend_of, with_short_names

NOW = ("open_deals", "pipeline_value", "pipeline_velocity", "deals_created")
CLOSED = ("deals_won", "deals_lost", "win_rate", "won_value", "average_deal", "sales_cycle")
STAGES = ("open_deals", "pipeline_value")
SOURCES = ("leads", "mqls", "sqls", "leads_won", "mql_rate", "average_lead_score")
COST = ("spend", "cost_per_lead", "cost_per_mql", "cost_per_customer")
CHANNELS = ("channel_spend", "channel_leads", "channel_mqls", "channel_won", "channel_new_customers",
            "channel_cost_per_lead", "channel_cost_per_mql", "channel_cost_per_customer")  # fmt: skip


def pipeline(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    grain = look.grain(desk.today)
    now, closed = desk.asked(look, NOW, grain=grain), desk.asked(look, CLOSED, grain=grain)
    value, won = desk.asked(look, ("pipeline_value",), grain=grain), desk.asked(look, ("won_value",), grain=grain)
    stages = desk.asked(look, STAGES, by=("stage",), order="-open_deals")
    wanted = desk.told_apart(SOURCES, "lead_source")
    sources = desk.asked(look, wanted, by=("lead_source",), order="-leads")
    cost = desk.asked(look, COST, grain=grain)
    by_channel = desk.asked(look, CHANNELS, by=("channel",), order="-channel_leads")
    channels = table_of("Leads and what they cost by channel", by_channel, "channel", CHANNELS, "Channel",
                        "Leads by the way they came, customers by the last touch of their first order")  # fmt: skip
    pieces = [
        figures_of("In hand at the end of these days", now, NOW, "inbox"),
        figures_of("Closed in these days", closed, CLOSED, "coins", "success"),
        Side(tuple(filter(None, (trend_of("Pipeline value", value, ("pipeline_value",), marks),
                                 trend_of("Value won", won, ("won_value",), marks, kind="bar"))))),
        table_of("Open deals by stage", stages, "stage", STAGES, "Stage"),
        table_of("Leads by source", sources, "lead_source", wanted, "Source"),
        figures_of("What leads and customers cost", cost, COST, "people"),
        with_short_names(channels) if channels and channels.rows else None,
    ]  # fmt: skip
    shown = [piece for piece in pieces if piece is not None]
    return shown or [Note("No deals", "Deals show here when a CRM is connected.", "coins")]
