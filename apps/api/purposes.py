"""GET /api/purposes, PUT /api/purposes/<key>: what people can want to hear about.

Belongs here: requests and answers. Stays out: what a purpose means (`dmat/consent/preferences.py`).
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from dmat.consent.preferences import CHANNELS, Purpose, list_purposes, save_purpose
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller


class PurposeBody(BaseModel):
    """A purpose."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    description: str = Field("", max_length=1000)
    channels: list[str] = Field(list(CHANNELS), max_length=10)
    position: int = Field(0, ge=0, le=1000)
    is_shown: bool = True


def purposes_router(settings: Settings, store: Store) -> APIRouter:
    """Reading and setting up purposes."""
    router = APIRouter(prefix="/api/purposes", tags=["consent"], route_class=Door, responses=REFUSALS)
    may = Depends(caller_with(store, "consent:write"))

    def read() -> list[dict[str, Any]]:
        with store.read() as connection:
            return [asdict(each) for each in list_purposes(connection)]

    @router.get("")
    async def listing(caller: Caller = may) -> list[dict[str, Any]]:
        """Every purpose, in the order of the preference centre."""
        return await asyncio.to_thread(read)

    @router.put("/{purpose}")
    async def save(purpose: str, body: PurposeBody, caller: Caller = may) -> dict[str, Any]:
        """Add or change one; `is_shown` false takes it off the preference centre, decisions on it stay."""
        wanted = Purpose(purpose, **(body.model_dump() | {"channels": tuple(body.channels)}))
        await asyncio.to_thread(save_purpose, store, wanted, settings.clock.now(), caller.name)
        return asdict(wanted)

    return router
