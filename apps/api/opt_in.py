"""The doors of double opt-in: asking over the API, and the page behind the link of the mail.

Belongs here: these two, and taking the consent out of a form until it is confirmed. Stays out: what asking and
confirming do (`dmat/consent/double_opt_in.py`). A GET never confirms, because scanners open every link.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from apps.api.callers import caller_with
from apps.api.faults import Door
from apps.api.links import agent_of
from apps.api.pages import Pages
from dmat.consent.double_opt_in import Asking, OptIn, ask, confirm, find_opt_in
from dmat.errors import NotFoundError, UnverifiedError
from dmat.messages.links import Links
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

CONSENT_FIELD, ASKED_FIELD = "consent_email", "consent_email_asked"
YES = frozenset({"true", "on", "yes", "1"})


class AskBody(BaseModel):
    """Somebody asks for messages."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=320)
    purpose: str = Field("marketing", max_length=40)
    source: str = Field("API", min_length=1, max_length=100)


def opt_in_router(settings: Settings, store: Store) -> APIRouter:
    """POST /api/opt-ins, GET and POST /confirm/<token>."""
    router = APIRouter(tags=["consent"], route_class=Door)
    links, pages = Links(settings), Pages(settings.workspace_name)
    clerk = Depends(caller_with(store, "consent:write"))

    @router.post("/api/opt-ins", status_code=202)
    async def ask_for(body: AskBody, caller: Caller = clerk) -> dict[str, str]:
        """Send a mail that asks to confirm; the answer is the same when the address was asked often enough."""
        asking = Asking(body.email, body.purpose, f"{body.source} ({caller.name})", {"email": body.email})
        await asyncio.to_thread(ask, store, settings, asking, settings.clock.now())
        return {"status": "a mail asks to confirm"}

    @router.get("/confirm/{token}")
    async def look(token: str) -> Response:
        """A page with a button; looking confirms nothing."""
        try:
            found = await asyncio.to_thread(find_opt_in, store, links.read_opt_in(token))
        except (UnverifiedError, NotFoundError):
            return pages.unknown()
        if found.is_open(settings.clock.now()):
            return pages.say(
                "Please confirm", f"You asked for our messages at {found.address}.",
                button="Yes, I want them", field="confirm", value="yes",
            )  # fmt: skip
        return _done(pages, found)

    @router.post("/confirm/{token}")
    async def agree(token: str, request: Request) -> Response:
        """Confirm; what was asked for is granted now."""
        now = settings.clock.now()
        try:
            opt_in_id = links.read_opt_in(token)
            evidence = f"confirmed by the link of the mail {now:%Y-%m-%d %H:%M:%S} UTC, by {agent_of(request)[:200]}"
            await asyncio.to_thread(confirm, store, opt_in_id, evidence, now)
            return _done(pages, await asyncio.to_thread(find_opt_in, store, opt_in_id))
        except (UnverifiedError, NotFoundError):
            return pages.unknown()

    return router


def _done(pages: Pages, found: OptIn) -> Response:
    if found.confirmed_at is not None:
        return pages.say("Thank you", "It is confirmed. You can close this page.")
    return pages.say("This link is too old", "Please ask again where you asked before; a new mail comes then.", 410)


async def hold_back_consent(
    settings: Settings, store: Store, form: str, fields: dict[str, object], page_url: str, client_id: str
) -> dict[str, object]:
    """The fields of a form to be kept now: with double opt-in, consent to e-mail is only asked for, by a mail.

    Raises:
        InvalidInputError: the address cannot get one.
    """
    wants = str(fields.get(CONSENT_FIELD, "")).strip().lower() in YES
    if not settings.double_opt_in or not wants:
        return fields
    kept = {name: value for name, value in fields.items() if name != CONSENT_FIELD} | {ASKED_FIELD: True}
    asking = Asking(str(fields.get("email", "")), "marketing", f"form {form}", kept, page_url, client_id)
    await asyncio.to_thread(ask, store, settings, asking, settings.clock.now())
    return kept
