"""SendGrid: hands over e-mails, one or a thousand at once, looks one up, reads its own counts (v3 API).

SendGrid has no idempotency key. Our message id travels in `custom_args`, comes back in every signed event, and can be
searched where the account has the Email Activity add-on. Its events reach us by webhook (`apps/api`), not from here.

A batch holds the content once, with substitution tags, and one personalization a person. SendGrid's limits: 1,000
recipients a request, 10,000 bytes of substitutions and 10,000 bytes of custom arguments a person, 30 MB a mail.

What SendGrid itself counts is read by category and day (the statistics have nothing finer), to be set against our own
counts. Days are those of the account. A key that may not read them brings none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import httpx
import orjson

from dmat.captured import Record
from dmat.channels.contract import MESSAGE_ID_ARGUMENT, Abilities, MailBatch, OutgoingMail, Recipient, Sought
from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, sort_records
from dmat.connectors.http import VendorHttp
from dmat.errors import InvalidInputError, VendorRefusedError
from dmat.settings import Settings

STATS_OVERLAP = timedelta(days=7)
OLDEST_STATS = timedelta(days=90)
STATS_SPAN_DAYS = 30
PAGE_SIZE = 500
CATEGORIES_AT_ONCE = 10
FORBIDDEN = 403
LONGEST_BODY = 20_000_000
LONGEST_VALUES = 9_900
MOST_CATEGORIES, LONGEST_CATEGORY = 10, 255


class SendGrid(Connector):
    """Sends through one account; safe to share between threads."""

    vendor: ClassVar[str] = "sendgrid"
    resources: ClassVar[tuple[str, ...]] = ("category_days",)
    dated: ClassVar[frozenset[str]] = frozenset({"category_days"})
    name = "sendgrid"
    channel = "email"
    abilities = Abilities(
        batch=1000, in_flight=16, looks_up=True, tracks_clicks=True,
        batch_bytes=LONGEST_BODY, values_bytes=LONGEST_VALUES,
    )  # fmt: skip

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.sendgrid_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.sendgrid_url, headers=headers, secrets=[token], client=client)

    def _read_category_days(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        """What SendGrid itself counted a category and day: each mail has what sends it and its step as categories."""
        names = list(self._read_categories())
        for span, landed in self.spans(cursor, window, STATS_OVERLAP, OLDEST_STATS, STATS_SPAN_DAYS):
            parts = [names[at : at + CATEGORIES_AT_ONCE] for at in range(0, len(names), CATEGORIES_AT_ONCE)]
            items = [item for part in parts for item in self._read_days(part, span)]
            records, refusals = sort_records(items, _to_category_day, "name")
            yield Page(records, landed, refusals)

    def _read_categories(self) -> Iterator[str]:
        offset = 0
        while True:
            try:
                found = self.http.read_json("GET", "/v3/categories", params={"limit": PAGE_SIZE, "offset": offset})
            except VendorRefusedError as error:
                if error.status == FORBIDDEN:  # a key that may only send: then there is nothing to compare
                    return
                raise
            if not isinstance(found, list):
                raise self.refused(200, "the answer is no list of categories")
            yield from (str(item["category"]) for item in found if isinstance(item, dict) and item.get("category"))
            offset += PAGE_SIZE
            if len(found) < PAGE_SIZE:
                return

    def _read_days(self, categories: Sequence[str], span: Window) -> Iterator[Payload]:
        """Each day and category on which something was counted."""
        days = {"start_date": str(span.start), "end_date": str(span.end - timedelta(days=1)), "aggregated_by": "day"}
        found = self.http.read_json("GET", "/v3/categories/stats", params={**days, "categories": list(categories)})
        if not isinstance(found, list):
            raise self.refused(200, "the answer is no list of days")
        for day in found:
            for item in list_of(day, "stats", self.vendor):
                if isinstance(item, dict) and any((item.get("metrics") or {}).values()):
                    yield {"date": day.get("date"), **item}

    def send(self, message: OutgoingMail) -> str:
        """Hand over one mail, once, and give SendGrid's message id (empty when it did not tell one).

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted (time-out, cut, or a gateway's 5xx): look it up, never repeat.
            VendorRefusedError: 4xx, the mail or the key is wrong.
        """
        return self._post(mail_body(message))

    def send_batch(self, batch: MailBatch) -> str:
        """Hand over a batch (cut by `dmat/channels/batches.py`), all or nothing; gives SendGrid's id of the request.

        Raises: as `send`, for the whole batch.
        """
        return self._post(batch_body(batch))

    def pack(self, person: Recipient) -> bytes:
        """The personalization of one person of a batch, as JSON."""
        return orjson.dumps(_personalization(person))

    def _post(self, body: Mapping[str, Any]) -> str:
        response = self.http.send("POST", "/v3/mail/send", json=body)
        return str(response.headers.get("X-Message-Id", ""))

    def find_message(self, sought: Sought) -> str | None:
        """SendGrid's id of the mail that carries our message id; None when it knows of none (yet).

        Raises:
            VendorRefusedError: also 403 when the account has no Email Activity: then only an event can tell.
            VendorUnavailableError, RateLimitedError: it could not be asked.
        """
        message_id = sought.message_id
        if '"' in message_id or "\\" in message_id:
            raise InvalidInputError("message_id", "holds a quote", "a UUID")
        query = f"""(unique_args['{MESSAGE_ID_ARGUMENT}']="{message_id}")"""
        body = self.http.read_json("GET", "/v3/messages", params={"query": query, "limit": 1})
        found = list_of(body, "messages", self.vendor)
        return str(found[0]["msg_id"]) if found else None


def _to_category_day(item: Payload) -> Record:
    day = datetime.fromisoformat(str(item["date"]))
    return Record(f"{item['name']}:{day:%Y-%m-%d}", day, item)


def mail_body(mail: OutgoingMail) -> dict[str, Any]:
    """The body of `POST /v3/mail/send` for one mail."""
    person: dict[str, Any] = {
        "to": [_mailbox(mail.to_email, mail.to_name)],
        "custom_args": {**mail.custom_args, MESSAGE_ID_ARGUMENT: mail.message_id},
    }
    return _body(mail, [person])


def batch_body(batch: MailBatch) -> dict[str, Any]:
    """The body of `POST /v3/mail/send` for a batch: one personalization a person."""
    people = [
        orjson.Fragment(person.packed) if person.packed else _personalization(person) for person in batch.recipients
    ]
    return _body(batch, people)


def _personalization(person: Recipient) -> dict[str, Any]:
    """One person's part of a batch."""
    made: dict[str, Any] = {
        "to": [_mailbox(person.to_email, person.to_name)],
        "custom_args": {**person.custom_args, MESSAGE_ID_ARGUMENT: person.message_id},
    }
    if person.values:
        made["substitutions"] = dict(person.values)
    if person.headers:
        made["headers"] = dict(person.headers)
    return made


def _body(mail: OutgoingMail | MailBatch, people: Sequence[Any]) -> dict[str, Any]:
    """What both have in common; plain text goes before HTML, as SendGrid demands."""
    parts = (("text/plain", mail.text), ("text/html", mail.html))
    body: dict[str, Any] = {
        "personalizations": people,
        "from": _mailbox(mail.from_email, mail.from_name),
        "subject": mail.subject,
        "content": [{"type": kind, "value": text} for kind, text in parts if text],
    }
    if mail.reply_to:
        body["reply_to"] = {"email": mail.reply_to}
    if mail.headers:
        body["headers"] = dict(mail.headers)
    if mail.categories:
        unique = dict.fromkeys(category[:LONGEST_CATEGORY] for category in mail.categories)
        body["categories"] = list(unique)[:MOST_CATEGORIES]
    return body


def _mailbox(address: str, name: str) -> dict[str, str]:
    shown = name.replace(";", " ").replace(",", " ")  # SendGrid takes neither in a name
    return {"email": address, "name": shown} if shown else {"email": address}
