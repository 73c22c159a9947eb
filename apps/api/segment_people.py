"""The doors to people in segments: members page by page, why somebody is in or not, and files to take away.

Belongs here: who may see whom, paging, and a line in the audit trail for each file. Stays out: who is a member
(`dmat/segments/desk.py`), columns (`people_columns.py`) and files (`export.py`).
Paging is by the number of the person: whoever stays a member while pages are read is on exactly one of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path as File
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from apps.api.segment_answers import person_json, plain, why_json
from apps.api.segment_examples import CONTACTS, FILES, WHY
from apps.api.segments import Key
from dmat.errors import InvalidInputError
from dmat.segments.desk import Desk, Ids
from dmat.segments.export import FORMATS, csv_lines, write_xlsx
from dmat.segments.people_columns import PersonColumn, choose_columns, read_people, stream_people
from dmat.segments.records import Segment
from dmat.store import Store
from dmat.store.access import Caller
from dmat.store.workspace_values import write_audit

MOST_CONTACTS = 1000
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
LARGEST_ID = 2**63 - 1

Fields = Annotated[str, Query(max_length=4000, description="keys of fields, separated by commas")]


def people_router(store: Store, desk: Desk) -> APIRouter:
    """/api/segments/{key}/contacts, /people/{person_id} and /export."""
    router = APIRouter(prefix="/api/segments", tags=["members"], route_class=Door, responses=REFUSALS)
    _add_contacts(router, desk, Depends(caller_with(store, "segments:read")))
    _add_why(router, desk, Depends(caller_with(store, "people:read")))
    _add_export(router, store, desk, Depends(caller_with(store, "people:export")))
    return router


def _add_contacts(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("/{key}/contacts", summary="Members, page by page", responses=CONTACTS)
    def contacts(
        key: Key,
        response: Response,
        caller: Caller = reader,
        fields: Fields = "",
        limit: Annotated[int, Query(ge=1, le=MOST_CONTACTS)] = 100,
        after: Annotated[str, Query(pattern=r"^\d{0,19}$", description="`next_after` of the page before")] = "",
    ) -> dict[str, Any]:
        """Members by the number of the person; personal fields for those who may see people."""
        response.headers.update(NO_STORE)
        segment = desk.library.get(key)
        columns = choose_columns(desk.catalogue(), _keys(fields), caller.may("people:read"))
        members = desk.members(segment)
        start = int(np.searchsorted(members, _person_number(after, "after"), side="right")) if after else 0
        page = members[start : start + limit]
        has_more = start + limit < len(members)
        return {
            "segment": segment.key, "version": segment.version, "total": len(members),
            "data_as_of": plain(desk.workspace.version.data_as_of),
            "contacts": [person_json(row, columns) for row in read_people(desk.workspace, page, columns)],
            "next_after": str(page[-1]) if has_more else None,
        }  # fmt: skip


def _add_why(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("/{key}/people/{person_id}", summary="Why somebody is in or not", responses=WHY)
    def why(
        key: Key, person_id: Annotated[str, Path(pattern=r"^\d{1,19}$")], _caller: Caller = reader
    ) -> dict[str, Any]:
        """Every clause of the rule with whether it holds for this person; of a static segment, as of now."""
        segment, number = desk.library.get(key), _person_number(person_id, "person_id")
        clause = desk.why(segment, number)
        is_member = number in desk.members(segment) if segment.kind == "static" else clause.is_true
        found = {"segment": segment.key, "version": segment.version, "person_id": person_id, "is_member": is_member}
        return found | {"clause": why_json(clause)}


def _add_export(router: APIRouter, store: Store, desk: Desk, taker: Any) -> None:
    @router.get("/{key}/export", summary="Members as a file", responses=FILES, response_class=Response)
    def export(
        key: Key,
        caller: Caller = taker,
        fields: Fields = "",
        format_: Annotated[str, Query(alias="format", pattern="^(csv|xlsx)$")] = "csv",
    ) -> Response:
        """All members with the fields that were asked for and their consents; the audit trail says who took them."""
        segment = desk.library.get(key)
        columns = choose_columns(desk.catalogue(), _keys(fields), caller.may("people:read"))
        members = desk.members(segment)
        _note(store, desk, caller, segment, format_, columns, len(members))
        headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{segment.key}.{format_}"'}
        if format_ == "csv":
            lines = csv_lines(stream_people(desk.workspace, members, columns), columns)
            return StreamingResponse(_encoded(lines), headers=headers, media_type=FORMATS["csv"])
        file = _workbook(desk, members, columns)
        return FileResponse(file, headers=headers, media_type=FORMATS["xlsx"], background=BackgroundTask(file.unlink))


def _note(
    store: Store, desk: Desk, caller: Caller, segment: Segment, format_: str, columns: list[PersonColumn], count: int
) -> None:
    """Written before the first byte leaves."""
    detail = {"format": format_, "fields": [column.key for column in columns], "people_count": count}
    with store.write() as connection:
        now = desk.workspace.settings.clock.now()
        write_audit(connection, now, caller.name, "segment exported", segment.key, version=segment.version, **detail)


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    for text in lines:
        yield text.encode()


def _workbook(desk: Desk, members: Ids, columns: list[PersonColumn]) -> File:
    with tempfile.NamedTemporaryFile(prefix="dmat-export-", suffix=".xlsx", delete=False) as made:
        file = File(made.name)
    write_xlsx(file, stream_people(desk.workspace, members, columns), columns)
    return file


def _keys(fields: str) -> list[str]:
    return [key.strip() for key in fields.split(",") if key.strip()]


def _person_number(text: str, field: str) -> int:
    number = int(text or "0")
    if number > LARGEST_ID:
        raise InvalidInputError(field, "this is no number of a person", f"0 to {LARGEST_ID}")
    return number
