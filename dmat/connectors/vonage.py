"""Vonage: sends SMS by the Messages API v1, with a JWT of an application or with key and secret.

There is no idempotency key and no look-up by ours; our message id is `client_ref` and comes back in the signed
webhooks. Numbers are written without the plus sign. The status webhook is named in each message.
"""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import orjson
from google.auth import crypt
from google.auth import jwt as tokens

from dmat.channels.contract import Abilities, MailBatch, OutgoingText, Sought
from dmat.connectors.contract import Connector
from dmat.connectors.http import VendorHttp
from dmat.errors import DeadAddressError, InvalidInputError, VendorRefusedError
from dmat.settings import Settings

TOKEN_SECONDS, RENEW_SECONDS = 900, 600
OUR_ACCOUNT_IS_WRONG = frozenset({401, 402, 403})  # 402: no credit


class Vonage(Connector):
    """Sends SMS through one account; safe to share between threads.

    Raises:
        InvalidInputError: no sender is set, or the key file of the application cannot be read.
    """

    vendor: ClassVar[str] = "vonage"
    resources: ClassVar[tuple[str, ...]] = ()
    name, channel = "vonage", "sms"
    abilities = Abilities(in_flight=16)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        if not settings.vonage_sender:
            raise InvalidInputError("DMAT_VONAGE_SENDER", "is not set: nothing can be sent by sms")
        self._signer = _open_signer(settings)
        self._token, self._token_until = "", 0.0
        secret = settings.vonage_secret
        auth = None if self._signer else (settings.vonage_key, secret.get_secret_value())
        return VendorHttp(self.vendor, settings.vonage_url, auth=auth, secrets=[secret], client=client)

    def send(self, message: OutgoingText) -> str:
        """Hand over one message, once, and give Vonage's id of it; see `Provider.send`."""
        body = message_body(self.settings, message)
        try:
            response = self.http.send("POST", "/v1/messages", json=body, headers=self._authorization())
        except VendorRefusedError as error:
            raise meaning(error) from None
        try:
            return str(orjson.loads(response.content)["message_uuid"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return ""  # taken all the same; the webhook tells its id

    def send_batch(self, batch: MailBatch) -> str:
        """Vonage takes one message a request."""
        raise InvalidInputError("batch", "vonage has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """Vonage cannot be asked by our id: only its webhook tells."""
        raise self.refused(404, "messages cannot be looked up; wait for the webhook")

    def _authorization(self) -> dict[str, str]:
        if self._signer is None:
            return {}
        now = time.time()
        if now >= self._token_until:
            self._token = application_token(self._signer, self.settings.vonage_application, int(now))
            self._token_until = now + RENEW_SECONDS
        return {"Authorization": f"Bearer {self._token}"}


def _open_signer(settings: Settings) -> crypt.RSASigner | None:
    if not (settings.vonage_application and settings.vonage_private_key_file):
        return None
    try:
        key = Path(settings.vonage_private_key_file).read_bytes()
        signer: crypt.RSASigner = crypt.RSASigner.from_string(key)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InvalidInputError("DMAT_VONAGE_PRIVATE_KEY_FILE", f"cannot be read: {type(error).__name__}") from None
    return signer


def application_token(signer: crypt.RSASigner, application: str, now: int) -> str:
    """A JWT by which an application names itself, good for a quarter of an hour."""
    claims = {"application_id": application, "iat": now, "exp": now + TOKEN_SECONDS, "jti": str(uuid.uuid4())}
    return bytes(tokens.encode(signer, claims)).decode()  # type: ignore[no-untyped-call]


def message_body(settings: Settings, message: OutgoingText) -> dict[str, Any]:
    """The body of `POST /v1/messages`."""
    body: dict[str, Any] = {
        "message_type": "text",
        "channel": "sms",
        "to": message.to.removeprefix("+"),
        "from": settings.vonage_sender.removeprefix("+"),
        "text": message.text,
        "client_ref": message.message_id,
    }
    address = message.status_url or f"{settings.resolved_public_url}/webhooks/vonage"
    if urlsplit(address).scheme == "https":
        body |= {"webhook_url": address, "webhook_version": "v1"}
    return body


def meaning(error: VendorRefusedError) -> VendorRefusedError:
    """What a refusal of Vonage means: a number that is none, an account that may not, or this message only."""
    if error.status in OUR_ACCOUNT_IS_WRONG:  # as a wrong key: nobody is given up for that
        return VendorRefusedError(error.vendor, 403 if error.status == 402 else error.status, error.detail)
    if error.status == 422 and re.search(r'"name"\s*:\s*"to"', error.detail):
        return DeadAddressError(error.vendor, error.status, error.detail)
    return error
