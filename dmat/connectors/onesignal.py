"""OneSignal: hands over one push notification to one subscription (Create message, REST).

The idempotency key is our message id and is known for 30 days, so a lost answer is answered again by the same request.
Our id is also the `name` of the message, which comes back in its event streams. An answer without an id means that
nothing was made, most often because the subscription has ended.
"""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
import orjson

from dmat.channels.contract import Abilities, MailBatch, OutgoingPush, Sought
from dmat.connectors.contract import Connector
from dmat.connectors.http import VendorHttp
from dmat.errors import DeadAddressError, InvalidInputError, VendorRefusedError
from dmat.settings import Settings

KEY_HOURS = 30 * 24.0
ENDED = ("not subscribed", "invalid_player_ids", "invalid_subscription_ids", "invalid_aliases", "not valid UUIDs")


class OneSignal(Connector):
    """Sends to the subscriptions of one app; safe to share between threads."""

    vendor: ClassVar[str] = "onesignal"
    resources: ClassVar[tuple[str, ...]] = ()
    name, channel = "onesignal", "push"
    abilities = Abilities(in_flight=16, key_hours=KEY_HOURS)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        key = settings.onesignal_key
        headers = {"Authorization": f"Key {key.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.onesignal_url, headers=headers, secrets=[key], client=client)

    def send(self, message: OutgoingPush) -> str:
        """Hand over one notification and give OneSignal's id of it; the same message again is the same notification.

        Raises: as `Provider.send`, and DeadAddressError when the subscription has ended.
        """
        body = message_body(self.settings, message)
        try:
            response = self.http.send("POST", "/notifications?c=push", json=body)
        except VendorRefusedError as error:
            raise meaning(error) from None
        try:
            answer = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            return ""  # taken all the same
        if isinstance(answer, dict) and not answer.get("id") and answer.get("errors"):
            raise meaning(VendorRefusedError(self.vendor, 400, orjson.dumps(answer["errors"]).decode()[:300]))
        return str(answer.get("id") or "") if isinstance(answer, dict) else ""

    def send_batch(self, batch: MailBatch) -> str:
        """Each message has its own words, so there are no batches."""
        raise InvalidInputError("batch", "onesignal has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """Messages are not looked up: the same request with the same key gives the same answer."""
        raise self.refused(404, "messages cannot be looked up by name; send again with the same key")


def message_body(settings: Settings, message: OutgoingPush) -> dict[str, Any]:
    """The body of `POST /notifications`."""
    body: dict[str, Any] = {
        "app_id": settings.onesignal_app,
        "target_channel": "push",
        "include_subscription_ids": [message.token],
        "name": message.message_id,
        "idempotency_key": message.message_id,
        "contents": {"en": message.body or message.title},  # the language that every message must have
        "data": dict(message.data),
    }
    if message.title and message.body:
        body["headings"] = {"en": message.title}
    if message.url:
        body["url"] = message.url
    if message.image_url:
        body |= {"big_picture": message.image_url, "chrome_web_image": message.image_url}
        body["ios_attachments"] = {"image": message.image_url}
    return body


def meaning(error: VendorRefusedError) -> VendorRefusedError:
    """What a refusal of OneSignal means: a subscription that ended, or this message only."""
    if any(sign in error.detail for sign in ENDED):
        return DeadAddressError(error.vendor, error.status, error.detail)
    return error
