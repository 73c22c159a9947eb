"""The webhook channel's HTTP: one POST of signed JSON to an address that somebody typed.

Whoever is called must take the same `webhook-id` as the same call for a day; so a call whose answer was lost is made
again. Addresses inside our own network are not called (`dmat/connectors/guarded.py`).
"""

from __future__ import annotations

import time
from typing import ClassVar

import httpx

from dmat.channels.contract import Abilities, MailBatch, OutgoingCall, Sought
from dmat.channels.webhook import body_of, sign_call
from dmat.connectors.contract import Connector
from dmat.connectors.guarded import guarded_client
from dmat.connectors.http import VendorHttp
from dmat.errors import InvalidInputError, VendorRefusedError
from dmat.settings import Settings

KEY_HOURS = 24.0


class OutgoingWebhook(Connector):
    """Calls addresses; safe to share between threads.

    Raises:
        InvalidInputError: there is no secret to sign with.
    """

    vendor: ClassVar[str] = "outgoing_webhook"
    resources: ClassVar[tuple[str, ...]] = ()
    name, channel = "outgoing_webhook", "webhook"
    abilities = Abilities(in_flight=8, key_hours=KEY_HOURS)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        secret = settings.outgoing_webhook_secret
        if not secret:
            raise InvalidInputError("DMAT_OUTGOING_WEBHOOK_SECRET", "is not set: calls cannot be signed")
        chosen = client or guarded_client(settings.outgoing_webhook_allows_private)
        return VendorHttp(self.vendor, "", secrets=[secret], client=chosen)

    def send(self, message: OutgoingCall) -> str:
        """Make one call; its id there is ours. See `Provider.send`."""
        body = body_of(message)
        secret = self.settings.outgoing_webhook_secret.get_secret_value()
        signed = sign_call(secret, message.message_id, int(time.time()), body)
        headers = {"Content-Type": "application/json", **signed}
        try:
            self.http.send("POST", message.url, content=body, headers=headers)
        except InvalidInputError as error:  # the address leads where we do not go: this message never leaves
            raise VendorRefusedError(self.vendor, 400, str(error)) from None
        return message.message_id

    def send_batch(self, batch: MailBatch) -> str:
        """One call a request."""
        raise InvalidInputError("batch", "the webhook channel has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """Nobody can be asked: the same call is made again."""
        raise self.refused(404, "calls cannot be looked up; make the same one again")
