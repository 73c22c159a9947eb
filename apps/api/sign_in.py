"""Signing in and out: one cookie for the API and the screens.

Belongs here: the cookie, and who is asking. Stays out: passwords, tokens and roles (`dmat/store/users.py`), the page
with the form (`apps`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from apps.api.bodies import TooLargeError, read_body
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.users import COOKIE_NAME, SESSION_DAYS, User, authenticate, sign_in, sign_out, user_of_token

LARGEST_SIGN_IN = 10_000
WRONG = "address or password is wrong, or there were too many attempts"

WhoAsks = Callable[[Request], Awaitable[User]]


def who_asks(store: Store) -> WhoAsks:
    """A dependency: the signed-in user, or 401."""

    async def current_user(request: Request) -> User:
        user = await asyncio.to_thread(user_of_token, store, request.cookies.get(COOKIE_NAME))
        if user is None:
            raise HTTPException(401, "sign in first")
        return user

    return current_user


def check_origin(request: Request) -> None:
    """Refuse a change that another site's page asks for with our user's cookie.

    Raises:
        HTTPException: 403.
    """
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).hostname != request.url.hostname:
        raise HTTPException(403, "this site may not ask for that")


def sign_in_router(settings: Settings, store: Store) -> APIRouter:
    """POST /sign-in and /sign-out, GET /api/me."""
    router = APIRouter(tags=["sign-in"])
    current_user = who_asks(store)

    @router.post("/sign-in")
    async def enter(request: Request) -> Response:
        """Sign in with `email` and `password`, as JSON or as a form (then it leads on to `next`)."""
        check_origin(request)
        fields, is_form = await _fields(request)
        user = await asyncio.to_thread(authenticate, store, fields.get("email", ""), fields.get("password", ""))
        if user is None:
            return JSONResponse({"detail": WRONG}, 401)
        token = await asyncio.to_thread(sign_in, store, user)
        response: Response = JSONResponse({"user": _as_json(user)})
        if is_form:
            response = RedirectResponse(_own_path(fields.get("next", "/")), 303)
        response.set_cookie(
            COOKIE_NAME,
            token,
            max_age=SESSION_DAYS * 86_400,
            httponly=True,
            samesite="lax",
            secure=settings.resolved_public_url.startswith("https://"),
            path="/",
        )
        return response

    @router.post("/sign-out")
    async def leave(request: Request) -> Response:
        """End the session and forget the cookie."""
        check_origin(request)
        await asyncio.to_thread(sign_out, store, request.cookies.get(COOKIE_NAME))
        response = JSONResponse({"signed_out": True})
        response.delete_cookie(COOKIE_NAME, path="/")
        return response

    @router.get("/api/me")
    async def me(request: Request) -> dict[str, object]:
        """Who is signed in."""
        return _as_json(await current_user(request))

    return router


async def _fields(request: Request) -> tuple[dict[str, str], bool]:
    try:
        body = await read_body(request, LARGEST_SIGN_IN)
    except TooLargeError:
        raise HTTPException(413, "too long") from None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}, True
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "send JSON or a form with email and password") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "send an object with email and password")
    return {name: value for name, value in found.items() if isinstance(value, str)}, False


def _own_path(path: str) -> str:
    """Only a path of this site: never `//elsewhere`, never another scheme."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and not any(ord(c) < 32 for c in path)
    return path if is_own else "/"


def _as_json(user: User) -> dict[str, object]:
    return {"user_id": user.user_id, "email": user.email, "name": user.name, "role": user.role}
