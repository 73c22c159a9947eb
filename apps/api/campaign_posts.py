"""The doors of posts of a campaign that wait for a person: published by hand, or to be tried again.

Belongs here: requests and answers. Stays out: publishing (`dmat/campaigns/posting.py`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from dmat.campaigns.posting import note_post, try_again
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the campaign's number")]
StepKey = Annotated[str, Path(max_length=100, description="the step's key")]


class Address(BaseModel):
    """Where a post is."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, description="https://...")


def campaign_posts_router(settings: Settings, store: Store) -> APIRouter:
    """/api/campaigns/{id}/steps/{step}/posted and /api/campaigns/{id}/steps/{step}/post-again."""
    router = APIRouter(prefix="/api/campaigns", tags=["campaigns"], route_class=Door, responses=REFUSALS)
    sender = Depends(caller_with(store, "campaigns:send"))

    @router.post("/{campaign_id}/steps/{step}/posted", status_code=204, summary="Say where a post was published")
    def posted(campaign_id: Number, step: StepKey, body: Address, caller: Caller = sender) -> None:
        """For a post that a person published; refused with 409 when the step does not wait for that."""
        note_post(settings, store, campaign_id, step, body.url, caller.name)

    @router.post("/{campaign_id}/steps/{step}/post-again", status_code=202, summary="Publish a post by itself again")
    def again(campaign_id: Number, step: StepKey, caller: Caller = sender) -> dict[str, str]:
        """Look first that it is not there: a post whose answer was lost may have been published."""
        try_again(settings, store, campaign_id, step, caller.name)
        return {"state": "waiting"}

    return router
