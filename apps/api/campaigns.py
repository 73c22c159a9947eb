"""The doors of campaigns: list, make, look at, change, lead from draft to finished, estimate, figures.

Belongs here: who may do what and the order of steps. Stays out: plans and the library (`dmat/campaigns`), shapes of
bodies (`campaign_bodies.py`) and answers (`campaign_answers.py`), e-mails given as HTML (`email_campaigns.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from apps.api.callers import caller_with
from apps.api.campaign_answers import (
    analytics_json,
    campaign_json,
    estimate_json,
    monitor_json,
    standing_json,
    version_json,
)
from apps.api.campaign_bodies import CampaignToChange, CampaignToMake, Words
from apps.api.campaign_examples import ANALYTICS, CAMPAIGN, ESTIMATE, LIST, MADE, MONITOR, STANDING, VERSIONS
from apps.api.faults import REFUSALS, Door
from apps.api.once import IdempotencyKey, once
from dmat.campaigns.estimate import estimate
from dmat.campaigns.library import CampaignLibrary, Wanted
from dmat.campaigns.monitor import monitor
from dmat.campaigns.plan import plan_schema
from dmat.campaigns.progress import progress
from dmat.campaigns.records import STATUSES, Campaign
from dmat.campaigns.responders import count_responders
from dmat.ledger.control import reasons, resend_failed
from dmat.segments.desk import Desk
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_BODY = 2 * 1024 * 1024
MOST_LISTED = 500

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the campaign's number")]


def campaigns_router(store: Store, desk: Desk, library: CampaignLibrary) -> APIRouter:
    """/api/campaigns and /api/campaigns/{id}."""
    router = APIRouter(
        prefix="/api/campaigns", tags=["campaigns"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    _add_looking(router, library, Depends(caller_with(store, "campaigns:read")))
    _add_figures(router, desk, library, Depends(caller_with(store, "campaigns:read")))
    _add_making(router, library, Depends(caller_with(store, "campaigns:write")))
    _add_leading(router, library, Depends(caller_with(store, "campaigns:send")))
    _add_deciding(router, library, Depends(caller_with(store, "campaigns:approve")))
    _add_resending(router, library, Depends(caller_with(store, "campaigns:send")))
    return router


def _add_looking(router: APIRouter, library: CampaignLibrary, reader: Any) -> None:
    @router.get("", summary="List campaigns", responses=LIST)
    def list_campaigns(
        _caller: Caller = reader,
        q: Annotated[str, Query(max_length=200, description="words in name or description")] = "",
        status: Annotated[str, Query(pattern=f"^$|^({'|'.join(STATUSES)})$")] = "",
        channel: Annotated[str | None, Query(max_length=20)] = None,
        tag: Annotated[str | None, Query(max_length=60)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
        after: Annotated[int, Query(ge=0, description="`next_after` of the page before")] = 0,
    ) -> dict[str, Any]:
        """Campaigns by number."""
        wanted = Wanted(statuses=(status,) if status else (), channel=channel, tag=tag, text=q)
        found = sorted(library.list(wanted), key=lambda campaign: campaign.campaign_id)
        later = [campaign for campaign in found if campaign.campaign_id > after]
        return {
            "campaigns": [campaign_json(campaign) for campaign in later[:limit]],
            "total": len(found),
            "next_after": later[limit - 1].campaign_id if len(later) > limit else None,
        }

    @router.get("/plan-schema", summary="What a plan may say")
    def get_schema(_caller: Caller = reader) -> dict[str, Any]:
        """The JSON Schema of a plan."""
        return plan_schema()

    @router.get("/{campaign_id}", summary="One campaign", responses=CAMPAIGN)
    def get_campaign(campaign_id: Number, _caller: Caller = reader) -> Response:
        """Its card, its newest plan, and who approved or refused what."""
        return _answer(library, library.get(campaign_id))

    @router.get("/{campaign_id}/versions", summary="Versions of its plan", responses=VERSIONS)
    def get_versions(campaign_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """Every version, the newest first."""
        return {"versions": [version_json(version) for version in library.versions(campaign_id)]}


def _add_figures(router: APIRouter, desk: Desk, library: CampaignLibrary, reader: Any) -> None:
    store, settings = library.store, library.settings

    @router.get("/{campaign_id}/analytics", summary="What it achieved", responses=ANALYTICS)
    def get_analytics(campaign_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """People who responded, orders, revenue and the figures of each channel; opens and clicks are those of people.

        `roi` is revenue for each unit of money spent; null when nothing was spent.
        """
        found = monitor(settings, store, desk.workspace, campaign_id)
        return analytics_json(found, *count_responders(store, desk.workspace, campaign_id))

    @router.get("/{campaign_id}/monitor", summary="Its figures by step, channel and variant", responses=MONITOR)
    def get_monitor(campaign_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """Live states and counters; conversions as of the published data."""
        return monitor_json(monitor(settings, store, desk.workspace, campaign_id))

    @router.get("/{campaign_id}/standing", summary="Where its messages stand", responses=STANDING)
    def get_standing(campaign_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """The states of all messages, which add up to the audience, and each "no" with its reason."""
        campaign = library.get(campaign_id)
        return standing_json(progress(store, [campaign_id])[campaign_id], reasons(store, campaign.programme))

    @router.get("/{campaign_id}/reasons", summary="Why messages did not leave")
    def get_reasons(campaign_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """Every "no" and every "later", counted."""
        found = reasons(store, library.get(campaign_id).programme)
        return {"reasons": [{"state": r.state, "reason": r.reason, "count": r.count} for r in found]}

    @router.get("/{campaign_id}/estimate", summary="Estimate its recipients", responses=ESTIMATE)
    def get_estimate(campaign_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """How many people each step would reach, how many are lost at each gate, and what it costs."""
        return estimate_json(estimate(settings, store, desk, library.get(campaign_id).plan, campaign_id))


def _add_making(router: APIRouter, library: CampaignLibrary, writer: Any) -> None:
    @router.post("", status_code=201, summary="Make a campaign", responses=MADE)
    def make_campaign(body: CampaignToMake, caller: Caller = writer, idempotency_key: IdempotencyKey = "") -> Response:
        """A draft; dates, budget and objective may be given short or within `plan`."""

        def make() -> Response:
            made = library.create(
                name=body.name, by=caller.name, plan=body.read_plan(), description=body.description,
                folder=body.folder, tags=body.tags,
            )  # fmt: skip
            return _answer(library, made, 201)

        return once(library.store, caller, "make campaign", idempotency_key, body.model_dump_json().encode(), make)

    @router.put("/{campaign_id}", summary="Change a campaign", responses=CAMPAIGN)
    def change_campaign(campaign_id: Number, body: CampaignToChange, caller: Caller = writer) -> Response:
        """What is left out stays; a changed plan is a new version and makes a scheduled campaign a draft again."""
        plan = body.read_plan(library.get(campaign_id).plan)
        changed = library.update(
            campaign_id, by=caller.name, plan=plan, note=body.note, expected_version=body.version, **body.card
        )  # fmt: skip
        return _answer(library, changed)

    @router.post("/{campaign_id}/duplicate", status_code=201, summary="Copy a campaign", responses=MADE)
    def duplicate_campaign(campaign_id: Number, caller: Caller = writer) -> Response:
        """A new draft with the newest plan."""
        return _answer(library, library.duplicate(campaign_id, caller.name), 201)

    @router.delete("/{campaign_id}", status_code=204, summary="Delete a draft")
    def delete_campaign(campaign_id: Number, caller: Caller = writer) -> None:
        """Only a draft that never ran; anything else is cancelled."""
        library.delete(campaign_id, caller.name)


def _add_leading(router: APIRouter, library: CampaignLibrary, sender: Any) -> None:
    ways: dict[str, tuple[str, str, Callable[[int, str, str], Campaign]]] = {
        "submit": ("Ask for it to run", "It waits for a second person where one is needed, else it is scheduled.",
                   lambda number, by, comment: library.submit(number, by, comment)),
        "schedule": ("Let it start at its time", "Refused with 409 while a second person must say yes.",
                     lambda number, by, comment: library.schedule(number, by)),
        "unschedule": ("Make it a draft again", "As long as it has not started.", library.unschedule),
        "start": ("Let it run now", "Refused with 409 while a second person must say yes.",
                  lambda number, by, comment: library.start(number, by)),
        "pause": ("Pause it", "Nothing more leaves, within seconds.", library.pause),
        "resume": ("Let it go on", "With its newest plan; steps that failed are tried again.",
                   lambda number, by, comment: library.resume(number, by)),
        "cancel": ("End it", "What has not left never will.", library.cancel),
    }  # fmt: skip
    for name, (summary, words, way) in ways.items():
        _add_way(router, library, sender, name, summary, words, way)


def _add_way(
    router: APIRouter,
    library: CampaignLibrary,
    caller_of: Any,
    name: str,
    summary: str,
    words: str,
    way: Callable[[int, str, str], Campaign],
) -> None:
    def lead(campaign_id: Number, body: Words | None = None, caller: Caller = caller_of) -> Response:
        return _answer(library, way(campaign_id, caller.name, body.comment if body else ""))

    lead.__doc__, lead.__name__ = words, f"{name}_campaign"
    router.post(f"/{{campaign_id}}/{name}", summary=summary, responses=CAMPAIGN)(lead)


def _add_deciding(router: APIRouter, library: CampaignLibrary, approver: Any) -> None:
    yes, no = "Somebody else than who made or submitted the plan.", "With a comment; it is a draft again."
    _add_way(router, library, approver, "approve", "Say yes", yes, library.approve)
    _add_way(router, library, approver, "refuse", "Say no", no, library.refuse)


def _add_resending(router: APIRouter, library: CampaignLibrary, sender: Any) -> None:
    @router.post("/{campaign_id}/resend-failed", summary="Send again to whom it failed for")
    def resend(campaign_id: Number, caller: Caller = sender, idempotency_key: IdempotencyKey = "") -> Response:
        """Only what was refused or bounced; every gate is asked again."""

        def work() -> Response:
            campaign, now = library.get(campaign_id), library.clock.now()
            counts = resend_failed(library.store, campaign.programme, now, caller.name)
            return JSONResponse({"campaign_id": campaign_id, **vars(counts)})

        action = f"resend campaign {campaign_id}"
        return once(library.store, caller, action, idempotency_key, b"", work)


def _answer(library: CampaignLibrary, campaign: Campaign, status: int = 200) -> Response:
    found = campaign_json(campaign, library.decisions(campaign.campaign_id))
    headers = {"location": f"/api/campaigns/{campaign.campaign_id}"} if status == 201 else {}
    return JSONResponse(found, status, headers)
