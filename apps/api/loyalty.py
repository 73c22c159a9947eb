"""The doors of the loyalty programme: rules, members and their points, offers, codes.

Belongs here: who may do what. Stays out: what is earned and what a code is worth (`dmat/loyalty`).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from apps.api.callers import caller_with
from apps.api.campaign_bodies import Body
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import zulu
from dmat.errors import NotFoundError
from dmat.loyalty.ledger import adjust, statement_of
from dmat.loyalty.members import member_of
from dmat.loyalty.offers import Grant, grant_offer, grants_of, list_offers, put_offer, redeem
from dmat.loyalty.rules import keep_rules, read_rules
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

Person = Annotated[int, Path(ge=1, le=2**63 - 1, description="the person's number")]
OfferKey = Annotated[str, Path(max_length=60)]


class PointsToAdjust(Body):
    """Points by hand; `key` makes it once."""

    points: int
    reason: Annotated[str, Field(min_length=1, max_length=255)]
    key: Annotated[str, Field(min_length=1, max_length=100)]


class OfferToGrant(Body):
    """Who gets an offer, and for what: once a person and occurrence."""

    person_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    occurrence: Annotated[str, Field(min_length=1, max_length=100)]


class CodeToRedeem(Body):
    """A code at the till."""

    code: Annotated[str, Field(min_length=1, max_length=40)]
    order_id: Annotated[str, Field(min_length=1, max_length=200)]
    person_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None


def loyalty_router(settings: Settings, store: Store) -> APIRouter:
    """/api/loyalty."""
    router = APIRouter(
        prefix="/api/loyalty", tags=["loyalty"], route_class=Door, responses=REFUSALS, max_body_size=256 * 1024
    )
    reader, writer = Depends(caller_with(store, "loyalty:read")), Depends(caller_with(store, "loyalty:write"))
    _add_rules(router, settings, store, reader, writer)
    _add_members(router, settings, store, reader, writer)
    _add_offers(router, settings, store, reader, writer)
    return router


def _add_rules(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    @router.get("/rules", summary="The rules of the programme")
    def get_rules(_caller: Caller = reader) -> dict[str, Any]:
        """404 while there is no programme."""
        with store.read() as connection:
            rules = read_rules(connection)
        if rules is None:
            raise NotFoundError("there is no loyalty programme: keep rules first")
        return rules.model_dump(mode="json")

    @router.put("/rules", summary="Keep the rules of the programme")
    def put_rules(body: dict[str, Any], caller: Caller = writer) -> dict[str, Any]:
        """They hold from now on; what was earned stays."""
        return keep_rules(store, body, settings.clock.now(), caller.name).model_dump(mode="json")


def _add_members(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    @router.get("/members/{person_id}", summary="One member")
    def get_member(person_id: Person, _caller: Caller = reader) -> dict[str, Any]:
        """Tier, points, the lines of the account, and offers."""
        member = member_of(store, person_id)
        lines = [_shown(line) for line in statement_of(store, person_id)]
        held = [grant_json(grant) for grant in grants_of(store, person_id)]
        return {**_shown(asdict(member)), "statement": lines, "offers": held}

    @router.post("/members/{person_id}/points", summary="Give or take points by hand")
    def post_points(person_id: Person, body: PointsToAdjust, caller: Caller = writer) -> dict[str, Any]:
        """With a reason; the same key counts once."""
        member_of(store, person_id)
        left = adjust(store, person_id, body.points, body.key, body.reason, settings.clock.now(), caller.name)
        return {"person_id": person_id, "points": left}


def _add_offers(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    @router.get("/offers", summary="Offers")
    def get_offers(_caller: Caller = reader) -> dict[str, Any]:
        """All of them, by key."""
        return {"offers": [offer.model_dump() for offer in list_offers(store)]}

    @router.put("/offers/{offer_key}", summary="Make or change an offer")
    def keep_offer(offer_key: OfferKey, body: dict[str, Any], caller: Caller = writer) -> dict[str, Any]:
        """What was granted stays as it is."""
        kept = put_offer(store, {**body, "offer_key": offer_key}, settings.clock.now(), caller.name)
        return kept.model_dump(mode="json")

    @router.post("/offers/{offer_key}/grant", summary="Give an offer to a member")
    def grant(offer_key: OfferKey, body: OfferToGrant, caller: Caller = writer) -> dict[str, Any]:
        """With a code of their own; the same occurrence gives the same grant."""
        now = settings.clock.now()
        return grant_json(grant_offer(store, offer_key, body.person_id, body.occurrence, now, caller.name))

    @router.post("/redeem", summary="Use a code")
    def use_code(body: CodeToRedeem, _caller: Caller = writer) -> dict[str, Any]:
        """Once, in time, and by its owner when `person_id` says who is there."""
        return grant_json(redeem(store, body.code, body.order_id, settings.clock.now(), body.person_id))


def grant_json(grant: Grant) -> dict[str, Any]:
    """An offer that somebody holds."""
    return _shown(asdict(grant))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {str(name): zulu(value) if isinstance(value, datetime) else value for name, value in row.items()}
