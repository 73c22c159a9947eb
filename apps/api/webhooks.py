"""POST /webhooks/<provider>: verify, append to the inbox, answer.

Belongs here: the order of these steps and the answers. Stays out: signatures and kinds of events (`dmat/channels`).

    larger than the door        413, its beginning in quarantine
    cannot be unpacked          400, in quarantine
    signature wrong or missing  401, in quarantine
    verified, cannot be read    200, in quarantine: sending it again would change nothing
    verified                    200, on disk; suppressions and counters too
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from apps.api.bodies import TooLargeError, as_webhook, read_body, unpack
from apps.api.committer import Committer
from dmat.channels.events import parse_events
from dmat.channels.signatures import PROVIDERS, WebhookRequest, verify
from dmat.channels.vendors.ses import confirm
from dmat.channels.whatsapp import answer_handshake
from dmat.errors import InvalidInputError, UnverifiedError, VendorUnavailableError
from dmat.settings import Settings
from dmat.store.quarantine import Refused

EMPTY_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class WebhookDoor:
    """The door for vendors."""

    def __init__(self, settings: Settings, committer: Committer) -> None:
        self._settings, self._committer = settings, committer

    async def receive(self, provider: str, request: Request) -> Response:
        """One request, from its first byte to the answer."""
        if provider not in PROVIDERS:
            return JSONResponse({"detail": "there is no such webhook"}, 404)
        try:
            raw = await read_body(request)
        except TooLargeError as error:
            beginning = as_webhook(self._settings, provider, request, error.beginning)
            return await self._refuse(beginning, str(error), 413, error.size)
        arrived = as_webhook(self._settings, provider, request, raw)
        if is_woocommerce_ping(arrived):
            return JSONResponse({"received": 0})
        try:
            verified = await self._verify(arrived)
        except UnverifiedError as error:
            return await self._refuse(arrived, str(error), 401)
        except VendorUnavailableError as error:
            return JSONResponse({"detail": str(error)}, 503)  # it asks again
        except InvalidInputError as error:
            return await self._refuse(arrived, str(error), 413 if isinstance(error, TooLargeError) else 400)
        return await self._take_in(verified)

    async def _verify(self, arrived: WebhookRequest) -> WebhookRequest:
        """The verified request. That of SES may need a certificate or a confirmation, so it waits in a thread."""
        if arrived.provider != "ses":
            return verified_webhook(self._settings, arrived)
        verified = await asyncio.to_thread(verified_webhook, self._settings, arrived)
        await asyncio.to_thread(confirm, self._settings, verified)
        return verified

    async def _refuse(self, arrived: WebhookRequest, reason: str, status: int, size: int | None = None) -> Response:
        await self._committer.write(refused=[as_refused(arrived, reason, size)])
        return JSONResponse({"detail": reason}, status)

    async def _take_in(self, verified: WebhookRequest) -> Response:
        try:
            parsed = parse_events(verified, self._settings.clock.now())
        except InvalidInputError as error:
            return await self._refuse(verified, str(error), 200)
        refused = [as_refused(verified, f"{len(parsed.bad)} bad: {parsed.bad[0][1]}")] if parsed.bad else []
        fresh = await self._committer.write(parsed.events, refused)
        if verified.provider == "twilio":
            return Response(EMPTY_REPLY, media_type="application/xml")
        return JSONResponse({"received": len(parsed.events), "new": fresh, "refused": len(parsed.bad)})


def webhook_router(settings: Settings, committer: Committer) -> APIRouter:
    """POST /webhooks/<provider>."""
    router = APIRouter()
    door = WebhookDoor(settings, committer)

    @router.post("/webhooks/{provider}", tags=["webhooks"])
    async def receive_webhook(provider: str, request: Request) -> Response:
        """Take in what a vendor posts; the signature is checked over the raw body."""
        return await door.receive(provider, request)

    @router.get("/webhooks/whatsapp", tags=["webhooks"])
    async def shake_hands(request: Request) -> Response:
        """Meta asks once whether this address is ours, when it is entered there."""
        try:
            return PlainTextResponse(answer_handshake(settings, dict(request.query_params)))
        except UnverifiedError as error:
            return JSONResponse({"detail": str(error)}, 403)

    return router


def as_refused(arrived: WebhookRequest, reason: str, size: int | None = None) -> Refused:
    """A body on its way to quarantine; `size` when only its beginning was read."""
    return Refused(
        arrived.provider,
        reason,
        arrived.headers,
        arrived.url,
        arrived.body,
        len(arrived.body) if size is None else size,
    )


def verified_webhook(settings: Settings, arrived: WebhookRequest) -> WebhookRequest:
    """The request, unpacked; vendors sign what they wrote, and something between may have packed it.

    Raises:
        UnverifiedError: neither the unpacked nor the packed body matches the signature.
        InvalidInputError: it cannot be unpacked.
    """
    encoding = arrived.headers.get("content-encoding", "").strip().lower()
    body = unpack(arrived.body, encoding)
    if body is arrived.body:
        verify(settings, arrived)
        return arrived
    headers = {name: value for name, value in arrived.headers.items() if name != "content-encoding"}
    unpacked = replace(arrived, body=body, headers=headers)
    try:
        verify(settings, unpacked)
    except UnverifiedError:
        verify(settings, arrived)
    return unpacked


def is_woocommerce_ping(arrived: WebhookRequest) -> bool:
    """A new webhook of WooCommerce announces itself unsigned, as a form: answered, and nothing is believed."""
    return (
        arrived.provider == "woocommerce"
        and "x-wc-webhook-signature" not in arrived.headers
        and arrived.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        and arrived.body.startswith(b"webhook_id=")
        and len(arrived.body) < 100
    )
