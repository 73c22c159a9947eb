"""Meta: posts of an Instagram account with their figures, and what campaigns cost a day (Graph API v23.0).

The token travels in a header: the `paging.next` address that Meta offers would carry it in the open, so we page by
`paging.cursors.after`. Figures of a post still grow for weeks: posts of the last four weeks are read again each time.
Meta restates the figures of recent days: seven days are read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import orjson

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, parse_time, sort_records
from dmat.connectors.http import VendorHttp
from dmat.landing import Record
from dmat.settings import Settings

API_VERSION = "v23.0"
POST_METRICS = ("impressions", "reach", "likes", "comments", "shares", "saved")
POST_FIELDS = f"id,caption,media_type,permalink,timestamp,insights.metric({','.join(POST_METRICS)})"
AD_FIELDS = "campaign_id,campaign_name,impressions,clicks,spend,account_currency,date_start,date_stop"
POSTS_OVERLAP = timedelta(days=28)
ADS_OVERLAP = timedelta(days=7)
OLDEST_ADS = timedelta(days=37 * 30)
ADS_SPAN_DAYS = 90
PAGE_SIZE = 100


class Meta(Connector):
    """Reads one Instagram account and one ad account."""

    vendor: ClassVar[str] = "meta"
    resources: ClassVar[tuple[str, ...]] = ("posts", "ad_insights")
    dated: ClassVar[frozenset[str]] = frozenset({"ad_insights"})

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.meta_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.meta_url, headers=headers, secrets=[token], client=client)

    def _read_posts(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        """Newest first, until the posts are older than what may still change."""
        path = f"/{API_VERSION}/{self.settings.meta_account}/media"
        start = cursor.start(POSTS_OVERLAP)
        if not cursor.page:
            cursor = Cursor(since=cursor.since, began=self.now())
        while True:
            items, after = self._get(path, {"fields": POST_FIELDS, "limit": PAGE_SIZE}, cursor.page)
            records, refusals = sort_records(items, _to_post)
            is_old = start is not None and bool(records) and min(r.updated_at for r in records) < start
            after = "" if is_old else after
            cursor = cursor.turned(after, records)
            yield Page(records, cursor if after else cursor.ended(), refusals)
            if not after:
                return

    def _read_ad_insights(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        path = f"/{API_VERSION}/{self.settings.meta_ad_account}/insights"
        for span, landed in self.spans(cursor, window, ADS_OVERLAP, OLDEST_ADS, ADS_SPAN_DAYS):
            after = ""
            while True:
                items, after = self._get(path, ad_params(span), after)
                records, refusals = sort_records(items, _to_ad_day, "campaign_id")
                cursor = cursor if after else landed
                yield Page(records, cursor, refusals)
                if not after:
                    break

    def _get(self, path: str, params: Payload, after: str) -> tuple[list[Any], str]:
        body = self.http.read_json("GET", path, params={**params, **({"after": after} if after else {})})
        items = list_of(body, "data", self.vendor)
        paging = body.get("paging") or {}
        following = (paging.get("cursors") or {}).get("after") if paging.get("next") else None
        return items, str(following or "")


def ad_params(span: Window) -> Payload:
    """Parameters of `GET /act_.../insights`: one row a campaign and day."""
    days = {"since": span.start.isoformat(), "until": (span.end - timedelta(days=1)).isoformat()}
    return {
        "level": "campaign",
        "time_increment": 1,
        "time_range": orjson.dumps(days).decode(),
        "fields": AD_FIELDS,
        "limit": 500,
    }


def _to_post(item: Payload) -> Record:
    """The figures come as a list of metrics, each with its values; we keep them as one object."""
    insights = item.get("insights") or {}
    if isinstance(insights.get("data"), list):
        item = {**item, "insights": {m["name"]: m["values"][0]["value"] for m in insights["data"]}}
    return Record(str(item["id"]), parse_time(item["timestamp"]), item)


def _to_ad_day(item: Payload) -> Record:
    day = str(item["date_start"])
    return Record(f"{item['campaign_id']}:{day}", parse_time(day), item)
