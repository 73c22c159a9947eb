"""WhatsApp Cloud API v23.0: sending a message from one phone number, and the account's templates.

Belongs here: which messages are taken, which templates are approved. Stays out: statuses and answers, which come by
webhook (`webhooks.py`).
Like the real one it knows no idempotency key and no look-up; `biz_opaque_callback_data` comes back in the statuses.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.vendors.door import Door, JsonResponse, bearer, same
from dmat.simulate.vendors.meta import VERSION, graph_error

TYPES = ("text", "template", "image", "document", "interactive", "reaction", "sticker", "video", "audio")
LANGUAGES = ("de", "en", "es", "fr", "it", "nl")
TEMPLATES = {
    "spring_sale": "MARKETING", "cart_reminder": "MARKETING", "back_in_stock": "MARKETING", "welcome": "MARKETING",
    "order_update": "UTILITY", "winter_sale": "MARKETING",
}  # fmt: skip
REJECTED = {"winter_sale": "TAG_CONTENT_MISMATCH"}


class WhatsApp(Door):
    """One phone number."""

    name = "whatsapp"

    def routes(self) -> list[Route]:
        """Messages and templates."""
        return [
            self.route(f"/{VERSION}/{{phone_id}}/messages", self.send, ("POST",)),
            self.route(f"/{VERSION}/{{account}}/message_templates", self.templates),
        ]

    def is_authentic(self, request: Request) -> bool:
        """The access token."""
        return same(bearer(request), self.office.settings.whatsapp_token.get_secret_value())

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Graph's own form."""
        return graph_error(status, message, headers)

    def templates(self, request: Request, body: bytes) -> Response:
        """Every template in every language, with the state of its approval."""
        if request.path_params["account"] != self.office.settings.whatsapp_account:
            return self.refuse(404)
        listed = [
            {"name": name, "language": language, "category": category, "id": f"{number}{place}",
             "status": "REJECTED" if name in REJECTED else "APPROVED", "rejected_reason": REJECTED.get(name, "NONE")}
            for number, (name, category) in enumerate(TEMPLATES.items(), 100)
            for place, language in enumerate(LANGUAGES)
        ]  # fmt: skip
        return JsonResponse({"data": listed, "paging": {"cursors": {"before": "MA", "after": "MQ"}}})

    def send(self, request: Request, body: bytes) -> Response:
        """Take a message."""
        if request.path_params["phone_id"] != self.office.settings.whatsapp_phone_id:
            return self.refuse(404)
        try:
            asked = orjson.loads(body)
            problem = _find_problem(asked)
        except (orjson.JSONDecodeError, AttributeError, TypeError):
            problem = "Param body must be a JSON object"
        if problem:
            return self.refuse(400, f"(#100) {problem}")
        number = re.sub(r"\D", "", str(asked["to"]))
        sid = "wamid." + base64.b64encode(secrets.token_bytes(24)).decode()
        message = {
            "sid": sid, "account": self.office.settings.whatsapp_phone_id, "to": f"+{number}", "from": "15550783881",
            "body": _text(asked), "opaque": str(asked.get("biz_opaque_callback_data", "")),
            "is_free": asked.get("type", "text") != "template",
        }  # fmt: skip
        self.office.world.accept_text("whatsapp", message, self.office.now())
        answer: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": str(asked["to"]), "wa_id": number}],
            "messages": [{"id": sid, "message_status": "accepted"}],
        }
        return JsonResponse(answer)


def _find_problem(asked: dict[str, Any]) -> str | None:
    if asked.get("messaging_product") != "whatsapp":
        return "The parameter messaging_product is required."
    if not re.fullmatch(r"\+?\d{7,15}", str(asked.get("to", ""))):
        return "The parameter to is required."
    kind = asked.get("type", "text")
    if kind not in TYPES:
        return f"Param type must be one of {{{', '.join(TYPES).upper()}}}"
    if not isinstance(asked.get(kind), dict):
        return f"The parameter {kind} is required."
    if kind == "template" and not (asked["template"].get("name") and asked["template"].get("language", {}).get("code")):
        return "The parameters template['name'] and template['language']['code'] are required."
    return None


def _text(asked: dict[str, Any]) -> str:
    """All words of a message, where a cart link may be among them."""
    return orjson.dumps(asked.get(asked.get("type", "text"), {})).decode()
