"""The doors to what shops and the CRM know: orders, products, customers, what contacts did; and a capture on demand.

Belongs here: who may do what, pages. Stays out: the queries and the wish (`dmat/integrations`), webhooks
(`webhooks.py`, whose door for shops stands here under its second address).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from apps.api.callers import caller_with
from apps.api.campaign_bodies import Body, Moment
from apps.api.committer import Committer
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import zulu
from apps.api.webhooks import WebhookDoor
from dmat.errors import NotFoundError
from dmat.integrations.records import MOST, Page, list_activity, list_customers, list_orders, list_products
from dmat.integrations.syncing import Sync, ask_for_sync, last_sync
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.warehouse import Workspace

FIRST_DAYS = timedelta(days=30)

Shop = Literal["shopify", "woocommerce"]
Since = Annotated[Moment | None, Query(description="a moment, as 2026-03-15T09:00:00Z; nothing before it")]
Limit = Annotated[int, Query(ge=1, le=MOST)]
After = Annotated[str, Query(max_length=300, description="`next_after` of the page before")]


class SyncToAsk(Body):
    """Nothing needs to be said; the body may be left out."""


def integrations_router(settings: Settings, store: Store, view: Workspace, committer: Committer) -> APIRouter:
    """/api/integrations."""
    router = APIRouter(prefix="/api/integrations", tags=["integrations"], responses=REFUSALS)
    doors = APIRouter(route_class=Door)
    _add_shops(doors, view, Depends(caller_with(store, "people:read")))
    _add_crm(doors, settings, store, view)
    router.include_router(doors)
    _add_webhook(router, WebhookDoor(settings, committer))
    return router


def _add_shops(router: APIRouter, view: Workspace, reader: Any) -> None:
    @router.get("/{shop}/orders", summary="Orders of a shop")
    def get_orders(
        shop: Shop, _caller: Caller = reader, since: Since = None, after: After = "", limit: Limit = 100
    ) -> dict[str, Any]:
        """With their lines and the person who ordered, the oldest first; amounts in cents."""
        return _answer("orders", list_orders(view, shop, since, after, limit))

    @router.get("/{shop}/products", summary="Products of a shop")
    def get_products(shop: Shop, _caller: Caller = reader, after: After = "", limit: Limit = 100) -> dict[str, Any]:
        """As campaigns and recommendations know them; prices in cents."""
        return _answer("products", list_products(view, shop, after, limit))

    @router.get("/{shop}/customers", summary="Customers of a shop")
    def get_customers(shop: Shop, _caller: Caller = reader, after: After = "", limit: Limit = 100) -> dict[str, Any]:
        """As the shop knows them, with the number of the person that each of them is here."""
        return _answer("customers", list_customers(view, shop, after, limit))


def _add_crm(router: APIRouter, settings: Settings, store: Store, view: Workspace) -> None:
    reader, writer = Depends(caller_with(store, "people:read")), Depends(caller_with(store, "leads:write"))

    @router.get("/crm/contact-activity", summary="What contacts did")
    def get_activity(
        _caller: Caller = reader,
        since: Since = None,
        email: Annotated[str, Query(max_length=320, description="of one contact; empty: everybody")] = "",
        after: After = "",
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """Messages, forms, visits and orders, the oldest first, of the last 30 days unless `since` says otherwise.

        `crm_contacts` are the keys under which HubSpot or Salesforce know the person. Openings and clicks by machines
        are left out.
        """
        begins = since or settings.clock.now() - FIRST_DAYS
        return _answer("activity", list_activity(view, begins, email, after, limit))

    @router.post("/crm/sync-contacts", status_code=202, summary="Read the CRM now")
    def sync_contacts(_body: SyncToAsk | None = None, caller: Caller = writer) -> dict[str, Any]:
        """What changed in the connected CRM is read within a minute; the tables follow with the next build.

        409 when no CRM is connected.
        """
        return _sync_json(ask_for_sync(settings, store, caller.name))

    @router.get("/crm/sync-contacts", summary="The last time that somebody asked for it")
    def get_sync(_caller: Caller = reader) -> dict[str, Any]:
        """`done_at` is null until it is over; `problem` says what went wrong."""
        found = last_sync(settings, store)
        if found is None:
            raise NotFoundError("nobody asked for it yet")
        return _sync_json(found)


def _add_webhook(router: APIRouter, door: WebhookDoor) -> None:
    @router.post("/{shop}/webhook", summary="A shop tells us something")
    async def receive(shop: Shop, request: Request) -> Response:
        """The same door as `/webhooks/{provider}`: the signature is checked over the raw body."""
        return await door.receive(shop, request)


def _answer(name: str, page: Page) -> dict[str, Any]:
    rows = [{key: _plain(value) for key, value in row.items()} for row in page.rows]
    return {name: rows, "next_after": page.next_after or None}


def _plain(value: Any) -> Any:
    return zulu(value) if isinstance(value, datetime) else value


def _sync_json(sync: Sync) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(sync).items()}
