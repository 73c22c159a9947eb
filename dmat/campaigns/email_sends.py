"""One e-mail given as HTML becomes a step of a campaign: its template, its audience, its time.

Belongs here: what `POST /api/email-campaigns/{id}/send` does. Stays out: the door (`apps/api/email_campaigns.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from dmat.campaigns.checking import refuse_unfit
from dmat.campaigns.library import CampaignLibrary
from dmat.campaigns.plan import Audience, CampaignPlan, Narrowing, Step, parse_plan
from dmat.campaigns.records import DRAFT, RUNNING, SCHEDULED, Campaign
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.faults import first_fault
from dmat.messages.checks import check_content
from dmat.messages.findings import ERROR
from dmat.messages.library import Templates
from dmat.store.campaign_tables import email_sends
from dmat.store.engine import Store, rows_of
from dmat.store.tables import segments

LARGEST_HTML = 500_000
FOOT = '<p style="font-size:12px"><a href="{{ unsubscribe_url }}">Unsubscribe</a> | {{ shop.postal_address }}</p>'
_UNSUBSCRIBES = re.compile(r"\{\{-?\s*unsubscribe_url\b")


@dataclass(frozen=True)
class EmailToSend:
    """What is asked for; `segment` is the number or the key of a segment, empty for the campaign's own audience."""

    subject_line: str
    content_html: str
    segment: str = ""
    scheduled_at: datetime | None = None
    from_name: str = ""
    from_email: str = ""


@dataclass(frozen=True)
class EmailSend:
    """One e-mail of a campaign, by the number under which it is asked about."""

    email_send_id: int
    campaign_id: int
    step: str
    created_at: datetime
    created_by: str


def add_email(
    library: CampaignLibrary, campaign_id: int, asked: EmailToSend, by: str
) -> tuple[EmailSend, Campaign, Step]:
    """Make a step of an e-mail and ask for the campaign to run; gives the e-mail, the campaign as it stands, the step.

    Raises:
        NotFoundError: there is no such campaign or segment. InvalidInputError: a bad value.
        ConflictError: the campaign is over, or waits for a second person.
    """
    campaign, now = library.get(campaign_id), library.clock.now()
    if campaign.status not in (DRAFT, SCHEDULED, RUNNING):
        raise ConflictError(
            f"campaign {campaign_id} is {campaign.status}: e-mails are added to draft, scheduled or running"
        )
    if not asked.content_html.strip() or len(asked.content_html) > LARGEST_HTML:
        raise InvalidInputError("content_html", "it is empty or too long", f"1 to {LARGEST_HTML:,} characters")
    at = asked.scheduled_at or now
    if at < now and asked.scheduled_at is not None:
        raise InvalidInputError("scheduled_at", "lies in the past", f"{now:%Y-%m-%dT%H:%M:%SZ} or later, or left out")
    _refuse_faulty(library, asked)
    segment = find_segment(library.store, asked.segment) if asked.segment else ""
    key = _free_key(campaign.plan)
    plan = _plan_with(campaign.plan, segment, _step(campaign_id, key, asked, at), at)
    _refuse_unfit(library, replace(campaign, plan=plan))
    _make_template(library, campaign, key, asked, by)
    running = campaign.status == RUNNING
    if running:
        library.pause(campaign_id, by, "an e-mail is added")
    library.update(campaign_id, by=by, plan=plan, note=f"e-mail: {asked.subject_line}"[:200])
    made = library.resume(campaign_id, by) if running else library.submit(campaign_id, by)
    step = plan.step(key)
    assert step is not None  # noqa: S101 - it was put in above
    return _keep(library.store, campaign_id, key, by, now), made, step


def _refuse_faulty(library: CampaignLibrary, asked: EmailToSend) -> None:
    """An error that would keep everybody's message back is one of the request."""
    for check in check_content(library.settings, "email", "html", _content(asked)):
        if check.level == ERROR:
            field = "subject_line" if check.place == "subject" else "content_html"
            known = ", ".join(variable["name"] for variable in VARIABLES)
            allowed = f"{known}, and the words of every template" if check.place == "variables" else check.todo
            raise InvalidInputError(field, check.what, allowed)


def _refuse_unfit(library: CampaignLibrary, campaign: Campaign) -> None:
    """Before anything is kept: an e-mail that is refused leaves no step behind, and asking again makes one."""
    template_to_come = f"steps[{len(campaign.plan.steps) - 1}].template"
    refuse_unfit(library.store, library.settings, campaign, template_to_come)


def find_segment(store: Store, named: str) -> str:
    """The key of a segment named by key or by number.

    Raises:
        InvalidInputError: there is none.
    """
    column: sa.ColumnElement[Any] = segments.c.segment_id if named.isdigit() else segments.c.key
    with store.read() as connection:
        query = sa.select(segments.c.key).where(column == (int(named) if named.isdigit() else named))
        key = connection.execute(query.where(segments.c.state == "active")).scalar()
    if key is None:
        raise InvalidInputError("segment_id", f"there is no active segment {named}", "the number or key of one")
    return str(key)


def find_send(store: Store, email_send_id: int) -> EmailSend:
    """The e-mail with this number.

    Raises:
        NotFoundError: there is none.
    """
    with store.read() as connection:
        found = rows_of(connection, sa.select(email_sends).where(email_sends.c.email_send_id == email_send_id))
    if not found:
        raise NotFoundError(f"there is no e-mail {email_send_id}")
    return EmailSend(**found[0])


def template_key(campaign_id: int, step: str) -> str:
    """The key of the template that is made for an e-mail."""
    return f"campaign-{campaign_id}-{step}"


def _free_key(plan: CampaignPlan) -> str:
    taken, number = {step.key for step in plan.steps}, 1
    while f"email-{number}" in taken:
        number += 1
    return f"email-{number}"


def _step(campaign_id: int, key: str, asked: EmailToSend, at: datetime) -> Step:
    try:
        return Step(
            key=key, name=asked.subject_line[:200], channel="email", template=template_key(campaign_id, key), at=at,
            subject=asked.subject_line, from_name=asked.from_name, from_email=asked.from_email,
        )  # fmt: skip
    except ValidationError as error:
        fault = first_fault(error, Step, "body")
        field = "subject_line" if fault.field == "subject" else fault.field
        raise InvalidInputError(field, fault.problem, fault.allowed) from None


def _plan_with(plan: CampaignPlan, segment: str, step: Step, at: datetime) -> CampaignPlan:
    """The plan with one step more; the step is for its segment alone when the campaign is for more people."""
    audience = plan.audience
    if segment and not audience.segments and not audience.is_everybody:
        audience = Audience(segments=(segment,), exclude=audience.exclude)
    elif segment and audience.segments != (segment,):
        joined = tuple(dict.fromkeys((*audience.segments, segment))) if not audience.is_everybody else audience.segments
        audience = audience.model_copy(update={"segments": joined})
        step = step.model_copy(update={"audience": Narrowing(segments=(segment,))})
    changes: dict[str, Any] = {"audience": audience, "steps": (*plan.steps, step)}
    if plan.starts_at is None:
        changes["starts_at"] = at
    return parse_plan(plan.model_copy(update=changes).model_dump())


def _make_template(library: CampaignLibrary, campaign: Campaign, key: str, asked: EmailToSend, by: str) -> None:
    Templates(library.store, library.clock).create(
        name=f"{campaign.name}: {asked.subject_line}"[:200], key=template_key(campaign.campaign_id, key),
        channel="email", kind="html", content=_content(asked), by=by, folder="Campaigns",
    )  # fmt: skip


def _content(asked: EmailToSend) -> dict[str, Any]:
    body = asked.content_html if _UNSUBSCRIBES.search(asked.content_html) else asked.content_html + FOOT
    return {"variables": VARIABLES, "locales": {"": {"subject": asked.subject_line, "body": body}}}


VARIABLES = [
    {"name": "first_name", "type": "text", "source": "first_name", "fallback": "there"},
    {"name": "industry", "type": "text", "source": "industry", "fallback": "your industry"},
]
"""What HTML that comes through the API may name without declaring it."""


def _keep(store: Store, campaign_id: int, step: str, by: str, now: datetime) -> EmailSend:
    row = {"campaign_id": campaign_id, "step": step, "created_at": now, "created_by": by}
    with store.write() as connection:
        made = connection.execute(sa.insert(email_sends).values(row).returning(email_sends.c.email_send_id))
        return EmailSend(int(made.scalar_one()), campaign_id, step, now, by)
