"""The doors of routing: sales reps, rules, who has a lead, handing over by hand, figures for the manager.

Belongs here: who may do what. Stays out: rules and decisions (`dmat/routing`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from apps.api.callers import caller_with
from apps.api.campaign_bodies import Body
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import zulu
from dmat.routing.answering import accept, claim, reject, require_own
from dmat.routing.assigning import Assignment, assign_lead, assignments_of, give_to
from dmat.routing.figures import desk_figures
from dmat.routing.plan import keep_plan, read_plan, routing_schema
from dmat.routing.reps import put_rep, read_reps
from dmat.scoring.pushing import pushes_of
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.warehouse import Workspace

LARGEST_BODY = 512 * 1024
MOMENTS = ("assigned_at", "respond_by", "accepted_at", "contacted_at", "ended_at")

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the lead's number")]
RepKey = Annotated[str, Path(max_length=60, description="key of the sales rep")]


class RulesToKeep(Body):
    """A new version of the rules."""

    plan: Annotated[dict[str, Any], Field(description="GET /api/routing/schema says what it may say")]
    version: int | None = Field(None, ge=0, description="the version that you change")
    note: Annotated[str, Field(max_length=500)] = ""


class Rejection(Body):
    """Why a rep gives a lead back."""

    reason: Annotated[str, Field(max_length=40, description="territory, industry, no_time, known or other")]
    words: Annotated[str, Field(max_length=300)] = ""


class RepToGive(Body):
    """Who gets the lead; without one the rules decide."""

    rep: Annotated[str, Field(max_length=60)] = ""


def routing_router(settings: Settings, store: Store, view: Workspace) -> APIRouter:
    """/api/routing, /api/sales-reps and /api/leads/{id}/assignments."""
    router = APIRouter(
        prefix="/api", tags=["routing"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    reader, manager = Depends(caller_with(store, "leads:read")), Depends(caller_with(store, "leads:route"))
    _add_rules(router, settings, store, reader, manager)
    _add_reps(router, settings, store, reader, manager)
    _add_assignments(router, settings, store, view, reader, manager)
    _add_answers(router, settings, store, view, Depends(caller_with(store, "leads:write")))
    return router


def _add_rules(router: APIRouter, settings: Settings, store: Store, reader: Any, manager: Any) -> None:
    @router.get("/routing", summary="The rules that apply")
    def get_rules(_caller: Caller = reader) -> dict[str, Any]:
        """Version 0 is the one that is delivered."""
        with store.read() as connection:
            version, plan = read_plan(connection)
        return {"version": version, "plan": plan.model_dump(mode="json")}

    @router.get("/routing/schema", summary="What rules may say")
    def get_schema(_caller: Caller = reader) -> dict[str, Any]:
        """The JSON Schema of a plan."""
        return routing_schema()

    @router.put("/routing", summary="Change the rules")
    def put_rules(body: RulesToKeep, caller: Caller = manager) -> dict[str, Any]:
        """A new version, which applies from now on; leads that are given stay where they are."""
        now = settings.clock.now()
        version, plan = keep_plan(store, body.plan, now, caller.name, body.note, body.version)
        return {"version": version, "plan": plan.model_dump(mode="json")}


def _add_reps(router: APIRouter, settings: Settings, store: Store, reader: Any, manager: Any) -> None:
    @router.get("/sales-reps", summary="Sales reps")
    def list_reps(_caller: Caller = reader) -> dict[str, Any]:
        """Everybody, with territories, hours and capacity."""
        with store.read() as connection:
            return {"reps": [rep.model_dump(mode="json") for rep in read_reps(connection)]}

    @router.get("/sales-reps/figures", summary="Load and answers")
    def get_figures(_caller: Caller = reader, days: Annotated[int, Query(ge=1, le=366)] = 30) -> dict[str, Any]:
        """How much each rep and team has, how fast they answer, what became of their leads."""
        return asdict(desk_figures(store, settings.clock.now(), days))

    @router.put("/sales-reps/{rep_key}", summary="Make or change a sales rep")
    def keep_rep(rep_key: RepKey, body: dict[str, Any], caller: Caller = manager) -> dict[str, Any]:
        """In place of one with the same key; `is_active: false` lets nothing more come."""
        rep = put_rep(store, {**body, "rep_key": rep_key}, settings.clock.now(), caller.name)
        return rep.model_dump(mode="json")


def _add_assignments(
    router: APIRouter, settings: Settings, store: Store, view: Workspace, reader: Any, manager: Any
) -> None:
    @router.get("/leads/{lead_id}/assignments", summary="Who had a lead, and why")
    def get_assignments(lead_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """The newest first, each with its explanation; and what was pushed to Slack and the CRM."""
        found = [assignment_json(each) for each in assignments_of(store, lead_id)]
        pushes = [{**row, "created_at": zulu(row["created_at"]), "done_at": zulu(row["done_at"])}
                  for row in pushes_of(store, lead_id)]  # fmt: skip
        return {"assignments": found, "pushes": pushes}

    @router.post("/leads/{lead_id}/assign", summary="Hand a lead over now")
    def assign(lead_id: Number, body: RepToGive | None = None, caller: Caller = manager) -> dict[str, Any]:
        """By the rules, or to a named rep beyond rules and capacity."""
        now, rep = settings.clock.now(), body.rep if body else ""
        if rep:
            return assignment_json(give_to(settings, store, view, lead_id, rep, now, caller.name))
        return assignment_json(assign_lead(settings, store, view, lead_id, now, caller.name))


def _add_answers(router: APIRouter, settings: Settings, store: Store, view: Workspace, writer: Any) -> None:
    @router.post("/leads/{lead_id}/accept", summary="Take a lead on")
    def accept_lead(lead_id: Number, caller: Caller = writer) -> dict[str, Any]:
        """By the rep who has it (or a manager); stops the clock of answers."""
        require_own(store, lead_id, caller)
        return assignment_json(accept(store, lead_id, settings.clock.now(), caller.name))

    @router.post("/leads/{lead_id}/reject", summary="Give a lead back")
    def reject_lead(lead_id: Number, body: Rejection, caller: Caller = writer) -> dict[str, Any]:
        """The rules decide anew, without whoever gave it back; the answer is where it goes."""
        require_own(store, lead_id, caller)
        now = settings.clock.now()
        return assignment_json(reject(settings, store, view, lead_id, body.reason, now, caller.name, body.words))

    @router.post("/leads/{lead_id}/claim", summary="Take a lead out of the queue or the pool")
    def claim_lead(lead_id: Number, caller: Caller = writer) -> dict[str, Any]:
        """By a rep for themselves, while nobody has it."""
        return assignment_json(claim(settings, store, view, lead_id, settings.clock.now(), caller.name))


def assignment_json(assignment: Assignment) -> dict[str, Any]:
    """An assignment as it is answered."""
    return {**asdict(assignment), **{name: zulu(getattr(assignment, name)) for name in MOMENTS}}
