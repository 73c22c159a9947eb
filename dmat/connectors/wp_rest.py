"""How a WordPress REST API is listed: WooCommerce and WordPress share it.

Belongs here: walking `per_page`/`page` lists so that nothing is skipped while records change.
Stays out: addresses, keys and fields (`woocommerce.py`, `wordpress.py`).

Numbered pages of a list ordered by time of change shift when a record changes meanwhile, and the next page would skip
one. So each page asks for what changed after the newest of the page before, and only where one second fills a whole
page does the page number go up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from dmat.connectors.contract import Cursor, Page, Payload, sort_records
from dmat.connectors.http import VendorHttp
from dmat.errors import VendorRefusedError
from dmat.landing import Record

PAGE_SIZE = 100
_SECOND = timedelta(seconds=1)


def read_by_change(
    http: VendorHttp,
    path: str,
    cursor: Cursor,
    overlap: timedelta,
    to_record: Callable[[Payload], Record],
    params: Mapping[str, Any],
) -> Iterator[Page]:
    """Pages of `path`, oldest change first, from `overlap` before the cursor on."""
    after, number = cursor.start(overlap), 1
    while True:
        items = _get(http, path, {**params, **_since(after), "orderby": "modified", "order": "asc", "page": number})
        records, refusals = sort_records(items, to_record)
        cursor = cursor.reached(records)
        yield Page(records, cursor, refusals)
        if len(items) < PAGE_SIZE:
            return
        newest = max((r.updated_at for r in records), default=None)
        if newest is not None and (after is None or newest - _SECOND > after):
            after, number = newest.replace(microsecond=0) - _SECOND, 1
        else:
            number += 1


def read_whole(
    http: VendorHttp, path: str, cursor: Cursor, to_record: Callable[[Payload], Record], params: Mapping[str, Any]
) -> Iterator[Page]:
    """Pages of a list that cannot be filtered by time of change, by id; a capture that died goes on at its page."""
    number = int(cursor.page or 1)
    while True:
        items = _get(http, path, {**params, "orderby": "id", "order": "asc", "page": number})
        records, refusals = sort_records(items, to_record)
        number += 1
        cursor = cursor.turned(str(number), records)
        is_last = len(items) < PAGE_SIZE
        yield Page(records, cursor.ended() if is_last else cursor, refusals)
        if is_last:
            return


def _since(after: datetime | None) -> dict[str, str]:
    return {} if after is None else {"modified_after": after.isoformat(timespec="seconds")}


def _get(http: VendorHttp, path: str, params: Mapping[str, Any]) -> list[Any]:
    items = http.read_json("GET", path, params={**params, "per_page": PAGE_SIZE})
    if not isinstance(items, list):
        raise VendorRefusedError(http.vendor, 200, "the answer is not a list")
    return items
