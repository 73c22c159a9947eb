"""Resend: hands over e-mails, one or 100 at once, under an idempotency key that it knows for 24 hours.

The key of one mail is its message id; that of a batch follows from the ids in it, so the same batch again is the same
request and gives the same answer. Resend answers a key that came with another body with 409: then nobody knows.
It cannot be asked for a mail by our id; our id is a tag, which comes back in every webhook.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from dmat.channels.batches import whole_mail
from dmat.channels.contract import Abilities, MailBatch, OutgoingMail, Sought
from dmat.connectors.contract import Connector
from dmat.connectors.http import VendorHttp
from dmat.connectors.mail_answers import arguments_of, json_answer, refused_account, send_by_key, shown_mailbox
from dmat.errors import AmbiguousError, VendorRefusedError
from dmat.settings import Settings

NOT_OUR_MAIL = ("missing_api_key", "invalid_api_key", "restricted_api_key", "domain is not verified")
_UNFIT_FOR_A_TAG = re.compile(r"[^A-Za-z0-9_-]")
LONGEST_BODY = 30_000_000
MOST_TAGS = 10


class Resend(Connector):
    """Sends through one account; safe to share between threads."""

    vendor: ClassVar[str] = "resend"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "resend"
    channel = "email"
    abilities = Abilities(
        batch=100, in_flight=2, key_hours=24.0, tracks_clicks=True, batch_bytes=LONGEST_BODY, copies_content=True
    )

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.resend_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.resend_url, headers=headers, secrets=[token], client=client)

    def send(self, message: OutgoingMail) -> str:
        """Hand over one mail and give Resend's id; the same mail again within 24 hours is taken once.

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted, also after asking again under the same key; an event tells.
            VendorRefusedError: 4xx, the mail or the key is wrong; 403 also for an account that may not send.
        """
        return str(self._post("/emails", mail_body(message), message.message_id).get("id", ""))

    def send_batch(self, batch: MailBatch) -> str:
        """Hand over a batch, all or nothing; the same batch again within 24 hours is taken once.

        Raises: as `send`, for the whole batch.
        """
        bodies = [mail_body(whole_mail(batch, person)) for person in batch.recipients]
        answer = self._post("/emails/batch", bodies, batch_key(batch))
        found = answer.get("data")
        first = found[0] if isinstance(found, list) and found else {}
        return str(first.get("id", "")) if isinstance(first, dict) else ""

    def _post(self, path: str, body: Any, key: str) -> Mapping[str, Any]:
        def attempt() -> Mapping[str, Any]:
            try:
                return json_answer(self.http.send("POST", path, json=body, headers={"Idempotency-Key": key}))
            except VendorRefusedError as error:
                if error.status == 409:
                    raise AmbiguousError(f"resend knows the key {key} already: {error.detail}") from None
                raise refused_account(error, NOT_OUR_MAIL) from None

        return send_by_key(attempt, self.http.sleep)

    def find_message(self, sought: Sought) -> str | None:
        """Resend cannot be asked by our id.

        Raises:
            VendorRefusedError: always.
        """
        raise VendorRefusedError(self.vendor, 501, "messages cannot be looked up; the same request again, or an event")


def batch_key(batch: MailBatch) -> str:
    """The idempotency key of a batch."""
    ids = "\n".join(person.message_id for person in batch.recipients)
    return f"batch-{hashlib.sha256(ids.encode()).hexdigest()}"


def mail_body(mail: OutgoingMail) -> dict[str, Any]:
    """The body of `POST /emails`, and one element of `POST /emails/batch`; tags take letters, digits, `_` and `-`."""
    tags = [tuple(_UNFIT_FOR_A_TAG.sub("-", text)[:256] for text in pair) for pair in arguments_of(mail).items()]
    body: dict[str, Any] = {
        "from": shown_mailbox(mail.from_name, mail.from_email),
        "to": [mail.to_email],
        "subject": mail.subject,
        "html": mail.html,
        "headers": dict(mail.headers),
        "tags": [{"name": name, "value": value} for name, value in tags[:MOST_TAGS]],
    }
    if mail.text:
        body["text"] = mail.text
    if mail.reply_to:
        body["reply_to"] = mail.reply_to
    return body
