"""Brevo: hands over one e-mail at a time under an idempotency key, and looks one up (transactional e-mail, v3).

The key is our message id. Some of Brevo's pages say that it knows a key for 30 minutes, others say 15: we count on 15.
A key that it knows already is answered with 400 `duplicate_parameter`: then the mail is looked up, and only what is
found counts as taken. Our id also travels as `X-Mailin-custom` (which comes back in every event) and as a tag (which
the lookup compares).

No batches on purpose: in `messageVersions` a version has neither headers nor tags, so each person's List-Unsubscribe
(RFC 8058) and our id in the events would be lost.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import httpx

from dmat.channels.contract import Abilities, OutgoingMail, Sought
from dmat.connectors.contract import Connector, list_of
from dmat.connectors.http import VendorHttp
from dmat.connectors.mail_answers import json_answer, one_by_one, refused_account, send_by_key
from dmat.errors import AmbiguousError, VendorRefusedError
from dmat.settings import Settings

LONGEST_NAME = 70
NOT_OUR_MAIL = {"not_enough_credits", "unauthorized", "permission_denied", "account_under_validation"}
DUPLICATE = ("duplicate_parameter", "duplicate_request")
LOOKS_BACK = timedelta(days=2)


class Brevo(Connector):
    """Sends through one account; safe to share between threads."""

    vendor: ClassVar[str] = "brevo"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "brevo"
    channel = "email"
    abilities = Abilities(in_flight=16, key_hours=0.25, looks_up=True, tracks_clicks=True)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.brevo_token
        headers = {"api-key": token.get_secret_value(), "Accept": "application/json"}
        return VendorHttp(self.vendor, settings.brevo_url, headers=headers, secrets=[token], client=client)

    def send(self, message: OutgoingMail) -> str:
        """Hand over one mail and give Brevo's message id; the same mail again within 15 minutes is taken once.

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted, also after asking again under the same key; a lookup tells.
            VendorRefusedError: 4xx, the mail or the key is wrong; 403 also for an account that may not send.
        """
        body = mail_body(message)

        def attempt() -> str:
            try:
                return str(json_answer(self.http.send("POST", "/smtp/email", json=body)).get("messageId", ""))
            except VendorRefusedError as error:
                if error.status == 400 and any(code in error.detail for code in DUPLICATE):
                    return self._taken_before(message)
                raise refused_account(error, NOT_OUR_MAIL) from None

        return send_by_key(attempt, self.http.sleep)

    def _taken_before(self, mail: OutgoingMail) -> str:
        found = self.find_message(Sought(mail.message_id, mail.to_email))
        if found is None:
            raise AmbiguousError("brevo knows this key but lists no such mail yet")
        return found

    send_batch = one_by_one

    def find_message(self, sought: Sought) -> str | None:
        """Brevo's id of the mail that carries our id as a tag; None when it lists none.

        Raises:
            VendorRefusedError: 4xx.
            VendorUnavailableError, RateLimitedError: it could not be asked.
        """
        if not sought.address:
            return self._find_event(sought.message_id)
        now = self.now()
        day = (sought.handed_over_at or now) - LOOKS_BACK
        params = {
            "email": sought.address,
            "startDate": f"{day:%Y-%m-%d}",
            "endDate": f"{max(day, now):%Y-%m-%d}",
            "limit": 500,
        }
        body = self.http.read_json("GET", "/smtp/emails", params=params)
        for mail in list_of(body, "transactionalEmails", self.vendor):
            if sought.message_id in (mail.get("tags") or ()):
                return str(mail.get("messageId", ""))
        return None

    def _find_event(self, message_id: str) -> str | None:
        body = self.http.read_json("GET", "/smtp/statistics/events", params={"tags": f'["{message_id}"]', "limit": 1})
        found = list_of(body, "events", self.vendor) if body.get("events") else []
        return str(found[0].get("messageId", "")) if found else None


def mail_body(mail: OutgoingMail) -> dict[str, Any]:
    """The body of `POST /smtp/email`."""
    body: dict[str, Any] = {
        "sender": _mailbox(mail.from_email, mail.from_name),
        "to": [_mailbox(mail.to_email, mail.to_name)],
        "subject": _plain(mail.subject),
        "htmlContent": mail.html.replace("{{", "&#123;&#123;").replace("{%", "&#123;%"),
        "headers": {**mail.headers, "X-Mailin-custom": mail.message_id, "idempotencyKey": mail.message_id},
        "tags": [*dict.fromkeys([*mail.categories, mail.message_id])],
    }
    if mail.text:
        body["textContent"] = _plain(mail.text)
    if mail.reply_to:
        body["replyTo"] = {"email": mail.reply_to}
    return body


def _plain(text: str) -> str:
    """Brevo looks for its own template language in every mail; what people typed is none."""
    return text.replace("{{", "{\u200b{").replace("{%", "{\u200b%")


def _mailbox(address: str, name: str) -> dict[str, str]:
    return {"email": address, "name": name[:LONGEST_NAME]} if name else {"email": address}
