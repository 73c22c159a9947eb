"""LinkedIn: posts of an organisation with their figures, and what campaigns cost a day (REST, version 2026-06).

Addresses follow Rest.li 2.0: `List(...)` and `(year:...)` stay as they are, the URNs inside are percent-encoded, so
query strings are written by hand. adAnalytics has no pages: it is read in spans of 90 days, one ad account at a time,
because a cost is in the currency of its account and only adAccounts names that; id and currency of the account are
joined to each row. Figures of posts come from organizationalEntityShareStatistics and are joined to the posts; posts of
the last four weeks are read again each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, sort_records
from dmat.connectors.http import VendorHttp
from dmat.landing import Record
from dmat.settings import Settings

API_VERSION = "202606"
POSTS_OVERLAP = timedelta(days=28)
ADS_OVERLAP = timedelta(days=7)
OLDEST_ADS = timedelta(days=730)
ADS_SPAN_DAYS = 90
PAGE_SIZE = 50
ACCOUNTS_PAGE_SIZE = 100
AD_FIELDS = "pivotValues,dateRange,impressions,clicks,costInLocalCurrency"
STATISTICS = "/rest/organizationalEntityShareStatistics"


class LinkedIn(Connector):
    """Reads one organisation."""

    vendor: ClassVar[str] = "linkedin"
    resources: ClassVar[tuple[str, ...]] = ("posts", "ad_analytics")
    dated: ClassVar[frozenset[str]] = frozenset({"ad_analytics"})

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.linkedin_token
        headers = {
            "Authorization": f"Bearer {token.get_secret_value()}",
            "LinkedIn-Version": API_VERSION,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        organization = settings.linkedin_organization
        self._urn = organization if organization.startswith("urn:") else f"urn:li:organization:{organization}"
        return VendorHttp(self.vendor, settings.linkedin_url, headers=headers, secrets=[token], client=client)

    def _read_posts(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        """Last changed first, until they are older than what may still change."""
        start = cursor.start(POSTS_OVERLAP)
        if not cursor.page:
            cursor = Cursor(since=cursor.since, began=self.now())
        while True:
            number = int(cursor.page or 0)
            body = self.http.read_json("GET", posts_path(self._urn, number))
            items = list_of(body, "elements", self.vendor)
            self._join_statistics(items)
            records, refusals = sort_records(items, _to_post)
            is_old = start is not None and bool(records) and min(r.updated_at for r in records) < start
            is_last = is_old or len(items) < PAGE_SIZE
            cursor = cursor.turned(str(number + PAGE_SIZE), records)
            yield Page(records, cursor.ended() if is_last else cursor, refusals)
            if is_last:
                return

    def _join_statistics(self, items: list[Any]) -> None:
        posts = {str(i["id"]): i for i in items if isinstance(i, dict) and i.get("id")}
        for kind, facet in (("urn:li:share:", "shares"), ("urn:li:ugcPost:", "ugcPosts")):
            urns = [urn for urn in posts if urn.startswith(kind)]
            if not urns:
                continue
            body = self.http.read_json("GET", statistics_path(self._urn, facet, urns))
            for found in list_of(body, "elements", self.vendor):
                post = posts.get(str(found.get("share") or found.get("ugcPost")))
                if post is not None:
                    post["statistics"] = found.get("totalShareStatistics")

    def _read_ad_analytics(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        accounts = list(self._read_ad_accounts())
        for span, landed in self.spans(cursor, window, ADS_OVERLAP, OLDEST_ADS, ADS_SPAN_DAYS):
            items = [item for account in accounts for item in self._read_ad_days(account, span)]
            records, refusals = sort_records(items, _to_ad_day, "pivotValues")
            yield Page(records, landed, refusals)

    def _read_ad_accounts(self) -> Iterator[Payload]:
        """Id and currency of each ad account that advertises for the organisation."""
        token = ""
        while True:
            body = self.http.read_json("GET", accounts_path(self._urn, token))
            for item in list_of(body, "elements", self.vendor):
                if not isinstance(item, dict) or not item.get("id"):
                    raise self.refused(200, "an ad account without id")
                yield {"id": item["id"], "currency": item.get("currency")}
            token = str((body.get("metadata") or {}).get("nextPageToken") or "")
            if not token:
                return

    def _read_ad_days(self, account: Payload, span: Window) -> list[Any]:
        body = self.http.read_json("GET", analytics_path(account["id"], span))
        items = list_of(body, "elements", self.vendor)
        return [{**item, "account": account} if isinstance(item, dict) else item for item in items]


def posts_path(urn: str, start: int) -> str:
    """Path and query of one page of posts."""
    return f"/rest/posts?q=author&author={quote(urn, safe='')}&count={PAGE_SIZE}&start={start}&sortBy=LAST_MODIFIED"


def statistics_path(urn: str, facet: str, posts: list[str]) -> str:
    """Path and query of the figures of some posts."""
    wanted = ",".join(quote(post, safe="") for post in posts)
    entity = quote(urn, safe="")
    return f"{STATISTICS}?q=organizationalEntity&organizationalEntity={entity}&{facet}=List({wanted})"


def accounts_path(urn: str, page_token: str = "") -> str:
    """Path and query of one page of the ad accounts that advertise for an organisation."""
    following = f"&pageToken={quote(page_token, safe='')}" if page_token else ""
    wanted = f"(reference:(values:List({quote(urn, safe='')})))"
    return f"/rest/adAccounts?q=search&search={wanted}&pageSize={ACCOUNTS_PAGE_SIZE}{following}"


def analytics_path(account: int | str, span: Window) -> str:
    """Path and query of the days of `span` of one ad account, one row a campaign and day."""
    days = f"(start:{_restli(span.start)},end:{_restli(span.end - timedelta(days=1))})"
    return (
        f"/rest/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=DAILY&dateRange={days}"
        f"&accounts=List({quote(f'urn:li:sponsoredAccount:{account}', safe='')})&fields={AD_FIELDS}"
    )


def _restli(day: date) -> str:
    return f"(year:{day.year},month:{day.month},day:{day.day})"


def moment_of(milliseconds: object) -> datetime:
    """A time of LinkedIn's, in milliseconds, as UTC.

    Raises:
        ValueError: it is not a time.
    """
    if not isinstance(milliseconds, int):
        raise ValueError(f"{milliseconds!r} is not a time in milliseconds")
    return datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)


def _to_post(item: Payload) -> Record:
    return Record(str(item["id"]), moment_of(item.get("lastModifiedAt") or item["createdAt"]), item)


def _to_ad_day(item: Payload) -> Record:
    start = item["dateRange"]["start"]
    day = date(start["year"], start["month"], start["day"])
    return Record(f"{item['pivotValues'][0]}:{day.isoformat()}", datetime.combine(day, datetime.min.time()), item)
