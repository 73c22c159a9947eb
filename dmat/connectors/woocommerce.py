"""WooCommerce: orders, customers and products from the REST API v3.

Keys go as basic authentication, which WooCommerce accepts over https only. Orders and products are listed by time of
change; customers cannot be filtered by it, so they are read whole each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, parse_time
from dmat.connectors.http import VendorHttp
from dmat.connectors.wp_rest import read_by_change, read_whole
from dmat.landing import Record
from dmat.settings import Settings

API = "/wp-json/wc/v3"
OVERLAP = timedelta(minutes=10)
_GMT = {"dates_are_gmt": "true"}


class WooCommerce(Connector):
    """Reads one shop."""

    vendor: ClassVar[str] = "woocommerce"
    resources: ClassVar[tuple[str, ...]] = ("products", "customers", "orders")

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        key, secret = settings.woocommerce_key, settings.woocommerce_secret
        auth = (key.get_secret_value(), secret.get_secret_value())
        return VendorHttp(self.vendor, settings.woocommerce_url, auth=auth, secrets=[key, secret], client=client)

    def _read_orders(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return read_by_change(self.http, f"{API}/orders", cursor, OVERLAP, _to_record, _GMT)

    def _read_products(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return read_by_change(self.http, f"{API}/products", cursor, OVERLAP, _to_record, _GMT)

    def _read_customers(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return read_whole(self.http, f"{API}/customers", cursor, _to_record, {"role": "all"})


def _to_record(item: Payload) -> Record:
    return Record(str(item["id"]), parse_time(item.get("date_modified_gmt") or item["date_created_gmt"]), item)
