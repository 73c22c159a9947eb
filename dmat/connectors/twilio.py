"""Twilio: the messages (SMS) of an account, API 2010-04-01.

Messages can be filtered by the day they were sent and come newest first; their status still changes for some days,
hence the overlap. `next_page_uri` carries the token of the next page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, parse_mail_time, sort_records
from dmat.connectors.http import VendorHttp
from dmat.landing import Record
from dmat.settings import Settings

OVERLAP = timedelta(days=3)
PAGE_SIZE = 1000


class Twilio(Connector):
    """Reads one account."""

    vendor: ClassVar[str] = "twilio"
    resources: ClassVar[tuple[str, ...]] = ("messages",)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.twilio_token
        auth = (settings.twilio_account, token.get_secret_value())
        return VendorHttp(self.vendor, settings.twilio_url, auth=auth, secrets=[token], client=client)

    def _read_messages(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        path = f"/2010-04-01/Accounts/{self.settings.twilio_account}/Messages.json"
        if not cursor.page:
            cursor = Cursor(since=cursor.since, began=self.now())
        while True:
            params = None if cursor.page else list_params(cursor)
            body = self.http.read_json("GET", cursor.page or path, params=params)
            records, refusals = sort_records(list_of(body, "messages", self.vendor), _to_record, "sid")
            after = str(body.get("next_page_uri") or "")
            if after and not after.startswith("/2010-04-01/"):
                raise self.refused(200, "next_page_uri is not a path of the API")
            cursor = cursor.turned(after, records)
            yield Page(records, cursor if after else cursor.ended(), refusals)
            if not after:
                return


def list_params(cursor: Cursor) -> dict[str, str | int]:
    """Parameters of the first page; `DateSent>` is how Twilio writes "sent on that day or later"."""
    start = cursor.start(OVERLAP)
    days = {} if start is None else {"DateSent>": start.date().isoformat()}
    return {"PageSize": PAGE_SIZE, **days}


def _to_record(item: Payload) -> Record:
    return Record(str(item["sid"]), parse_mail_time(item.get("date_updated") or item["date_created"]), item)
