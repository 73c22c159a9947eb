"""Postmark: hands over e-mails, one or 500 at once, and looks one up (Email and Messages API).

Postmark has no idempotency key. Our message id travels as metadata, comes back in every webhook, and can be searched.
A batch is a list of whole mails (up to 500 and 50 MB); each is answered for itself, so a batch may be taken in part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import httpx
import orjson

from dmat.channels.batches import whole_mail
from dmat.channels.contract import MESSAGE_ID_ARGUMENT, Abilities, MailBatch, OutgoingMail, Sought
from dmat.connectors.contract import Connector, list_of
from dmat.connectors.http import VendorHttp
from dmat.connectors.mail_answers import ACCOUNT_IS_WRONG, arguments_of, json_answer, shown_mailbox
from dmat.errors import AmbiguousError, DeadAddressError, PartlyTakenError, VendorRefusedError
from dmat.settings import Settings

LONGEST_BODY = 40_000_000
INACTIVE = 406  # a hard bounce, a complaint, or taken off by hand
NOT_OUR_MAIL = frozenset({10, 400, 401, 402, 405, 412, 413})  # the token, the sender, the account
LONGEST_METADATA, LONGEST_NAME, MOST_METADATA = 80, 20, 10


class Postmark(Connector):
    """Sends through one server; safe to share between threads."""

    vendor: ClassVar[str] = "postmark"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "postmark"
    channel = "email"
    abilities = Abilities(
        batch=500, in_flight=8, looks_up=True, tracks_clicks=True, batch_bytes=LONGEST_BODY, copies_content=True
    )

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.postmark_token
        headers = {"X-Postmark-Server-Token": token.get_secret_value(), "Accept": "application/json"}
        return VendorHttp(self.vendor, settings.postmark_url, headers=headers, secrets=[token], client=client)

    def send(self, message: OutgoingMail) -> str:
        """Hand over one mail, once, and give Postmark's message id.

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted: look it up, never repeat.
            DeadAddressError: Postmark has taken this address off.
            VendorRefusedError: 4xx, the mail or the key is wrong; 403 also for an account that may not send.
        """
        try:
            response = self.http.send("POST", "/email", json=mail_body(message, self.settings.postmark_stream))
        except VendorRefusedError as error:
            raise self._meaning(error) from None
        answer = json_answer(response)
        if answer.get("ErrorCode"):
            raise self._meaning(VendorRefusedError(self.vendor, 422, response.text[:300]))
        return str(answer.get("MessageID", ""))

    def send_batch(self, batch: MailBatch) -> str:
        """Hand over a batch; gives Postmark's id of its first mail.

        Raises:
            PartlyTakenError: some mails were refused, all others are taken.
            AmbiguousError and the others: as `send`, for the whole batch.
        """
        stream = self.settings.postmark_stream
        bodies = [mail_body(whole_mail(batch, person), stream) for person in batch.recipients]
        try:
            response = self.http.send("POST", "/email/batch", json=bodies)
        except VendorRefusedError as error:
            raise self._meaning(error) from None
        return self._read_batch(batch, response)

    def _read_batch(self, batch: MailBatch, response: httpx.Response) -> str:
        answers = _answers(response.content, len(batch.recipients))
        first = next((str(answer.get("MessageID", "")) for answer in answers if not answer.get("ErrorCode")), "")
        refused = {
            person.message_id: f"{answer.get('ErrorCode')}: {answer.get('Message', '')}"[:300]
            for person, answer in zip(batch.recipients, answers, strict=True)
            if answer.get("ErrorCode")
        }
        if len(refused) == len(answers):
            codes = {answer.get("ErrorCode") for answer in answers}
            status = ACCOUNT_IS_WRONG if codes <= NOT_OUR_MAIL else 422
            raise VendorRefusedError(self.vendor, status, next(iter(refused.values())))
        if refused:
            raise PartlyTakenError(self.vendor, first, refused)
        return first

    def _meaning(self, error: VendorRefusedError) -> VendorRefusedError:
        code = _error_code(error.detail)
        if code == INACTIVE:
            return DeadAddressError(self.vendor, error.status, error.detail)
        return VendorRefusedError(self.vendor, ACCOUNT_IS_WRONG, error.detail) if code in NOT_OUR_MAIL else error

    def find_message(self, sought: Sought) -> str | None:
        """Postmark's id of the mail that carries our id in its metadata; None when it lists none.

        Raises:
            VendorRefusedError: 4xx.
            VendorUnavailableError, RateLimitedError: it could not be asked.
        """
        params = {"count": 1, "offset": 0, f"metadata_{MESSAGE_ID_ARGUMENT}": sought.message_id}
        params["messagestream"] = self.settings.postmark_stream
        found = list_of(self.http.read_json("GET", "/messages/outbound", params=params), "Messages", self.vendor)
        return str(found[0].get("MessageID", "")) if found else None


def mail_body(mail: OutgoingMail, stream: str) -> dict[str, Any]:
    """The body of `POST /email`, and one element of `POST /email/batch`."""
    body: dict[str, Any] = {
        "From": shown_mailbox(mail.from_name, mail.from_email),
        "To": shown_mailbox(mail.to_name, mail.to_email),
        "Subject": mail.subject,
        "HtmlBody": mail.html,
        "MessageStream": stream,
        "Metadata": _metadata(mail),
        "Headers": [{"Name": name, "Value": value} for name, value in mail.headers.items()],
    }
    if mail.text:
        body["TextBody"] = mail.text
    if mail.reply_to:
        body["ReplyTo"] = mail.reply_to
    if mail.categories:
        body["Tag"] = mail.categories[0][:1000]
    return body


def _metadata(mail: OutgoingMail) -> dict[str, str]:
    """Ten pairs at most, names of 20 characters and values of 80; ours first."""
    pairs = arguments_of(mail).items()
    fitting = [(name, value[:LONGEST_METADATA]) for name, value in pairs if len(name) <= LONGEST_NAME]
    return dict(fitting[:MOST_METADATA])


def _answers(content: bytes, expected: int) -> Sequence[dict[str, Any]]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list) or len(found) != expected or not all(isinstance(item, dict) for item in found):
        raise AmbiguousError("postmark took a batch but its answer cannot be read")
    return found


def _error_code(detail: str) -> int:
    try:
        found = orjson.loads(detail)
    except orjson.JSONDecodeError:
        return 0
    code = found.get("ErrorCode") if isinstance(found, dict) else 0
    return code if isinstance(code, int) else 0
