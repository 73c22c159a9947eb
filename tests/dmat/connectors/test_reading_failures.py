"""Under test: every reading connector against good and bad answers, 401, 429, 500, a time-out, a cut, a lost answer."""

from __future__ import annotations

import httpx
import pytest

from dmat.errors import RateLimitedError, VendorRefusedError, VendorUnavailableError

ORDER = {"id": 7, "date_modified_gmt": "2026-06-01T08:00:00", "date_created_gmt": "2026-06-01T08:00:00"}
CRM = {"id": "7", "properties": {}, "createdAt": "2026-06-01T08:00:00.000Z", "updatedAt": "2026-06-01T08:00:00.000Z"}
AD = {"campaign_id": "7", "date_start": "2026-06-01", "date_stop": "2026-06-01", "spend": "1.20"}


def graphql(*nodes):
    return {"data": {"orders": {"nodes": list(nodes), "pageInfo": {"hasNextPage": False, "endCursor": None}}}}


def report(*rows):
    return {
        "dimensionHeaders": [{"name": n} for n in ("date", "sessionSource", "sessionMedium", "sessionCampaignName")],
        "metricHeaders": [{"name": "advertiserAdCost"}],
        "rows": [{"dimensionValues": [{"value": v} for v in r], "metricValues": [{"value": "1.2"}]} for r in rows],
        "rowCount": len(rows),
        "metadata": {"currencyCode": "EUR"},
    }


ANALYTICS = {
    "id": 501,  # the same answer serves the question for ad accounts and the one for their days
    "pivotValues": ["urn:li:sponsoredCampaign:7"],
    "dateRange": {"start": {"year": 2026, "month": 6, "day": 1}},
}
SPOILT = {"id": None}


def spoilt_ad_days(request):
    days = [] if "adAccounts" in str(request.url) else [{"pivotValues": ["x"]}]
    return httpx.Response(200, json={"elements": [ANALYTICS, *days]})


KEY_HEADERS = ("authorization", "x-shopify-access-token")
# vendor, resource, an answer with one good record, an answer with one good and one spoilt, an answer of another shape
CASES = [
    ("shopify", "orders", graphql({"id": "gid://shopify/Order/7", "updatedAt": "2026-06-01T08:00:00Z"}),
     graphql({"id": "gid://shopify/Order/7", "updatedAt": "2026-06-01T08:00:00Z"}, SPOILT), {"data": {}}),
    ("woocommerce", "orders", [ORDER], [ORDER, SPOILT], {"code": "x"}),
    ("hubspot", "contacts", {"results": [CRM]}, {"results": [CRM, SPOILT]}, {"data": []}),
    ("twilio", "messages", {"messages": [{"sid": "SM7", "date_updated": "Mon, 01 Jun 2026 08:00:00 +0000"}]},
     {"messages": [{"sid": "SM7", "date_updated": "Mon, 01 Jun 2026 08:00:00 +0000"}, {"sid": "SM8"}]}, {}),
    ("meta", "posts", {"data": [{"id": "7", "timestamp": "2026-06-01T08:00:00+0000"}]},
     {"data": [{"id": "7", "timestamp": "2026-06-01T08:00:00+0000"}, {"id": "8", "timestamp": "never"}]}, {}),
    ("meta", "ad_insights", {"data": [AD]}, {"data": [AD, {"campaign_id": "8"}]}, []),
    ("linkedin", "ad_analytics", {"elements": [ANALYTICS]}, spoilt_ad_days, {}),
    ("ga4", "ad_costs", report(("20260601", "google", "cpc", "spring")),
     report(("20260601", "google", "cpc", "spring"), ("someday", "google", "cpc", "spring")), []),
    ("wordpress", "form_submissions", [{"id": 7, "modified_at": "2026-06-01T08:00:00Z"}],
     [{"id": 7, "modified_at": "2026-06-01T08:00:00Z"}, {"id": 8, "modified_at": 5}], {"code": "x"}),
]  # fmt: skip
EVERY = pytest.mark.parametrize(("name", "resource", "good", "spoilt", "strange"), CASES, ids=lambda v: str(v)[:14])


@pytest.fixture(autouse=True)
def one_span_only(settings):
    """Resources that are read by day would ask for years of spans: the workspace begins a day before the records."""
    from datetime import datetime

    settings.clock.set(datetime(2026, 6, 2, 12))


def read(connector, resource):
    from datetime import date, datetime

    from dmat.connectors.contract import Cursor, Window

    window = Window(date(2026, 6, 1), date(2026, 6, 2)) if resource in connector.dated else None
    pages = list(connector.read(resource, Cursor() if window else Cursor(since=None), window))
    records = [record for page in pages for record in page.records]
    assert all(isinstance(record.updated_at, datetime) and record.updated_at.tzinfo is None for record in records)
    return records, [refusal for page in pages for refusal in page.refusals]


@EVERY
def test_a_good_answer_gives_its_record(connect, name, resource, good, spoilt, strange):
    connector, _ = connect(name, good)
    records, refusals = read(connector, resource)
    assert len(records) == 1
    assert refusals == []


@EVERY
def test_a_spoilt_record_is_refused_with_its_reason_and_the_good_one_kept(
    connect, name, resource, good, spoilt, strange
):
    connector, _ = connect(name, spoilt)
    records, refusals = read(connector, resource)
    assert len(records) == 1
    assert [bool(r.reason) and bool(r.payload) for r in refusals] == [True]


@EVERY
def test_an_answer_of_another_shape_is_refused_and_not_taken_for_an_empty_one(
    connect, name, resource, good, spoilt, strange
):
    connector, _ = connect(name, strange)
    with pytest.raises(VendorRefusedError):
        read(connector, resource)


@EVERY
def test_a_wrong_key_is_told_once_and_never_shown(connect, name, resource, good, spoilt, strange):
    connector, vendor = connect(name, lambda r: httpx.Response(401, text=f"bad key {list(r.headers.items())}"))
    with pytest.raises(VendorRefusedError) as caught:
        read(connector, resource)
    assert caught.value.status == 401
    assert len(vendor.requests) == 1
    sent = next(value for key, value in vendor.requests[0].headers.items() if key in KEY_HEADERS)
    assert sent.split()[-1] not in str(caught.value)
    assert "k3y" not in str(caught.value)
    assert "k3y" not in repr(connector.settings)


@EVERY
def test_a_vendor_that_asks_to_wait_is_waited_for(connect, name, resource, good, spoilt, strange):
    connector, vendor = connect(name, httpx.Response(429, headers={"Retry-After": "7"}), good)
    assert len(read(connector, resource)[0]) == 1
    assert vendor.slept == [7.0]


@EVERY
def test_a_vendor_that_asks_to_wait_for_an_hour_is_left_for_later(connect, name, resource, good, spoilt, strange):
    connector, vendor = connect(name, httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimitedError) as caught:
        read(connector, resource)
    assert caught.value.retry_after_seconds == 3600
    assert vendor.slept == []


@EVERY
@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(500),
        httpx.Response(503),
        httpx.ReadTimeout("slow"),
        httpx.ConnectTimeout("far"),
        httpx.RemoteProtocolError("cut"),
        httpx.ReadError("reset"),
        httpx.Response(200, text="<html>maintenance</html>"),
    ],
    ids=lambda f: type(f).__name__ + str(getattr(f, "status_code", "")),
)
def test_a_failure_that_passes_is_tried_again(connect, name, resource, good, spoilt, strange, failure):
    connector, vendor = connect(name, failure, failure, good)
    assert len(read(connector, resource)[0]) == 1
    assert len(vendor.slept) == 2
    assert 0 < vendor.slept[0] <= 0.5


@EVERY
def test_a_vendor_that_stays_down_is_given_up_after_six_attempts(connect, name, resource, good, spoilt, strange):
    connector, vendor = connect(name, httpx.Response(500))
    with pytest.raises(VendorUnavailableError):
        read(connector, resource)
    assert len(vendor.requests) == 6
    assert vendor.slept[-1] > vendor.slept[0]
