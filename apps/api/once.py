"""Doing something once for an `Idempotency-Key`: who comes again with it gets the answer of the first time.

Belongs here: that, for any door. Stays out: keeping keys (`dmat/store/idempotency.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Header, HTTPException, Response

from dmat.errors import DmatError
from dmat.store import Store
from dmat.store.access import Caller
from dmat.store.idempotency import claim_key, keep_answer, release_key

KEPT_HEADERS = {"etag", "location"}
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", description="the same key gives the same answer")]


def once(store: Store, caller: Caller, action: str, key: str, body: bytes, work: Callable[[], Response]) -> Response:
    """Work, or give the answer that was given under this key; without a key it simply works.

    Raises:
        InvalidInputError: the key came with another body before.
    """
    if not key:
        return work()
    claim = claim_key(store, caller.name, action, key, body)
    if claim.answer is not None:
        return Response(**claim.answer, media_type="application/json")
    try:
        response = work()
    except (DmatError, HTTPException):
        release_key(store, claim)
        raise
    kept = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
    answer = {"content": bytes(response.body).decode(), "status_code": response.status_code, "headers": kept}
    keep_answer(store, claim, answer)
    return response
