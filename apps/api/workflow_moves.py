"""The doors of what is about to happen in a workflow: what leaves if it goes on now, and moving its members.

Belongs here: shapes of bodies and answers, who may. Stays out: trying it out (`dmat/journeys/resuming.py`), the move
(`dmat/journeys/moving.py`), the other doors of workflows (`workflows.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.campaign_answers import moment
from apps.api.faults import REFUSALS, Door
from dmat.journeys.entries import Source
from dmat.journeys.moving import MovePreview, move, preview_move
from dmat.journeys.resuming import OnResume, will_be_sent_on_resume
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_BODY = 64 * 1024
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the workflow's number")]
StepKey = Annotated[str, Field(max_length=60)]
_COUNTED = ("planned", "over", "taken_back", "refused", "messages", "actions", "stopped")


class MoveToMake(BaseModel):
    """Who is moved to the version that people enter, and where they go on."""

    model_config = ConfigDict(extra="forbid")

    places: dict[StepKey, StepKey] = Field({}, max_length=200, description="step -> step of the new version, end, stay")
    from_versions: list[Annotated[int, Field(ge=1)]] = Field([], max_length=200, description="empty: all older ones")
    reason: str = Field("", max_length=500)


def workflow_moves_router(settings: Settings, store: Store, desk: Desk) -> APIRouter:
    """/api/workflows/{id}/outlook and /api/workflows/{id}/moves."""
    router = APIRouter(
        prefix="/api/workflows", tags=["workflows"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    source = Source(settings, store, desk)
    reader = Depends(caller_with(store, "campaigns:read"))
    sender = Depends(caller_with(store, "campaigns:send"))

    @router.get("/{workflow_id}/outlook", summary="What leaves if it goes on now")
    def get_outlook(workflow_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """The next look, tried out: nothing is written and nothing is sent."""
        return _outlook(will_be_sent_on_resume(source, workflow_id))

    @router.post("/{workflow_id}/moves/preview", summary="What moving its members would do")
    def preview(workflow_id: Number, body: MoveToMake, _caller: Caller = reader) -> dict[str, Any]:
        """Members of older versions, by step, and what would become of them; nothing is written."""
        return _preview(preview_move(source, workflow_id, body.places, from_versions=body.from_versions))

    @router.post("/{workflow_id}/moves", summary="Move its members to the version that people enter")
    def make_move(workflow_id: Number, body: MoveToMake, caller: Caller = sender) -> dict[str, Any]:
        """Who is due now goes on in their version first; moving again takes them too."""
        return asdict(move(source, workflow_id, caller.name, body.places, body.from_versions, body.reason))

    return router


def _outlook(found: OnResume) -> dict[str, Any]:
    counts = {name: dict(sorted(getattr(found, name).items())) for name in _COUNTED}
    return counts | {
        "at": moment(found.at), "message_count": found.message_count, "due": found.due, "looked_at": found.looked_at,
        "is_whole": found.is_whole, "entering": found.entering, "leaving": found.leaving, "held_out": found.held_out,
        "waiting_for_quiet_hours": found.quiet, "waiting_for_the_cap": found.capped, "cost_micros": found.cost_micros,
        "cost_currency": found.cost_currency,
    }  # fmt: skip


def _preview(found: MovePreview) -> dict[str, Any]:
    return {
        "to_version": found.to_version, "is_possible": found.is_possible, "busy": found.busy, "moving": found.moving,
        "places": [asdict(place) for place in found.places],
    }  # fmt: skip
