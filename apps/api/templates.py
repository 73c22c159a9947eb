"""The doors of templates: list, make, look at, change, archive; preview as a person, check, send a test.

Belongs here: who may do what and the order of steps. Stays out: templates (`dmat/messages`), shapes
(`template_bodies.py`).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from apps.api.once import IdempotencyKey, once
from apps.api.template_bodies import (
    CHECKS,
    LIST,
    MADE,
    PREVIEW,
    TEMPLATE,
    TESTED,
    VERSIONS,
    Draft,
    Shown,
    TemplateToChange,
    TemplateToMake,
    Test,
    checks_json,
    preview_json,
    template_json,
    version_json,
)
from dmat.errors import NotPublishedError
from dmat.messages.checks import check_content, check_template
from dmat.messages.library import Templates, Wanted
from dmat.messages.preview import preview_template
from dmat.messages.records import Template
from dmat.messages.trial import send_test
from dmat.segments.catalogue import Catalogue
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_BODY = 2 * 1024 * 1024
MOST_LISTED = 500
Key = Annotated[str, Path(max_length=100, description="the template's key")]


def templates_router(settings: Settings, store: Store, desk: Desk) -> APIRouter:
    """/api/templates and /api/templates/{key}."""
    router = APIRouter(
        prefix="/api/templates", tags=["templates"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    templates = Templates(store, settings.clock)
    _add_looking(router, templates, Depends(caller_with(store, "templates:read")))
    _add_trying(router, settings, store, desk)
    _add_changing(router, store, templates, Depends(caller_with(store, "templates:write")))
    return router


def _add_looking(router: APIRouter, templates: Templates, reader: Any) -> None:
    @router.get("", summary="List templates", responses=LIST)
    def list_templates(
        _caller: Caller = reader,
        q: Annotated[str, Query(max_length=200, description="words in name, key or description")] = "",
        state: Annotated[str, Query(pattern="^(active|archived|all)$")] = "active",
        channel: Annotated[str | None, Query(max_length=20)] = None,
        folder: Annotated[str | None, Query(max_length=200)] = None,
        tag: Annotated[str | None, Query(max_length=60)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
        after: Annotated[str, Query(max_length=100, description="`next_after` of the page before")] = "",
    ) -> dict[str, Any]:
        """Templates by key."""
        wanted = Wanted(None if state == "all" else state, channel, folder=folder, tag=tag, text=q)
        found = sorted(templates.list(wanted), key=lambda template: template.key)
        later = [template for template in found if template.key > after]
        return {
            "templates": [template_json(template) for template in later[:limit]],
            "total": len(found),
            "next_after": later[limit - 1].key if len(later) > limit else None,
        }

    @router.get("/starters", summary="Templates to begin with", responses=LIST)
    def list_starters(_caller: Caller = reader) -> dict[str, Any]:
        """Well-made templates; make one of your own with their content."""
        found = [template_json(template) for template in templates.starters()]
        return {"templates": found, "total": len(found), "next_after": None}

    @router.get("/{key}", summary="One template", responses=TEMPLATE)
    def get_template(
        key: Key, _caller: Caller = reader, version: Annotated[int, Query(ge=0, description="0: newest")] = 0
    ) -> Response:
        """Its card and its content, newest or of a version."""
        return _answer(templates.version(key, version))

    @router.get("/{key}/versions", summary="Versions of a template", responses=VERSIONS)
    def get_versions(key: Key, _caller: Caller = reader) -> dict[str, Any]:
        """Every version with who made it, when and why; the newest first."""
        return {"versions": [version_json(version) for version in templates.versions(key)]}


def _add_trying(router: APIRouter, settings: Settings, store: Store, desk: Desk) -> None:
    templates = Templates(store, settings.clock)
    reader, writer = (Depends(caller_with(store, f"templates:{may}")) for may in ("read", "write"))

    @router.post("/check", summary="Check a draft", responses=CHECKS)
    def check_draft(body: Draft, _caller: Caller = reader) -> dict[str, Any]:
        """What is wrong or weak in a template that is not kept yet, the worst first."""
        found = check_content(settings, body.channel, body.kind, body.content, store=store, catalogue=_catalogue(desk))
        return checks_json(found)

    @router.post("/{key}/check", summary="Check a template", responses=CHECKS)
    def check_kept(key: Key, _caller: Caller = reader) -> dict[str, Any]:
        """What is wrong or weak in a template, the worst first."""
        return checks_json(check_template(settings, templates.get(key), catalogue=_catalogue(desk)))

    @router.post("/{key}/preview", summary="See a template as a person would get it", responses=PREVIEW)
    def preview_kept(key: Key, body: Shown, caller: Caller = reader) -> dict[str, Any]:
        """With a person: their own values (needs people:read); without: examples and fallbacks."""
        if body.person_id is not None:
            caller.require("people:read")
        template, person = templates.version(key, body.version), int(body.person_id) if body.person_id else None
        return preview_json(preview_template(settings, desk.workspace, template, body.locale, person))

    @router.post("/{key}/test", status_code=202, summary="Send a test", responses=TESTED)
    def test_kept(key: Key, body: Test, caller: Caller = writer) -> dict[str, Any]:
        """Through the real provider, marked [Test], in no figure; mails go to users of this workspace only."""
        if body.person_id is not None:
            caller.require("people:read")
        template = templates.version(key, body.version)
        message_id = send_test(
            settings, store, desk.workspace, channel=template.channel, kind=template.kind, content=template.content,
            to=body.to, by=caller.name, locale=body.locale, template_key=key,
            person_id=int(body.person_id) if body.person_id else None,
        )  # fmt: skip
        return {"message_id": message_id}


def _add_changing(router: APIRouter, store: Store, templates: Templates, writer: Any) -> None:
    @router.post("", status_code=201, summary="Make a template", responses=MADE)
    def make_template(body: TemplateToMake, caller: Caller = writer, idempotency_key: IdempotencyKey = "") -> Response:
        """The content is looked at before it is kept; `POST /api/templates/check` says more."""
        given = body.model_dump_json().encode()
        return once(store, caller, "make template", idempotency_key, given, lambda: _made(templates, body, caller))

    @router.put("/{key}", summary="Change a template", responses=TEMPLATE)
    def change_template(key: Key, body: TemplateToChange, caller: Caller = writer) -> Response:
        """What is left out stays; a changed content is a new version. 409 when `version` is not the present one."""
        changed = templates.update(
            key, by=caller.name, note=body.note, expected_version=body.version, content=body.content, **body.card
        )
        return _answer(changed)

    @router.post("/{key}/archive", summary="Put a template aside", responses=TEMPLATE)
    def archive_template(key: Key, caller: Caller = writer) -> Response:
        """Campaigns that run keep their version; new ones cannot choose it."""
        return _answer(templates.archive(key, caller.name))

    @router.post("/{key}/restore", summary="Take a template back", responses=TEMPLATE)
    def restore_template(key: Key, caller: Caller = writer) -> Response:
        """It can be chosen again."""
        return _answer(templates.restore(key, caller.name))


def _made(templates: Templates, body: TemplateToMake, caller: Caller) -> Response:
    template = templates.create(
        name=body.name, channel=body.channel, kind=body.kind, content=body.content, by=caller.name, key=body.key,
        note=body.note, description=body.description, folder=body.folder, tags=body.tags,
    )  # fmt: skip
    return _answer(template, 201)


def _answer(template: Template, status: int = 200) -> Response:
    headers = {"ETag": f'"{template.version}"'}
    if status == 201:
        headers["Location"] = f"/api/templates/{template.key}"
    return JSONResponse(template_json(template), status, headers)


def _catalogue(desk: Desk) -> Catalogue | None:
    try:
        return desk.catalogue()
    except NotPublishedError:
        return None
