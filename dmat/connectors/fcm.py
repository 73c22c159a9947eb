"""Firebase Cloud Messaging, HTTP v1: hands over one notification to one device.

There is no idempotency key, no lookup and no webhook: our message id travels in the data, and the device tells our own
doors of a click. Google answers UNREGISTERED for a token that is dead for good.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import orjson

from dmat.channels.contract import Abilities, MailBatch, OutgoingPush, Sought
from dmat.connectors.contract import Connector
from dmat.connectors.google_tokens import ServiceAccount
from dmat.connectors.http import VendorHttp
from dmat.errors import DeadAddressError, InvalidInputError, VendorRefusedError
from dmat.settings import Settings

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
DEAD_TOKEN = ("UNREGISTERED", "SENDER_ID_MISMATCH", "valid FCM registration token", "message.token")
OUR_KEY_IS_WRONG = "THIRD_PARTY_AUTH_ERROR"  # the certificate of Apple or the key of web push


class Fcm(Connector):
    """Sends to the devices of one Firebase project; safe to share between threads.

    Raises:
        InvalidInputError: the key file of the service account cannot be read, or names no project.
    """

    vendor: ClassVar[str] = "fcm"
    resources: ClassVar[tuple[str, ...]] = ()
    name, channel = "fcm", "push"
    abilities = Abilities(in_flight=16)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        file = settings.fcm_credentials_file
        self._account = ServiceAccount(self.vendor, "DMAT_FCM_CREDENTIALS_FILE", file, SCOPE, client)
        if not self._account.project:
            raise InvalidInputError("DMAT_FCM_CREDENTIALS_FILE", "names no project_id")
        return VendorHttp(self.vendor, settings.fcm_url, client=client)

    def send(self, message: OutgoingPush) -> str:
        """Hand over one notification, once, and give Google's name of it; see `Provider.send`."""
        path = f"/v1/projects/{self._account.project}/messages:send"
        headers = {"Authorization": f"Bearer {self._account.token()}"}
        try:
            response = self.http.send("POST", path, json=message_body(message), headers=headers)
        except VendorRefusedError as error:
            if error.status == 401:
                self._account.forget()
            raise meaning(error) from None
        try:
            return str(orjson.loads(response.content)["name"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return ""  # taken all the same

    def send_batch(self, batch: MailBatch) -> str:
        """FCM takes one message a request."""
        raise InvalidInputError("batch", "fcm has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """FCM cannot be asked, and tells nothing later."""
        raise self.refused(404, "messages cannot be looked up")

    def close(self) -> None:
        """Close the connections."""
        self._account.close()
        super().close()


def message_body(message: OutgoingPush) -> dict[str, Any]:
    """The body of `POST .../messages:send`."""
    notification = {"title": message.title, "body": message.body}
    if message.image_url:
        notification["image"] = message.image_url
    content: dict[str, Any] = {
        "token": message.token,
        "notification": {name: text for name, text in notification.items() if text},
        "data": dict(message.data),
    }
    if urlsplit(message.url).scheme == "https":  # nothing else is taken there
        content["webpush"] = {"fcmOptions": {"link": message.url}}
    return {"message": content}


def meaning(error: VendorRefusedError) -> VendorRefusedError:
    """What a refusal of FCM means: a dead token, a key of ours, or this message only."""
    if OUR_KEY_IS_WRONG in error.detail:
        return VendorRefusedError(error.vendor, 403, error.detail)
    if any(sign in error.detail for sign in DEAD_TOKEN):
        return DeadAddressError(error.vendor, error.status, error.detail)
    return error
