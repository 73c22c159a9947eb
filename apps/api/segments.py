"""The doors of segments: list, make, look at, change, archive, delete.

Belongs here: who may do what and the order of steps. Stays out: rules and the library (`dmat/segments`), shapes of
bodies (`segment_bodies.py`) and answers (`segment_answers.py`), counting (`segment_rules.py`), people
(`segment_people.py`). The paths `/create` and `/{key}/update` do the same as the plain ones.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door, VersionMissingError
from apps.api.once import IdempotencyKey, once
from apps.api.segment_answers import etag_of, segment_json, version_json
from apps.api.segment_bodies import SegmentToChange, SegmentToMake
from apps.api.segment_examples import LIST, MADE, SEGMENT, VERSIONS
from dmat.errors import ConflictError
from dmat.segments.desk import Desk
from dmat.segments.library import Wanted
from dmat.segments.records import Segment
from dmat.segments.rows import overtaken
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_BODY = 2 * 1024 * 1024
MOST_LISTED = 500

Key = Annotated[str, Path(max_length=100, description="the segment's key")]
IfMatch = Annotated[str, Header(alias="If-Match", max_length=200, description="the ETag, or the version in quotes")]


def segments_router(store: Store, desk: Desk) -> APIRouter:
    """/api/segments and /api/segments/{key}."""
    router = APIRouter(
        prefix="/api/segments", tags=["segments"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    _add_looking(router, desk, Depends(caller_with(store, "segments:read")))
    _add_making(router, store, desk, Depends(caller_with(store, "segments:write")))
    _add_changing(router, desk, Depends(caller_with(store, "segments:write")))
    return router


def _add_looking(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("", summary="List segments", responses=LIST)
    def list_segments(
        _caller: Caller = reader,
        q: Annotated[str, Query(max_length=200, description="words in name, key or description")] = "",
        state: Annotated[str, Query(pattern="^(active|archived|all)$")] = "active",
        kind: Annotated[str | None, Query(pattern="^(dynamic|static)$")] = None,
        folder: Annotated[str | None, Query(max_length=200)] = None,
        tag: Annotated[str | None, Query(max_length=60)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
        after: Annotated[str, Query(max_length=100, description="`next_after` of the page before")] = "",
    ) -> dict[str, Any]:
        """Segments by key, with the size at their last evaluation."""
        wanted = Wanted(state=None if state == "all" else state, kind=kind, folder=folder, tag=tag, text=q)
        found = sorted(desk.library.list(wanted), key=lambda segment: segment.key)
        later = [segment for segment in found if segment.key > after]
        return {
            "segments": [segment_json(segment) for segment in later[:limit]],
            "total": len(found),
            "next_after": later[limit - 1].key if len(later) > limit else None,
        }

    @router.get("/{key}", summary="One segment", responses=SEGMENT)
    def get_segment(key: Key, _caller: Caller = reader) -> Response:
        """Its card, its rule as a tree and as a sentence, who uses it, and its ETag."""
        return _answer(desk, desk.library.get(key))

    @router.get("/{key}/versions", summary="Versions of its rule", responses=VERSIONS)
    def get_versions(key: Key, _caller: Caller = reader) -> dict[str, Any]:
        """Every version with who made it, when and why; the newest first."""
        versions = desk.library.versions(key)
        return {"versions": [version_json(version, desk.sentence(version.rule)) for version in versions]}


def _add_making(router: APIRouter, store: Store, desk: Desk, writer: Any) -> None:
    @router.post("/create", status_code=201, summary="Make a segment (path of the PRD)", responses=MADE)
    @router.post("", status_code=201, summary="Make a segment", responses=MADE)
    def make_segment(body: SegmentToMake, caller: Caller = writer, idempotency_key: IdempotencyKey = "") -> Response:
        """The rule is checked against the catalogue; `rules` may hold the flat format instead."""
        given = body.model_dump_json().encode()
        return once(store, caller, "make segment", idempotency_key, given, lambda: _made(desk, body, caller))


def _made(desk: Desk, body: SegmentToMake, caller: Caller) -> Response:
    rule = desk.read_rule(body.document)
    segment = desk.library.create(
        name=body.name, rule=rule, by=caller.name, key=body.key, kind=body.wanted_kind, description=body.description,
        folder=body.folder, tags=body.tags, note=body.note,
    )  # fmt: skip
    return _answer(desk, segment, 201)


def _add_changing(router: APIRouter, desk: Desk, writer: Any) -> None:
    @router.put("/{key}/update", summary="Change a segment (path of the PRD)", responses=SEGMENT)
    @router.put("/{key}", summary="Change a segment", responses=SEGMENT)
    def change_segment(key: Key, body: SegmentToChange, caller: Caller = writer, if_match: IfMatch = "") -> Response:
        """What is left out stays. Say which version you change, by `version` or If-Match; 409 if there is another."""
        segment = desk.library.get(key)
        expected = _check_version(segment, body.version, if_match)
        rule = None if body.document is None else desk.read_rule(body.document)
        changed = desk.library.update(key, by=caller.name, note=body.note, expected=expected, rule=rule, **body.card)
        return _answer(desk, changed)

    @router.post("/{key}/archive", summary="Put a segment aside", responses=SEGMENT)
    def archive_segment(key: Key, caller: Caller = writer) -> Response:
        """It has no members any more and no rule may name it; refused with 409 while others use it."""
        return _answer(desk, desk.library.archive(key, caller.name))

    @router.post("/{key}/restore", summary="Take a segment back", responses=SEGMENT)
    def restore_segment(key: Key, caller: Caller = writer) -> Response:
        """Its rule must still fit the catalogue."""
        return _answer(desk, desk.library.restore(key, caller.name))

    @router.delete("/{key}", status_code=204, summary="Delete a segment")
    def delete_segment(key: Key, caller: Caller = writer) -> None:
        """Refused with 409 while others use it; past memberships stay readable."""
        desk.library.delete(key, caller.name)


def _check_version(segment: Segment, version: int | None, if_match: str) -> str:
    """Refuse a change that was made on another state than the present one; gives the state to write upon."""
    tags = {part.strip().removeprefix("W/") for part in if_match.split(",") if part.strip()}
    if version is None and not tags:
        raise VersionMissingError("version", "say which version you change", f"{segment.version} here, or If-Match")
    is_present = version in (None, segment.version)
    matches = not tags or "*" in tags or bool(tags & {etag_of(segment), f'"{segment.version}"', str(segment.version)})
    if not (is_present and matches):
        raise ConflictError(overtaken(segment))
    return segment.mark


def _answer(desk: Desk, segment: Segment, status: int = 200) -> Response:
    found = segment_json(segment, desk.sentence(segment.rule), desk.library.used_by(segment.key))
    headers = {"ETag": etag_of(segment)}
    if status == 201:
        headers["Location"] = f"/api/segments/{segment.key}"
    return JSONResponse(found, status, headers)
