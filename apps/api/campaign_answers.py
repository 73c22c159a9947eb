"""What the doors for campaigns answer: shapes in JSON.

Belongs here: turning what `dmat.campaigns` gives into JSON values. Stays out: asking for it (`campaigns.py`).
Times are UTC and say so (`...Z`); money is in cents with a currency code, and in whole units where the name says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from dmat.campaigns.estimate import Estimate
from dmat.campaigns.monitor import Figures, Monitor, StepFigures
from dmat.campaigns.plan import as_document
from dmat.campaigns.progress import Progress
from dmat.campaigns.records import ApprovalDecision, Campaign, CampaignVersion
from dmat.ledger.control import Reason

Json = dict[str, Any]


def moment(value: datetime | None) -> str | None:
    """A moment as text, with a Z."""
    return None if value is None else value.replace(microsecond=0).isoformat() + "Z"


def campaign_json(campaign: Campaign, decisions: Sequence[ApprovalDecision] | None = None) -> Json:
    """A campaign; with what was decided about it when that is given."""
    plan = campaign.plan
    found: Json = {
        "id": campaign.campaign_id, "name": campaign.name, "description": campaign.description,
        "status": campaign.status, "status_reason": campaign.status_reason, "folder": campaign.folder,
        "tags": list(campaign.tags), "owner": campaign.owner, "version": campaign.version,
        "running_version": campaign.running_version, "objective": plan.objective,
        "start_date": moment(plan.starts_at), "end_date": moment(plan.ends_at), "budget": plan.budget_cents / 100,
        "currency_code": plan.currency_code, "plan": as_document(plan), "started_at": moment(campaign.started_at),
        "ended_at": moment(campaign.ended_at), "created_at": moment(campaign.created_at),
        "created_by": campaign.created_by, "updated_at": moment(campaign.updated_at),
        "updated_by": campaign.updated_by,
    }  # fmt: skip
    if decisions is not None:
        found["decisions"] = [{**asdict(each), "decided_at": moment(each.decided_at)} for each in decisions]
    return found


def version_json(version: CampaignVersion) -> Json:
    """One version of a plan."""
    return {
        "version": version.version, "plan": as_document(version.plan), "note": version.note,
        "created_at": moment(version.created_at), "created_by": version.created_by,
    }  # fmt: skip


def standing_json(progress: Progress, reasons: Sequence[Reason]) -> Json:
    """Where a campaign stands; the states add up to the audience."""
    report = progress.report
    return {
        **{name: getattr(report, name) for name in report.__dataclass_fields__},
        "is_finished": report.is_finished, "frozen": progress.frozen, "steps": progress.steps,
        "reasons": [asdict(reason) for reason in reasons],
    }  # fmt: skip


def estimate_json(estimate: Estimate) -> Json:
    """What would become of a plan."""
    return {
        "audience": estimate.audience, "recipients": estimate.recipients, "cost_cents": estimate.cost_cents,
        "data_version": estimate.data_version, "data_as_of": moment(estimate.data_as_of),
        "steps": [{**asdict(step), "due_at": moment(step.due_at)} for step in estimate.steps],
        "notes": list(estimate.notes),
    }  # fmt: skip


def monitor_json(found: Monitor) -> Json:
    """What became of a campaign, step by step."""
    return {
        "total": _figures(found.total), "steps": [_step(each) for each in found.steps],
        "variants": [_step(each) for each in found.variants], "lift": asdict(found.lift) if found.lift else None,
        "reasons": [asdict(reason) for reason in found.reasons], "budget_cents": found.budget_cents,
        "spent_cents": found.spent_cents, "as_of": moment(found.as_of), "results_as_of": moment(found.results_as_of),
    }  # fmt: skip


def _figures(figures: Figures) -> Json:
    return {**asdict(figures), "roi": figures.roi}


def _step(step: StepFigures) -> Json:
    place = {"step": step.step, "name": step.name, "channel": step.channel, "variant": step.variant}
    return {**place, **_figures(step.figures), "state": step.run.state if step.run else "waiting"}


def analytics_json(found: Monitor, leads: int, qualified: int) -> Json:
    """The figures of a campaign as the requirements name them; revenue in whole currency units."""
    total = found.total
    return {
        "campaign_id": found.campaign.campaign_id, "total_leads": leads, "mqls": qualified,
        "conversions": total.converted, "revenue": total.revenue_cents / 100, "roi": total.roi,
        "channels": {channel: _channel(channel, figures) for channel, figures in found.channels.items()},
        "currency_code": found.plan.currency_code, "as_of": moment(found.as_of),
        "results_as_of": moment(found.results_as_of),
    }  # fmt: skip


def _channel(channel: str, figures: Figures) -> Json:
    money = {
        "conversions": figures.converted, "revenue": figures.revenue_cents / 100, "cost": figures.cost_cents / 100,
        "roi": figures.roi,
    }  # fmt: skip
    if channel in ("banner", "in_app", "social", "retargeting"):
        shown = {"impressions": figures.shown, "clicks": figures.clicked, "ctr": _rate(figures.clicked, figures.shown)}
        return shown | money
    found = {"sends": figures.sent, "clicks": figures.clicked, "ctr": _rate(figures.clicked, figures.sent)}
    if channel == "email":
        found |= {"opens": figures.opened, "open_rate": _rate(figures.opened, figures.sent)}
    return found | {"delivered": figures.delivered, "reads": figures.read, "replies": figures.replied} | money


def email_analytics_json(email_id: int, figures: Figures) -> Json:
    """The figures of one e-mail as the requirements name them; rates are shares of what was sent."""
    return {
        "email_campaign_id": email_id, "total_sent": figures.sent, "total_opened": figures.opened,
        "open_rate": _rate(figures.opened, figures.sent), "total_clicked": figures.clicked,
        "click_rate": _rate(figures.clicked, figures.sent), "conversions": figures.converted,
        "conversion_rate": _rate(figures.converted, figures.sent), "unsubscribes": figures.unsubscribed,
        "bounces": figures.bounced,
    }  # fmt: skip


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
