"""Steps that are no messages handed to a provider: banners, in-app messages, audiences for advertisements.

Belongs here: starting and ending them. Stays out: how the site shows them (`dmat/channels`, `apps/api`), posts
(`posting.py`).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.audience import Ids
from dmat.campaigns.changes import impressions_factor
from dmat.campaigns.parts import rolled_out_variants
from dmat.campaigns.permissions import bring_consent
from dmat.campaigns.plan import CampaignPlan, InApp, Retargeting, Step
from dmat.campaigns.records import Campaign
from dmat.campaigns.step_runs import PLANNED_RUN, SHOWING, StepRun, read_people, write_run
from dmat.channels.banner import Placement, put_placement, stop_placements
from dmat.channels.identities import Identity
from dmat.channels.in_app import CLIENT_IDS_SQL, remember_visitors
from dmat.channels.retargeting import sync_audience
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.web_tables import web_placements


def show_banner(
    settings: Settings, store: Store, campaign: Campaign, plan: CampaignPlan, step: Step, run: StepRun
) -> None:
    """Show a banner from now on, for as many days as the step says."""
    says = step.banner
    assert says is not None  # noqa: S101 - asked by the caller
    now = settings.clock.now()
    ends = _end(plan, run.due_at + timedelta(days=says.days))
    with store.read() as connection:
        shows = _shows(step, impressions_factor(connection, campaign.campaign_id, step.channel))
    content = {
        "title": says.headline, "body": says.text, "button_text": says.button, "url": says.url,
        "image_url": says.image_url, "image_alt": says.headline if says.image_url else "",
    }  # fmt: skip
    placement = Placement(
        channel="banner", programme=campaign.programme, programme_version=run.version, step=step.key, content=content,
        position=says.place, include=says.pages, starts_at=now, ends_at=ends, cap_count=shows,
        cap_days=says.days, priority=plan.priority,
    )  # fmt: skip
    with store.write() as connection:
        put_placement(connection, placement, now)
        write_run(connection, run, now, state=SHOWING, expires_at=ends, planned_at=now, reason="")


def show_more(connection: Connection, settings: Settings, campaign: Campaign, channel: str, factor: float) -> int:
    """Let one visitor see what a channel shows now `factor` times as often as the plan says; gives how many placements.

    The factor is of the plan's figure, not of what a rule made of it before: a second crossing adds nothing.
    """
    table, now, count = web_placements.c, settings.clock.now(), 0
    for step in campaign.plan.steps:
        if step.channel != channel:
            continue
        wanted = sa.and_(table.programme == campaign.programme, table.step == step.key, table.is_active)
        values = {"cap_count": _shows(step, factor), "updated_at": now}
        count += int(connection.execute(sa.update(web_placements).where(wanted).values(values)).rowcount)
    return count


def _shows(step: Step, factor: float) -> int:
    """How often one visitor sees a step, at least once."""
    planned = step.banner.shows_per_person if step.banner else (step.in_app or InApp()).shows_per_person
    return max(1, math.floor(planned * factor + 0.5))


def _end(plan: CampaignPlan, until: datetime) -> datetime:
    return until if plan.ends_at is None else min(until, plan.ends_at)


def show_in_app(
    settings: Settings, store: Store, desk: Desk, campaign: Campaign, plan: CampaignPlan, step: Step, run: StepRun
) -> None:
    """Let the site show the in-app messages that were planned, and know the browsers of these people."""
    how, now = step.in_app or InApp(), settings.clock.now()
    variants = [(variant.key, variant.share) for variant in step.variants] or [("", 1.0)]
    with store.read() as connection:
        people = read_people(connection, run)
        variants += [(key, 1.0) for key in rolled_out_variants(connection, run)]
        shows = _shows(step, impressions_factor(connection, campaign.campaign_id, step.channel))
    visitors = desk.workspace.rows(CLIENT_IDS_SQL, [people.tolist()])
    with store.write() as connection:
        remember_visitors(connection, [(row["client_id"], row["person_id"]) for row in visitors], "warehouse", now)
        for variant, weight in variants:
            placement = Placement(
                channel="in_app", programme=campaign.programme, programme_version=run.version, step=step.key,
                variant=variant, weight=weight, position=how.style, starts_at=now, ends_at=run.expires_at,
                cap_count=shows, cap_days=how.days, priority=plan.priority,
            )  # fmt: skip
            put_placement(connection, placement, now)


def stop_showing(connection: Connection, programme: str, now: datetime, step: str = "") -> None:
    """Take what a step or a whole campaign shows off the site."""
    stop_placements(connection, programme, step, now=now)


def sync_retargeting(settings: Settings, store: Store, desk: Desk, campaign: Campaign, step: Step, run: StepRun) -> int:
    """Make the lists at the advertisers equal to the frozen people who agreed; gives how many were frozen."""
    how, now = step.retargeting or Retargeting(), settings.clock.now()
    with store.read() as connection:
        people = read_people(connection, run)
    bring_consent(store, desk.workspace, people, "retargeting", now)
    identities = read_identities(desk, people)
    sync_audience(settings, store, list_key(campaign.programme, step.key), identities, how.list_name or step.shown_name)
    ends = run.due_at + timedelta(days=how.days)
    with store.write() as connection:
        write_run(connection, run, now, state=PLANNED_RUN, planned_at=now, expires_at=ends, reason="")
    return len(people)


def read_identities(desk: Desk, people: Ids) -> list[Identity]:
    """What advertisers know people by."""
    found = desk.workspace.rows(_IDENTITIES, [people.tolist()])
    return [Identity(int(row.pop("person_id")), **{name: value or "" for name, value in row.items()}) for row in found]


def end_retargeting(settings: Settings, store: Store, programme: str, step: str) -> None:
    """Take everybody off the lists of a step that is over."""
    sync_audience(settings, store, list_key(programme, step), (), step)


def list_key(programme: str, step: str) -> str:
    """The key of the lists of a step at the advertisers."""
    return f"{programme}-{step}".replace(":", "-")


_IDENTITIES = """
    select person_id, email, phone, first_name, last_name, country_code from people.dim_people
    where person_id in (select unnest(?::bigint[]))
"""
