"""The doors of rules: count one, check one, and what rules may be made of.

Belongs here: these questions, which name nobody unless the caller may see people. Stays out: answering them
(`dmat/segments`) and kept segments (`segments.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door, fault
from apps.api.segment_answers import (
    event_json,
    field_json,
    operators_json,
    overlap_json,
    person_json,
    plain,
    preview_json,
    regions_json,
)
from apps.api.segment_bodies import RuleToAnswer, SegmentsToCompare
from apps.api.segment_examples import EVENTS, FIELDS, OPERATORS, OVERLAP, PREVIEW, VALIDATE, VALUES
from dmat.errors import NotPermittedError
from dmat.segments.catalogue import Catalogue, example_values, freshness
from dmat.segments.desk import Desk
from dmat.segments.people_columns import choose_columns, read_people
from dmat.segments.rules import InvalidRuleError, as_document, json_schema
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_BODY = 2 * 1024 * 1024


def rules_router(store: Store, desk: Desk) -> APIRouter:
    """/api/segments/preview, /overlap and /rules/..."""
    router = APIRouter(
        prefix="/api/segments", tags=["rules"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    reader = Depends(caller_with(store, "segments:read"))
    _add_questions(router, desk, reader)
    _add_catalogue(router, desk, reader)
    _add_values(router, desk, reader)
    return router


def _add_questions(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.post("/preview", summary="Count a rule", responses=PREVIEW)
    def preview(body: RuleToAnswer, caller: Caller = reader) -> dict[str, Any]:
        """How many people a rule is true for, by lifecycle and country, reachable by channel, and some of them."""
        rule = desk.checked_rule(body.document, body.segment)
        counted = desk.preview(rule, body.sample if caller.may("people:read") else 0)
        return preview_json(counted) | {"sentence": desk.sentence(rule), "sample": _people(desk, counted.sample)}

    @router.post("/rules/validate", summary="Check a rule", responses=VALIDATE)
    def validate(body: RuleToAnswer, _caller: Caller = reader) -> dict[str, Any]:
        """Whether a rule can be read and fits the catalogue; each fault with its place and what is allowed there."""
        try:
            rule = desk.checked_rule(body.document, body.segment)
        except InvalidRuleError as error:
            return {"valid": False, "faults": [fault(*found) for found in error.faults], "rule": None, "sentence": ""}
        return {"valid": True, "faults": [], "rule": as_document(rule), "sentence": desk.sentence(rule)}

    @router.post("/overlap", summary="Compare segments", responses=OVERLAP)
    def overlap(body: SegmentsToCompare, _caller: Caller = reader) -> dict[str, Any]:
        """How many people are in exactly these of the segments and in none of the others, for each combination."""
        return overlap_json(desk.overlap(list(dict.fromkeys(body.segments))))


def _people(desk: Desk, numbers: Sequence[int]) -> list[dict[str, Any]]:
    columns = choose_columns(desk.catalogue(), (), sees_people=True)
    found = read_people(desk.workspace, np.array(numbers, np.int64), columns)
    return [person_json(row, columns) for row in found]


def _add_catalogue(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("/rules/operators", summary="Operators by type", responses=OPERATORS)
    def operators(_caller: Caller = reader) -> dict[str, Any]:
        """Every operator of each type with the value it takes; also measures of events, units of time, and regions."""
        return operators_json() | {"regions": regions_json(desk.catalogue())}

    @router.get("/rules/fields", summary="Fields of people", responses=FIELDS)
    def fields(_caller: Caller = reader) -> dict[str, Any]:
        """What can be asked of a person, with its type and operators."""
        catalogue = desk.catalogue()
        return {"fields": [field_json(found) for found in catalogue.fields.values()], "version": catalogue.version}

    @router.get("/rules/events", summary="Events and their properties", responses=EVENTS)
    def events(_caller: Caller = reader) -> dict[str, Any]:
        """What people do, with the properties that conditions may use, and the newest event of each kind."""
        catalogue = desk.catalogue()
        fresh = {key: freshness(desk.workspace, catalogue, key) for key in catalogue.events}
        found = [
            event_json(event) | {"newest_at": plain(fresh[key].newest_at), "data_as_of": plain(fresh[key].data_as_of)}
            for key, event in catalogue.events.items()
        ]
        return {"events": found, "version": catalogue.version}

    @router.get("/rules/schema", summary="JSON Schema of a rule")
    def schema(_caller: Caller = reader) -> dict[str, Any]:
        """For editors and generators; the catalogue decides on top which fields and operators there are."""
        return json_schema()


def _add_values(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("/rules/values", summary="Values that occur", responses=VALUES)
    def values(
        key: Annotated[str, Query(max_length=100, description="a field, or a property of `event`")],
        caller: Caller = reader,
        event: Annotated[str, Query(max_length=100)] = "",
        q: Annotated[str, Query(max_length=200, description="only values that contain this")] = "",
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        """The most frequent values with how many people or events have them; of personal fields for those who may."""
        catalogue = desk.catalogue()
        if _is_personal(catalogue, key, event) and not caller.may("people:read"):
            raise NotPermittedError(f"{key} is personal: this needs the scope people:read")
        found = example_values(desk.workspace, catalogue, key, event, limit, q)
        return {"key": key, "event": event, "values": [{"value": value.value, "count": value.count} for value in found]}


def _is_personal(catalogue: Catalogue, key: str, event: str) -> bool:
    place = catalogue.events[event].properties.get(key) if event in catalogue.events else catalogue.fields.get(key)
    return place is not None and place.is_personal
