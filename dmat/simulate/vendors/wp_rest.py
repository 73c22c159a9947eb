"""How a WordPress REST API lists things: WooCommerce and WordPress share it.

Belongs here: page, per_page, order, filters by time, and the X-WP headers. Stays out: keys, paths, creating.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dmat.simulate.records import Records, Wanted
from dmat.simulate.vendors.door import JsonResponse, json_text, read_moment

ORDERS = {"modified": "updated_at", "date": "created_at", "id": "id", "registered_date": "created_at", "include": "id"}
SECOND = timedelta(seconds=1)


class ParameterError(Exception):
    """A parameter that the API refuses: its name and why."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"{name}: {why}")


def read_list(request: Request, resource: str, default_order: str = "date", more: tuple[Any, ...] = ()) -> Wanted:
    """What a list request asks for.

    Raises:
        ParameterError: a parameter is out of bounds or cannot be read.
    """
    asked = request.query_params
    size = _number(asked.get("per_page", "10"), "per_page", 1, 100)
    page = _number(asked.get("page", "1"), "page", 1, 1_000_000)
    order = asked.get("orderby", default_order)
    if order not in ORDERS:
        raise ParameterError("orderby", f"orderby is not one of {', '.join(ORDERS)}.")
    return Wanted(
        resource, order=ORDERS[order], descending=asked.get("order", "desc") == "desc", limit=size,
        offset=(page - 1) * size, more=more,
        updated_from=_bound(request, "modified_after", SECOND), updated_until=_bound(request, "modified_before"),
        created_from=_bound(request, "after", SECOND), created_until=_bound(request, "before"),
    )  # fmt: skip


def _bound(request: Request, name: str, step: timedelta = timedelta()) -> datetime | None:
    """A moment in whole seconds; `after` leaves that second out, hence the step."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return read_moment(text).replace(microsecond=0) + step
    except ValueError as error:
        raise ParameterError(name, "Invalid date.") from error


def _number(text: str, name: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise ParameterError(name, f"{name} must be between {low} (inclusive) and {high} (inclusive)")
    return int(text)


def answer_list(records: Records, wanted: Wanted, refuses_beyond: bool = False) -> Response:
    """A page as a JSON list with its totals; beyond the last page either an empty list or 400."""
    total = records.count(wanted)
    pages = math.ceil(total / wanted.limit)
    if refuses_beyond and wanted.offset >= total > 0:
        message = "The page number requested is larger than the number of pages available."
        return answer_error(400, "rest_post_invalid_page_number", message)
    rows = records.page(wanted)
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    return json_text(f"[{','.join(row.payload for row in rows)}]", headers=headers)


def answer_error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **data: Any
) -> Response:
    """An error as the WordPress REST API writes it."""
    body = {"code": code, "message": message, "data": {"status": status, **data}}
    return JsonResponse(body, status, dict(headers or {}))


def answer_parameter_error(error: ParameterError) -> Response:
    """A refused parameter."""
    message = f"Invalid parameter(s): {error.name}"
    return answer_error(400, "rest_invalid_param", message, params={error.name: error.why})
