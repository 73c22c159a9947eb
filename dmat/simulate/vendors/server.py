"""The server: every vendor under its own path, the control door, and the clock that moves the world.

Belongs here: putting the parts together and stepping in the background while the clock runs. Stays out: what any of
the parts does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import duckdb
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from dmat.settings import Settings
from dmat.simulate.connection import simulation_dir
from dmat.simulate.diary import Diary
from dmat.simulate.records import Records
from dmat.simulate.vendors.control import Control
from dmat.simulate.vendors.door import Door, Office
from dmat.simulate.vendors.faults import Faults, FaultyNetwork
from dmat.simulate.vendors.ga4 import Ga4
from dmat.simulate.vendors.hubspot import HubSpot
from dmat.simulate.vendors.linkedin import LinkedIn
from dmat.simulate.vendors.meta import Meta
from dmat.simulate.vendors.salesforce import Salesforce
from dmat.simulate.vendors.sendgrid import SendGrid
from dmat.simulate.vendors.shopify import Shopify
from dmat.simulate.vendors.twilio import Twilio
from dmat.simulate.vendors.webhooks import Postman
from dmat.simulate.vendors.whatsapp import WhatsApp
from dmat.simulate.vendors.woocommerce import WooCommerce
from dmat.simulate.vendors.wordpress import WordPress
from dmat.simulate.world import World

DOORS: tuple[type[Door], ...] = (
    Shopify, WooCommerce, HubSpot, Salesforce, SendGrid, Twilio, WhatsApp, Meta, LinkedIn, Ga4, WordPress,
)  # fmt: skip
STEP_SECONDS = 1.0
log = logging.getLogger("dmat.simulate.vendors")


class VendorServer:
    """All vendors of one workspace; an ASGI application that owns the company's files while it runs."""

    def __init__(self, settings: Settings) -> None:
        home = simulation_dir(settings.home)
        self.settings = settings
        self.records = Records.open(home / "company.duckdb")
        self.diary = Diary(home / "world.sqlite")
        self.world = World(self.records, self.diary, settings.clock.now, settings.resolved_public_url)
        self.postman = Postman(settings, self.diary)
        self.office = Office(settings, self.records, self.world)
        self.faults = Faults()
        self.doors = {kind.name: kind(self.office) for kind in DOORS}
        self._step_lock = threading.Lock()
        control = Control(self.office, self.faults, self.step)
        mounts = [_mount(door) for door in self.doors.values()]
        self._app = Starlette(routes=[*control.routes(), *mounts], lifespan=self._lifespan)
        self._network = FaultyNetwork(self._app, self.faults, self.doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await self._network(scope, receive, send)

    def step(self) -> dict[str, Any]:
        """Move the world on to the clock's time and post the due webhooks; one step at a time."""
        with self._step_lock:
            now = self.settings.clock.now()
            moved = self.world.step(now)
            posted = self.postman.post_due(now)
        return {"now": now.isoformat(), "world": asdict(moved), "webhooks": asdict(posted)}

    def close(self) -> None:
        """Let go of the files."""
        with self._step_lock:
            self.postman.close()
            self.diary.close()
            self.records.close()

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        stepping = asyncio.create_task(self._keep_stepping())
        try:
            yield
        finally:
            stepping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stepping
            self.close()

    async def _keep_stepping(self) -> None:
        """While the clock runs, a step about once a real second; a clock that stands still is stepped by request."""
        while True:
            await asyncio.sleep(STEP_SECONDS)
            if self.settings.clock.speed <= 0:
                continue
            try:
                await run_in_threadpool(self.step)
            except (duckdb.Error, OSError):
                log.exception("a step of the world failed; it is tried again")


def _mount(door: Door) -> Mount:
    async def not_found(request: Request) -> Response:
        return door.refuse(404)

    everything_else = Route("/{rest:path}", not_found, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return Mount(f"/{door.name}", routes=[*door.routes(), everything_else])
