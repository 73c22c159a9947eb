"""The API as one application: which doors there are, and what holds for all of them.

Belongs here: putting it together. Stays out: the doors themselves (a file each).
There is no page with documentation, since that would load from elsewhere; `/openapi.json` is there for tools.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import duckdb
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from apps.api.ab_tests import ab_tests_router
from apps.api.alerts import alerts_router
from apps.api.analytics import analytics_router
from apps.api.campaign_posts import campaign_posts_router
from apps.api.campaign_rules import campaign_rules_router
from apps.api.campaigns import campaigns_router
from apps.api.clicks import ClickDoor
from apps.api.codes import codes_router
from apps.api.committer import Committer
from apps.api.devices import devices_router
from apps.api.email_campaigns import email_campaigns_router
from apps.api.forms import forms_router
from apps.api.integrations import integrations_router
from apps.api.journal import Journal
from apps.api.leads import leads_router
from apps.api.link_rules import link_rules_router
from apps.api.links import links_router
from apps.api.loyalty import loyalty_router
from apps.api.opt_in import opt_in_router
from apps.api.page_tests import PageTestDoor, page_tests_router
from apps.api.person_notes import person_notes_router
from apps.api.person_properties import person_properties_router
from apps.api.preferences import preferences_router
from apps.api.purposes import purposes_router
from apps.api.reading import reading_router
from apps.api.reports import reports_router
from apps.api.routing import routing_router
from apps.api.segment_people import people_router
from apps.api.segment_rules import rules_router
from apps.api.segments import segments_router
from apps.api.sign_in import sign_in_router
from apps.api.site import site_router
from apps.api.templates import templates_router
from apps.api.web import SiteDoor, web_router
from apps.api.webhooks import webhook_router
from apps.api.webhooks_out import keep_delivering, webhooks_out_router
from apps.api.workflow_moves import workflow_moves_router
from apps.api.workflows import workflows_router
from dmat.campaigns.library import open_library
from dmat.errors import DmatError
from dmat.experiments.library import open_library as open_tests
from dmat.messages.short_links import ShortLinks
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store, open_store
from dmat.store.inbox import waiting_counts

IN_STEP_SECONDS = 1.0


_OF_THE_STORE = (
    purposes_router, webhooks_out_router, opt_in_router, sign_in_router, loyalty_router, campaign_posts_router,
    codes_router, link_rules_router, alerts_router, reports_router,
)  # fmt: skip
"""Doors that need nothing but the settings and the store."""


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """The application of one workspace; it closes the store that it opened itself."""
    opened = store or open_store(settings)
    committer, desk = Committer(opened, settings.clock.now), Desk(settings, opened, with_engine=True)
    journal = Journal(opened, committer, settings.clock.now)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(keep_in_step(desk)), asyncio.create_task(keep_delivering(settings, opened))]
        journal.start()
        yield
        for task in tasks:
            task.cancel()
        if store is None:
            opened.close()

    app = FastAPI(title="DMAT", docs_url=None, redoc_url=None, openapi_url="/openapi.json", lifespan=lifespan)
    app.add_middleware(ClickDoor, settings=settings, journal=journal, short_links=ShortLinks(settings, opened))
    app.include_router(webhook_router(settings, committer))
    app.include_router(links_router(settings, opened, committer))
    app.include_router(preferences_router(settings, opened, committer))
    for doors in _OF_THE_STORE:
        app.include_router(doors(settings, opened))
    app.include_router(site_router(settings))
    site_door = SiteDoor(settings, opened, committer)
    app.include_router(web_router(opened, site_door))
    app.include_router(devices_router(settings, opened, site_door))
    page_tests = PageTestDoor(settings, opened)
    app.include_router(page_tests_router(page_tests, site_door))
    app.include_router(forms_router(settings, opened, page_tests))
    app.include_router(reading_router(settings, opened, committer))
    for router in (rules_router, segments_router, people_router):
        app.include_router(router(opened, desk))
    app.include_router(templates_router(settings, opened, desk))
    for lead_doors in (leads_router, routing_router):
        app.include_router(lead_doors(settings, opened, desk.workspace))
    app.include_router(analytics_router(settings, opened, desk.workspace))
    app.include_router(ab_tests_router(opened, desk, open_tests(settings, opened)))
    app.include_router(integrations_router(settings, opened, desk.workspace, committer))
    library = open_library(settings, opened, desk)
    for doors_of_people in (workflows_router, workflow_moves_router, person_properties_router, person_notes_router):
        app.include_router(doors_of_people(settings, opened, desk))
    for campaign_doors in (campaigns_router, campaign_rules_router, email_campaigns_router):
        app.include_router(campaign_doors(opened, desk, library))

    _add_health(app, opened)
    return app


def _add_health(app: FastAPI, opened: Store) -> None:
    @app.get("/health", tags=["health"])
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/ready", tags=["health"])
    async def ready() -> JSONResponse:
        """The store answers too; with how many events wait to be worked on."""
        try:
            return JSONResponse({"status": "ready"} | await asyncio.to_thread(_look, opened))
        except SQLAlchemyError:
            return JSONResponse({"status": "the store does not answer"}, 503)


async def keep_in_step(desk: Desk, every_seconds: float = IN_STEP_SECONDS) -> None:
    """Take on each version of the warehouse as it is published, so that nobody who counts a rule waits for that."""
    while True:
        with suppress(DmatError, duckdb.Error):  # nothing published yet, or replaced just now: the next look will do
            await asyncio.to_thread(desk.keep_in_step)
        await asyncio.sleep(every_seconds)


def _look(store: Store) -> dict[str, int]:
    with store.read() as connection:
        connection.execute(sa.text("select 1"))
    return waiting_counts(store)
