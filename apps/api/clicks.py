"""GET /c/<token> and /o/<token>.gif as bare ASGI: clicks and openings are most of the traffic.

Belongs here: answering them before any routing. Stays out: making and reading links (`dmat/messages/links.py`), events
(`apps/api/links.py`), writing them down (`journal.py`).
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api.journal import Journal
from apps.api.links import LONGEST_AGENT, NEVER_KEPT, PIXEL, click_event, open_event
from apps.api.pages import Pages
from dmat.errors import UnverifiedError
from dmat.messages.links import Links, is_web_address
from dmat.messages.short_links import ShortLinks
from dmat.settings import Settings

Headers = list[tuple[bytes, bytes]]
CLICK, OPENING, SHORT = "/c/", "/o/", "/s/"
ALLOWED = ("GET", "HEAD")
_ENDS = [(b"content-length", b"0"), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
_PICTURE = [(b"content-type", b"image/gif"), (b"content-length", str(len(PIXEL)).encode())] + [
    (name.lower().encode(), value.encode()) for name, value in NEVER_KEPT.items()
]
_NOTHING = [(b"content-length", b"0"), *_PICTURE[2:]]


class ClickDoor:
    """Stands before the application and answers clicks and openings itself."""

    def __init__(self, app: ASGIApp, settings: Settings, journal: Journal, short_links: ShortLinks) -> None:
        self._app, self._journal, self._short = app, journal, short_links
        self._links, self._pages, self._now = Links(settings), Pages(settings.workspace_name), settings.clock.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        kind = scope["path"][:3] if scope["type"] == "http" else ""
        if kind not in (CLICK, OPENING, SHORT):
            await self._app(scope, receive, send)
        elif scope["method"] not in ALLOWED:
            await _answer(send, 405, [(b"content-length", b"0"), (b"allow", b"GET, HEAD")])
        elif kind == OPENING:
            await self._opened(scope, send)
        else:
            await self._follow(kind, scope, receive, send)

    async def _follow(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the click and lead on, to exactly the address that we signed; else lead nowhere."""
        try:
            token = scope["path"][3:]
            message_id, target = self._links.read_click(token) if kind == CLICK else await self._short.read(token)
        except UnverifiedError:
            message_id, target = "", ""
        if not is_web_address(target):
            await self._pages.unknown()(scope, receive, send)
            return
        await self._journal.note(click_event(message_id, target, _agent(scope), self._now(), scope["method"]))
        place = quote(target, safe=":/%#?=@[]!$&'()*+,;~").encode()
        await _answer(send, 302, [(b"location", place), *_ENDS])

    async def _opened(self, scope: Scope, send: Send) -> None:
        """Note the opening and give the picture; a token that we did not make gives nothing."""
        try:
            message_id = self._links.read_open(scope["path"][3:].removesuffix(".gif"))
        except UnverifiedError:
            await _answer(send, 404, _NOTHING)
            return
        await self._journal.note(open_event(message_id, _agent(scope), self._now(), scope["method"]))
        await _answer(send, 200, _PICTURE, PIXEL if scope["method"] == "GET" else b"")


def _agent(scope: Scope) -> str:
    """What the client says it is, within limits."""
    said = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return bytes(said[:LONGEST_AGENT]).decode("latin-1")


async def _answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
