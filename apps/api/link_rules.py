"""GET and PUT /api/link-rules: which parameters links to our own domains get, and which domains are our own.

Belongs here: requests and answers. Stays out: filling the rule in (`dmat/messages/tracking.py`).
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from dmat.messages.tracking import WORDS, get_utm_rule, own_domains, parameters_of, set_own_domains, set_utm_rule
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

EXAMPLE_WORDS = {
    "channel": "email", "campaign": "Spring Sale", "step": "announcement", "variant": "a", "template": "spring-sale",
    "programme": "campaign:7", "locale": "de",
}  # fmt: skip


class LinkRules(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    utm: dict[str, str] | None = Field(None, max_length=6, description="source, medium, campaign, content, term, id")
    own_domains: list[str] | None = Field(None, max_length=200, description="beside those of the connected shops")


def link_rules_router(settings: Settings, store: Store) -> APIRouter:
    """Reading and changing the rules."""
    router = APIRouter(prefix="/api/link-rules", tags=["templates"], route_class=Door, responses=REFUSALS)
    reader = Depends(caller_with(store, "templates:read"))
    writer = Depends(caller_with(store, "templates:write"))

    @router.get("", summary="Parameters of links, and own domains")
    def read(_caller: Caller = reader) -> dict[str, Any]:
        """The workspace's rule; a campaign's plan may say something else under `utm`."""
        return _answer(settings, store)

    @router.put("", summary="Change them")
    def change(body: LinkRules, caller: Caller = writer) -> dict[str, Any]:
        """They hold for messages that are put together from now on; an empty rule adds no parameters."""
        if body.utm is not None:
            set_utm_rule(store, body.utm, settings.clock.now(), caller.name)
        if body.own_domains is not None:
            set_own_domains(store, body.own_domains, settings.clock.now(), caller.name)
        return _answer(settings, store)

    return router


def _answer(settings: Settings, store: Store) -> dict[str, Any]:
    rule = get_utm_rule(store)
    return {
        "utm": rule, "words": list(WORDS), "own_domains": list(own_domains(settings, store)),
        "example": parameters_of(rule, EXAMPLE_WORDS),
    }  # fmt: skip
