"""The doors of tests of pages: which version a visitor sees, and that it was seen or clicked.

Belongs here: limits, origins, answering. Stays out: who sees what (`dmat/experiments/visitors.py`), the script
(`apps/api/site/dmat.js`). No cookie is set; a browser that keeps no id, or does not want to be followed, asks nothing
and sees the page as it is.
"""

from __future__ import annotations

import asyncio
import re
import time
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
LARGEST_TOLD = 4 * 1024
LIVE_SECONDS = 1.0
NOTHING: dict[str, Any] = {"version": 1, "tests": []}


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

    def note(self, key: str, kind: str, visitor: str, path: str) -> None:
        """Keep that a visitor saw a version or clicked its aim; what is known already is not written again."""
        test = next((test for test in self.tests() if test.key == key), None)
        if test is None:
            return
        with self._store.read() as connection:
            is_known = bool(read_arms(connection, [test.experiment_id], visitor))
        if kind == SEEN and is_known:
            return
        with self._store.write() as connection:
            note_seen(connection, test, visitor, path, self._clock.now())
            if kind != SEEN:
                note_clicked(connection, test, visitor, self._clock.now())

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
        """A version was seen, or its aim clicked; sent by a beacon as text, so that no question precedes it."""
        if not site.is_ours(request):
            return Response(status_code=403)
        try:
            told = read_told(await read_body(request, LARGEST_TOLD))
        except (InvalidInputError, TooLargeError):
            return Response(status_code=400, headers=site.headers(request))
        if not is_machine(agent_of(request)):
            await asyncio.to_thread(door.note, *told)
        return Response(status_code=204, headers=site.headers(request))

    return router


def read_told(body: bytes) -> tuple[str, str, str, str]:
    """(key of the test, kind, client id, path) of what a beacon tells.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInputError("body", "it is not JSON") from None
    fields = [found.get(name) if isinstance(found, dict) else None for name in ("test", "kind", "client_id", "page")]
    key, kind, client_id, page = (each if isinstance(each, str) else "" for each in fields)
    if kind not in KINDS or not KEY.fullmatch(key) or not CLIENT_ID.fullmatch(client_id):
        raise InvalidInputError("kind", "it cannot be", ", ".join(KINDS))
    return key, kind, client_id, path_of_page(page)
