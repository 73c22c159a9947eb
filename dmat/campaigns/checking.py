"""Could this plan run? Segments and templates that exist, steps that still lie ahead, money that suffices.

Belongs here: everything about a plan that needs the store. Stays out: what makes a plan whole in itself (`plan.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.reactions import reaction_faults
from dmat.campaigns.records import Campaign
from dmat.campaigns.schedule import last_moment
from dmat.campaigns.templates_of_steps import template_fault, templates_of
from dmat.errors import InvalidInputError
from dmat.loyalty.giving import code_sources, unknown_source
from dmat.messages.tracking import check_utm_rule
from dmat.segments.records import ACTIVE
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.tables import segments


@dataclass(frozen=True)
class Finding:
    """Something about a plan: where, what, what is allowed; a blocking one keeps it from running."""

    place: str
    what: str
    allowed: str = ""
    is_blocking: bool = True


def check_plan(store: Store, settings: Settings, plan: CampaignPlan, now: datetime | None = None) -> list[Finding]:
    """Everything that keeps a plan from running, and what is worth a second look."""
    now = now or settings.clock.now()
    with store.read() as connection:
        found = [*_unknown_segments(connection, plan), *_unfit_templates(connection, plan)]
        found += _codes(connection, plan, now)
    found += _whole(plan, now)
    for number, step in enumerate(plan.steps):
        found += _of_step(settings, plan, step, f"steps[{number}]", now)
    return found


def refuse_unfit(store: Store, settings: Settings, campaign: Campaign, to_come: str = "") -> None:
    """Stop a plan that could not run.

    Args:
        to_come: the place of something that does not exist yet, and will once the plan is kept.

    Raises:
        InvalidInputError: the first thing that is wrong.
    """
    for finding in check_plan(store, settings, campaign.plan):
        has_begun = campaign.started_at is not None and finding.place.endswith(".at")
        if finding.is_blocking and not has_begun and finding.place != to_come:
            raise InvalidInputError(finding.place, finding.what, finding.allowed)


def refuse_unknown_segments(connection: Connection, plan: CampaignPlan) -> None:
    """Stop a plan that names a segment which does not exist.

    Raises:
        InvalidInputError: names the place.
    """
    for finding in _unknown_segments(connection, plan):
        raise InvalidInputError(finding.place, finding.what, finding.allowed)


def _unknown_segments(connection: Connection, plan: CampaignPlan) -> Iterator[Finding]:
    query = sa.select(segments.c.key).where(segments.c.key.in_(sorted(plan.segments)), segments.c.state == ACTIVE)
    known: set[str] = set(connection.execute(query).scalars())
    parts = [("audience", plan.audience.segments), ("audience", plan.audience.exclude)]
    for number, step in enumerate(plan.steps):
        if step.audience is not None:
            parts += [(f"steps[{number}].audience", keys) for keys in (step.audience.segments, step.audience.exclude)]
    for place, keys in parts:
        for key in keys:
            if key not in known:
                yield Finding(place, f"there is no active segment {key!r}", "keys of active segments")


def _unfit_templates(connection: Connection, plan: CampaignPlan) -> Iterator[Finding]:
    for number, step in enumerate(plan.steps):
        for key in templates_of(step):
            fault = template_fault(connection, step, key)
            if fault:
                yield Finding(f"steps[{number}].template", fault, f"an active template for {step.channel}")
        if step.banner is not None and not step.banner.for_everybody:
            what = "a banner is shown to every visitor"
            yield Finding(f"steps[{number}].banner.for_everybody", what, "true, or an in_app step for the audience")


def _codes(connection: Connection, plan: CampaignPlan, now: datetime) -> Iterator[Finding]:
    wanted = {step.code_pool for step in plan.steps if step.code_pool}
    known = code_sources(connection, now) if wanted else {}
    for number, step in enumerate(plan.steps):
        if step.code_pool and step.code_pool not in known:
            yield Finding(f"steps[{number}].code_pool", *unknown_source(step.code_pool, known))


def _whole(plan: CampaignPlan, now: datetime) -> Iterator[Finding]:
    if not plan.steps:
        yield Finding("steps", "there is nothing to send", "at least one step")
    if not plan.audience.segments and not plan.audience.is_everybody:
        yield Finding("audience.segments", "nobody is chosen", "keys of segments, or is_everybody")
    if plan.ends_at is not None and plan.ends_at <= now:
        yield Finding("ends_at", "lies in the past", f"later than {now:%Y-%m-%d %H:%M} UTC")
    costs = sum(step.cost_cents + (step.retargeting.budget_cents if step.retargeting else 0) for step in plan.steps)
    if plan.budget_cents and costs > plan.budget_cents:
        yield Finding("budget_cents", f"the steps cost {costs / 100:,.2f}, more than the budget", is_blocking=False)
    yield from _rules(plan)
    try:
        check_utm_rule(plan.utm.model_dump() if plan.utm else {})
    except InvalidInputError as error:
        yield Finding(error.field, error.problem, error.allowed)


def _rules(plan: CampaignPlan) -> Iterator[Finding]:
    keys = {step.key for step in plan.steps}
    for number, rule in enumerate(plan.rules):
        if rule.when.step and rule.when.step not in keys:
            yield Finding(f"rules[{number}].when.step", f"there is no step {rule.when.step!r}", ", ".join(sorted(keys)))


def _of_step(settings: Settings, plan: CampaignPlan, step: Step, place: str, now: datetime) -> Sequence[Finding]:
    found = []
    for fault in reaction_faults(plan, step, settings.workspace_time_zone, now):
        found.append(Finding(f"{place}.audience.reactions[{fault.number}]", fault.what, fault.allowed))
    end = last_moment(plan, step, settings.workspace_time_zone, plan.starts_at or now)
    if end <= now or (step.at is not None and step.at + timedelta(hours=step.expires_after_hours) <= now):
        found.append(Finding(f"{place}.at", "its time is over", f"later than {now:%Y-%m-%d %H:%M} UTC"))
    if plan.ends_at is not None and end > plan.ends_at and step.plans_messages:
        found.append(Finding(place, "may leave after the campaign's end: that part never will", is_blocking=False))
    if plan.time_zone and not _is_zone(plan.time_zone):
        found.append(Finding("time_zone", f"{plan.time_zone!r} is no time zone", "an IANA name, as Europe/Berlin"))
    return found


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name).key)
    except (KeyError, ValueError, OSError):
        return False
