"""The demo's campaign: a spring sale by e-mail, SMS and banner that runs while two days pass.

Belongs here: which templates it has, its plan, and the checks that it adds up. Stays out: any rule of campaigns.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from dmat.campaigns.finishing import incomplete_because
from dmat.campaigns.library import open_library
from dmat.campaigns.plan import parse_plan
from dmat.campaigns.progress import progress
from dmat.campaigns.records import DRAFT, FINISHED, Campaign, read_campaigns
from dmat.campaigns.step_runs import read_runs
from dmat.campaigns.templates import plan_from
from dmat.messages.library import Templates
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.simulate import read_orders_report
from dmat.store import Store, open_store
from dmat.store.campaign_tables import campaigns
from dmat.store.tables import ledger_entries, suppressions
from dmat.warehouse import Workspace
from dmat_pipelines.demo_experiment import add_test
from dmat_pipelines.proof import Check

BY = "marketer@demo.example"
STARTERS = {
    "spring-sale-announcement": "spring_sale_email",
    "spring-sale-reminder": "spring_sale_reminder",
    "spring-sale-last-chance": "spring_sale_last_chance",
    "spring-sale-sms": "spring_sale_sms",
    "spring-sale-push": "spring_sale_push",
    "spring-sale-in-app": "spring_sale_in_app",
    "newsletter": "newsletter",
    "product-recommendations": "product_recommendations",
    "welcome": "welcome",
    "win-back": "win_back",
}
DRAFT_STARTS_AFTER = timedelta(days=5)
PLAN: dict[str, Any] = {
    "objective": "Drive 100 sales in two days",
    "budget_cents": 100_000,
    "audience": {"segments": ["repeat-customers"], "exclude": ["hot-leads"]},
    "holdout": {"share": 0.1},
    "steps": [
        {
            "key": "announcement", "name": "Announcement", "channel": "email", "template": "spring_sale_email",
            "day": 1, "time": "11:00", "clock": "person", "expires_after_hours": 30, "cost_cents": 1_000,
        },
        {
            "key": "banner", "name": "Banner on the homepage", "channel": "banner",
            "banner": {"headline": "Spring Sale: up to 50 % off", "button": "Shop now", "days": 1,
                       "url": "https://shop.example/sale"},
        },
        {
            "key": "reminder", "name": "SMS reminder", "channel": "sms", "template": "spring_sale_sms", "day": 2,
            "time": "10:00", "expires_after_hours": 6, "cost_micros_each": 75_000,
        },
    ],
    "rules": [
        {"key": "weak-mails", "name": "Alert when few people open",
         "when": {"measure": "open_rate", "channel": "email", "comparison": "below", "value": 0.1, "min_sample": 50},
         "then": {"do": "alert", "text": "Few people open the announcement."}},
    ],
}  # fmt: skip


def add_campaign(settings: Settings) -> int:
    """Make the templates and the campaign, and let it start now; a larger one stays a draft. Gives its number."""
    store = open_store(settings)
    templates = Templates(store, settings.clock)
    for starter, key in STARTERS.items():
        templates.create_from_starter(starter, BY, key=key)
    library = open_library(settings, store, Desk(settings, store))
    plan = parse_plan({**PLAN, "starts_at": settings.clock.now()})
    campaign = library.create(name="Spring Sale", by=BY, plan=plan, tags=["sale"])
    if read_orders_report(settings) is None:  # real orders: too few people for a test
        add_test(settings, campaign.campaign_id, BY)
    library.submit(campaign.campaign_id, BY)
    draft = plan_from("spring-sale", ["repeat-customers"], settings.clock.now() + DRAFT_STARTS_AFTER)
    library.create(name="Summer Sale on seven channels", by=BY, plan=draft, tags=["sale"])
    return campaign.campaign_id


def campaign_checks(settings: Settings) -> list[Check]:
    """What the campaigns of the demo did: finished ones add up, and nobody who was suppressed was written to."""
    store = open_store(settings)
    with store.read() as connection:
        found = read_campaigns(connection, campaigns.c.status != DRAFT)
        runs = {campaign.campaign_id: read_runs(connection, campaign.campaign_id) for campaign in found}
    checks = [
        Check("campaigns that are not finished", sum(campaign.status != FINISHED for campaign in found)),
        Check("reasons why a campaign does not add up",
              sum(len(incomplete_because(store, campaign, runs[campaign.campaign_id])) for campaign in found)),
        Check("suppressed people whom a campaign contacted", sum(_contacted(store, campaign) for campaign in found)),
    ]  # fmt: skip
    for campaign in found:
        stands = progress(store, [campaign.campaign_id])[campaign.campaign_id]
        checks.append(Check(f"{campaign.name}: messages = frozen people", stands.report.audience, stands.frozen))
        checks.append(_results(settings, campaign))
    return checks


def _contacted(store: Store, campaign: Campaign) -> int:
    entry, gone = ledger_entries.c, suppressions.c
    same = sa.and_(sa.func.lower(entry.address) == gone.address, entry.channel == gone.channel)
    query = sa.select(sa.func.count()).select_from(ledger_entries.join(suppressions, same))
    query = query.where(
        entry.programme == campaign.programme, entry.handed_over_at > gone.suppressed_at, gone.lifted_at.is_(None)
    )
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


def _results(settings: Settings, campaign: Campaign) -> Check:
    """Messages sent, in the warehouse and in the ledger."""
    store = open_store(settings)
    query = "select coalesce(sum(sent_count), 0) as sent from campaigns.campaign_results where campaign_id = ?"
    counted = Workspace(settings).rows(query, [campaign.campaign_id])[0]["sent"]
    sent = progress(store, [campaign.campaign_id])[campaign.campaign_id].report.sent
    return Check(f"{campaign.name}: sent by campaign_results = ledger", int(counted), sent)
