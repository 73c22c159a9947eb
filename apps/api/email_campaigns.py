"""The doors of e-mail campaigns: send an e-mail that is given as HTML, and what became of it.

Belongs here: the two doors. Stays out: what sending means (`dmat/campaigns/email_sends.py`).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse

from apps.api.callers import caller_with
from apps.api.campaign_answers import email_analytics_json, moment
from apps.api.campaign_bodies import EmailBody
from apps.api.campaign_examples import EMAIL_ANALYTICS, SENT
from apps.api.campaigns import LARGEST_BODY, Number
from apps.api.faults import REFUSALS, Door
from apps.api.once import IdempotencyKey, once
from dmat.campaigns.email_sends import EmailToSend, add_email, find_send
from dmat.campaigns.estimate import estimate
from dmat.campaigns.library import CampaignLibrary
from dmat.campaigns.monitor import Figures, monitor
from dmat.segments.desk import Desk
from dmat.store import Store
from dmat.store.access import Caller


def email_campaigns_router(store: Store, desk: Desk, library: CampaignLibrary) -> APIRouter:
    """/api/email-campaigns/{id}/send and /analytics."""
    router = APIRouter(
        prefix="/api/email-campaigns", tags=["campaigns"], route_class=Door, responses=REFUSALS,
        max_body_size=LARGEST_BODY,
    )  # fmt: skip
    sender, reader = Depends(caller_with(store, "campaigns:send")), Depends(caller_with(store, "campaigns:read"))

    @router.post("/{campaign_id}/send", status_code=202, summary="Send an e-mail", responses=SENT)
    def send_email(
        campaign_id: Number, body: EmailBody, caller: Caller = sender, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """It becomes a step of the campaign; `id` is the number under which its figures are asked for.

        `status` is `in_review` where a second person must say yes first. An unsubscribe link is put below HTML that
        has none (`{{ unsubscribe_url }}`).
        """
        caller.require("campaigns:write")
        action = f"send e-mail of campaign {campaign_id}"
        return once(
            store, caller, action, idempotency_key, body.model_dump_json().encode(),
            lambda: _send(desk, library, campaign_id, body, caller),
        )  # fmt: skip

    @router.get("/{email_campaign_id}/analytics", summary="What became of an e-mail", responses=EMAIL_ANALYTICS)
    def get_email_analytics(
        email_campaign_id: Annotated[int, Path(ge=1, le=2**63 - 1)], _caller: Caller = reader
    ) -> dict[str, Any]:
        """Openings and clicks are those of people; rates are shares of what was sent."""
        email = find_send(store, email_campaign_id)
        found = monitor(library.settings, store, desk.workspace, email.campaign_id)
        figures = next((step.figures for step in found.steps if step.step == email.step), Figures())
        return email_analytics_json(email_campaign_id, figures)

    return router


def _send(desk: Desk, library: CampaignLibrary, campaign_id: int, body: EmailBody, caller: Caller) -> Response:
    asked = EmailToSend(
        subject_line=body.subject_line, content_html=body.content_html, segment=str(body.segment_id),
        scheduled_at=body.scheduled_at, from_name=body.from_name, from_email=body.from_email,
    )  # fmt: skip
    email, campaign, step = add_email(library, campaign_id, asked, caller.name)
    counted = estimate(library.settings, library.store, desk, campaign.plan, campaign_id)
    recipients = sum(each.recipients for each in counted.steps if each.step == step.key)
    answer = {
        "id": email.email_send_id, "status": campaign.status, "scheduled_at": moment(step.at),
        "estimated_recipients": recipients, "campaign_id": campaign_id, "step": step.key,
    }  # fmt: skip
    return JSONResponse(answer, 202)
