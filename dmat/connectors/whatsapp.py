"""WhatsApp Cloud API, v23.0: hands over one message - a template, or a free text within 24 hours - and reads templates.

There is no idempotency key and no lookup; our message id comes back as `biz_opaque_callback_data` in the webhooks.
Numbers are written without the plus sign.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import orjson

from dmat.channels.contract import Abilities, MailBatch, OutgoingText, Sought, WhatsAppTemplate
from dmat.connectors.contract import Connector, Payload, list_of
from dmat.connectors.http import VendorHttp
from dmat.errors import DeadAddressError, InvalidInputError, RateLimitedError, VendorRefusedError
from dmat.settings import Settings

API_VERSION = "v23.0"
TEMPLATE_FIELDS = "name,language,status,category,rejected_reason"
TOO_FAST = frozenset({4, 80007, 130429, 131048, 131056})
OPTED_OUT = 131050
OUR_ACCOUNT_IS_WRONG = frozenset({0, 3, 10, 190, 368, 131031, 131042, 131045, 133010})
VIDEOS, DOCUMENTS = (".mp4", ".3gp"), (".pdf", ".doc", ".docx", ".xls", ".xlsx", ".txt")


class WhatsApp(Connector):
    """Sends from one phone number; safe to share between threads."""

    vendor: ClassVar[str] = "whatsapp"
    resources: ClassVar[tuple[str, ...]] = ()
    name, channel = "whatsapp", "whatsapp"
    abilities = Abilities(in_flight=16)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.whatsapp_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.whatsapp_url, headers=headers, secrets=[token], client=client)

    def send(self, message: OutgoingText) -> str:
        """Hand over one message, once, and give WhatsApp's id of it; see `Provider.send`."""
        path = f"/{API_VERSION}/{self.settings.whatsapp_phone_id}/messages"
        try:
            response = self.http.send("POST", path, json=message_body(message))
        except VendorRefusedError as error:
            raise meaning(error) from None
        try:
            return str(orjson.loads(response.content)["messages"][0]["id"])
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return ""  # accepted all the same; the webhook will tell its id

    def send_batch(self, batch: MailBatch) -> str:
        """WhatsApp takes one message a request."""
        raise InvalidInputError("batch", "whatsapp has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """WhatsApp cannot be asked: only its webhook tells."""
        raise self.refused(404, "messages cannot be looked up; wait for the webhook")

    def read_templates(self) -> list[Payload]:
        """Every template with the state of its approval: name, title, language, category, status, reason."""
        account = self.settings.whatsapp_account
        if not account:
            raise InvalidInputError("DMAT_WHATSAPP_ACCOUNT", "is not set: the templates cannot be read")
        path, after, found = f"/{API_VERSION}/{account}/message_templates", "", []
        while True:
            asked = {"fields": TEMPLATE_FIELDS, "limit": 200, **({"after": after} if after else {})}
            body = self.http.read_json("GET", path, params=asked)
            found += [_template(item) for item in list_of(body, "data", self.vendor) if isinstance(item, dict)]
            paging = body.get("paging") or {}
            after = str((paging.get("cursors") or {}).get("after") or "") if paging.get("next") else ""
            if not after:
                return found


def message_body(message: OutgoingText) -> dict[str, Any]:
    """The body of `POST /<phone number id>/messages`."""
    if message.template is not None:
        content: dict[str, Any] = {"type": "template", "template": template_part(message.template)}
    elif message.media_url:
        kind = media_kind(message.media_url)
        caption = {"caption": message.text} if message.text else {}
        content = {"type": kind, kind: {"link": message.media_url, **caption}}
    else:
        content = {"type": "text", "text": {"body": message.text, "preview_url": "https://" in message.text}}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to.removeprefix("+"),
        **content,
        "biz_opaque_callback_data": message.message_id,
    }


def template_part(template: WhatsAppTemplate) -> dict[str, Any]:
    """A template with its values; buttons are numbered in their order."""
    components: list[dict[str, Any]] = []
    if template.header_media_url:
        kind = media_kind(template.header_media_url)
        components.append({"type": "header", "parameters": [{"type": kind, kind: {"link": template.header_media_url}}]})
    if template.body_values:
        values = [{"type": "text", "text": value} for value in template.body_values]
        components.append({"type": "body", "parameters": values})
    for number, value in enumerate(template.button_values):
        end = [{"type": "text", "text": value}]
        components.append({"type": "button", "sub_type": "url", "index": str(number), "parameters": end})
    part: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    return part | ({"components": components} if components else {})


def media_kind(url: str) -> str:
    """image, video or document, by the end of the address."""
    path = urlsplit(url).path.lower()
    if path.endswith(VIDEOS):
        return "video"
    return "document" if path.endswith(DOCUMENTS) else "image"


def meaning(error: VendorRefusedError) -> Exception:
    """What a refusal of WhatsApp means, by the number of its error."""
    found = re.search(r'"code"\s*:\s*(\d+)', error.detail)
    code = int(found.group(1)) if found else -1
    if code in TOO_FAST:
        return RateLimitedError(error.vendor, 60.0)
    if code == OPTED_OUT:
        return DeadAddressError(error.vendor, error.status, error.detail, "stopped")
    if code in OUR_ACCOUNT_IS_WRONG or 200 <= code <= 299:  # as a wrong key: nobody is given up for that
        return VendorRefusedError(error.vendor, 401 if error.status == 401 else 403, error.detail)
    return error


def _template(item: Payload) -> Payload:
    reason = str(item.get("rejected_reason") or "")
    return {
        "name": str(item.get("name", "")),
        "title": str(item.get("name", "")),
        "language": str(item.get("language", "")),
        "category": str(item.get("category", "")).lower(),
        "status": str(item.get("status", "")).lower(),
        "reason": "" if reason == "NONE" else reason,
    }
