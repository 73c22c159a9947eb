"""What the signed-in may ask for: messages as they were sent, live counters, what waits in quarantine.

Belongs here: reading, who may see what, and replaying from quarantine. Stays out: figures of the warehouse (the screens
have them).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from apps.api.committer import Committer
from apps.api.sign_in import check_origin, who_asks
from apps.api.webhooks import verified_webhook
from dmat.channels.events import Parsed, parse_events
from dmat.channels.signatures import WebhookRequest
from dmat.errors import InvalidInputError, NotFoundError, UnverifiedError
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import Entry, get_entry, message_as_sent, transitions_of
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.inbox import events_of_message
from dmat.store.quarantine import PROOF_HASH, get_refused, list_refused, mark_replayed, proof_hash

SEES_PEOPLE = ("marketer", "sales")
PASSWORDS = {
    "brevo": "brevo_webhook_token",
    "postmark": "postmark_webhook_password",
    "onesignal": "onesignal_webhook_secret",
}
PERSONAL = ("to_address", "subject", "html", "text", "headers")


def reading_router(settings: Settings, store: Store, committer: Committer) -> APIRouter:
    """GET /api/messages, /api/counters, /api/quarantine; POST /api/quarantine/<id>/replay."""
    router = APIRouter(prefix="/api", tags=["reading"])
    current_user = who_asks(store)

    @router.get("/messages/{message_id}")
    async def message(message_id: str, request: Request) -> dict[str, Any]:
        """One message: its state, each step, its events, and what was sent (for roles that may see people)."""
        user = await current_user(request)
        try:
            return await asyncio.to_thread(_message, store, message_id, user.may(*SEES_PEOPLE))
        except NotFoundError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/counters")
    async def counters(request: Request, programme: str = "") -> list[dict[str, Any]]:
        """Live counters by programme, step, channel and kind."""
        await current_user(request)
        return await asyncio.to_thread(read_counters, store, programme)

    @router.get("/quarantine")
    async def waiting(request: Request) -> list[dict[str, Any]]:
        """What came in and was not taken, newest first."""
        if not (await current_user(request)).may():
            raise HTTPException(403, "only an admin may")
        return await asyncio.to_thread(list_refused, store)

    @router.post("/quarantine/{quarantine_id}/replay")
    async def replay(quarantine_id: int, request: Request) -> dict[str, Any]:
        """Verify and read an item again, for instance after a key was corrected."""
        check_origin(request)
        if not (await current_user(request)).may():
            raise HTTPException(403, "only an admin may")
        try:
            item = await asyncio.to_thread(get_refused, store, quarantine_id)
            parsed = read_again(settings, item)
        except NotFoundError as error:
            raise HTTPException(404, str(error)) from None
        except (UnverifiedError, InvalidInputError) as error:
            raise HTTPException(422, f"still refused: {error}") from None
        fresh = await committer.write(parsed.events)
        await asyncio.to_thread(_mark, settings, store, quarantine_id)
        return {"received": len(parsed.events), "new": fresh}

    return router


def read_again(settings: Settings, item: dict[str, Any]) -> Parsed:
    """The events of an item from quarantine, verified as at the moment it came.

    Raises:
        UnverifiedError: it still does not verify.
        InvalidInputError: it still cannot be read, or only its beginning was kept.
    """
    if item["size_bytes"] != len(item["body"]):
        raise InvalidInputError("body", "only its beginning was kept")
    arrived = WebhookRequest(
        provider=item["provider"],
        method="POST",
        url=item["url"],
        headers=with_password(settings, item),
        body=bytes(item["body"]),
        received_epoch=_epoch_of(item),
    )
    parsed = parse_events(verified_webhook(settings, arrived), item["received_at"])
    if parsed.bad:
        raise InvalidInputError("body", parsed.bad[0][1])
    return parsed


def with_password(settings: Settings, item: dict[str, Any]) -> dict[str, str]:
    """The headers, with the password of the settings when it is the one that came with the body."""
    headers: dict[str, str] = dict(item["headers"])
    name = PASSWORDS.get(item["provider"])
    secret = getattr(settings, name).get_secret_value() if name else ""
    if secret and PROOF_HASH in headers:
        basic = base64.b64encode(f"dmat:{secret}".encode()).decode()
        for given in (f"Bearer {secret}", f"Basic {basic}"):
            if hmac.compare_digest(proof_hash(given), headers[PROOF_HASH]):
                headers["authorization"] = given
    return headers


def _epoch_of(item: dict[str, Any]) -> float:
    """When it came on the vendor's clock; its own signed timestamp says so where there is one."""
    headers = item["headers"]
    for name, per_second in (("x-hubspot-request-timestamp", 1000), ("svix-timestamp", 1)):
        text = headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) <= 16:
            return int(text) / per_second
    return time.time()


def _mark(settings: Settings, store: Store, quarantine_id: int) -> None:
    with store.write() as connection:
        mark_replayed(connection, quarantine_id, settings.clock.now())


def _message(store: Store, message_id: str, sees_people: bool) -> dict[str, Any]:
    entry = get_entry(store, message_id)
    sent = message_as_sent(store, message_id)
    if sent is not None and not sees_people:
        sent = {name: value for name, value in sent.items() if name not in PERSONAL}
    events = [
        {"kind": row.kind, "occurred_at": row.occurred_at, "is_machine": row.is_machine, "provider": row.provider}
        for row in events_of_message(store, message_id)
    ]
    return {
        "entry": _entry(entry, sees_people),
        "steps": transitions_of(store, message_id),
        "events": events,
        "sent": sent,
    }


def _entry(entry: Entry, sees_people: bool) -> dict[str, Any]:
    hidden = {"claimed_by", "settles_at_epoch"} | (set() if sees_people else {"address", "context", "subject"})
    return {name: value for name, value in entry._asdict().items() if name not in hidden}
