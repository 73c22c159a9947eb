"""Shopify: the Admin GraphQL API 2026-10 - orders, customers, products, abandoned checkouts.

Belongs here: the shop's key, its cost throttle (HTTP 200 with `THROTTLED`), paging by cursor, the search language of
`query:`. Stays out: checking and cutting queries (`shopify_query.py`), webhooks (`webhooks.py`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.records import Row, Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, read_moment, same
from dmat.simulate.vendors.shopify_query import Planned, cost_of, cost_of_answer, plan_query, project, wrap_connection

VERSION = "2026-10"
MAX_QUERY_COST = 1_000
RESOURCES = {
    "orders": "shopify_orders",
    "customers": "shopify_customers",
    "products": "shopify_products",
    "abandonedCheckouts": "shopify_abandoned_checkouts",
}
SINGLE = ("node", "order", "customer", "product")
BY_TYPE = {
    "Customer": "shopify_customers", "Product": "shopify_products", "Order": "shopify_orders",
    "AbandonedCheckout": "shopify_abandoned_checkouts",
}  # fmt: skip
SHOP = {
    "id": "gid://shopify/Shop/1",
    "name": "The Shop",
    "email": "hello@shop.example",
    "ianaTimezone": "UTC",
    "myshopifyDomain": "the-shop.myshopify.com",
}
TERM = re.compile(r"""(?P<name>[a-z_]+):(?P<sign>>=|<=|>|<|=)?\s*(?:'(?P<a>[^']*)'|"(?P<b>[^"]*)"|(?P<c>[^\s()]+))""")
RATE_LIMIT_PAGE = "https://shopify.dev/api/usage/rate-limits"


class QueryError(Exception):
    """A query that Shopify answers with an error; `worded` is the error as it stands in the answer."""

    def __init__(self, message: str, code: str = "", **more: Any) -> None:
        self.worded: dict[str, Any] = {"message": message}
        if code:
            self.worded["extensions"] = {"code": code, **more}
        super().__init__(message)


class Shopify(Door):
    """The shop's Admin API."""

    name = "shopify"

    def routes(self) -> list[Route]:
        """One address for every query."""
        return [Route(f"/admin/api/{VERSION}/graphql.json", self.endpoint, methods=["POST"])]

    def is_authentic(self, request: Request) -> bool:
        """The access token of the app."""
        token = self.office.settings.shopify_token.get_secret_value()
        return same(request.headers.get("x-shopify-access-token", ""), token)

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors outside GraphQL are a plain sentence."""
        plain = {401: "[API] Invalid API key or access token (unrecognized login or wrong password)", 404: "Not Found"}
        text = message or plain.get(status, "Internal Server Error")
        return JsonResponse({"errors": text}, status, dict(headers or {}))

    def refuse_too_many(self, seconds: float, requested: float = 0.0) -> Response:
        """Too many points: HTTP 200 with an error, and how much there is again."""
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": RATE_LIMIT_PAGE}}
        return JsonResponse({"errors": [error], "extensions": {"cost": self._cost(requested, None)}})

    async def endpoint(self, request: Request) -> Response:
        """Key first; the cost is charged once the query is understood."""
        if not self.is_authentic(request):
            return self.refuse(401)
        return await run_in_threadpool(self.answer, await request.body())

    def answer(self, body: bytes) -> Response:
        """Answer one GraphQL request."""
        try:
            asked = orjson.loads(body)
            text, given = str(asked["query"]), asked.get("variables") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return self.refuse(400, "Required parameter missing or invalid: query")
        plan = plan_query(text)
        variables, problems = plan.variables(given)
        if plan.errors or problems:
            return JsonResponse({"errors": [*plan.errors, *problems]})
        requested = max(1, round(cost_of(plan.fields, variables)))
        if requested > MAX_QUERY_COST:
            return _too_costly(requested)
        wait = self.office.buckets["shopify"].take(requested)
        if wait:
            return self.refuse_too_many(wait, requested)
        return self._run(plan.fields, variables, requested)

    def _run(self, fields: tuple[Planned, ...], variables: dict[str, Any], requested: int) -> Response:
        data: dict[str, Any] = {}
        warnings = []
        try:
            for one in fields:
                data[one.answer_key], warned = self._field(one, variables)
                warnings.extend(warned)
        except QueryError as error:
            return JsonResponse({"errors": [error.worded | {"path": [one.answer_key]}], "data": None})
        spent = min(requested, max(1, round(cost_of_answer(fields, data))))
        self.office.buckets["shopify"].give_back(requested - spent)
        extensions: dict[str, Any] = {"cost": self._cost(requested, spent)}
        if warnings:
            extensions["search"] = warnings
        return JsonResponse({"data": data, "extensions": extensions})

    def _cost(self, requested: float, actual: float | None) -> dict[str, Any]:
        bucket = self.office.buckets["shopify"]
        status = {
            "maximumAvailable": bucket.limit.burst,
            "currentlyAvailable": int(bucket.level),
            "restoreRate": bucket.limit.per_second,
        }
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}

    def _field(self, one: Planned, variables: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
        """One top field: its answer, and warnings about its search text."""
        if one.name in RESOURCES:
            return self._connection(one, variables)
        if one.name == "shop":
            shop = {**SHOP, "currencyCode": self.office.records.currency_code}
            return project(shop, one.children, variables, self._fetch), []
        if one.name in SINGLE:
            gid = str(one.arguments(variables)["id"])
            kind = gid.split("/")[3] if gid.count("/") >= 4 else ""
            found = self._fetch(kind, gid) if one.type_name in (kind, "Node") else None
            return (project(found, one.children, variables, self._fetch) if found else None), []
        return "QueryRoot", []

    def _fetch(self, type_name: str, gid: str) -> dict[str, Any] | None:
        found = self.office.records.get(BY_TYPE.get(type_name, ""), gid)
        return found.load() if found else None

    def _connection(self, one: Planned, variables: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
        asked = one.arguments(variables)
        size = _page_size(one.name, asked)
        wanted, warned = _search(one.name, asked.get("query") or "")
        order = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at", "PROCESSED_AT": "created_at"}
        chosen = order.get(asked.get("sortKey") or "ID", "id")
        wanted = {**wanted, "order": chosen, "descending": bool(asked.get("reverse")), "limit": size + 1}
        after = read_cursor(asked["after"], chosen) if asked.get("after") else None
        rows = self.office.records.page(Wanted(RESOURCES[one.name], after=after, **wanted))
        shown = rows[:size]
        cursors = [write_cursor(row, chosen) for row in shown]
        nodes = [row.load() for row in shown]
        answer = wrap_connection(
            one, nodes, cursors, variables, self._fetch, len(rows) > size, asked.get("after") is not None
        )
        return answer, warned


def _too_costly(requested: int) -> Response:
    message = (
        f"Query cost is {requested}, which exceeds the single query max cost limit ({MAX_QUERY_COST}).\n\n"
        f"See {RATE_LIMIT_PAGE} for more information on how the\ncost of a query is calculated.\n\n"
        "To query larger amounts of data with fewer limits, bulk operations should be used instead."
    )
    more = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": MAX_QUERY_COST, "documentation": RATE_LIMIT_PAGE}
    return JsonResponse({"errors": [{"message": message, "extensions": more}]})


def _page_size(name: str, asked: dict[str, Any]) -> int:
    if asked.get("last") is not None or asked.get("before") is not None:
        raise QueryError(f"{name}: the simulated shop pages forward only (first, after)", "BAD_REQUEST")
    size = asked.get("first")
    if size is None:
        raise QueryError(f"you must provide one of first or last on the {name} connection", "BAD_REQUEST")
    if not 1 <= size <= 250:
        raise QueryError(f"The {name} connection takes first from 1 to 250, not {size}", "BAD_REQUEST")
    return int(size)


def write_cursor(row: Row, order: str) -> str:
    """A cursor that says where to go on, as opaque as Shopify's."""
    return base64.b64encode(orjson.dumps([order, *row.key(order)])).decode()


def read_cursor(text: str, order: str) -> list[Any]:
    """What `write_cursor` wrote; a cursor of another order or from elsewhere is refused."""
    try:
        made_for, head, tail = orjson.loads(base64.b64decode(text, validate=True))
    except ValueError:
        made_for = ""
    if made_for != order:
        raise QueryError(f"Invalid cursor for current pagination sort: {text}", "BAD_REQUEST")
    return [head, tail]


def _search(name: str, text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The search text as bounds of `Wanted`; what it does not know it ignores with a warning, as Shopify does."""
    bounds: dict[str, Any] = {}
    unknown: list[str] = []
    more: list[tuple[str, tuple[Any, ...]]] = []
    for term in TERM.finditer(text):
        value = next(part for part in (term["a"], term["b"], term["c"]) if part is not None)
        if term["name"] in ("updated_at", "created_at"):
            _bound(bounds, term["name"].split("_")[0], term["sign"] or "=", _moment(value))
        elif term["name"] == "id":
            more.append(
                (f"try_cast(regexp_extract(record_id, '[0-9]+$') as bigint) {term['sign'] or '='} ?", (int(value),))
            )
        elif term["name"] == "email":
            more.append(("lower(payload->>'$.email') = ?", (value.lower(),)))
        elif term["name"] != "status":
            unknown.append(term["name"])
    warnings = [{"field": field, "message": f"Input {field} is not a valid search field", "code": "invalid_field"}
                for field in unknown]  # fmt: skip
    found = [{"path": [name], "query": text, "warnings": warnings}] if warnings else []
    return {**bounds, "more": tuple(more)}, found


def _moment(text: str) -> datetime:
    try:
        return read_moment(text)
    except ValueError as error:
        raise QueryError(f"Invalid timestamp for query filter: {text}", "BAD_REQUEST") from error


def _bound(bounds: dict[str, Any], which: str, sign: str, moment: datetime) -> None:
    """Shopify's moments are whole seconds: `>` starts at the next one, `<=` ends with it."""
    second = timedelta(seconds=1)
    if sign in (">=", ">", "="):
        bounds[f"{which}_from"] = moment + (second if sign == ">" else timedelta())
    if sign in ("<", "<=", "="):
        bounds[f"{which}_until"] = moment + (timedelta() if sign == "<" else second)
