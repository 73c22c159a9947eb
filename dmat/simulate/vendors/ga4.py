"""Google Analytics 4: the Data API's runReport (v1beta) over visits and over advertising costs.

Belongs here: a request's dimensions, metrics and days turned into one query over the records, and Google's words for
errors. Stays out: where visits come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.vendors.door import Door, JsonResponse, bearer, same

SESSION_DIMENSIONS = (
    "customEvent:session_id", "customUser:client_id", "dateHourMinute", "sessionSource", "sessionMedium",
    "sessionCampaignName", "deviceCategory", "browser", "country", "landingPage",
)  # fmt: skip
COST_DIMENSIONS = ("date", "sessionSource", "sessionMedium", "sessionCampaignName")
METRICS = {
    "screenPageViews": "TYPE_INTEGER", "userEngagementDuration": "TYPE_SECONDS", "sessions": "TYPE_INTEGER",
    "advertiserAdCost": "TYPE_CURRENCY", "advertiserAdClicks": "TYPE_INTEGER",
    "advertiserAdImpressions": "TYPE_INTEGER",
}  # fmt: skip
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
            429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}  # fmt: skip
WORDS = {
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential.",
    403: "User does not have sufficient permissions for this property.",
    404: "Requested entity was not found.",
    429: "Exhausted concurrent requests quota. Please send fewer requests concurrently.",
    500: "Internal error encountered.",
}
MAX_DIMENSIONS, MAX_METRICS, MAX_LIMIT = 9, 10, 250_000


@dataclass(frozen=True)
class Report:
    """A request that was understood."""

    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    since: datetime
    until: datetime
    order: tuple[str, ...]
    limit: int
    offset: int

    @property
    def resource(self) -> str:
        """Costs have their own records."""
        return "ga4_ad_costs" if any(name.startswith("advertiser") for name in self.metrics) else "ga4_sessions"


class Ga4(Door):
    """One property."""

    name = "ga4"

    def routes(self) -> list[Route]:
        """Reports only."""
        return [self.route("/v1beta/properties/{number}:runReport", self.run_report, ("POST",))]

    def is_authentic(self, request: Request) -> bool:
        """An access token."""
        return same(bearer(request), self.office.settings.ga4_token.get_secret_value())

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors as all of Google's APIs write them."""
        error = {"code": status, "message": message or WORDS.get(status, ""), "status": STATUSES.get(status, "UNKNOWN")}
        return JsonResponse({"error": error}, status, dict(headers or {}))

    def run_report(self, request: Request, body: bytes) -> Response:
        """One report."""
        if request.path_params["number"] != self.office.settings.ga4_property:
            return self.refuse(403)
        try:
            report = read_report(orjson.loads(body), self.office.now().date())
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            return self.refuse(400, str(error))
        rows = self._rows(report)
        total = int(rows[0][-1]) if rows else self._count(report)
        split = len(report.dimensions)
        answer: dict[str, Any] = {
            "dimensionHeaders": [{"name": name} for name in report.dimensions],
            "metricHeaders": [{"name": name, "type": METRICS[name]} for name in report.metrics],
            "rows": [
                {"dimensionValues": [{"value": value} for value in row[:split]],
                 "metricValues": [{"value": value} for value in row[split:-1]]}
                for row in rows
            ],
            "rowCount": total,
            "metadata": {"currencyCode": self.office.records.currency_code, "timeZone": "Etc/UTC"},
            "kind": "analyticsData#runReport",
        }  # fmt: skip
        return JsonResponse({key: value for key, value in answer.items() if value not in ([], 0)})

    def _rows(self, report: Report) -> list[tuple[Any, ...]]:
        sql, values = _query(report)
        order = ", ".join(report.order) or "all"
        sql += f" order by {order} limit {report.limit} offset {report.offset}"
        return self.office.records.cursor().execute(sql, values).fetchall()

    def _count(self, report: Report) -> int:
        sql, values = _query(report)
        found = self.office.records.cursor().execute(f"select count(*) from ({sql})", values).fetchone()
        return int(found[0]) if found else 0


def _value(name: str, resource: str) -> str:
    if name == "date" and resource == "ga4_sessions":
        return "left(json_extract_string(payload, '$.dateHourMinute'), 8)"
    return f"""coalesce(json_extract_string(payload, '$."{name}"'), '(not set)')"""


def _sum(name: str) -> str:
    if name == "sessions":
        return "count(*)::varchar"
    value = f"""json_extract_string(payload, '$."{name}"')"""
    if METRICS[name] == "TYPE_CURRENCY":
        return f"sum(try_cast({value} as decimal(18, 2)))::varchar"
    return f"coalesce(sum(try_cast({value} as bigint)), 0)::bigint::varchar"


def _query(report: Report) -> tuple[str, list[Any]]:
    columns = [f'{_value(name, report.resource)} as "{name}"' for name in report.dimensions]
    columns += [f'{_sum(name)} as "{name}"' for name in report.metrics]
    groups = ", ".join(str(number + 1) for number in range(len(report.dimensions)))
    sql = (
        f"select {', '.join(columns)}, count(*) over () as row_count from main.records"
        f" where resource = ? and created_at >= ? and created_at < ?{' group by ' + groups if groups else ''}"
    )
    return sql, [report.resource, report.since, report.until]


def read_report(asked: dict[str, Any], today: date) -> Report:
    """A request's body as a report.

    Raises:
        ValueError: a name or a number that Google refuses, with its words.
    """
    dimensions = tuple(str(one["name"]) for one in asked.get("dimensions") or [])
    metrics = tuple(str(one["name"]) for one in asked.get("metrics") or [])
    _check_names(dimensions, metrics)
    ranges = asked.get("dateRanges") or []
    if len(ranges) != 1:
        raise ValueError("The simulated property takes exactly one date range.")
    since, until = _day(ranges[0]["startDate"], today), _day(ranges[0]["endDate"], today) + timedelta(days=1)
    limit, offset = int(asked.get("limit") or 10_000), int(asked.get("offset") or 0)
    if not limit >= 1 or offset < 0:
        raise ValueError("limit and offset must be positive.")
    order = tuple(_order(one, (*dimensions, *metrics)) for one in asked.get("orderBys") or [])
    return Report(dimensions, metrics, since, until, order, min(limit, MAX_LIMIT), offset)


def _check_names(dimensions: tuple[str, ...], metrics: tuple[str, ...]) -> None:
    if len(dimensions) > MAX_DIMENSIONS:
        raise ValueError(f"Requests are limited to {MAX_DIMENSIONS} dimensions. This request is for {len(dimensions)}.")
    if len(metrics) > MAX_METRICS:
        raise ValueError(f"Requests are limited to {MAX_METRICS} metrics. This request is for {len(metrics)}.")
    known = COST_DIMENSIONS if any(name.startswith("advertiser") for name in metrics) else (*SESSION_DIMENSIONS, "date")
    for name in dimensions:
        if name not in known:
            raise ValueError(f"Field {name} is not a valid dimension.")
    for name in metrics:
        if name not in METRICS:
            raise ValueError(f"Field {name} is not a valid metric.")


def _order(asked: dict[str, Any], known: tuple[str, ...]) -> str:
    name = (asked.get("dimension") or {}).get("dimensionName") or (asked.get("metric") or {}).get("metricName")
    if name not in known:
        raise ValueError(f"Ordering by {name} is not possible: it is not in the request.")
    return f'"{name}" {"desc" if asked.get("desc") else "asc"}'


def _day(text: str, today: date) -> datetime:
    ago = {"today": 0, "yesterday": 1}.get(text)
    found = re.fullmatch(r"(\d+)daysAgo", text)
    if found:
        ago = int(found[1])
    day = today - timedelta(days=ago) if ago is not None else date.fromisoformat(text)
    return datetime.combine(day, datetime.min.time())
