"""Meta's Graph API v23.0: posts of the Instagram account, their figures, and what campaigns cost a day.

Belongs here: the access token, field lists with expansion, paging by cursor, Graph's words for errors. Stays out:
WhatsApp, which speaks the same API for another purpose (`whatsapp.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.records import Row, Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, bearer, same, whole

VERSION = "v23.0"
POST_FIELDS = ("id", "caption", "media_type", "permalink", "timestamp", "media_product_type", "username")
METRICS = ("impressions", "reach", "likes", "comments", "shares", "saved")
AD_FIELDS = (
    "campaign_id", "campaign_name", "date_start", "date_stop", "impressions", "clicks", "spend", "account_currency",
)  # fmt: skip
ERRORS: dict[int, tuple[str, int, str]] = {
    401: ("Invalid OAuth access token - Cannot parse access token", 190, "OAuthException"),
    404: ("Unsupported get request. Object does not exist, or cannot be loaded.", 100, "GraphMethodException"),
    429: ("(#4) Application request limit reached", 4, "OAuthException"),
    500: ("An unknown error has occurred.", 1, "OAuthException"),
}


def graph_error(status: int, message: str = "", headers: Mapping[str, str] | None = None, code: int = 100) -> Response:
    """An error as the Graph API writes it; Meta's and WhatsApp's doors share it."""
    words, number, kind = ERRORS.get(status, ("Invalid parameter", code, "OAuthException"))
    body: dict[str, Any] = {"message": message or words, "type": kind, "code": number, "fbtrace_id": "AdMaTsImUlAtEd"}
    if status == 429:
        body["is_transient"] = True
    return JsonResponse({"error": body}, status, dict(headers or {}))


class Meta(Door):
    """One Instagram account and one ad account."""

    name = "meta"

    def routes(self) -> list[Route]:
        """Media, their figures, campaigns' figures."""
        return [
            self.route(f"/{VERSION}/{{account}}/media", self.media),
            self.route(f"/{VERSION}/{{node}}/insights", self.insights),
            self.route(f"/{VERSION}/{{node}}", self.one),
        ]

    def is_authentic(self, request: Request) -> bool:
        """The access token in a header or as a parameter."""
        token = bearer(request) or request.query_params.get("access_token", "")
        return same(token, self.office.settings.meta_token.get_secret_value())

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Graph's own form."""
        return graph_error(status, message, headers)

    def media(self, request: Request, body: bytes) -> Response:
        """Posts of the account, newest first."""
        if request.path_params["account"] != self.office.settings.meta_account:
            return self.refuse(404)
        try:
            wanted = self._page(request, "meta_posts", 25)
            fields = split_fields(request.query_params.get("fields", "id"))
            rows = self.office.records.page(wanted)
            posts = [_post(row.load(), fields) for row in rows[: wanted.limit - 1]]
        except ValueError as error:
            return self.refuse(400, f"(#100) {error}")
        return JsonResponse(self._paged(request, posts, rows, wanted))

    def one(self, request: Request, body: bytes) -> Response:
        """One post."""
        row = self.office.records.get("meta_posts", request.path_params["node"])
        if row is None:
            return self.refuse(404)
        try:
            return JsonResponse(_post(row.load(), split_fields(request.query_params.get("fields", "id"))))
        except ValueError as error:
            return self.refuse(400, f"(#100) {error}")

    def insights(self, request: Request, body: bytes) -> Response:
        """Figures of a post, or of the ad account's campaigns."""
        node = request.path_params["node"]
        if node == self.office.settings.meta_ad_account:
            return self._ad_insights(request)
        row = self.office.records.get("meta_posts", node)
        if row is None:
            return self.refuse(404)
        try:
            return JsonResponse({"data": _figures(row.load(), request.query_params.get("metric", "").split(","))})
        except ValueError as error:
            return self.refuse(400, f"(#100) {error}")

    def _ad_insights(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("level", "account") != "campaign" or asked.get("time_increment") != "1":
            return self.refuse(400, "(#100) the simulated ad account answers level=campaign with time_increment=1")
        try:
            days = orjson.loads(asked.get("time_range", "{}"))
            since, until = datetime.fromisoformat(days["since"]), datetime.fromisoformat(days["until"])
            wanted = self._page(request, "meta_ad_insights", 25, since, until + timedelta(days=1))
            fields = [name for name in asked.get("fields", "impressions,spend").split(",") if name]
            if unknown := set(fields) - set(AD_FIELDS):
                raise ValueError(f"{', '.join(sorted(unknown))} is not valid for fields param")
        except (ValueError, KeyError, TypeError) as error:
            return self.refuse(400, f"(#100) {error}")
        rows = self.office.records.page(wanted)
        always = {*fields, "date_start", "date_stop"}
        shown = [{k: v for k, v in row.load().items() if k in always} for row in rows[: wanted.limit - 1]]
        return JsonResponse(self._paged(request, shown, rows, wanted))

    def _page(
        self,
        request: Request,
        resource: str,
        default: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Wanted:
        asked = request.query_params
        size = whole(asked.get("limit"), default, 1, 500)
        descending = resource == "meta_posts"
        if descending:
            since = _seconds(asked.get("since"))
            until = _seconds(asked.get("until"))
        return Wanted(resource, order="created_at", descending=descending, limit=size + 1, created_from=since,
                      created_until=until, after=_read_cursor(asked.get("after")))  # fmt: skip

    def _paged(self, request: Request, shown: list[Any], rows: list[Row], wanted: Wanted) -> dict[str, Any]:
        answer: dict[str, Any] = {"data": shown}
        if shown:
            kept = rows[: len(shown)]
            answer["paging"] = {"cursors": {"before": _cursor(kept[0]), "after": _cursor(kept[-1])}}
            if len(rows) == wanted.limit:
                url = request.url.remove_query_params("access_token").include_query_params(after=_cursor(kept[-1]))
                answer["paging"]["next"] = str(url)
        return answer


def split_fields(text: str) -> list[str]:
    """`a,insights.metric(b,c)` -> [a, insights.metric(b,c)]."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _post(payload: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": payload["id"]}
    for name in fields:
        if name.startswith("insights"):
            metrics = name.partition("(")[2].rstrip(")").split(",") if "(" in name else []
            shown["insights"] = {"data": _figures(payload, metrics)}
        elif name in ("like_count", "comments_count"):
            shown[name] = payload["insights"][{"like_count": "likes", "comments_count": "comments"}[name]]
        elif name not in POST_FIELDS:
            raise ValueError(f"Tried accessing nonexisting field ({name})")
        elif name in payload:
            shown[name] = payload[name]
    return shown


def _figures(payload: dict[str, Any], metrics: list[str]) -> list[dict[str, Any]]:
    wanted = [name.strip() for name in metrics if name.strip()]
    if not wanted or set(wanted) - set(METRICS):
        raise ValueError(f"metric must be one of the following values: {', '.join(METRICS)}")
    return [
        {"name": name, "period": "lifetime", "values": [{"value": payload["insights"][name]}],
         "title": name.capitalize(), "id": f"{payload['id']}/insights/{name}/lifetime"}
        for name in wanted
    ]  # fmt: skip


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(row.key("created_at"))).decode()


def _read_cursor(text: str | None) -> list[Any] | None:
    if not text:
        return None
    head, tail = orjson.loads(base64.urlsafe_b64decode(text))
    return [head, tail]


def _seconds(text: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC).replace(tzinfo=None) if text else None
