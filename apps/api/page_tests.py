"""The doors of tests of pages: which version a visitor sees, and that it was seen or clicked.

Belongs here: limits, origins, answering. Stays out: who sees what (`dmat/experiments/visitors.py`), the script
(`apps/api/site/dmat.js`). No cookie is set; a browser that keeps no id, or does not want to be followed, asks nothing
and sees the page as it is.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from apps.api.bodies import TooLargeError, read_body
from apps.api.faults import Door
from apps.api.links import agent_of
from apps.api.web import CLIENT_ID, SiteDoor, path_of_page
from dmat.channels.machine import is_machine
from dmat.errors import InvalidInputError
from dmat.experiments.visitors import (
    KINDS,
    SEEN,
    PageTest,
    give_arms,
    note_clicked,
    note_completed,
    note_seen,
    read_arms,
    read_page_tests,
)
from dmat.settings import Settings
from dmat.store import Store

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
FORM = re.compile(r"[\w .:-]{0,100}")
SENT = "sent"
LARGEST_TOLD = 4 * 1024
LIVE_SECONDS = 1.0
NOTHING: dict[str, Any] = {"version": 1, "tests": []}


@dataclass(frozen=True)
class Told:
    """What a page tells of a visitor: a version `seen` or its aim `clicked`, or that a form was `sent` elsewhere."""

    key: str
    kind: str
    visitor: str
    path: str
    form: str


class PageTestDoor:
    """Answers the script about tests of pages; safe to share between threads."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._clock, self._store = settings.clock, store
        self._live: tuple[float, list[PageTest]] = (float("-inf"), [])

    def tests(self) -> list[PageTest]:
        """Tests of pages, as they stood a second ago at most."""
        at, found = self._live
        if time.monotonic() - at > LIVE_SECONDS:
            with self._store.read() as connection:
                found = read_page_tests(connection)
            self._live = (time.monotonic(), found)
        return found

    def what_to_show(self, visitor: str, path: str) -> list[dict[str, Any]]:
        """What a visitor sees on a page."""
        tests = [test for test in self.tests() if test.is_for(path)]
        if not tests:
            return []
        with self._store.read() as connection:
            given = give_arms(connection, tests, visitor, path)
        return [{"key": each.test.key, "arm": each.arm, "url": each.url, "counted": each.is_counted} for each in given]

    def take(self, told: Told) -> None:
        """Keep what a page tells; what is known already is not written again."""
        if told.kind == SENT:
            self._note_sent(told)
        elif (test := next((test for test in self.tests() if test.key == told.key), None)) is not None:
            self._note(test, told)

    def _note(self, test: PageTest, told: Told) -> None:
        with self._store.read() as connection:
            is_known = bool(read_arms(connection, [test.experiment_id], told.visitor))
        if told.kind == SEEN and is_known:
            return
        with self._store.write() as connection:
            note_seen(connection, test, told.visitor, told.path, self._clock.now())
            if told.kind != SEEN:
                note_clicked(connection, test, told.visitor, self._clock.now())

    def _note_sent(self, told: Told) -> None:
        with self._store.read() as connection:
            if not read_arms(connection, [test.experiment_id for test in self.tests()], told.visitor):
                return
        with self._store.write() as connection:
            self.note_form(connection, told.visitor, told.form)

    def note_form(self, connection: Any, visitor: str, form: str) -> None:
        """Keep, in the transaction that keeps the form, that a visitor of a tested page sent it."""
        if visitor:
            note_completed(connection, self.tests(), visitor, form, self._clock.now())


def page_tests_router(door: PageTestDoor, site: SiteDoor) -> APIRouter:
    """GET /api/web/tests, POST /api/web/tests/events."""
    router = APIRouter(prefix="/api/web/tests", tags=["site"], route_class=Door)

    @router.get("")
    async def tests(request: Request, client_id: str, page: str = "/") -> Response:
        """Which version of a page a visitor sees; programs and unknown sites get nothing."""
        headers = site.headers(request)
        if not CLIENT_ID.fullmatch(client_id):
            raise InvalidInputError("client_id", "it cannot be an id", "letters, digits and ._-, at most 100")
        if not site.is_ours(request) or is_machine(agent_of(request)):
            return JSONResponse(NOTHING, headers=headers)
        found = await asyncio.to_thread(door.what_to_show, client_id, path_of_page(page))
        return JSONResponse(NOTHING | {"tests": found}, headers=headers)

    @router.post("/events", status_code=204)
    async def tell(request: Request) -> Response:
        """A version was seen, its aim clicked or a form sent; told by a beacon as text, so no question precedes it."""
        if not site.is_ours(request):
            return Response(status_code=403)
        try:
            told = read_told(await read_body(request, LARGEST_TOLD))
        except (InvalidInputError, TooLargeError):
            return Response(status_code=400, headers=site.headers(request))
        if not is_machine(agent_of(request)):
            await asyncio.to_thread(door.take, told)
        return Response(status_code=204, headers=site.headers(request))

    return router


def read_told(body: bytes) -> Told:
    """What a beacon tells.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInputError("body", "it is not JSON") from None
    names = ("test", "kind", "client_id", "page", "form")
    fields = [found.get(name) if isinstance(found, dict) else None for name in names]
    key, kind, client_id, page, form = (each if isinstance(each, str) else "" for each in fields)
    is_about = FORM if kind == SENT else KEY
    if kind not in (*KINDS, SENT) or not is_about.fullmatch(form if kind == SENT else key):
        raise InvalidInputError("kind", "it cannot be", ", ".join((*KINDS, SENT)))
    if not CLIENT_ID.fullmatch(client_id):
        raise InvalidInputError("client_id", "it cannot be an id", "letters, digits and ._-, at most 100")
    return Told(key, kind, client_id, path_of_page(page), form)
