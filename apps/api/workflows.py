"""The doors of workflows and journeys: make, list, look at, switch on and off, let somebody enter, what they did.

Belongs here: who may do what, shapes of bodies and answers. Stays out: what a journey may say (`dmat/journeys`).

A workflow has one trigger and one action; a journey (`definition`) has as many steps as it needs. Both are the same
thing and have the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.api.callers import caller_with
from apps.api.campaign_answers import moment
from apps.api.faults import REFUSALS, Door, fault, faults_of
from apps.api.once import IdempotencyKey, once
from dmat.campaigns.checking import Finding
from dmat.errors import InvalidInputError, InvalidRuleError, NotPublishedError
from dmat.journeys.checking import check_definition, refuse_unfit
from dmat.journeys.definition import Definition, as_document, journey_schema, parse_definition
from dmat.journeys.entries import Source
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.members import REFUSED, count_standing
from dmat.journeys.records import Journey
from dmat.journeys.workflows import read_executions, workflow_definition, workflow_place
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.store.message_tables import message_templates

LARGEST_BODY = 512 * 1024
STATUS_SHOWN = {"live": "active"}
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the workflow's number")]


class WorkflowToMake(BaseModel):
    """A trigger and an action, or a whole definition."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200)
    trigger_type: str = Field("", max_length=40)
    trigger_condition: dict[str, Any] = {}
    action_type: str = Field("", max_length=40)
    action_data: dict[str, Any] = {}
    definition: dict[str, Any] | None = Field(None, description="a journey instead (see /api/workflows/schema)")
    status: str = Field("active", pattern="^(active|draft)$", description="draft: keep it without switching it on")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> WorkflowToMake:
        if self.definition is None and not (self.name and self.trigger_type and self.action_type):
            raise ValueError("a workflow has name, trigger_type and action_type, or a definition")
        return self


class StatusToSet(BaseModel):
    """What it is to be from now on."""

    model_config = ConfigDict(extra="forbid")

    status: str = Field(pattern="^(active|paused|archived)$")
    reason: str = Field("", max_length=500)


class EntryToMake(BaseModel):
    """Somebody who enters a journey that another system starts."""

    model_config = ConfigDict(extra="forbid")

    person_id: int = Field(ge=1, le=2**63 - 1)
    entry_key: str = Field(min_length=1, max_length=180, description="the same key enters once")
    values: dict[str, Any] = {}


def workflows_router(settings: Settings, store: Store, desk: Desk) -> APIRouter:
    """/api/workflows and /api/workflows/{id}."""
    router = APIRouter(
        prefix="/api/workflows", tags=["workflows"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    library = JourneyLibrary(Source(settings, store, desk))
    _add_looking(router, library, Depends(caller_with(store, "campaigns:read")))
    _add_making(router, library, Depends(caller_with(store, "campaigns:write")))
    _add_leading(router, library, Depends(caller_with(store, "campaigns:send")))
    return router


def _add_looking(router: APIRouter, library: JourneyLibrary, reader: Any) -> None:
    @router.get("", summary="List workflows")
    def list_workflows(
        _caller: Caller = reader, status: Annotated[str, Query(pattern="^$|^(active|paused|draft|archived)$")] = ""
    ) -> dict[str, Any]:
        """Workflows and journeys by name."""
        wanted = "live" if status == "active" else status
        return {"workflows": [_card(journey) for journey in library.list(wanted)]}

    @router.get("/schema", summary="What a journey may say")
    def get_schema(_caller: Caller = reader) -> dict[str, Any]:
        """The JSON Schema of a definition."""
        return journey_schema()

    @router.get("/{workflow_id}", summary="One workflow")
    def get_workflow(workflow_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """Its card, its newest definition, and how many stand where."""
        return _whole(library, library.get(workflow_id))

    @router.get("/{workflow_id}/executions", summary="What it did")
    def get_executions(
        workflow_id: Number, _caller: Caller = reader, limit: Annotated[int, Query(ge=1, le=500)] = 20
    ) -> dict[str, Any]:
        """Entries of people, the newest first; `success_rate` is of those that ended, null when none did."""
        journey = library.get(workflow_id)
        found = read_executions(library.store, journey.journey_id, journey.programme, limit)
        rate = found.success_rate
        return {
            "workflow_id": workflow_id,
            "total_executions": found.total,
            "successful": found.successful,
            "failed": found.failed,
            "success_rate": None if rate is None else round(rate, 4),
            "recent_executions": [
                {"execution_id": each.execution_id, "lead_id": each.lead_id, "person_id": each.person_id,
                 "triggered_at": moment(each.triggered_at), "status": each.status}
                for each in found.recent
            ],
        }  # fmt: skip


def _add_making(router: APIRouter, library: JourneyLibrary, writer: Any) -> None:
    @router.post("", status_code=201, summary="Make a workflow")
    def create_workflow(
        body: WorkflowToMake, caller: Caller = writer,
        idempotency_key: IdempotencyKey = "",
    ) -> Response:  # fmt: skip
        """It is switched on at once, unless `status` is `draft`; that needs the right to send as well. What cannot run
        is not kept; `warnings` says what is worth a second look.
        """
        if body.status == "active":
            caller.require("campaigns:send")
        return once(
            library.store, caller, "create workflow", idempotency_key, body.model_dump_json().encode(),
            lambda: _create(library, body, caller),
        )  # fmt: skip

    @router.post("/check", summary="Check a workflow")
    def check_workflow(body: WorkflowToMake, _caller: Caller = writer) -> dict[str, Any]:
        """Could it run? `faults` keep it from running, `warnings` do not; nothing is kept."""
        try:
            told = _told(_look(library, _definition(library, body)), body)
        except InvalidInputError as error:
            told = {"faults": faults_of(_as_asked(error, body)), "warnings": []}
        return {"could_run": not told["faults"]} | told

    @router.put("/{workflow_id}", summary="Change a workflow")
    def change_workflow(
        workflow_id: Number, body: dict[str, Any], caller: Caller = writer,
        version: Annotated[int | None, Query(ge=1, description="the version that was changed")] = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A new version of its definition; who is in an older one stays there until it ends. What keeps it from being
        switched on is in `faults`, what is worth a second look in `warnings`.
        """
        journey, definition = library.get(workflow_id), parse_definition(body)
        library.change(journey.key, definition, caller.name, expected=version)
        return _whole(library, library.get(workflow_id)) | _told(_look(library, definition))


def _add_leading(router: APIRouter, library: JourneyLibrary, sender: Any) -> None:
    @router.post("/{workflow_id}/status", summary="Switch on, pause, archive")
    def set_status(workflow_id: Number, body: StatusToSet, caller: Caller = sender) -> dict[str, Any]:
        """Active: on, with the newest version; a paused one goes on with its own."""
        journey = library.get(workflow_id)
        if body.status == "active":
            is_new = journey.status != "paused" or journey.live_version != journey.version
            changed = library.start(journey.key, caller.name) if is_new else library.resume(journey.key, caller.name)
        elif body.status == "paused":
            changed = library.pause(journey.key, caller.name, body.reason)
        else:
            changed = library.archive(journey.key, caller.name)
        return _card(changed)

    @router.post("/{workflow_id}/entries", status_code=202, summary="Let somebody enter")
    def enter(workflow_id: Number, body: EntryToMake, caller: Caller = sender) -> dict[str, Any]:
        """For journeys whose trigger is `api`; the same entry_key enters once."""
        journey = library.get(workflow_id)
        is_new = library.enter(journey.key, body.person_id, body.entry_key, caller.name, body.values)
        return {"entry_key": body.entry_key, "is_new": is_new}


def _create(library: JourneyLibrary, body: WorkflowToMake, caller: Caller) -> Response:
    try:
        definition = _definition(library, body)
        if body.status == "active":
            refuse_unfit(library.source, definition)
        made = library.create(definition, caller.name, note="by the API")
        if body.status == "active":
            made = library.start(made.key, caller.name)
    except InvalidInputError as error:
        raise _as_asked(error, body) from None
    told = _told(_look(library, definition), body)
    return JSONResponse(_card(made) | told, 201, headers={"Location": f"/api/workflows/{made.journey_id}"})


def _look(library: JourneyLibrary, definition: Definition) -> list[Finding]:
    """What is to be said about a definition, also before there are tables to ask."""
    try:
        return check_definition(library.source, definition)
    except NotPublishedError:
        return [Finding("journey", "nothing is published yet: events and fields are not checked", is_blocking=False)]


def _told(found: Sequence[Finding], body: WorkflowToMake | None = None) -> dict[str, Any]:
    said = [(each.is_blocking, fault(_place(each.place, body), each.what, each.allowed)) for each in found]
    return {
        "faults": [each for is_blocking, each in said if is_blocking],
        "warnings": [each for is_blocking, each in said if not is_blocking],
    }


def _as_asked(error: InvalidInputError, body: WorkflowToMake) -> InvalidInputError:
    """The same refusal, with the places of the body that was sent."""
    faults = error.faults if isinstance(error, InvalidRuleError) else [(error.field, error.problem, error.allowed)]
    return InvalidRuleError([(_place(path, body), what, allowed) for path, what, allowed in faults])


def _place(place: str, body: WorkflowToMake | None) -> str:
    return place if body is None or body.definition is not None else workflow_place(place)


def _definition(library: JourneyLibrary, body: WorkflowToMake) -> Definition:
    if body.definition is not None:
        return parse_definition(body.definition)

    def template_of(given: Any) -> str:
        if isinstance(given, bool) or not isinstance(given, (int, str)):
            raise InvalidInputError("action_data.template_id", f"{given!r} is none", "key or number of a template")
        return _template_key(library, given)

    return workflow_definition(
        body.name, body.trigger_type, body.trigger_condition, body.action_type, body.action_data, template_of
    )


def _template_key(library: JourneyLibrary, given: int | str) -> str:
    """The key of a template, given by key or number."""
    if isinstance(given, str) and not given.isdigit():
        return given
    with library.store.read() as connection:
        query = sa.select(message_templates.c.key).where(message_templates.c.template_id == int(given))
        found = connection.execute(query).scalar()
    if found:
        return str(found)
    raise InvalidInputError("action_data.template_id", f"there is no template {given}", "key of a template")


def _card(journey: Journey) -> dict[str, Any]:
    return {
        "id": journey.journey_id, "key": journey.key, "name": journey.name,
        "status": STATUS_SHOWN.get(journey.status, journey.status), "version": journey.version,
        "created_at": moment(journey.created_at),
    }  # fmt: skip


def _whole(library: JourneyLibrary, journey: Journey) -> dict[str, Any]:
    version = library.version(journey.key)
    with library.store.read() as connection:
        standing = count_standing(connection, journey.journey_id)
    members = [
        {"version": number, "status": status, "step": step, "count": count}
        for (number, status, step), count in sorted(standing.items()) if status != REFUSED
    ]  # fmt: skip
    return _card(journey) | {
        "live_version": journey.live_version, "status_reason": journey.status_reason,
        "definition": as_document(version.definition), "members": members,
    }  # fmt: skip
