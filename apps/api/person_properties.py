"""The doors to tags and values of people: which they have, giving and taking away.

Belongs here: who may, shapes of bodies and answers. Stays out: what a tag is and does (`dmat/journeys/properties.py`).
A tag that is given starts workflows with the trigger `tag_added`.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.campaign_answers import moment
from apps.api.faults import REFUSALS, Door
from dmat.errors import NotFoundError
from dmat.journeys.properties import TAG, VALUE, add_tag, read_properties, remove_tag, set_value
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

Person = Annotated[int, Path(ge=1, le=2**63 - 1, description="the person's number")]
Name = Annotated[str, Path(max_length=60)]


class ValueToSet(BaseModel):
    """A value of a person."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(max_length=500, description="empty: take it away")


def person_properties_router(settings: Settings, store: Store, desk: Desk) -> APIRouter:
    """/api/people/{id}/properties, /tags/{tag} and /values/{name}."""
    router = APIRouter(prefix="/api/people", tags=["people"], route_class=Door, responses=REFUSALS)
    reader, writer = Depends(caller_with(store, "people:read")), Depends(caller_with(store, "leads:write"))

    @router.get("/{person_id}/properties", summary="Tags and values of a person")
    def list_properties(person_id: Person, _caller: Caller = reader) -> dict[str, Any]:
        """What they have now, each with when and by whom."""
        return _shown(store, person_id)

    @router.put("/{person_id}/tags/{tag}", summary="Give a tag")
    def give_tag(person_id: Person, tag: Name, caller: Caller = writer) -> dict[str, Any]:
        """Whoever has it keeps it; given anew it starts workflows."""
        _refuse_unknown(desk, person_id)
        add_tag(store, person_id, tag, settings.clock.now(), caller.name)
        return _shown(store, person_id)

    @router.delete("/{person_id}/tags/{tag}", summary="Take a tag away")
    def take_tag(person_id: Person, tag: Name, caller: Caller = writer) -> dict[str, Any]:
        """Whoever does not have it is left as they are."""
        _refuse_unknown(desk, person_id)
        remove_tag(store, person_id, tag, settings.clock.now(), caller.name)
        return _shown(store, person_id)

    @router.put("/{person_id}/values/{name}", summary="Set a value")
    def put_value(person_id: Person, name: Name, body: ValueToSet, caller: Caller = writer) -> dict[str, Any]:
        """An empty value takes it away."""
        _refuse_unknown(desk, person_id)
        set_value(store, person_id, name, body.value, settings.clock.now(), caller.name)
        return _shown(store, person_id)

    return router


def _refuse_unknown(desk: Desk, person_id: int) -> None:
    """Stop a property of somebody whom nobody knows.

    Raises:
        NotFoundError: there is no such person.
    """
    if not desk.workspace.rows("select 1 from people.dim_people where person_id = ?", [person_id]):
        raise NotFoundError(f"there is no person {person_id}")


def _shown(store: Store, person_id: int) -> dict[str, Any]:
    found = read_properties(store, person_id)
    return {
        "person_id": person_id,
        "tags": [
            {"tag": each.name, "since": moment(each.changed_at), "by": each.changed_by}
            for each in found if each.kind == TAG
        ],
        "values": [
            {"name": each.name, "value": each.value, "since": moment(each.changed_at), "by": each.changed_by}
            for each in found if each.kind == VALUE
        ],
    }  # fmt: skip
