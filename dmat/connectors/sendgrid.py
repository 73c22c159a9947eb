"""SendGrid: hands over one e-mail, and looks one up (Mail Send and Email Activity, v3).

SendGrid has no idempotency key. Our message id travels in `custom_args`, comes back in every signed event, and can be
searched where the account has the Email Activity add-on. Its events reach us by webhook (`apps/api`), not from here.
"""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, OutgoingMail
from dmat.connectors.contract import Connector, list_of
from dmat.connectors.http import VendorHttp
from dmat.errors import InvalidInputError
from dmat.settings import Settings


class SendGrid(Connector):
    """Sends through one account; safe to share between threads."""

    vendor: ClassVar[str] = "sendgrid"
    resources: ClassVar[tuple[str, ...]] = ()

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.sendgrid_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.sendgrid_url, headers=headers, secrets=[token], client=client)

    def send_mail(self, mail: OutgoingMail) -> str:
        """Hand over one mail, once, and give SendGrid's message id (empty when it did not tell one).

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted (time-out, cut, or a gateway's 5xx): look it up, never repeat.
            VendorRefusedError: 4xx, the mail or the key is wrong.
        """
        response = self.http.send("POST", "/v3/mail/send", json=mail_body(mail))
        return str(response.headers.get("X-Message-Id", ""))

    def find_message(self, message_id: str) -> str | None:
        """SendGrid's id of the mail that carries our `message_id`; None when it knows of none (yet).

        Raises:
            VendorRefusedError: also 403 when the account has no Email Activity: then only an event can tell.
            VendorUnavailableError, RateLimitedError: it could not be asked.
        """
        if '"' in message_id or "\\" in message_id:
            raise InvalidInputError("message_id", "holds a quote", "a UUID")
        query = f"""(unique_args['{MESSAGE_ID_ARGUMENT}']="{message_id}")"""
        body = self.http.read_json("GET", "/v3/messages", params={"query": query, "limit": 1})
        found = list_of(body, "messages", self.vendor)
        return str(found[0]["msg_id"]) if found else None


def mail_body(mail: OutgoingMail) -> dict[str, Any]:
    """The body of `POST /v3/mail/send`; plain text goes before HTML, as SendGrid demands."""
    recipient = {"email": mail.to_email, **({"name": mail.to_name} if mail.to_name else {})}
    arguments = {**mail.custom_args, MESSAGE_ID_ARGUMENT: mail.message_id}
    person: dict[str, Any] = {"to": [recipient], "custom_args": arguments}
    content = [{"type": "text/plain", "value": mail.text}] if mail.text else []
    body: dict[str, Any] = {
        "personalizations": [person],
        "from": {"email": mail.from_email, **({"name": mail.from_name} if mail.from_name else {})},
        "subject": mail.subject,
        "content": [*content, {"type": "text/html", "value": mail.html}],
    }
    if mail.headers:
        body["headers"] = dict(mail.headers)
    if mail.categories:
        body["categories"] = list(mail.categories)
    return body
