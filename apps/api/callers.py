"""Who is asking at a door: a signed-in user by the cookie, or a machine by `Authorization: Bearer <token>`.

Belongs here: finding the caller of a request. Stays out: scopes of roles (`dmat/store/access.py`), tokens
(`dmat/store/tokens.py`). A cookie is only believed for a change when the request does not come from another site;
a token is never sent by a browser on its own, so it needs no such check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import HTTPException, Request

from apps.api.sign_in import check_origin
from dmat.store import Store
from dmat.store.access import Caller, caller_of_user
from dmat.store.tokens import caller_of_token
from dmat.store.users import COOKIE_NAME, user_of_token

LOOKS_ONLY = {"GET", "HEAD", "OPTIONS"}
CHALLENGE = {"WWW-Authenticate": "Bearer"}

FindCaller = Callable[[Request], Awaitable[Caller]]


def caller_with(store: Store, scope: str) -> FindCaller:
    """A dependency: the caller, who has `scope`; else 401 or NotPermittedError."""

    async def find(request: Request) -> Caller:
        caller = await asyncio.to_thread(find_caller, store, request)
        caller.require(scope)
        return caller

    return find


def find_caller(store: Store, request: Request) -> Caller:
    """The caller of a request.

    Raises:
        HTTPException: 401 when nobody is known, 403 when another site's page asks for a change.
    """
    header = request.headers.get("authorization", "")
    if header:
        kind, _, secret = header.partition(" ")
        caller = caller_of_token(store, secret.strip()) if kind.lower() == "bearer" else None
        if caller is None:
            raise HTTPException(401, "this token is not known, over or revoked", CHALLENGE)
        return caller
    user = user_of_token(store, request.cookies.get(COOKIE_NAME))
    if user is None:
        raise HTTPException(401, "sign in, or send a token as `Authorization: Bearer ...`", CHALLENGE)
    if request.method not in LOOKS_ONLY:
        check_origin(request)
    return caller_of_user(user)
