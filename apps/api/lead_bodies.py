"""What the doors for leads take and answer: shapes.

Belongs here: bodies of requests and answers. Stays out: what is done with them (`leads.py`), rules (`dmat/scoring`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from apps.api.campaign_bodies import Body, Moment
from dmat.scoring.leads import Lead
from dmat.scoring.live import Noted, Score
from dmat.scoring.points import Entry
from dmat.scoring.words import advice, explain

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
INTERACTIONS = {"email_open": "email_open", "email_click": "link_click"}  # action -> the word of the API


class LeadToMake(Body):
    """A lead as a form, a partner or an import gives it."""

    email: Annotated[str, Field(min_length=3, max_length=320)]
    name: Annotated[str, Field(max_length=255)] = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    company_name: Annotated[str, Field(max_length=255)] = ""
    company_size: Annotated[str, Field(max_length=20, description="1-10, 11-50, 51-200, 201-1000, 1000+")] = ""
    industry: Annotated[str, Field(max_length=100)] = ""
    job_title: Annotated[str, Field(max_length=200)] = ""
    country_code: Annotated[str, Field(max_length=2, description="ISO 3166, e.g. US")] = ""
    region: Annotated[str, Field(max_length=100, description="state or region, e.g. California")] = ""
    source: Annotated[str, Field(max_length=20)] = "landing_page"
    landing_page_id: Number | None = None
    campaign_id: Number | None = None


class ActivityToNote(Body):
    """Something that a lead did; or, with `points`, an adjustment by hand."""

    activity_type: Annotated[str, Field(min_length=1, max_length=60)]
    reason: Annotated[str, Field(max_length=255)] = ""
    points: int | None = Field(None, description="only with activity_type `adjustment`: -1000 to 1000, not 0")
    occurred_at: Moment | None = None


class StatusToSet(Body):
    """Where sales is with a lead."""

    status: Annotated[str, Field(max_length=20)]
    reason: Annotated[str, Field(max_length=500)] = ""


class RuleToChange(Body):
    """Changes to a line of the score matrix; what is left out stays."""

    points: int | None = None
    half_life_days: float | None = None
    never_decays: bool = False
    is_active: bool | None = None


def zulu(moment: datetime | None) -> str | None:
    """A moment as the API writes it."""
    return None if moment is None else f"{moment.replace(microsecond=0).isoformat()}Z"


def made_json(lead: Lead, score: Score) -> dict[str, Any]:
    """The answer of the requirement to a new lead."""
    return {
        "id": lead.lead_id, "email": lead.email, "lead_score": score.whole, "status": lead.status,
        "created_at": zulu(lead.created_at),
    }  # fmt: skip


def lead_json(lead: Lead, score: Score) -> dict[str, Any]:
    """A lead with its score, the ledger that it is the sum of, and what it did."""
    names = (
        "name", "phone", "company_name", "company_size", "industry", "job_title", "country_code", "region", "source",
        "landing_page_id", "campaign_id", "assigned_to", "person_id",
    )  # fmt: skip
    return {
        **made_json(lead, score), **{name: getattr(lead, name) for name in names}, "score": float(score.score),
        "email_domain": lead.email_domain, "company_domain": lead.company_domain,
        "band": score.band, "is_mql": score.is_qualified, "explanation": explain(score), "advice": advice(score),
        "interactions": [_interaction(entry) for entry in score.entries if entry.source not in ("company", "role")],
        "points": [_points(entry) for entry in score.entries], "updated_at": zulu(lead.updated_at),
    }  # fmt: skip


def _interaction(entry: Entry) -> dict[str, Any]:
    word = INTERACTIONS.get(entry.action, entry.action)
    return {"type": word, "date": zulu(entry.occurred_at), "subject": entry.subject}


def _points(entry: Entry) -> dict[str, Any]:
    return {
        "action": entry.action, "label": entry.label, "subject": entry.subject, "date": zulu(entry.occurred_at),
        "points": entry.points, "half_life_days": entry.half_life_days, "points_now": float(entry.points_now),
    }  # fmt: skip


def noted_json(noted: Noted) -> dict[str, Any]:
    """The answer of the requirement to an activity."""
    return {
        "lead_id": noted.lead_id, "score": noted.after.whole, "previous_score": noted.before.whole,
        "created_at": zulu(noted.after.as_of), "action": noted.action, "band": noted.after.band,
        "is_mql": noted.after.is_qualified, "exact_score": float(noted.after.score),
    }  # fmt: skip
