"""The doors of leads: take in, look at, note what they did, status, history; and the score matrix.

Belongs here: who may do what and the order of steps. Stays out: rules (`dmat/scoring`), shapes (`lead_bodies.py`),
handing leads over (`routing.py`).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import (
    ActivityToNote,
    LeadToMake,
    RuleToChange,
    StatusToSet,
    lead_json,
    made_json,
    noted_json,
    zulu,
)
from apps.api.once import IdempotencyKey, once
from dmat.routing.answering import require_own
from dmat.routing.lists import all_leads
from dmat.scoring.alerts import note_scores
from dmat.scoring.leads import get_lead as find_lead
from dmat.scoring.leads import history_of, set_status, take_in
from dmat.scoring.live import note_activity, score_of
from dmat.scoring.matrix import Rule, change_rule, read_matrix, reset_rule
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.store.tokens import MACHINE
from dmat.warehouse import Workspace

MOST_LISTED = 500

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the lead's number")]
Action = Annotated[str, Path(max_length=60, description="an action of the matrix")]


def leads_router(settings: Settings, store: Store, view: Workspace) -> APIRouter:
    """/api/leads, /api/leads/{id} and /api/score-rules."""
    router = APIRouter(prefix="/api", tags=["leads"], route_class=Door, responses=REFUSALS, max_body_size=64 * 1024)
    reader, writer = Depends(caller_with(store, "leads:read")), Depends(caller_with(store, "leads:write"))
    _add_taking_in(router, settings, store, view, writer)
    _add_looking(router, settings, store, view, reader)
    _add_doing(router, settings, store, view, writer)
    _add_matrix(router, settings, store, reader, Depends(caller_with(store, "leads:route")))
    return router


def _add_taking_in(router: APIRouter, settings: Settings, store: Store, view: Workspace, writer: Any) -> None:
    @router.post("/leads", status_code=201, summary="Take a lead in")
    def make_lead(body: LeadToMake, caller: Caller = writer, idempotency_key: IdempotencyKey = "") -> Response:
        """201 for a new one; 200 for an address that is known, whose empty fields are filled in."""

        def make() -> Response:
            now = settings.clock.now()
            lead, is_new = take_in(store, body.model_dump(), now, caller.name)
            score = score_of(store, view, lead.lead_id, now)
            note_scores(settings, store, [score], now)
            headers = {"location": f"/api/leads/{lead.lead_id}"}
            return JSONResponse(made_json(lead, score), 201 if is_new else 200, headers)

        return once(store, caller, "take in a lead", idempotency_key, body.model_dump_json().encode(), make)


def _add_looking(router: APIRouter, settings: Settings, store: Store, view: Workspace, reader: Any) -> None:
    @router.get("/leads", summary="List leads")
    def list_all(
        _caller: Caller = reader,
        status: Annotated[str, Query(max_length=20)] = "",
        assigned_to: Annotated[str, Query(max_length=100)] = "",
        q: Annotated[str, Query(max_length=200, description="words in name, address or company")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> dict[str, Any]:
        """The hottest first."""
        found = all_leads(store, view, settings.clock.now(), q, status, assigned_to, limit)
        return {"leads": [{**made_json(each.lead, each.score), "band": each.score.band, "name": each.lead.name,
                           "assigned_to": each.lead.assigned_to} for each in found]}  # fmt: skip

    @router.get("/leads/{lead_id}", summary="One lead")
    def get_lead(lead_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """Its score now, the points that it is the sum of, in words, and what it did."""
        score = score_of(store, view, lead_id, settings.clock.now())
        with store.read() as connection:
            return lead_json(find_lead(connection, lead_id), score)

    @router.get("/leads/{lead_id}/history", summary="What happened to a lead")
    def get_history(lead_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """The newest first."""
        with store.read() as connection:
            find_lead(connection, lead_id)
        rows = history_of(store, lead_id)
        return {"history": [{**row, "happened_at": zulu(row["happened_at"])} for row in rows]}


def _add_doing(router: APIRouter, settings: Settings, store: Store, view: Workspace, writer: Any) -> None:
    @router.post("/leads/{lead_id}/score", summary="Note what a lead did")
    def score_lead(
        lead_id: Number, body: ActivityToNote, caller: Caller = writer, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """The score before and after; sales is told at once when it crosses 50."""

        def work() -> Response:
            noted = note_activity(
                store, view, lead_id, body.activity_type, settings.clock.now(), caller.name, reason=body.reason,
                points=body.points, occurred_at=body.occurred_at,
            )  # fmt: skip
            note_scores(settings, store, [noted.before, noted.after], settings.clock.now())
            return JSONResponse(noted_json(noted))

        action = f"score lead {lead_id}"
        return once(store, caller, action, idempotency_key, body.model_dump_json().encode(), work)

    @router.post("/leads/{lead_id}/status", summary="Say where sales is with a lead")
    def change_status(lead_id: Number, body: StatusToSet, caller: Caller = writer) -> dict[str, Any]:
        """contacted, qualified, won or lost; the first one stops the clock of its assignment.

        Whoever is signed in and may not route says so of their own leads; a machine's token of all.
        """
        if not caller.name.startswith(MACHINE):
            require_own(store, lead_id, caller)
        lead = set_status(store, lead_id, body.status, settings.clock.now(), caller.name, body.reason)
        return {"id": lead.lead_id, "status": lead.status, "status_at": zulu(lead.status_at)}


def _add_matrix(router: APIRouter, settings: Settings, store: Store, reader: Any, manager: Any) -> None:
    @router.get("/score-rules", summary="The score matrix")
    def get_matrix(_caller: Caller = reader) -> dict[str, Any]:
        """Every line as it applies here."""
        with store.read() as connection:
            return {"rules": [rule_json(rule) for rule in read_matrix(connection).values()]}

    @router.put("/score-rules/{action}", summary="Change a line of the matrix")
    def put_rule(action: Action, body: RuleToChange, caller: Caller = manager) -> dict[str, Any]:
        """Scores follow with the next build of the tables; live scores at once where the tables do not know more."""
        changed = change_rule(store, action, settings.clock.now(), caller.name, **body.model_dump())
        return rule_json(changed)

    @router.delete("/score-rules/{action}", summary="Let a line be as it was delivered")
    def delete_rule(action: Action, caller: Caller = manager) -> dict[str, Any]:
        """Back to the seed."""
        return rule_json(reset_rule(store, action, settings.clock.now(), caller.name))


def rule_json(rule: Rule) -> dict[str, Any]:
    """A line of the matrix."""
    names = ("action", "label", "source", "pattern", "points", "half_life_days", "activity_type", "is_active")
    return {name: getattr(rule, name) for name in (*names, "is_changed")}
