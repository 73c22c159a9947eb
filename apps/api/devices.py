"""POST /api/devices: an app or a site says under which token a device takes push notifications.

Belongs here: who may say so, reading the request. Stays out: what is kept (`dmat/channels/devices.py`).

    a token with the scope web:write      the app's own server: it may name the person
    an identify token                     the app of somebody who is signed in
    a page of one of our sites            a browser, known by its client id only
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import find_caller
from apps.api.faults import Door
from apps.api.web import CLIENT_ID, SiteDoor
from dmat.channels.devices import Registration, register, unregister
from dmat.errors import InvalidInputError
from dmat.settings import Settings
from dmat.store import Store


class DeviceBody(BaseModel):
    """A device registers."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=320)
    platform: str = Field(max_length=20)
    provider: str = Field("fcm", max_length=20)
    person_id: int = Field(0, ge=0, description="only with an API token")
    identify: str = Field("", max_length=1000, description="an identify token of the signed-in person")
    email: str = Field("", max_length=320, description="only with an API token")
    client_id: str = Field("", max_length=100)
    locale: str = Field("", max_length=20)
    has_consent: bool = False
    consent_text: str = Field("", max_length=1000)


class TokenBody(BaseModel):
    """A device that takes no notifications any more."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=320)


class DeviceDoor:
    """Who may register what."""

    def __init__(self, settings: Settings, store: Store, site: SiteDoor) -> None:
        self._settings, self._store, self._site = settings, store, site

    def add(self, body: DeviceBody, request: Request) -> str:
        """Keep a device; gives its id."""
        person, source = self._who(body, request)
        if body.client_id and not CLIENT_ID.fullmatch(body.client_id):
            raise InvalidInputError("client_id", "it cannot be an id", "letters, digits and ._-, at most 100")
        fields = body.model_dump(exclude={"identify", "person_id"})
        wanted = Registration(**fields, person_id=person, source=source)
        return register(self._store, wanted, self._settings.clock.now())

    def _who(self, body: DeviceBody, request: Request) -> tuple[int, str]:
        """(person, source) as far as the request proves it."""
        if request.headers.get("authorization"):
            caller = find_caller(self._store, request)
            caller.require("web:write")
            return body.person_id, f"device by {caller.name}"
        if body.person_id or body.email:
            raise HTTPException(401, "only an API token with the scope web:write may name a person or an address")
        if body.identify:
            person = self._site.person_of(body.identify)
            if not person:
                raise HTTPException(401, "the identify token is not one of ours, or over")
            return person, "device of a signed-in person"
        if not self._site.is_ours(request) or not body.client_id:
            raise HTTPException(401, "send an API token, an identify token, or a client_id from one of our sites")
        return 0, "device of a visitor"


def devices_router(settings: Settings, store: Store, site: SiteDoor) -> APIRouter:
    """POST /api/devices and POST /api/devices/unregister."""
    router = APIRouter(prefix="/api/devices", tags=["devices"], route_class=Door)
    door = DeviceDoor(settings, store, site)

    @router.post("", status_code=201)
    async def add(body: DeviceBody, request: Request) -> dict[str, str]:
        """Keep a device, with the consent that was given on it."""
        return {"device_id": await asyncio.to_thread(door.add, body, request)}

    @router.post("/unregister", status_code=204)
    async def remove(body: TokenBody) -> Response:
        """End a device; who knows its token may."""
        await asyncio.to_thread(unregister, store, body.token, "the device asked for it", settings.clock.now())
        return Response(status_code=204)

    return router
