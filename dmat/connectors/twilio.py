"""Twilio: reads the messages of an account and sends SMS and WhatsApp messages (API 2010-04-01, Content API v1).

Messages can be filtered by the day they were sent and come newest first; their status still changes for some days,
hence the overlap. `next_page_uri` carries the token of the next page.

Sending has no idempotency key. Our message id travels in the address of the status callback, which Twilio signs with
the rest. A message whose answer was lost is looked for among those to the same number since it was handed over; it is
ours when it has our words. `DateSent` is not asked for: a message that still waits in Twilio's queue has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, Abilities, MailBatch, OutgoingText, Sought
from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, parse_mail_time, sort_records
from dmat.connectors.http import VendorHttp
from dmat.errors import AmbiguousError, DeadAddressError, InvalidInputError, RateLimitedError, VendorRefusedError
from dmat.landing import Record
from dmat.settings import Settings

OVERLAP = timedelta(days=3)
PAGE_SIZE = 1000
LOOK_BACK = timedelta(minutes=2)
LOOK_UP_PAGES = 5
NO_SUCH_NUMBER = frozenset({21211, 21214, 21217, 21407, 21614})
OPTED_OUT = 21610
QUEUE_IS_FULL = frozenset({14107, 21611})
OUR_SETTING_IS_WRONG = frozenset({20003, 20404, 21212, 21603, 21606, 21659, 21660, 21701, 21703, 63007})


class Twilio(Connector):
    """Reads one account."""

    vendor: ClassVar[str] = "twilio"
    resources: ClassVar[tuple[str, ...]] = ("messages",)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.twilio_token
        auth = (settings.twilio_account, token.get_secret_value())
        return VendorHttp(self.vendor, settings.twilio_url, auth=auth, secrets=[token], client=client)

    @property
    def messages_path(self) -> str:
        """Path of the account's messages."""
        return f"/2010-04-01/Accounts/{self.settings.twilio_account}/Messages.json"

    def _read_messages(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        if not cursor.page:
            cursor = Cursor(since=cursor.since, began=self.now())
        while True:
            params = None if cursor.page else list_params(cursor)
            items, after = self._list(cursor.page or self.messages_path, params)
            records, refusals = sort_records(items, _to_record, "sid")
            cursor = cursor.turned(after, records)
            yield Page(records, cursor if after else cursor.ended(), refusals)
            if not after:
                return

    def _list(self, path: str, params: Payload | None) -> tuple[list[Any], str]:
        """One page of messages and the path of the next one."""
        body = self.http.read_json("GET", path, params=params)
        items = list_of(body, "messages", self.vendor)
        after = str(body.get("next_page_uri") or "")
        if after and not after.startswith("/2010-04-01/"):
            raise self.refused(200, "next_page_uri is not a path of the API")
        return items, after


class TwilioTexts(Twilio):
    """Sends SMS, or WhatsApp messages from a number that is a WhatsApp sender; safe to share between threads.

    Raises:
        InvalidInputError: no sender is set for the channel.
    """

    name = "twilio"
    resources: ClassVar[tuple[str, ...]] = ()
    abilities = Abilities(in_flight=16, looks_up=True)

    def __init__(self, settings: Settings, channel: str = "sms", client: httpx.Client | None = None) -> None:
        self.channel = channel
        field = "twilio_sender" if channel == "sms" else "twilio_whatsapp_sender"
        self._sender = str(getattr(settings, field))
        if not self._sender:
            raise InvalidInputError(f"DMAT_{field.upper()}", f"is not set: nothing can be sent by {channel}")
        super().__init__(settings, client)

    def send(self, message: OutgoingText) -> str:
        """Hand over one message, once, and give Twilio's id of it; see `Provider.send`."""
        form = message_form(self.settings, self._sender, message)
        try:
            response = self.http.send("POST", self.messages_path, form=form)
        except VendorRefusedError as error:
            raise meaning(error) from None
        try:
            return str(orjson.loads(response.content)["sid"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return ""  # taken all the same; the status callback tells its id

    def send_batch(self, batch: MailBatch) -> str:
        """Twilio takes one message a request."""
        raise InvalidInputError("batch", "twilio has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """Twilio's id of the message with our words to this number; None when nothing at all went there since.

        Raises:
            AmbiguousError: something went there, but it cannot be told whether it is this message.
        """
        others = 0
        for item in self._sent_since(sought):
            if sought.text and same_words(sought.text, str(item.get("body") or "")):
                return str(item["sid"])
            others += 1
        if others:  # words may have been changed on the way: only an empty list proves that it never arrived
            raise AmbiguousError(f"twilio: {others} messages went to this number since, none with these words")
        return None

    def _sent_since(self, sought: Sought) -> Iterator[Payload]:
        """Outgoing messages to the number since just before it was handed over, newest first."""
        since = sought.handed_over_at - LOOK_BACK if sought.handed_over_at else None
        to = f"whatsapp:{sought.address}" if self.channel == "whatsapp" else sought.address
        path: str = self.messages_path
        params: Payload | None = {"To": to, "PageSize": 100}
        for _ in range(LOOK_UP_PAGES):
            items, after = self._list(path, params)
            for item in items:
                if since is not None and parse_mail_time(item.get("date_created")) < since:
                    return
                if str(item.get("direction", "")).startswith("outbound"):
                    yield item
            if not after:
                return
            path, params = after, None


class TwilioTemplates(Connector):
    """Reads the WhatsApp templates of an account from the Content API."""

    vendor: ClassVar[str] = "twilio"
    resources: ClassVar[tuple[str, ...]] = ()

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.twilio_token
        auth = (settings.twilio_account, token.get_secret_value())
        return VendorHttp(self.vendor, content_url(settings), auth=auth, secrets=[token], client=client)

    def read_templates(self) -> list[Payload]:
        """Every template with the state of its approval: name (its id), title, language, category, status, reason."""
        path, found = "/v1/ContentAndApprovals?PageSize=500", []
        while path:
            body = self.http.read_json("GET", path)
            items = list_of(body, "contents", self.vendor)
            found += [_template(item) for item in items if isinstance(item, dict)]
            following = urlsplit(str((body.get("meta") or {}).get("next_page_url") or ""))
            path = f"{following.path}?{following.query}" if following.path else ""
        return found


def message_form(settings: Settings, sender: str, message: OutgoingText) -> dict[str, Any]:
    """The form of `POST .../Messages.json`."""
    prefix = "whatsapp:" if message.channel == "whatsapp" else ""
    form: dict[str, Any] = {"To": prefix + message.to}
    if sender.startswith("MG"):
        form["MessagingServiceSid"] = sender
    else:
        form["From"] = prefix + sender
    if message.template is not None:
        form["ContentSid"] = message.template.name
        values = [*message.template.body_values, *message.template.button_values]
        if message.template.header_media_url:
            values = [message.template.header_media_url, *values]
        if values:
            form["ContentVariables"] = orjson.dumps({str(i): v for i, v in enumerate(values, 1)}).decode()
    else:
        form["Body"] = message.text
    if message.media_url and message.template is None:
        form["MediaUrl"] = message.media_url
    if callback := status_callback(settings, message):
        form["StatusCallback"] = callback
    return form


def status_callback(settings: Settings, message: OutgoingText) -> str:
    """Where Twilio tells what becomes of the message; none when it could not reach us, for then it would refuse."""
    address = message.status_url or f"{settings.resolved_public_url}/webhooks/twilio"
    if _is_loopback(address) and not _is_loopback(settings.twilio_url):
        return ""
    sign = "&" if urlsplit(address).query else "?"
    return f"{address}{sign}{urlencode({MESSAGE_ID_ARGUMENT: message.message_id})}"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def content_url(settings: Settings) -> str:
    """Address of the Content API: a host of its own at Twilio, the same one elsewhere."""
    is_twilio = urlsplit(settings.twilio_url).hostname == "api.twilio.com"
    return "https://content.twilio.com" if is_twilio else settings.twilio_url


def meaning(error: VendorRefusedError) -> Exception:
    """What a refusal of Twilio means, by the number of its error."""
    found = re.search(r'"code"\s*:\s*(\d+)', error.detail)
    code = int(found.group(1)) if found else 0
    if code in NO_SUCH_NUMBER:
        return DeadAddressError(error.vendor, error.status, error.detail)
    if code == OPTED_OUT:
        return DeadAddressError(error.vendor, error.status, error.detail, "stopped")
    if code in QUEUE_IS_FULL:
        return RateLimitedError(error.vendor, 60.0)
    if code in OUR_SETTING_IS_WRONG:  # as a wrong key: nobody is given up for that
        return VendorRefusedError(error.vendor, 403, error.detail)
    return error


def same_words(ours: str, theirs: str) -> bool:
    """Whether `theirs` has the letters and digits of `ours`: signs are replaced, words put before or after."""
    return bool(_letters(ours)) and _letters(ours) in _letters(theirs)


def _letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _template(item: Payload) -> Payload:
    approval = item.get("approval_requests")
    approval = approval if isinstance(approval, dict) else {}
    return {
        "name": str(item.get("sid", "")),
        "title": str(approval.get("name") or item.get("friendly_name") or ""),
        "language": str(item.get("language", "")),
        "category": str(approval.get("category") or "").lower(),
        "status": str(approval.get("status") or "unsubmitted").lower(),
        "reason": str(approval.get("rejection_reason") or ""),
    }


def list_params(cursor: Cursor) -> dict[str, str | int]:
    """Parameters of the first page; `DateSent>` is how Twilio writes "sent on that day or later"."""
    start = cursor.start(OVERLAP)
    days = {} if start is None else {"DateSent>": start.date().isoformat()}
    return {"PageSize": PAGE_SIZE, **days}


def _to_record(item: Payload) -> Record:
    return Record(str(item["sid"]), parse_mail_time(item.get("date_updated") or item["date_created"]), item)
