"""The doors behind links in messages: unsubscribing, and clicks that we follow ourselves.

Belongs here: answering them. Stays out: making and reading the links (`dmat/messages/links.py`).
A GET never unsubscribes anybody, because scanners open every link; a POST does, without cookie or question (RFC 8058).
"""

from __future__ import annotations

import uuid
from calendar import timegm
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.exc import DBAPIError

from apps.api.committer import Committer
from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.errors import UnverifiedError
from dmat.messages.links import Links, Unsubscribe, is_web_address
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

_PAGE = Template((Path(__file__).parent / "pages" / "unsubscribe.html").read_text())
_FORM = (
    '<form method="post"><button type="submit" name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>'
)
OURSELVES = "dmat"


def links_router(settings: Settings, committer: Committer) -> APIRouter:
    """GET and POST /u/<token>, GET /c/<token>."""
    router = APIRouter(tags=["links"])
    links = Links(settings)

    @router.get("/u/{token}")
    async def ask(token: str) -> Response:
        """A page with a button."""
        try:
            links.read_unsubscribe(token)
        except UnverifiedError:
            return _unknown()
        return _page("Unsubscribe?", "You will get no more marketing messages from us at this address.", _FORM)

    @router.post("/u/{token}")
    async def unsubscribe(token: str) -> Response:
        """Unsubscribe at once; the body does not matter."""
        try:
            wanted = links.read_unsubscribe(token)
        except UnverifiedError:
            return _unknown()
        await committer.write([unsubscribe_event(wanted, settings.clock.now())])
        return _page("You are unsubscribed", "It took effect at once. You can close this page.")

    @router.get("/c/{token}")
    async def follow(token: str, request: Request) -> Response:
        """Note the click and lead on, if we made the link."""
        try:
            message_id, target = links.read_click(token)
        except UnverifiedError:
            return _unknown()
        if not is_web_address(target):
            return _unknown()
        agent = request.headers.get("user-agent", "")[:1000]
        with suppress(DBAPIError):  # the reader is led on whatever happens to our note of it
            await committer.write([click_event(message_id, target, agent, settings.clock.now())])
        return RedirectResponse(target, 302, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})

    return router


def unsubscribe_event(wanted: Unsubscribe, now: datetime) -> InboundEvent:
    """The event of an unsubscription at our own door; the same link twice is one event."""
    payload = _payload("unsubscribe", now, wanted.message_id) | {"email": wanted.address, "channel": wanted.channel}
    identity = f"unsubscribe:{wanted.message_id}:{wanted.channel}"
    return InboundEvent(
        OURSELVES, identity, "unsubscribed", now, payload, wanted.message_id, wanted.address, channel=wanted.channel
    )


def click_event(message_id: str, target: str, agent: str, now: datetime) -> InboundEvent:
    """The event of a click that came through our own door."""
    payload = _payload("click", now, message_id) | {"url": target, "useragent": agent}
    machine = is_machine(agent)
    return InboundEvent(OURSELVES, f"click:{uuid.uuid4()}", "clicked", now, payload, message_id, is_machine=machine)


def _payload(event: str, now: datetime, message_id: str) -> dict[str, object]:
    return {"event": event, "timestamp": timegm(now.timetuple()), MESSAGE_ID_ARGUMENT: message_id}


def _page(title: str, words: str, form: str = "", status: int = 200) -> HTMLResponse:
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_PAGE.substitute(title=title, words=words, form=form), status, headers)


def _unknown() -> HTMLResponse:
    return _page(
        "This link does not work", "It may be incomplete. Please use the whole link from the message.", status=404
    )
