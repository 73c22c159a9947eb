"""The doors of coordination rules: what they did, and what they would do now.

Belongs here: requests and answers. Stays out: rules themselves (`dmat/campaigns/coordination.py`, `watching.py`); they
are changed with the plan.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.campaign_answers import moment
from apps.api.faults import REFUSALS, Door
from dmat.campaigns.library import CampaignLibrary
from dmat.campaigns.plan import parse_plan
from dmat.campaigns.watching import rule_log, try_rules
from dmat.segments.desk import Desk
from dmat.store import Store
from dmat.store.access import Caller

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the campaign's number")]


class RulesToTry(BaseModel):
    """Rules to try; without any, those of the campaign's newest plan."""

    model_config = ConfigDict(extra="forbid")

    rules: list[dict[str, Any]] | None = Field(None, max_length=50, description="as a plan holds them")


def campaign_rules_router(store: Store, desk: Desk, library: CampaignLibrary) -> APIRouter:
    """/api/campaigns/{id}/rules/log and /api/campaigns/{id}/rules/try."""
    router = APIRouter(prefix="/api/campaigns", tags=["campaigns"], route_class=Door, responses=REFUSALS)
    reader = Depends(caller_with(store, "campaigns:read"))

    @router.get("/{campaign_id}/rules/log", summary="What its rules did")
    def log(
        campaign_id: Number, limit: Annotated[int, Query(ge=1, le=1000)] = 200, _caller: Caller = reader
    ) -> dict[str, Any]:
        """The newest first; a dry run says what it would have done."""
        library.get(campaign_id)
        lines = rule_log(store, campaign_id, limit)
        return {"log": [{**asdict(line), "happened_at": moment(line.happened_at)} for line in lines]}

    @router.post("/{campaign_id}/rules/try", summary="What rules would do now")
    def try_them(campaign_id: Number, body: RulesToTry, _caller: Caller = reader) -> dict[str, Any]:
        """Measures and compares, and does nothing; a rule that is not in the plan can be tried before it is kept."""
        rules = library.get(campaign_id).plan.rules if body.rules is None else parse_plan({"rules": body.rules}).rules
        tried = try_rules(library.settings, store, desk.workspace, campaign_id, rules)
        return {"as_of": moment(library.clock.now()), "rules": [asdict(each) for each in tried]}

    return router
