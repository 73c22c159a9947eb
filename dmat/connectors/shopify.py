"""Shopify: orders, customers, products and checkouts from the GraphQL Admin API, version 2026-10.

Limits: a bucket of points a shop (`extensions.cost.throttleStatus`); an empty bucket answers 200 with the error
THROTTLED, and we wait until it has filled enough. A query that would cost more than the shop allows is answered
MAX_COST_EXCEEDED, and we ask for half as many.
Orders, customers and products are listed by time of change. Checkouts cannot be: they are filtered by it and listed
by time of creation. The search index of the shop may lag, hence the overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, parse_time, sort_records, zulu
from dmat.connectors.http import VendorHttp
from dmat.errors import RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.landing import Record
from dmat.settings import Settings

API_VERSION = "2026-10"
PATH = f"/admin/api/{API_VERSION}/graphql.json"
OVERLAP = timedelta(minutes=10)
PAGE_SIZE = 100
LINES_PER_PAGE = 50

_MONEY = "{ shopMoney { amount currencyCode } }"
_LINES = f"""nodes {{ id title quantity sku originalUnitPriceSet {_MONEY} product {{ id }} }}
            pageInfo {{ hasNextPage endCursor }}"""
_FIELDS = {
    "orders": f"""
        id name createdAt updatedAt cancelledAt email phone currencyCode checkoutToken cartToken customerLocale
        discountCodes customer {{ id }} customAttributes {{ key value }}
        subtotalPriceSet {_MONEY} totalPriceSet {_MONEY} totalDiscountsSet {_MONEY} totalRefundedSet {_MONEY}
        displayFinancialStatus
        lineItems(first: {LINES_PER_PAGE}) {{ {_LINES} }}
        refunds {{ id createdAt totalRefundedSet {_MONEY} }}
        shippingAddress {{ countryCodeV2 city zip }}""",
    "customers": """
        id createdAt updatedAt firstName lastName locale numberOfOrders tags
        defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }
        defaultPhoneNumber { phoneNumber marketingState marketingUpdatedAt }
        defaultAddress { countryCodeV2 city zip }""",
    "products": """
        id title productType vendor status updatedAt onlineStoreUrl
        featuredMedia { preview { image { url altText } } }
        variants(first: 50) { nodes { id sku price } }""",
    "abandonedCheckouts": f"""
        id name createdAt updatedAt completedAt abandonedCheckoutUrl customer {{ id }}
        customAttributes {{ key value }} totalPriceSet {_MONEY}
        lineItems(first: {LINES_PER_PAGE}) {{ {_LINES} }}""",
}


def list_query(root: str, sort_key: str) -> str:
    """The GraphQL text that lists `root` (`orders`, ...) a page at a time."""
    return f"""query List($first: Int!, $after: String, $query: String) {{
    {root}(first: $first, after: $after, query: $query, sortKey: {sort_key}) {{
        nodes {{ {_FIELDS[root]} }}
        pageInfo {{ hasNextPage endCursor }}
    }}
}}"""


def lines_query(type_name: str) -> str:
    """The GraphQL text that reads more lines of one order or checkout."""
    return f"""query Lines($id: ID!, $after: String) {{
    node(id: $id) {{
        ... on {type_name} {{ lineItems(first: {LINES_PER_PAGE}, after: $after) {{ {_LINES} }} }}
    }}
}}"""


class Shopify(Connector):
    """Reads one shop."""

    vendor: ClassVar[str] = "shopify"
    resources: ClassVar[tuple[str, ...]] = ("products", "customers", "abandoned_checkouts", "orders")

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.shopify_token
        headers = {"X-Shopify-Access-Token": token.get_secret_value()}
        self._page_size = PAGE_SIZE
        return VendorHttp(self.vendor, settings.shopify_url, headers=headers, secrets=[token], client=client)

    def _read_orders(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_by_change("orders", "Order", cursor)

    def _read_customers(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_by_change("customers", "", cursor)

    def _read_products(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_by_change("products", "", cursor)

    def _read_by_change(self, root: str, line_type: str, cursor: Cursor) -> Iterator[Page]:
        asked, after = _changed_since(cursor), ""
        while True:
            nodes, after = self._list(root, "UPDATED_AT", line_type, asked, after)
            records, refusals = sort_records(nodes, _to_record)
            cursor = cursor.reached(records)
            yield Page(records, cursor, refusals)
            if not after:
                return

    def _read_abandoned_checkouts(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        asked = _changed_since(cursor)
        if not cursor.page:
            cursor = Cursor(since=cursor.since, began=self.now())
        while True:
            nodes, after = self._list("abandonedCheckouts", "CREATED_AT", "AbandonedCheckout", asked, cursor.page)
            records, refusals = sort_records(nodes, _to_record)
            cursor = cursor.turned(after, records)
            yield Page(records, cursor if after else cursor.ended(), refusals)
            if not after:
                return

    def _list(self, root: str, sort_key: str, line_type: str, asked: str, after: str) -> tuple[list[Any], str]:
        """One page of nodes, with all their lines, and the token of the next page (empty: it was the last)."""
        while True:
            variables = {"first": self._page_size, "after": after or None, "query": asked or None}
            try:
                data = self._ask(list_query(root, sort_key), variables)
                break
            except _TooCostlyError:
                if self._page_size == 1:
                    raise
                self._page_size = max(1, self._page_size // 2)
        found = data.get(root) or {}
        nodes = list_of(found, "nodes", self.vendor)
        if line_type:
            for node in nodes:
                self._complete_lines(node, line_type)
        info = found.get("pageInfo") or {}
        return nodes, str(info["endCursor"]) if info.get("hasNextPage") else ""

    def _complete_lines(self, node: Any, line_type: str) -> None:
        """Read the lines that did not fit in the page, so that the payload holds all of them."""
        lines = node.get("lineItems") if isinstance(node, dict) else None
        if not isinstance(lines, dict):
            return
        info = lines.pop("pageInfo", None) or {}
        while info.get("hasNextPage"):
            data = self._ask(lines_query(line_type), {"id": node["id"], "after": info["endCursor"]})
            more = (data.get("node") or {}).get("lineItems") or {}
            lines["nodes"].extend(list_of(more, "nodes", self.vendor))
            info = more.get("pageInfo") or {}

    def _ask(self, query: str, variables: Payload) -> Payload:
        body = self.http.read_json("POST", PATH, json={"query": query, "variables": variables}, check=self._check)
        data = body.get("data")
        if not isinstance(data, dict):
            raise self.refused(200, "the answer has no data")
        return data

    def _check(self, body: Any) -> None:
        """Raise what the `errors` of a GraphQL answer mean; the status is 200 all the same."""
        if not isinstance(body, dict):
            raise self.refused(200, "the answer is not an object")
        errors = body.get("errors")
        if not errors:
            return
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {"message": str(errors)}
        code = str((first.get("extensions") or {}).get("code", ""))
        if code == "THROTTLED":
            raise RateLimitedError(self.vendor, _seconds_until_filled(body))
        if code == "INTERNAL_SERVER_ERROR":
            raise VendorUnavailableError(f"{self.vendor} answered INTERNAL_SERVER_ERROR")
        detail = self.http.hide(f"{code} {first.get('message', '')}".strip())[:300]
        raise (_TooCostlyError if code == "MAX_COST_EXCEEDED" else VendorRefusedError)(self.vendor, 200, detail)


class _TooCostlyError(VendorRefusedError):
    """One query would cost more points than the shop allows."""


def _seconds_until_filled(body: Payload) -> float:
    """Seconds until the bucket holds what the query costs."""
    cost = (body.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    missing = float(cost.get("requestedQueryCost") or 0) - float(status.get("currentlyAvailable") or 0)
    return max(0.0, missing / float(status.get("restoreRate") or 50))


def _changed_since(cursor: Cursor) -> str:
    start = cursor.start(OVERLAP)
    return "" if start is None else f"updated_at:>='{zulu(start)}'"


def _to_record(node: Payload) -> Record:
    return Record(str(node["id"]), parse_time(node["updatedAt"]), node)
