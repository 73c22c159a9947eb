"""LinkedIn's REST API: posts of an organisation, their figures, what campaigns cost a day.

Belongs here: the token and the version header, Rest.li's `List(...)` and `(year:...)`, the ad account and its currency,
LinkedIn's words for errors.
Stays out: where figures come from. LinkedIn publishes no specification: this follows its documentation by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.payloads import LINKEDIN_AD_ACCOUNT
from dmat.simulate.records import Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, bearer, same, whole

AD_FIELDS = ("pivotValues", "dateRange", "impressions", "clicks", "costInLocalCurrency")
POST_ORDERS = {"LAST_MODIFIED": "updated_at", "CREATED": "created_at"}
MAX_ELEMENTS = 15_000
ERRORS = {
    401: ("INVALID_ACCESS_TOKEN", 65600, "Invalid access token"),
    404: ("RESOURCE_NOT_FOUND", 0, "No virtual resource found"),
    426: ("NONEXISTENT_VERSION", 0, "Requested version is not active"),
    429: (
        "TOO_MANY_REQUESTS",
        101,
        "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
    ),
    500: ("INTERNAL_SERVER_ERROR", 0, "Internal Server Error"),
}
REFERENCE = re.compile(r"\(reference:\(values:List\((.*)\)\)\)")
DAY = re.compile(r"\(year:(\d+),month:(\d+),day:(\d+)\)")


class LinkedIn(Door):
    """One organisation."""

    name = "linkedin"

    def routes(self) -> list[Route]:
        """Posts, figures, advertising."""
        return [
            self.route("/rest/posts", self.posts),
            self.route("/rest/organizationalEntityShareStatistics", self.statistics),
            self.route("/rest/adAccounts", self.ad_accounts),
            self.route("/rest/adAnalytics", self.ad_analytics),
        ]

    def is_authentic(self, request: Request) -> bool:
        """The access token."""
        return same(bearer(request), self.office.settings.linkedin_token.get_secret_value())

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors have a code in words and one in numbers."""
        code, number, words = ERRORS.get(status, ("ILLEGAL_ARGUMENT", 100, "Invalid argument"))
        body = {"status": status, "code": code, "serviceErrorCode": number, "message": message or words}
        return JsonResponse(body, status, dict(headers or {}))

    def _problem(self, request: Request, finder: str) -> Response | None:
        if not re.fullmatch(r"20\d{4}", request.headers.get("linkedin-version", "")):
            return self.refuse(
                400, "A version must be present. Please specify a version by adding the LinkedIn-Version header."
            )
        if request.query_params.get("q") != finder:
            return self.refuse(400, f"the finder must be q={finder}")
        return None

    @property
    def _organization(self) -> str:
        return f"urn:li:organization:{self.office.settings.linkedin_organization}"

    def posts(self, request: Request, body: bytes) -> Response:
        """Posts of the organisation, the last changed or created first."""
        asked = request.query_params
        if problem := self._problem(request, "author"):
            return problem
        if asked.get("author") != self._organization:
            return self.refuse(403, "Not enough permissions to access: posts of this author")
        try:
            count, start = whole(asked.get("count"), 10, 1, 100), whole(asked.get("start"), 0, 0, 1 << 31)
        except ValueError:
            return self.refuse(400, "count and start must be numbers")
        order = POST_ORDERS.get(asked.get("sortBy", "LAST_MODIFIED"), "updated_at")
        wanted = Wanted("linkedin_posts", order=order, descending=True, limit=count, offset=start)
        shown = [_without(row.load(), "statistics") for row in self.office.records.page(wanted)]
        total = self.office.records.count(wanted)
        return JsonResponse(
            {"elements": shown, "paging": {"start": start, "count": count, "total": total, "links": []}}
        )

    def statistics(self, request: Request, body: bytes) -> Response:
        """Lifetime figures of the posts named."""
        asked = request.query_params
        if problem := self._problem(request, "organizationalEntity"):
            return problem
        elements = []
        for facet, name in (("shares", "share"), ("ugcPosts", "ugcPost")):
            for urn in read_list(asked.get(facet, "")):
                row = self.office.records.get("linkedin_posts", urn)
                if row is not None:
                    figures = row.load()["statistics"]
                    total = {**figures, "engagement": _engagement(figures)}
                    elements.append(
                        {"organizationalEntity": self._organization, name: urn, "totalShareStatistics": total}
                    )
        return JsonResponse({"elements": elements, "paging": {"start": 0, "count": len(elements), "links": []}})

    def ad_accounts(self, request: Request, body: bytes) -> Response:
        """The one ad account of the organisation, with its currency; of others we may see none."""
        if problem := self._problem(request, "search"):
            return problem
        found = REFERENCE.fullmatch(request.query_params.get("search", ""))
        if found is None:
            return self.refuse(400, "the simulated account is searched by reference: (reference:(values:List(urn)))")
        is_ours = self._organization in found[1].split(",")
        account = {
            "id": LINKEDIN_AD_ACCOUNT, "name": "Advertising", "type": "BUSINESS", "status": "ACTIVE", "test": False,
            "currency": self.office.records.currency_code, "reference": self._organization,
            "servingStatuses": ["RUNNABLE"],
        }  # fmt: skip
        return JsonResponse({"elements": [account] if is_ours else [], "metadata": {}})

    def ad_analytics(self, request: Request, body: bytes) -> Response:
        """One element a campaign and day; there are no pages, and no more than 15,000 elements."""
        asked = request.query_params
        if problem := self._problem(request, "analytics"):
            return problem
        if asked.get("pivot") != "CAMPAIGN" or asked.get("timeGranularity") != "DAILY":
            return self.refuse(400, "the simulated account answers pivot=CAMPAIGN with timeGranularity=DAILY")
        fields = asked.get("fields", "impressions,clicks").split(",")
        try:
            since, until = read_days(asked.get("dateRange", ""))
            if unknown := set(fields) - set(AD_FIELDS):
                raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        except ValueError as error:
            return self.refuse(400, str(error))
        if f"urn:li:sponsoredAccount:{LINKEDIN_AD_ACCOUNT}" not in read_list(asked.get("accounts", "")):
            return self.refuse(403, "Not enough permissions to access: the analytics of these accounts")
        wanted = Wanted("linkedin_ad_analytics", order="created_at", limit=MAX_ELEMENTS, created_from=since,
                        created_until=until)  # fmt: skip
        rows = [row.load() for row in self.office.records.page(wanted)]
        shown = [{key: row[key] for key in fields if key in row} for row in rows]
        return JsonResponse({"elements": shown, "paging": {"start": 0, "count": len(shown), "links": []}})


def _without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


def _engagement(figures: dict[str, Any]) -> float:
    acts = sum(int(figures[name]) for name in ("clickCount", "likeCount", "commentCount", "shareCount"))
    return acts / max(1, int(figures["impressionCount"]))


def read_list(text: str) -> list[str]:
    """Rest.li's `List(a,b)` -> [a, b]."""
    found = re.fullmatch(r"List\((.*)\)", text)
    return [part for part in found[1].split(",") if part] if found else []


def read_days(text: str) -> tuple[datetime, datetime]:
    """Rest.li's date range -> from the first midnight to the one after the last day."""
    days = [date(*(int(part) for part in found)) for found in DAY.findall(text)]
    if not days or not text.startswith("(start:"):
        raise ValueError("dateRange cannot be read")
    last = days[1] if len(days) > 1 else date.max - timedelta(days=1)
    midnight = datetime.min.time()
    return datetime.combine(days[0], midnight), datetime.combine(last, midnight) + timedelta(days=1)
