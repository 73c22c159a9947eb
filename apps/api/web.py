"""The doors of the site's script: what to show to this visitor, what was seen, who a signed-in visitor is.

Belongs here: limits, origins, answering. Stays out: choosing (`dmat/channels/banner.py`, `in_app.py`), the script
(`apps/api/site.py`). Only pages of the configured origins may read an answer or tell of a view.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from calendar import timegm
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from apps.api.bodies import TooLargeError, read_body
from apps.api.callers import caller_with
from apps.api.committer import Committer
from apps.api.faults import Door
from apps.api.links import OURSELVES, agent_of
from dmat.campaigns.gate import make_gate
from dmat.channels.banner import Placement, choose_banners, find_placement, live_placements
from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.in_app import OnSite, find_person, next_message, remember_visitors, waiting
from dmat.channels.machine import is_machine
from dmat.channels.seen import KINDS, View, note_view, seen_enough
from dmat.errors import InvalidInputError, UnverifiedError
from dmat.messages.links import link_key
from dmat.messages.on_site import OnSiteWords
from dmat.messages.signing import Signer
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.store.inbox import InboundEvent

CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
LARGEST_TOLD, LONGEST_PATH, VIEW_HOURS = 4 * 1024, 1000, 24
LIVE_SECONDS = 1.0
NOTHING: dict[str, Any] = {"version": 1, "messages": []}


class IdentifyBody(BaseModel):
    """Who is signed in at the site."""

    model_config = ConfigDict(extra="forbid")

    person_id: int = Field(gt=0)
    minutes: int = Field(60, ge=1, le=24 * 60)


class SiteDoor:
    """Answers the script."""

    def __init__(self, settings: Settings, store: Store, committer: Committer) -> None:
        self._settings, self._store, self._committer = settings, store, committer
        self._gate, self._words = make_gate(settings), OnSiteWords(settings, store)
        key = link_key(settings)
        self._views, self._people = Signer(key, "view-on-site"), Signer(key, "identify")
        self._origins = frozenset(settings.web_origins.split())
        self._live: tuple[float, list[Placement]] = (0.0, [])

    def headers(self, request: Request) -> dict[str, str]:
        """What a browser must be told so that a page of ours may read the answer."""
        origin = request.headers.get("origin", "")
        found = {"Vary": "Origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return found | ({"Access-Control-Allow-Origin": origin} if origin in self._origins else {})

    def is_ours(self, request: Request) -> bool:
        """Whether the page that asks is one of the configured sites, or on the API's own address."""
        is_same = request.headers.get("sec-fetch-site", "") == "same-origin"
        return is_same or request.headers.get("origin", "") in self._origins

    def what_to_show(self, client_id: str, path: str, token: str) -> list[dict[str, Any]]:
        """What this visitor gets on this page: banners, and one in-app message at most."""
        now = self._settings.clock.now()
        person = self._identify(client_id, token, now)
        with self._store.read() as connection:
            live = self._find_live(connection, now)
            if not live:
                return []
            person = person or find_person(connection, client_id)
            seen = seen_enough(connection, live, client_id, now)
            entries = waiting(connection, person, now) if person else []
        shown = [
            self._as_json(each, "", each.content, client_id) for each in choose_banners(live, client_id, path, seen)
        ]
        mine = next_message(self._store, self._gate, self._words, entries, live, path, now)
        return shown + ([self._of_person(mine, client_id)] if mine else [])

    def _find_live(self, connection: Any, now: datetime) -> list[Placement]:
        at, live = self._live
        if time.monotonic() - at > LIVE_SECONDS:
            live = live_placements(connection, now)
            self._live = (time.monotonic(), live)
        return live

    def _identify(self, client_id: str, token: str, now: datetime) -> int:
        """The person of a signed-in visitor, remembered; 0 without a valid token."""
        person = self.person_of(token)
        if not person:
            return 0
        with self._store.read() as connection:
            known = find_person(connection, client_id)
        if known != person:
            with self._store.write() as connection:
                remember_visitors(connection, [(client_id, person)], "identify", now)
        return person

    def person_of(self, token: str) -> int:
        """Who an identify token says is signed in; 0 when it is not one of ours, or over."""
        try:
            person, _, until = self._people.read(token).partition(":") if token else ("", "", "")
        except UnverifiedError:
            return 0
        if not person.isdigit() or not until.isdigit():
            return 0
        return int(person) if int(until) >= timegm(self._settings.clock.now().timetuple()) else 0

    def sign_person(self, person_id: int, minutes: int) -> str:
        """A token that says who is signed in, for so many minutes."""
        until = self._settings.clock.now() + timedelta(minutes=minutes)
        return self._people.sign(f"{person_id}:{timegm(until.timetuple())}")

    def _of_person(self, mine: OnSite, client_id: str) -> dict[str, Any]:
        return self._as_json(mine.placement, mine.message_id, mine.content, client_id)

    def _as_json(self, placement: Placement, message_id: str, content: Any, client_id: str) -> dict[str, Any]:
        view_id = message_id or str(uuid.uuid4())
        given_at = timegm(self._settings.clock.now().timetuple())
        facts = ":".join((view_id, placement.placement_id, message_id or "-", str(given_at)))
        return {
            "view": self._views.sign(facts), "id": view_id, "channel": placement.channel,
            "position": placement.position, "content": dict(content),
        }  # fmt: skip

    async def note(self, token: str, kind: str, client_id: str, path: str, agent: str) -> None:
        """Keep that a view was shown, clicked or closed.

        Raises:
            UnverifiedError: we did not give this view, or too long ago.
        """
        view_id, placement_id, message_id, at = self._views.read(token).split(":")
        now = self._settings.clock.now()
        if timegm(now.timetuple()) - int(at) > VIEW_HOURS * 3600:
            raise UnverifiedError("this view is over")
        view = View(view_id, placement_id, message_id.strip("-"), client_id, page_url=path)
        placement = await asyncio.to_thread(self._keep, view, kind, now)
        if placement is None or is_machine(agent):
            return
        kinds = ("shown", "clicked") if kind == "clicked" else (kind,)  # whoever clicked it saw it
        await self._committer.write([_event(view, placement, each, agent, now) for each in kinds])

    def _keep(self, view: View, kind: str, now: datetime) -> Placement | None:
        with self._store.write() as connection:
            placement = find_placement(connection, view.placement_id)
            if placement is not None:
                note_view(connection, view, kind, now)
        return placement


def web_router(store: Store, door: SiteDoor) -> APIRouter:
    """GET /api/web/messages, POST /api/web/events, POST /api/web/identify-tokens."""
    router = APIRouter(prefix="/api/web", tags=["site"], route_class=Door)
    may = Depends(caller_with(store, "web:write"))

    @router.get("/messages")
    async def messages(request: Request, client_id: str, page: str = "/", token: str = "") -> Response:
        """What to show to a visitor on a page; programs and unknown sites get nothing."""
        headers = door.headers(request)
        if not CLIENT_ID.fullmatch(client_id):
            raise InvalidInputError("client_id", "it cannot be an id", "letters, digits and ._-, at most 100")
        if not door.is_ours(request) or is_machine(agent_of(request)):
            return JSONResponse(NOTHING, headers=headers)
        found = await asyncio.to_thread(door.what_to_show, client_id, path_of_page(page), token[:1000])
        return JSONResponse(NOTHING | {"messages": found}, headers=headers)

    @router.post("/events", status_code=204)
    async def tell(request: Request) -> Response:
        """A view was shown, clicked or closed; sent by a beacon as text, so that no question precedes it."""
        if not door.is_ours(request):
            return Response(status_code=403)
        try:
            told = read_told(await read_body(request, LARGEST_TOLD))
            await door.note(*told, agent_of(request))
        except (InvalidInputError, TooLargeError, UnverifiedError):
            return Response(status_code=400, headers=door.headers(request))
        return Response(status_code=204, headers=door.headers(request))

    @router.post("/identify-tokens", status_code=201)
    async def identify(body: IdentifyBody, caller: Caller = may) -> dict[str, str]:
        """A token for the page of somebody who is signed in there; asked for by the site's own server."""
        return {"token": door.sign_person(body.person_id, body.minutes)}

    return router


def read_told(body: bytes) -> tuple[str, str, str, str]:
    """(view token, kind, client id, path) of what a beacon tells.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInputError("body", "it is not JSON") from None
    fields = [found.get(name) if isinstance(found, dict) else None for name in ("view", "kind", "client_id", "page")]
    view, kind, client_id, page = (each if isinstance(each, str) else "" for each in fields)
    if kind not in KINDS or not CLIENT_ID.fullmatch(client_id):
        raise InvalidInputError("kind", "it cannot be", ", ".join(KINDS))
    return view, kind, client_id, path_of_page(page)


def path_of_page(page: str) -> str:
    """The path of a page's address; what stands behind `?` and `#` is nobody's business here."""
    try:
        return (urlsplit(page[: LONGEST_PATH * 2]).path or "/")[:LONGEST_PATH]
    except ValueError:
        return "/"


def _event(view: View, placement: Placement, kind: str, agent: str, now: datetime) -> InboundEvent:
    payload = {
        "event": kind, "timestamp": timegm(now.timetuple()), MESSAGE_ID_ARGUMENT: view.message_id,
        "programme": placement.programme, "step": placement.step, "variant": placement.variant,
        "channel": placement.channel, "view_id": view.view_id, "client_id": view.visitor, "page": view.page_url,
        "useragent": agent,
    }  # fmt: skip
    return InboundEvent(
        OURSELVES, f"{kind}:{view.view_id}", kind, now, payload, view.message_id, channel=placement.channel
    )
