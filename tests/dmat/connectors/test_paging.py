"""Under test: that every page is read, that the next capture starts a little earlier, and that a dead one goes on."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import httpx
import orjson
import pytest

from dmat.connectors.contract import Cursor, Window
from dmat.connectors.ga4 import join_minutes
from dmat.connectors.hubspot import SEARCH_END
from dmat.errors import InvalidInputError

AT = datetime(2026, 6, 1, 8)
DAY = Window(date(2026, 6, 1), date(2026, 6, 2))


def ids(pages):
    return [record.record_id for page in pages for record in page.records]


def variables(request):
    return orjson.loads(request.content)["variables"]


def orders_page(numbers, end=None, root="orders", **more):
    nodes = [{"id": str(n), "updatedAt": f"2026-06-01T08:{n:02}:00Z", **more} for n in numbers]
    return {"data": {root: {"nodes": nodes, "pageInfo": {"hasNextPage": end is not None, "endCursor": end}}}}


# Shopify -------------------------------------------------------------------------------------------------------------


def test_shopify_orders_are_read_page_by_page_and_the_cursor_moves_with_each(connect):
    connector, vendor = connect("shopify", orders_page([1, 2], "A"), orders_page([3]))
    pages = list(connector.read("orders"))
    assert ids(pages) == ["1", "2", "3"]
    assert [variables(r)["after"] for r in vendor.requests] == [None, "A"]
    assert [page.cursor.since.minute for page in pages] == [2, 3]


def test_the_next_capture_of_orders_asks_from_ten_minutes_before_the_last_one(connect):
    connector, vendor = connect("shopify", orders_page([]))
    pages = list(connector.read("orders", Cursor(since=AT)))
    assert variables(vendor.requests[0])["query"] == "updated_at:>='2026-06-01T07:50:00Z'"
    assert pages[-1].cursor == Cursor(since=AT)


def test_a_full_bucket_is_waited_for_until_it_holds_the_cost(connect):
    throttled = {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {
            "cost": {
                "requestedQueryCost": 300,
                "throttleStatus": {"currentlyAvailable": 100, "restoreRate": 50},
            }
        },
    }
    connector, vendor = connect("shopify", throttled, orders_page([1]))
    assert ids(connector.read("orders")) == ["1"]
    assert vendor.slept == [4.0]


def test_a_query_that_costs_too_much_is_asked_for_half_as_many(connect):
    too_much = {"errors": [{"message": "no", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    connector, vendor = connect("shopify", too_much, too_much, orders_page([1]))
    assert ids(connector.read("orders")) == ["1"]
    assert [variables(r)["first"] for r in vendor.requests] == [100, 50, 25]


def test_an_order_with_more_lines_than_a_page_holds_gets_all_its_lines(connect):
    first = {"nodes": [{"id": "L1"}], "pageInfo": {"hasNextPage": True, "endCursor": "B"}}
    rest = {"nodes": [{"id": "L2"}], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    connector, vendor = connect("shopify", orders_page([1], lineItems=first), {"data": {"node": {"lineItems": rest}}})
    page = next(connector.read("orders"))
    assert page.records[0].payload["lineItems"] == {"nodes": [{"id": "L1"}, {"id": "L2"}]}
    assert variables(vendor.requests[1]) == {"id": "1", "after": "B"}


def test_checkouts_are_not_listed_by_change_so_the_cursor_waits_for_the_last_page(connect, settings):
    settings.clock.set(AT + timedelta(hours=1))
    root = "abandonedCheckouts"
    connector, vendor = connect("shopify", orders_page([5], "A", root), orders_page([3], None, root))
    first, last = list(connector.read("abandoned_checkouts", Cursor(since=AT)))
    assert (first.cursor.since, first.cursor.page) == (AT, "A")
    assert last.cursor == Cursor(since=AT + timedelta(minutes=5))
    connector, vendor = connect("shopify", orders_page([3], None, root))
    list(connector.read("abandoned_checkouts", Cursor.parse(first.cursor.text)))
    assert variables(vendor.requests[0])["after"] == "A"


def test_what_changes_while_a_long_capture_runs_is_left_to_the_next_one():
    began = AT
    cursor = Cursor(since=AT - timedelta(days=1), newest=AT + timedelta(hours=2), began=began)
    assert cursor.ended() == Cursor(since=began)


# WooCommerce and WordPress -------------------------------------------------------------------------------------------


def wp_items(start, stop, seconds=1):
    moments = [AT + timedelta(seconds=n * seconds) for n in range(start, stop)]
    return [{"id": n, "date_modified_gmt": m.isoformat()} for n, m in zip(range(start, stop), moments, strict=True)]


def test_each_page_of_woocommerce_asks_for_what_changed_after_the_one_before(connect):
    connector, vendor = connect("woocommerce", wp_items(0, 100), wp_items(98, 120))
    found = ids(connector.read("orders"))
    assert set(found) == {str(n) for n in range(120)}
    asked = [dict(r.url.params) for r in vendor.requests]
    assert "modified_after" not in asked[0]
    assert asked[1]["modified_after"] == "2026-06-01T08:01:38"
    assert asked[1]["page"] == "1"


def test_a_second_that_fills_a_whole_page_is_paged_by_number(connect):
    connector, vendor = connect("woocommerce", wp_items(0, 100, 0), wp_items(0, 100, 0), wp_items(100, 130, 0))
    assert set(ids(connector.read("orders"))) == {str(n) for n in range(130)}
    assert [dict(r.url.params)["page"] for r in vendor.requests] == ["1", "1", "2"]


def test_customers_of_woocommerce_are_read_whole_and_a_dead_capture_goes_on_at_its_page(connect, settings):
    settings.clock.set(AT + timedelta(hours=1))
    connector, vendor = connect("woocommerce", wp_items(0, 100), wp_items(100, 101))
    pages = list(connector.read("customers", Cursor(since=AT)))
    assert len(ids(pages)) == 101
    connector, vendor = connect("woocommerce", wp_items(100, 101))
    list(connector.read("customers", pages[0].cursor))
    assert dict(vendor.requests[0].url.params)["page"] == "2"


def test_the_next_capture_of_wordpress_pages_starts_a_day_earlier_for_the_site_may_not_live_in_utc(connect):
    connector, vendor = connect("wordpress", [])
    list(connector.read("pages", Cursor(since=AT)))
    assert dict(vendor.requests[0].url.params)["modified_after"] == "2026-05-31T06:00:00"


# HubSpot -------------------------------------------------------------------------------------------------------------


def crm(numbers, after=None, total=None):
    results = [{"id": str(n), "updatedAt": f"2026-06-01T08:{n:02}:00.000Z"} for n in numbers]
    paging = {"paging": {"next": {"after": after}}} if after else {}
    return {"results": results, "total": total if total is not None else len(results), **paging}


def test_the_first_capture_of_hubspot_lists_everything_with_associations(connect, settings):
    settings.clock.set(AT + timedelta(hours=1))
    connector, vendor = connect("hubspot", crm([1], "1"), crm([2]))
    pages = list(connector.read("deals"))
    assert ids(pages) == ["1", "2"]
    assert dict(vendor.requests[0].url.params)["associations"] == "contacts,companies"
    assert pages[-1].cursor == Cursor(since=AT + timedelta(minutes=2))


def test_later_captures_of_hubspot_search_what_changed_and_add_the_associations(connect):
    links = {"results": [{"from": {"id": "3"}, "to": [{"id": "9", "type": "deal_to_contact"}]}]}
    connector, vendor = connect("hubspot", crm([3]), links, {"results": []})
    page = next(connector.read("deals", Cursor(since=AT)))
    assert page.records[0].payload["associations"] == {
        "contacts": {"results": [{"id": "9", "type": "deal_to_contact"}]},
        "companies": {"results": []},
    }
    assert vendor.requests[0].url.path == "/crm/v3/objects/deals/search"


def test_when_more_changed_than_a_search_can_give_everything_is_listed(connect, settings):
    settings.clock.set(AT + timedelta(hours=1))
    connector, vendor = connect("hubspot", crm([1], "100", SEARCH_END + 1), crm([1, 2]))
    assert ids(connector.read("contacts", Cursor(since=AT))) == ["1", "2"]
    assert [r.method for r in vendor.requests] == ["POST", "GET"]


# Twilio, Meta, LinkedIn, GA4 -----------------------------------------------------------------------------------------


def test_twilio_follows_the_address_of_the_next_page(connect, settings):
    settings.clock.set(AT + timedelta(hours=1))
    following = "/2010-04-01/Accounts/AC/Messages.json?PageSize=1000&Page=1&PageToken=PT"
    message = {"sid": "SM1", "date_updated": "Mon, 01 Jun 2026 08:00:00 +0000"}
    connector, vendor = connect("twilio", {"messages": [message], "next_page_uri": following}, {"messages": []})
    pages = list(connector.read("messages", Cursor(since=AT)))
    assert str(vendor.requests[0].url.query, "ascii") == "PageSize=1000&DateSent%3E=2026-05-29"
    assert vendor.requests[1].url.params["PageToken"] == "PT"
    assert pages[-1].cursor == Cursor(since=AT)


def test_twilio_cannot_send_us_to_another_server(connect):
    connector, _ = connect("twilio", {"messages": [], "next_page_uri": "//evil.example/"})
    with pytest.raises(Exception, match="not a path of the API"):
        list(connector.read("messages"))


def test_posts_are_read_until_they_are_too_old_to_change(connect, settings):
    settings.clock.set(AT)

    def page(*days):
        data = [{"id": str(d), "timestamp": (AT - timedelta(days=d)).isoformat() + "+0000"} for d in days]
        return {"data": data, "paging": {"next": "https://x", "cursors": {"after": "Z"}}}

    connector, vendor = connect("meta", page(1, 20), page(27, 30), page(90))
    assert ids(connector.read("posts", Cursor(since=AT))) == ["1", "20", "27", "30"]
    assert len(vendor.requests) == 2
    assert "access_token" not in str(vendor.requests[1].url)


def test_the_metrics_of_a_post_become_one_object(connect, settings):
    settings.clock.set(AT)
    insights = {"data": [{"name": "reach", "values": [{"value": 12}]}, {"name": "likes", "values": [{"value": 3}]}]}
    connector, _ = connect(
        "meta", {"data": [{"id": "1", "timestamp": "2026-06-01T08:00:00+0000", "insights": insights}]}
    )
    assert next(connector.read("posts")).records[0].payload["insights"] == {"reach": 12, "likes": 3}


def test_linkedin_addresses_keep_their_brackets_and_join_the_figures_of_posts(connect, settings):
    settings.clock.set(AT)
    post = {"id": "urn:li:share:1", "createdAt": 1780300800000}
    figures = {"elements": [{"share": "urn:li:share:1", "totalShareStatistics": {"likeCount": 4}}]}
    connector, vendor = connect("linkedin", {"elements": [post]}, figures)
    assert next(connector.read("posts")).records[0].payload["statistics"] == {"likeCount": 4}
    assert str(vendor.requests[1].url).endswith("&shares=List(urn%3Ali%3Ashare%3A1)")
    connector, vendor = connect("linkedin", {"elements": [{"id": 501, "currency": "EUR"}]}, {"elements": []})
    list(connector.read("ad_analytics", Cursor(), DAY))
    assert "dateRange=(start:(year:2026,month:6,day:1),end:(year:2026,month:6,day:1))" in str(vendor.requests[1].url)


def test_each_cost_at_linkedin_carries_the_currency_of_its_ad_account(connect):
    def ad_day(campaign):
        start = {"year": 2026, "month": 6, "day": 1}
        return {"pivotValues": [f"urn:li:sponsoredCampaign:{campaign}"], "dateRange": {"start": start}}

    def answer(request):
        address = str(request.url)
        if "/rest/adAccounts" in address:
            if "pageToken=NEXT" in address:
                return httpx.Response(200, json={"elements": [{"id": 502, "currency": "SEK"}], "metadata": {}})
            more = {"nextPageToken": "NEXT"}
            return httpx.Response(200, json={"elements": [{"id": 501, "currency": "EUR"}], "metadata": more})
        assert "companies=" not in address
        campaign = 7 if "sponsoredAccount%3A501" in address else 8
        return httpx.Response(200, json={"elements": [ad_day(campaign)]})

    connector, _ = connect("linkedin", answer)
    (page,) = connector.read("ad_analytics", Cursor(), DAY)
    found = {record.record_id: record.payload["account"] for record in page.records}
    assert found == {
        "urn:li:sponsoredCampaign:7:2026-06-01": {"id": 501, "currency": "EUR"},
        "urn:li:sponsoredCampaign:8:2026-06-01": {"id": 502, "currency": "SEK"},
    }


def test_ad_figures_are_read_again_for_a_week_in_spans(connect, settings):
    settings.clock.set(AT)
    connector, vendor = connect("meta", {"data": []})
    pages = list(connector.read("ad_insights", Cursor(since=AT - timedelta(days=100))))
    ranges = [orjson.loads(r.url.params["time_range"]) for r in vendor.requests]
    assert ranges == [
        {"since": "2026-02-14", "until": "2026-05-14"},
        {"since": "2026-05-15", "until": "2026-06-01"},
    ]
    assert pages[0].cursor == Cursor(since=datetime(2026, 5, 15))
    assert pages[-1].cursor == Cursor(since=AT)


def test_the_browser_of_a_visit_comes_from_a_second_report(connect):
    def report(request):
        body = orjson.loads(request.content)
        known = {"customEvent:session_id": "1", "customUser:client_id": "c", "dateHourMinute": "202606010800"}
        names = [d["name"] for d in body["dimensions"]]
        assert len(names) <= 9
        row = {"dimensionValues": [{"value": known.get(n, n)} for n in names], "metricValues": [{"value": "1"}] * 2}
        headers = {"dimensionHeaders": body["dimensions"], "metricHeaders": body["metrics"]}
        return httpx.Response(200, json={**headers, "rows": [row], "rowCount": 1})

    connector, _ = connect("ga4", report)
    (page,) = connector.read("sessions", Cursor(), DAY)
    assert page.records[0].record_id == "c:1"
    assert page.records[0].payload["browser"] == "browser"
    assert len(page.records[0].payload) == 12


def test_the_minutes_of_one_visit_are_put_together():
    one = {"customEvent:session_id": "1", "customUser:client_id": "c", "screenPageViews": "2",
           "userEngagementDuration": "30", "dateHourMinute": "202606010801", "landingPage": "/b"}  # fmt: skip
    two = {**one, "dateHourMinute": "202606010800", "screenPageViews": "1", "landingPage": "/a"}
    assert join_minutes([one, two]) == [{**two, "screenPageViews": "3", "userEngagementDuration": "60"}]


def test_only_resources_with_days_can_be_read_by_day(connect):
    connector, _ = connect("shopify", {})
    with pytest.raises(InvalidInputError):
        list(connector.read("orders", Cursor(), DAY))
    with pytest.raises(InvalidInputError):
        list(connector.read("refunds"))


def test_a_cursor_is_the_same_after_it_was_stored():
    cursor = Cursor(since=AT, page="A", newest=AT + timedelta(hours=1), began=AT)
    assert Cursor.parse(cursor.text) == cursor
    assert Cursor.parse("") == Cursor()
