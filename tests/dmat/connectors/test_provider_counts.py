"""What SendGrid counted itself: all categories are read, ten at a time, and days without anything are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmat.errors import VendorRefusedError

Connect = Callable[..., tuple[Any, Any]]


def days(request: httpx.Request) -> httpx.Response:
    """Each category has counts on the first day that was asked for, and none on the next."""
    asked = request.url.params
    stats = [
        [{"type": "category", "name": name, "metrics": {"requests": count}} for name in asked.get_list("categories")]
        for count in (3, 0)
    ]
    return httpx.Response(200, json=[{"date": asked["start_date"], "stats": stats[0]},
                                     {"date": asked["end_date"], "stats": stats[1]}])  # fmt: skip


def test_every_category_is_asked_for_ten_at_a_time_and_empty_days_are_left_out(connect: Connect) -> None:
    names = [{"category": f"campaign:{number}"} for number in range(23)]
    connector, vendor = connect("sendgrid", names, days)
    pages = list(connector.read("category_days"))
    asked = [request for request in vendor.requests if request.url.path.endswith("/stats")]
    assert {len(request.url.params.get_list("categories")) for request in asked} == {10, 3}
    spans = {request.url.params["start_date"] for request in asked}
    assert sum(len(page.records) for page in pages) == 23 * len(spans)
    assert not [refusal for page in pages for refusal in page.refusals]


def test_a_key_that_may_only_send_is_no_fault_and_any_other_refusal_is(connect: Connect) -> None:
    connector, _ = connect("sendgrid", httpx.Response(403, json={"errors": []}))
    assert [page.records for page in connector.read("category_days")].count([]) > 0
    connector, _ = connect("sendgrid", httpx.Response(401, json={"errors": []}))
    with pytest.raises(VendorRefusedError):
        list(connector.read("category_days"))


@pytest.mark.parametrize("answer", [{"categories": []}, "none"])
def test_an_answer_of_another_shape_is_refused_and_never_taken_for_nothing(connect: Connect, answer: object) -> None:
    connector, _ = connect("sendgrid", answer)
    with pytest.raises(VendorRefusedError, match="no list of categories"):
        list(connector.read("category_days"))
