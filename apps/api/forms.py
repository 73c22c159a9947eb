"""POST /api/forms/<form>: a form of a web page, kept as it was filled in; also as Typeform's webhook tells it.

Belongs here: limits and keeping; what a tool tells again is kept once. Stays out: what becomes of it (a lead, consent):
conform decides that.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from urllib.parse import parse_qsl

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request

from apps.api.bodies import LARGEST_FORM, TooLargeError, read_body
from apps.api.opt_in import hold_back_consent
from apps.api.page_tests import PageTestDoor
from dmat.connectors import typeform
from dmat.errors import InvalidInputError
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.engine import upsert
from dmat.store.tables import form_submissions

MOST_FIELDS, LONGEST_NAME, LONGEST_VALUE = 50, 100, 5_000
TRAP = "_website"  # people do not see this field; robots fill it in


def forms_router(settings: Settings, store: Store, page_tests: PageTestDoor) -> APIRouter:
    """The door for forms; a form that a visitor of a tested page sends is an outcome of the test."""
    router = APIRouter(tags=["forms"])

    @router.post("/api/forms/{form}", status_code=202)
    async def submit(form: str, request: Request) -> dict[str, str]:
        """Keep a submission, sent as JSON or as a form."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", form):
            raise HTTPException(404, "there is no such form")
        submission_id, fields = _filled_in(form, await _read(request))
        if not fields.pop(TRAP, "") and not await asyncio.to_thread(_is_kept, store, submission_id):
            page_url = (request.headers.get("referer") or str(fields.get("page_url") or ""))[:2000]
            client_id = str(fields.get("client_id") or "")[:200]
            row = {
                "submission_id": submission_id,
                "form": form,
                "fields": await _with_asked_consent(settings, store, form, fields, page_url, client_id),
                "page_url": page_url,
                "client_id": client_id,
                "submitted_at": settings.clock.now(),
            }
            await asyncio.to_thread(_keep, store, row, page_tests)
        return {"submission_id": submission_id}

    return router


def _filled_in(form: str, body: dict[str, object]) -> tuple[str, dict[str, object]]:
    """(id, fields); what a tool tells again has the same id again."""
    if not typeform.is_response(body):
        return str(uuid.uuid4()), _checked(body)
    try:
        response = typeform.read_response(body)
    except InvalidInputError as error:
        raise HTTPException(422, str(error)) from None
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"typeform:{form}:{response.token}")), _checked(response.fields)


def _is_kept(store: Store, submission_id: str) -> bool:
    query = sa.select(form_submissions.c.submission_id).where(form_submissions.c.submission_id == submission_id)
    with store.read() as connection:
        return connection.execute(query).first() is not None


async def _with_asked_consent(
    settings: Settings, store: Store, form: str, fields: dict[str, object], page_url: str, client_id: str
) -> dict[str, object]:
    try:
        return await hold_back_consent(settings, store, form, fields, page_url, client_id)
    except InvalidInputError as error:
        raise HTTPException(422, str(error)) from None


def _keep(store: Store, row: dict[str, object], page_tests: PageTestDoor) -> None:
    with store.write() as connection:
        connection.execute(upsert(connection, form_submissions).values(row).on_conflict_do_nothing())
        page_tests.note_form(connection, str(row["client_id"]), str(row["form"]))


async def _read(request: Request) -> dict[str, object]:
    try:
        body = await read_body(request, LARGEST_FORM)
    except TooLargeError:
        raise HTTPException(413, "the form is too long") from None
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        found = orjson.loads(body)
    except ValueError:  # not UTF-8, too many fields, not JSON
        raise HTTPException(400, "send JSON or a form") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "send one object")
    return found


def _checked(fields: dict[str, object]) -> dict[str, object]:
    if len(fields) > MOST_FIELDS:
        raise HTTPException(422, f"at most {MOST_FIELDS} fields")
    for name, value in fields.items():
        if not isinstance(value, (str, int, float, bool, type(None))):
            raise HTTPException(422, f"{name[:LONGEST_NAME]}: only text, numbers and yes/no")
        if len(name) > LONGEST_NAME or (isinstance(value, str) and (len(value) > LONGEST_VALUE or "\x00" in value)):
            raise HTTPException(422, f"{name[:LONGEST_NAME]}: it is too long")
    return fields
