"""Who may come in: sign-in and sign-out, roles, and the checks before every page and every websocket.

Belongs here: the one gate of the screens. Stays out: passwords and tokens themselves (`dmat.store.users`), and
what a role may do beyond opening a screen. The cookie is the API's as well, so one sign-in serves both.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from bokeh.server.auth_provider import AuthProvider
from tornado.httputil import HTTPServerRequest
from tornado.web import Finish, HTTPError, OutputTransform, RedirectHandler, RequestHandler

from apps.context import Context
from apps.parts.render import render
from apps.screens import entry_of, visible_to
from apps.tokens import css_tokens
from dmat.messages.links import link_key
from dmat.store import users
from dmat.store.users import COOKIE_NAME, User

HOME = "/home"
COMPONENTS = (r"apps\.parts\.block/", r"panel_material_ui\.", r"panel\.")
"""Modules whose scripts browsers may load; Panel alone would import whatever module an address names."""


def initials(user: User) -> str:
    """One or two letters for the round mark at the top."""
    parts = (user.name or user.email).replace(".", " ").split()
    return "".join(part[0] for part in parts[:2]).upper() or "?"


def local_path(target: str | None) -> str:
    """`target` when it is a path on this server, else the home screen: a sign-in never leads elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return HOME
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or "\\" in target or any(ord(letter) < 32 for letter in target):
        return HOME
    return HOME if parts.path in {"/sign-in", "/sign-out"} else target


def is_same_origin(request: HTTPServerRequest) -> bool:
    """Whether a POST comes from a page of this server: browsers name the origin, and it must be ours."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == request.host.lower()
    return request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}


def theme_of(cookie: str | None) -> str:
    """The theme a reader chose: light unless dark."""
    return "dark" if cookie == "dark" else "light"


def reader_of(document: Any) -> User | None:
    """Who opened the page that this document belongs to, as the gate found out for the very request."""
    context = document.session_context if document else None
    found = getattr(context.request, "reader", None) if context and context.request else None
    return found if isinstance(found, User) else None


class Gate(AuthProvider):
    """Asked by Panel before it serves a page, a websocket or a piece of either."""

    def __init__(self, context: Context) -> None:
        self.context = context
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], Any]:
        """Who asks; a screen that their role does not have is refused here, for pages and websockets alike."""
        return self._admit

    def _admit(self, handler: RequestHandler) -> User | None:
        user = users.user_of_token(self.context.store, handler.get_cookie(COOKIE_NAME))
        if user is None and handler.request.headers.get("Upgrade", "").lower() != "websocket":
            handler.redirect(self.get_login_url(handler))
            raise Finish
        handler.request.reader = user  # type: ignore[attr-defined]  # for `reader_of`; the cookie never enters a page
        entry = entry_of(handler.request.path)
        if user is not None and entry is not None and user.role not in entry.roles:
            handler.set_status(403)
            handler.finish(_refusal(self.context, handler, user, entry.title))
            raise Finish
        return user

    @property
    def get_login_url(self) -> Callable[[Any], str]:
        """Where who is not signed in is sent, with the way back."""
        return lambda handler: f"/sign-in?next={quote(local_path(handler.request.uri), safe='')}"


def _refusal(context: Context, handler: RequestHandler, user: User, title: str) -> str:
    return render(
        "screens/no_access.jinja", context.now(), context.zone, user=user, title=title,
        entries=visible_to(user.role), workspace=context.settings.workspace_name,
        tokens=css_tokens(theme_of(handler.get_cookie("dmat_theme"))),  # type: ignore[arg-type]
    )  # fmt: skip


class SignInHandler(RequestHandler):
    """A plain form: it works before any script has loaded."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    def get(self) -> None:
        """Show the form, or go on when somebody is signed in already."""
        target = local_path(self.get_query_argument("next", None))
        if users.user_of_token(self.context.store, self.get_cookie(COOKIE_NAME)):
            self.redirect(target)
            return
        self._show(target)

    async def post(self) -> None:
        """Check e-mail and password, set the cookie, and go to where the reader wanted to be."""
        target = local_path(self.get_body_argument("next", None))
        if not is_same_origin(self.request):
            self._show(target, "This form was sent from another site. Please sign in here.", 403)
            return
        email = self.get_body_argument("email", "")
        password = self.get_body_argument("password", "", strip=False)
        user = await asyncio.to_thread(users.authenticate, self.context.store, email, password)
        if user is None:
            self._show(target, "E-mail or password is not right, or there were too many tries. Try again.", 401, email)
            return
        token = await asyncio.to_thread(users.sign_in, self.context.store, user)
        self.set_cookie(COOKIE_NAME, token, httponly=True, samesite="Lax", path="/", expires_days=users.SESSION_DAYS,
                        secure=self.request.protocol == "https")  # fmt: skip
        self.redirect(target, status=303)

    def _show(self, target: str, problem: str = "", status: int = 200, email: str = "") -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        settings = self.context.settings
        self.finish(
            render(
                "screens/sign_in.jinja", self.context.now(), self.context.zone, target=target, problem=problem,
                email=email, workspace=settings.workspace_name, is_simulated=settings.is_simulated,
                tokens=css_tokens(theme_of(self.get_cookie("dmat_theme"))),  # type: ignore[arg-type]
            )
        )  # fmt: skip


class SignOutHandler(RequestHandler):
    """Ends the sign-in in the store, not only in the browser."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    def post(self) -> None:
        """Only by a form of ours: a link elsewhere cannot sign anyone out."""
        if not is_same_origin(self.request):
            self.set_status(403)
            self.finish("Sent from another site.")
            return
        token = self.get_cookie(COOKIE_NAME)
        if token:
            users.sign_out(self.context.store, token)
        self.clear_cookie(COOKIE_NAME, path="/")
        self.redirect("/sign-in", status=303)


class AliveHandler(RequestHandler):
    """For supervisors: says that the server answers, and nothing else."""

    def get(self) -> None:
        """200 and one word."""
        self.set_header("Content-Type", "text/plain")
        self.finish("alive")


class SafeHeaders(OutputTransform):
    """Headers on every answer: nothing from other hosts, no frames around us, no guessing of types."""

    POLICY = (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: ws://{host} wss://{host};"
        " frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, request: HTTPServerRequest) -> None:
        self.host = request.host if all(letter not in request.host for letter in " ;,'\"") else "localhost"

    def transform_first_chunk(self, status_code: int, headers: Any, chunk: bytes, finishing: bool) -> Any:
        """Add the headers before the first byte leaves."""
        headers["Content-Security-Policy"] = self.POLICY.format(host=self.host)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers.pop("Server", None)
        return status_code, headers, chunk


class NothingHereHandler(RequestHandler):
    """For addresses that Panel serves and we do not want."""

    def prepare(self) -> None:
        """404, whatever the method."""
        raise HTTPError(404)


def routes(context: Context) -> list[Any]:
    """The addresses of the gate, beside those of the screens."""
    return [
        (rf"/components/(?!{'|'.join(COMPONENTS)}).*", NothingHereHandler),
        (r"/", RedirectHandler, {"url": HOME, "permanent": False}),
        (r"/sign-in", SignInHandler, {"context": context}),
        (r"/sign-out", SignOutHandler, {"context": context}),
        (r"/alive", AliveHandler),
    ]


def signing_key(context: Context) -> str:
    """The key that signs page tokens: derived from the workspace's, so that a restart keeps open pages alive."""
    return hashlib.sha256(b"pages of the screens:" + link_key(context.settings)).hexdigest()
