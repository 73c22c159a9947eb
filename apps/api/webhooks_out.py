"""The doors for webhooks out: setting endpoints up, their log, sending again; and the rounds that deliver.

Belongs here: requests, answers, and the loop in this process. Stays out: everything else (`dmat/outgoing`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from dmat.channels.devices import unregister_dead
from dmat.channels.in_app import sweep
from dmat.errors import DmatError
from dmat.outgoing.delivering import Courier, forget_old, read_log, replay, replay_failed
from dmat.outgoing.endpoints import Endpoint, Endpoints
from dmat.outgoing.kinds import KINDS
from dmat.outgoing.outbox import emit_test
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

EVERY_SECONDS, SWEEP_EVERY = 1.0, 60


class EndpointBody(BaseModel):
    """A new endpoint."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    url: str = Field(max_length=2000)
    events: list[str] = Field(max_length=50, description="kinds, `message.*`, or `*`")


class EndpointChange(BaseModel):
    """What changes."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=200)
    url: str | None = Field(None, max_length=2000)
    events: list[str] | None = Field(None, max_length=50)
    is_active: bool | None = None


def webhooks_out_router(settings: Settings, store: Store) -> APIRouter:
    """`/api/webhook-endpoints`, and what belongs to one."""
    router = APIRouter(prefix="/api", tags=["webhooks out"], route_class=Door, responses=REFUSALS)
    endpoints, may = Endpoints(settings, store), Depends(caller_with(store, "webhooks:write"))
    _add_setting_up(router, endpoints, may)
    _add_log(router, store, endpoints, may)

    @router.get("/webhook-kinds")
    async def kinds(caller: Caller = may) -> dict[str, str]:
        """What can be told, and when it is."""
        return KINDS

    return router


def _add_setting_up(router: APIRouter, endpoints: Endpoints, may: Any) -> None:
    @router.get("/webhook-endpoints")
    async def listing(caller: Caller = may) -> list[dict[str, Any]]:
        """All endpoints."""
        return [asdict(each) for each in await asyncio.to_thread(endpoints.all)]

    @router.post("/webhook-endpoints", status_code=201)
    async def create(body: EndpointBody, caller: Caller = may) -> dict[str, Any]:
        """A new endpoint, with its secret; nobody can read that again."""
        made, secret = await asyncio.to_thread(endpoints.create, body.name, body.url, body.events, caller.name)
        return asdict(made) | {"secret": secret}

    @router.patch("/webhook-endpoints/{endpoint_id}")
    async def change(endpoint_id: str, body: EndpointChange, caller: Caller = may) -> dict[str, Any]:
        """Change an endpoint; switching it on again sends what waits."""
        changes = body.model_dump(exclude_unset=True)

        def work() -> Endpoint:
            return endpoints.change(endpoint_id, caller.name, **changes)

        return asdict(await asyncio.to_thread(work))

    @router.post("/webhook-endpoints/{endpoint_id}/rotate")
    async def rotate(endpoint_id: str, caller: Caller = may) -> dict[str, str]:
        """A new secret; for a day both sign."""
        return {"secret": await asyncio.to_thread(endpoints.rotate, endpoint_id, caller.name)}

    @router.delete("/webhook-endpoints/{endpoint_id}", status_code=204)
    async def remove(endpoint_id: str, caller: Caller = may) -> Response:
        """Take it away, with what waits for it."""
        await asyncio.to_thread(endpoints.remove, endpoint_id, caller.name)
        return Response(status_code=204)


def _add_log(router: APIRouter, store: Store, endpoints: Endpoints, may: Any) -> None:
    @router.post("/webhook-endpoints/{endpoint_id}/test", status_code=202)
    async def test(endpoint_id: str, caller: Caller = may) -> dict[str, str]:
        """Send a test event to this endpoint."""
        return {"event_id": await asyncio.to_thread(emit_test, store, endpoints.get(endpoint_id).endpoint_id)}

    @router.get("/webhook-endpoints/{endpoint_id}/deliveries")
    async def log(
        endpoint_id: str, state: str = "", limit: int = Query(100, ge=1, le=1000), caller: Caller = may
    ) -> list[dict[str, Any]]:
        """What was sent or waits, newest first; `state` is waiting, delivered or failed."""
        found = await asyncio.to_thread(endpoints.get, endpoint_id)
        return await asyncio.to_thread(read_log, store, found.endpoint_id, state, limit)

    @router.post("/webhook-endpoints/{endpoint_id}/replay", status_code=202)
    async def again_all(endpoint_id: str, caller: Caller = may) -> dict[str, int]:
        """Send all that was given up again."""
        found = await asyncio.to_thread(endpoints.get, endpoint_id)
        return {"waiting": await asyncio.to_thread(replay_failed, store, found.endpoint_id)}

    @router.post("/webhook-deliveries/{delivery_id}/replay", status_code=202)
    async def again(delivery_id: int, caller: Caller = may) -> dict[str, int]:
        """Send one again, with the same event id."""
        await asyncio.to_thread(replay, store, delivery_id)
        return {"waiting": 1}


async def keep_delivering(settings: Settings, store: Store, every_seconds: float = EVERY_SECONDS) -> None:
    """Round after round: deliver what waits; each minute, put away what is over."""
    courier, rounds = Courier(settings, store), 0
    try:
        while True:
            with suppress(DmatError, DBAPIError):  # the store is busy or away: the next round will do
                made = await asyncio.to_thread(courier.deliver)
                if rounds % SWEEP_EVERY == 0:
                    await asyncio.to_thread(put_away, settings, store)
                rounds += 1
                if made:
                    continue
            await asyncio.sleep(every_seconds)
    finally:
        courier.close()


def put_away(settings: Settings, store: Store) -> None:
    """In-app messages that nobody fetched, devices whose tokens are dead, events that everybody got."""
    now = settings.clock.now()
    sweep(store, now)
    unregister_dead(store, now)
    forget_old(store, now)
