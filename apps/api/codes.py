"""The doors of discount codes: pools, how many are left, more of them by upload, returned ones.

Belongs here: requests and answers. Stays out: giving codes away (`dmat/messages/codes.py`). No door tells a code: who
has which one is in the message of that person.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from dmat.errors import InvalidInputError
from dmat.messages.codes import Pool, add_codes, codes_in_csv, create_pool, get_pool, list_pools, release_returned
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_UPLOAD = 10 * 1024 * 1024
Key = Annotated[str, Path(max_length=100, description="the pool's key")]
_POOL = {
    "key": "spring", "name": "Spring sale", "pattern": "SPRING-######", "free": 0, "taken": 4200, "returned": 3,
    "left": 14310372,
}  # fmt: skip


class PoolToMake(BaseModel):
    """A new pool: empty for codes that are uploaded, or with a pattern that makes them when they are needed."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(max_length=100, pattern="^[a-z0-9][a-z0-9_-]*$")
    name: str = Field(min_length=1, max_length=200)
    pattern: str = Field("", max_length=60, description="such as SPRING-######; each # is a letter or digit")


class CodesToAdd(BaseModel):
    """Codes for a pool: a list, or the text of a CSV file with one column or one called `code`."""

    model_config = ConfigDict(extra="forbid")

    codes: list[str] = Field([], max_length=500_000)
    csv: str = ""

    def read(self) -> list[str]:
        """The codes.

        Raises:
            InvalidInputError: both, neither, or a file in which no column is called code.
        """
        if bool(self.codes) == bool(self.csv):
            raise InvalidInputError("codes", "give codes or csv", "one of them")
        return self.codes or codes_in_csv(self.csv)


def codes_router(settings: Settings, store: Store) -> APIRouter:
    """/api/code-pools and /api/code-pools/{key}."""
    router = APIRouter(
        prefix="/api/code-pools", tags=["codes"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_UPLOAD
    )
    _add_looking(router, store, Depends(caller_with(store, "codes:read")))
    _add_changing(router, settings, store, Depends(caller_with(store, "codes:write")))
    return router


def _add_looking(router: APIRouter, store: Store, reader: Any) -> None:
    @router.get("", summary="List pools", responses=_example({"pools": [_POOL]}))
    def list_all(_caller: Caller = reader) -> dict[str, Any]:
        """Every pool, by name; `left` is how many codes it can still give."""
        with store.read() as connection:
            return {"pools": [pool_json(pool) for pool in list_pools(connection)]}

    @router.get("/{key}", summary="One pool", responses=_example(_POOL))
    def get_one(key: Key, _caller: Caller = reader) -> dict[str, Any]:
        """A pool and how many of its codes are free, taken and returned."""
        with store.read() as connection:
            return pool_json(get_pool(connection, key))


def _add_changing(router: APIRouter, settings: Settings, store: Store, writer: Any) -> None:
    @router.post("", status_code=201, summary="Make a pool", responses=_example(_POOL, 201))
    def make_pool(body: PoolToMake, caller: Caller = writer) -> Response:
        """Refused with 409 when the key is taken."""
        with store.write() as connection:
            create_pool(connection, body.key, body.name, caller.name, settings.clock.now(), body.pattern)
            made = pool_json(get_pool(connection, body.key))
        return JSONResponse(made, 201, {"location": f"/api/code-pools/{body.key}"})

    @router.post("/{key}/codes", summary="Add codes", responses=_example({"added": 500, "known": 2, "pool": _POOL}))
    def add(key: Key, body: Annotated[CodesToAdd, Body()], caller: Caller = writer) -> dict[str, Any]:
        """Codes that this or another pool has already are counted as `known` and left alone."""
        wanted = body.read()
        with store.write() as connection:
            added, known = add_codes(connection, key, wanted, caller.name, settings.clock.now())
            return {"added": added, "known": known, "pool": pool_json(get_pool(connection, key))}

    @router.post("/{key}/release-returned", summary="Give returned codes again",
                 responses=_example({"released": 3, "pool": _POOL}))  # fmt: skip
    def release(key: Key, caller: Caller = writer) -> dict[str, Any]:
        """Codes of messages that were cancelled before they left; it is written into the audit trail."""
        with store.write() as connection:
            get_pool(connection, key)
            count = release_returned(connection, key, caller.name, settings.clock.now())
            return {"released": count, "pool": pool_json(get_pool(connection, key))}


def pool_json(pool: Pool) -> dict[str, Any]:
    """A pool as it is answered."""
    names = ("key", "name", "pattern", "free", "taken", "returned")
    return {name: getattr(pool, name) for name in names} | {"left": pool.room}


def _example(shown: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": shown}}}}
