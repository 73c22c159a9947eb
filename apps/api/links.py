"""The doors behind links in messages: unsubscribing and view in browser; and the events of our own doors.

Belongs here: answering them. Stays out: making and reading the links (`dmat/messages/links.py`), clicks and openings
(`clicks.py`), preferences (`apps/api/preferences.py`). A GET never unsubscribes anybody, because scanners open every
link; a POST does, without cookie or question (RFC 8058).
"""

from __future__ import annotations

import asyncio
import html
import uuid
from calendar import timegm
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from apps.api.committer import Committer
from apps.api.pages import Pages
from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.consent.suppression import Suppression, suppress
from dmat.errors import DmatError, UnverifiedError
from dmat.messages.archive import as_sent
from dmat.messages.links import Links, Unsubscribe
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.inbox import InboundEvent

OURSELVES = "dmat"
LONGEST_AGENT = 1000
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)  # a transparent GIF of one pixel, 43 bytes
NEVER_KEPT = {"Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0", "Pragma": "no-cache"}
SENT_HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: http: data:; "
        "style-src 'unsafe-inline' https:; font-src https: data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}


def links_router(settings: Settings, store: Store, committer: Committer) -> APIRouter:
    """GET and POST /u/<token>, GET /v/<token>."""
    router = APIRouter(tags=["links"])
    links, pages = Links(settings), Pages(settings.workspace_name)

    @router.get("/u/{token}")
    async def ask(token: str) -> Response:
        """A page with a button."""
        try:
            links.read_unsubscribe(token)
        except UnverifiedError:
            return pages.unknown()
        return pages.say(
            "Unsubscribe?", "You will get no more marketing messages from us at this address.",
            button="Unsubscribe", field="List-Unsubscribe", value="One-Click",
        )  # fmt: skip

    @router.post("/u/{token}")
    async def unsubscribe(token: str) -> Response:
        """Unsubscribe at once; the body does not matter."""
        try:
            wanted = links.read_unsubscribe(token)
        except UnverifiedError:
            return pages.unknown()
        now = settings.clock.now()
        if not await committer.write([unsubscribe_event(wanted, now)]):
            await asyncio.to_thread(suppress_again, store, wanted.address, wanted.channel, now)
        return pages.say("You are unsubscribed", "It took effect at once. You can close this page.")

    @router.get("/v/{token}")
    async def view(token: str) -> Response:
        """The message as it was sent."""
        try:
            sent = await asyncio.to_thread(as_sent, store, settings, links.read_view(token))
        except DmatError:
            return pages.unknown()
        return HTMLResponse(page_of(sent), headers=SENT_HEADERS)

    return router


def page_of(sent: Mapping[str, Any]) -> str:
    """What is shown of a message: its page, or its text where it has none."""
    if sent["html"]:
        return str(sent["html"])
    title, words = html.escape(str(sent["subject"])), html.escape(str(sent["text"]))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><pre style="white-space:pre-wrap;font:16px/24px sans-serif">{words}</pre></body></html>'
    )


def agent_of(request: Request) -> str:
    """What the client says it is, within limits."""
    return request.headers.get("user-agent", "")[:LONGEST_AGENT]


def unsubscribe_event(wanted: Unsubscribe, now: datetime) -> InboundEvent:
    """The event of an unsubscription at our own door; the same link twice is one event."""
    payload = _payload("unsubscribe", now, wanted.message_id) | {"email": wanted.address, "channel": wanted.channel}
    identity = f"unsubscribe:{wanted.message_id}:{wanted.channel}"
    return InboundEvent(
        OURSELVES, identity, "unsubscribed", now, payload, wanted.message_id, wanted.address, channel=wanted.channel
    )


def suppress_again(store: Store, address: str, channel: str, now: datetime) -> None:
    """For a link that was used before: its event is known, but its owner may have come back in between."""
    with store.write() as connection:
        suppress(connection, [Suppression(address, channel, "unsubscribed", f"event of {OURSELVES}")], now)


def click_event(message_id: str, target: str, agent: str, now: datetime, method: str = "GET") -> InboundEvent:
    """The event of a click that came through our own door; only programs ask by HEAD."""
    payload = _payload("click", now, message_id) | {"url": target, "useragent": agent}
    machine = method == "HEAD" or is_machine(agent)
    return InboundEvent(OURSELVES, f"click:{uuid.uuid4()}", "clicked", now, payload, message_id, is_machine=machine)


def open_event(message_id: str, agent: str, now: datetime, method: str = "GET") -> InboundEvent:
    """The event of an opening: the pixel was fetched."""
    payload = _payload("open", now, message_id) | {"useragent": agent}
    machine = method == "HEAD" or is_machine(agent)
    return InboundEvent(OURSELVES, f"open:{uuid.uuid4()}", "opened", now, payload, message_id, is_machine=machine)


def _payload(event: str, now: datetime, message_id: str) -> dict[str, object]:
    return {"event": event, "timestamp": timegm(now.timetuple()), MESSAGE_ID_ARGUMENT: message_id}
