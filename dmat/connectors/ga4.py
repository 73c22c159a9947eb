"""Google Analytics 4: visits and what Google campaigns cost, from the Data API's runReport (v1beta).

A report holds at most nine dimensions, and a visit needs ten: the browser comes from a second report of the same days
and is joined by the visit. Rows are objects {dimension or metric: value}. A report counts per minute: the rows of one
visit are put together (first minute, sums). Google still changes the last two days, so they are read again each time.
Days are those of the property's time zone, which must be UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, sort_records
from dmat.connectors.http import VendorHttp
from dmat.landing import Record
from dmat.settings import Settings

OVERLAP = timedelta(days=2)
OLDEST = timedelta(days=730)
SPAN_DAYS = 14
COSTS_SPAN_DAYS = 90
PAGE_SIZE = 50_000

VISIT = "customEvent:session_id"
VISITOR = "customUser:client_id"
SESSION_DIMENSIONS = (
    VISIT, VISITOR, "dateHourMinute", "sessionSource", "sessionMedium", "sessionCampaignName", "deviceCategory",
    "country", "landingPage",
)  # fmt: skip
BROWSER_DIMENSIONS = (VISIT, VISITOR, "browser")
SESSION_METRICS = ("screenPageViews", "userEngagementDuration")
COST_DIMENSIONS = ("date", "sessionSource", "sessionMedium", "sessionCampaignName")
COST_METRICS = ("advertiserAdCost", "advertiserAdClicks", "advertiserAdImpressions")


class Ga4(Connector):
    """Reads one property."""

    vendor: ClassVar[str] = "ga4"
    resources: ClassVar[tuple[str, ...]] = ("sessions", "ad_costs")
    dated: ClassVar[frozenset[str]] = frozenset({"sessions", "ad_costs"})

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.ga4_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.ga4_url, headers=headers, secrets=[token], client=client)

    def _read_sessions(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        for span, landed in self.spans(cursor, window, OVERLAP, OLDEST, SPAN_DAYS):
            browsers = {_visit(row): row["browser"] for row in self._report(span, BROWSER_DIMENSIONS, SESSION_METRICS)}
            rows = join_minutes(self._report(span, SESSION_DIMENSIONS, SESSION_METRICS))
            full = [{**row, "browser": browsers.get(_visit(row), "(not set)")} for row in rows]
            records, refusals = sort_records(full, _to_session, VISIT)
            yield Page(records, landed, refusals)

    def _read_ad_costs(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        for span, landed in self.spans(cursor, window, OVERLAP, OLDEST, COSTS_SPAN_DAYS):
            rows = list(self._report(span, COST_DIMENSIONS, COST_METRICS, with_currency=True))
            records, refusals = sort_records(rows, _to_cost, "sessionCampaignName")
            yield Page(records, landed, refusals)

    def _report(
        self, span: Window, dimensions: tuple[str, ...], metrics: tuple[str, ...], with_currency: bool = False
    ) -> Iterator[Payload]:
        path = f"/v1beta/properties/{self.settings.ga4_property}:runReport"
        offset = 0
        while True:
            body = self.http.read_json("POST", path, json=report_body(span, dimensions, metrics, offset))
            if not isinstance(body, dict):
                raise self.refused(200, "the answer is not an object")
            rows = list_of({"rows": [], **body}, "rows", self.vendor)  # Google leaves `rows` out when there are none
            currency = {"currencyCode": (body.get("metadata") or {}).get("currencyCode")} if with_currency else {}
            for row in rows:
                yield {**self._flatten(body, row), **currency}
            offset += len(rows)
            if not rows or offset >= int(body.get("rowCount", 0)):
                return

    def _flatten(self, body: Payload, row: Payload) -> Payload:
        try:
            names = [h["name"] for h in [*body["dimensionHeaders"], *body["metricHeaders"]]]
            values = [v.get("value", "") for v in [*row.get("dimensionValues", []), *row.get("metricValues", [])]]
            return dict(zip(names, values, strict=True))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.refused(200, "a row does not fit its headers") from None


def report_body(span: Window, dimensions: Iterable[str], metrics: Iterable[str], offset: int) -> dict[str, Any]:
    """Body of `runReport` for the days of `span`; the order is fixed so that pages do not overlap."""
    names = list(dimensions)
    return {
        "dateRanges": [
            {"startDate": span.start.isoformat(), "endDate": (span.end - timedelta(days=1)).isoformat()},
        ],
        "dimensions": [{"name": name} for name in names],
        "metrics": [{"name": name} for name in metrics],
        "orderBys": [{"dimension": {"dimensionName": name}} for name in names],
        "limit": str(PAGE_SIZE),
        "offset": str(offset),
        "keepEmptyRows": True,
    }


def join_minutes(rows: Iterable[Payload]) -> list[Payload]:
    """One row a visit: its first minute, and the sums of its metrics."""
    visits: dict[str, Payload] = {}
    for row in rows:
        known = visits.setdefault(_visit(row), row)
        if known is row:
            continue
        first, second = (known, row) if known["dateHourMinute"] <= row["dateHourMinute"] else (row, known)
        sums = {m: str(int(float(known[m])) + int(float(row[m]))) for m in SESSION_METRICS}
        visits[_visit(row)] = {**second, **first, **sums}
    return list(visits.values())


def _visit(row: Payload) -> str:
    return f"{row[VISITOR]}:{row[VISIT]}"


def _to_session(row: Payload) -> Record:
    if row[VISIT] in ("", "(not set)"):
        raise ValueError("the visit has no session id")
    return Record(_visit(row), _minute(row["dateHourMinute"]), row)


def _to_cost(row: Payload) -> Record:
    key = ":".join(str(row[name]) for name in COST_DIMENSIONS)
    return Record(key, _minute(row["date"] + "0000"), row)


def _minute(text: str) -> datetime:
    """`YYYYMMDDHHMM`; taken apart by hand, for there are very many."""
    if len(text) != 12 or not text.isdigit():
        raise ValueError(f"{text!r} is not a minute")
    return datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:]))
