"""WhatsApp Cloud API, v23.0: hands over one template message.

There is no idempotency key and no lookup; our message id comes back as `biz_opaque_callback_data` in the webhooks.
"""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
import orjson

from dmat.connectors.contract import Connector
from dmat.connectors.http import VendorHttp
from dmat.settings import Settings

API_VERSION = "v23.0"


class WhatsApp(Connector):
    """Sends from one phone number; safe to share between threads."""

    vendor: ClassVar[str] = "whatsapp"
    resources: ClassVar[tuple[str, ...]] = ()

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.whatsapp_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.whatsapp_url, headers=headers, secrets=[token], client=client)

    def send_template(self, message_id: str, to: str, template: str, language: str, values: list[str]) -> str:
        """Hand over one approved template with its `values`, once, and give WhatsApp's message id.

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted: wait for its webhook, never repeat.
            VendorRefusedError: 4xx, the message or the key is wrong.
        """
        path = f"/{API_VERSION}/{self.settings.whatsapp_phone_id}/messages"
        response = self.http.send("POST", path, json=template_body(message_id, to, template, language, values))
        try:
            return str(orjson.loads(response.content)["messages"][0]["id"])
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return ""  # accepted all the same; the webhook will tell its id


def template_body(message_id: str, to: str, template: str, language: str, values: list[str]) -> dict[str, Any]:
    """The body of `POST /<phone number id>/messages`."""
    content: dict[str, Any] = {"name": template, "language": {"code": language}}
    if values:
        content["components"] = [{"type": "body", "parameters": [{"type": "text", "text": v} for v in values]}]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": content,
        "biz_opaque_callback_data": message_id,
    }
