"""Every vendor read by our own connectors: all of it once, then only what changed; and their own ways of paging."""

from __future__ import annotations

import csv
from datetime import date
from typing import Any

import httpx
import pytest

from dmat.connectors.catalogue import CONNECTORS
from dmat.connectors.contract import Window
from dmat.connectors.linkedin import LinkedIn, analytics_path
from dmat.errors import VendorRefusedError
from dmat.settings import ROOT
from dmat.simulate.vendors.running import RunningVendors

EMPTY = ("salesforce", "sendgrid")  # they know only what was written or sent: test_salesforce.py, test_sendgrid.py
EVERYTHING = [(name, resource) for name, kind in CONNECTORS.items() if name not in EMPTY for resource in kind.resources]


@pytest.mark.parametrize(("vendor", "resource"), EVERYTHING)
def test_a_connector_reads_every_record_and_refuses_none(
    shared_vendors: RunningVendors, vendor: str, resource: str
) -> None:
    connector = CONNECTORS[vendor](shared_vendors.settings)
    pages = list(connector.read(resource))
    connector.close()
    found = shared_vendors.server.records.cursor().execute(
        "select count(*) from records where resource = ?", [f"{vendor}_{resource}"]
    ).fetchone()  # fmt: skip
    assert len({record.record_id for page in pages for record in page.records}) == found[0] > 0  # type: ignore[index]
    assert not [refusal for page in pages for refusal in page.refusals]


def get(running: RunningVendors, client: httpx.Client, path: str, **params: Any) -> httpx.Response:
    settings, vendor = running.settings, path.split("/")[1]
    basics = {
        "woocommerce": (settings.woocommerce_key, settings.woocommerce_secret),
        "wordpress": (settings.wordpress_user, settings.wordpress_token),
        "twilio": (settings.twilio_account, settings.twilio_token),
    }
    if vendor in basics:
        user, password = (one if isinstance(one, str) else one.get_secret_value() for one in basics[vendor])
        return client.get(running.url + path, params=params, auth=(user, password))
    headers = {"Authorization": f"Bearer {getattr(settings, f'{vendor}_token').get_secret_value()}"}
    return client.get(running.url + path, params=params, headers=headers)


def post(running: RunningVendors, client: httpx.Client, path: str, body: Any) -> httpx.Response:
    token = getattr(running.settings, f"{path.split('/')[1]}_token").get_secret_value()
    return client.post(running.url + path, json=body, headers={"Authorization": f"Bearer {token}"})


def test_woocommerce_tells_the_totals_of_a_list_and_gives_its_pages(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    path, ids = "/woocommerce/wp-json/wc/v3/products", []
    first = get(shared_vendors, client, path, per_page=100)
    total, pages = int(first.headers["x-wp-total"]), int(first.headers["x-wp-totalpages"])
    assert pages == -(-total // 100) > 1
    for number in range(1, pages + 1):
        ids += [one["id"] for one in get(shared_vendors, client, path, per_page=100, page=number, orderby="id").json()]
    assert len(set(ids)) == len(ids) == total
    assert get(shared_vendors, client, path, page=pages + 1, per_page=100).json() == []


def test_woocommerce_filters_by_time_of_change_without_that_second(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    path = "/woocommerce/wp-json/wc/v3/orders"
    orders = get(shared_vendors, client, path, per_page=100, orderby="modified", order="asc").json()
    middle = orders[len(orders) // 2]["date_modified_gmt"]
    later = get(shared_vendors, client, path, per_page=100, modified_after=middle, dates_are_gmt="true").json()
    assert {one["id"] for one in later} == {one["id"] for one in orders if one["date_modified_gmt"] > middle}


@pytest.mark.parametrize("params", [{"per_page": 101}, {"page": 0}, {"orderby": "colour"}, {"modified_after": "soon"}])
def test_a_parameter_out_of_bounds_is_refused_by_name(
    shared_vendors: RunningVendors, client: httpx.Client, params: dict[str, Any]
) -> None:
    answer = get(shared_vendors, client, "/woocommerce/wp-json/wc/v3/orders", **params)
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
    assert list(answer.json()["data"]["params"]) == list(params)


def test_wordpress_refuses_a_page_beyond_the_last(shared_vendors: RunningVendors, client: httpx.Client) -> None:
    answer = get(shared_vendors, client, "/wordpress/wp-json/wp/v2/pages", page=99)
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_post_invalid_page_number")


def test_wordpress_gives_a_second_page_of_the_same_name_another_slug(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    auth = (shared_vendors.settings.wordpress_user, shared_vendors.settings.wordpress_token.get_secret_value())
    url = f"{shared_vendors.url}/wordpress/wp-json/wp/v2/pages"
    made = [client.post(url, json={"title": "Spring Campaign", "status": "publish"}, auth=auth) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert [one.json()["slug"] for one in made] == ["spring-campaign", "spring-campaign-2"]
    number = made[0].json()["id"]
    changed = client.post(f"{url}/{number}", json={"content": "<p>Hi</p>"}, auth=auth).json()
    assert (changed["id"], changed["content"]["rendered"], changed["slug"]) == (number, "<p>Hi</p>", "spring-campaign")
    assert [one["id"] for one in client.get(url, params={"slug": "spring-campaign"}, auth=auth).json()] == [number]
    for one in made:
        shared_vendors.server.records.cursor().execute(
            "delete from records where resource = 'wordpress_pages' and record_id = ?", [str(one.json()["id"])]
        )


def test_hubspot_searches_by_time_of_change_and_gives_what_was_asked(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    path = "/hubspot/crm/v3/objects/contacts"
    everyone = get(shared_vendors, client, path, limit=100, properties="email,lastmodifieddate").json()["results"]
    moments = sorted(one["properties"]["lastmodifieddate"] for one in everyone)
    body = {
        "filterGroups": [{"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": moments[50]}]}],
        "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        "properties": ["email"], "limit": 200,
    }  # fmt: skip
    found = post(shared_vendors, client, f"{path}/search", body).json()
    dates = [one["properties"]["lastmodifieddate"] for one in found["results"]]
    assert dates == sorted(dates)
    assert dates[0] >= moments[50]
    assert set(found["results"][0]["properties"]) == {"email", "createdate", "lastmodifieddate", "hs_object_id"}


def test_a_hubspot_search_ends_at_ten_thousand(shared_vendors: RunningVendors, client: httpx.Client) -> None:
    answer = post(shared_vendors, client, "/hubspot/crm/v3/objects/contacts/search", {"limit": 100, "after": "9901"})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_twilio_pages_by_the_address_of_the_next_page_newest_first(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    account = shared_vendors.settings.twilio_account
    auth = (account, shared_vendors.settings.twilio_token.get_secret_value())
    path, sids = f"/2010-04-01/Accounts/{account}/Messages.json?PageSize=40", []
    while path:
        page = client.get(f"{shared_vendors.url}/twilio{path}", auth=auth).json()
        sids += [one["sid"] for one in page["messages"]]
        path = page["next_page_uri"]
    assert len(set(sids)) == len(sids) > 80


def test_a_ga4_report_sums_over_the_dimensions_that_were_asked(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    path = f"/ga4/v1beta/properties/{shared_vendors.settings.ga4_property}:runReport"
    days = [{"startDate": "30daysAgo", "endDate": "today"}]
    total = post(shared_vendors, client, path, {"dateRanges": days, "metrics": [{"name": "sessions"}]}).json()
    split = post(shared_vendors, client, path, {
        "dateRanges": days, "metrics": [{"name": "sessions"}], "dimensions": [{"name": "sessionSource"}],
    }).json()  # fmt: skip
    counts = [int(row["metricValues"][0]["value"]) for row in split["rows"]]
    assert sum(counts) == int(total["rows"][0]["metricValues"][0]["value"]) > 0
    assert split["rowCount"] == len(counts) > 3


def test_ga4_gives_the_names_of_countries_which_the_tables_know(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    path = f"/ga4/v1beta/properties/{shared_vendors.settings.ga4_property}:runReport"
    answer = post(shared_vendors, client, path, {
        "dateRanges": [{"startDate": "30daysAgo", "endDate": "today"}], "metrics": [{"name": "sessions"}],
        "dimensions": [{"name": "country"}],
    }).json()  # fmt: skip
    given = {row["dimensionValues"][0]["value"] for row in answer["rows"]}
    with (ROOT / "dbt" / "seeds" / "country_names.csv").open(encoding="utf-8") as seed:
        known = {row["country_name"] for row in csv.DictReader(seed)}
    assert "Germany" in given
    assert {name.lower() for name in given} <= known


@pytest.mark.parametrize("names", [["colour"], [f"customEvent:{number}" for number in range(10)]])
def test_ga4_refuses_unknown_and_too_many_dimensions(
    shared_vendors: RunningVendors, client: httpx.Client, names: list[str]
) -> None:
    path = f"/ga4/v1beta/properties/{shared_vendors.settings.ga4_property}:runReport"
    body = {"dateRanges": [{"startDate": "today", "endDate": "today"}],
            "dimensions": [{"name": name} for name in names], "metrics": [{"name": "sessions"}]}  # fmt: skip
    answer = post(shared_vendors, client, path, body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_meta_pages_by_cursor_and_expands_insights(shared_vendors: RunningVendors, client: httpx.Client) -> None:
    path, after, ids = f"/meta/v23.0/{shared_vendors.settings.meta_account}/media", None, []
    while True:
        params = {"fields": "id,timestamp,insights.metric(reach,likes)", "limit": 50} | (
            {"after": after} if after else {}
        )
        page = get(shared_vendors, client, path, **params).json()
        ids += [one["id"] for one in page["data"]]
        if "next" not in page["paging"]:
            break
        after = page["paging"]["cursors"]["after"]
    assert len(set(ids)) == len(ids) > 50
    assert [one["name"] for one in page["data"][0]["insights"]["data"]] == ["reach", "likes"]
    assert get(shared_vendors, client, path, fields="colour").json()["error"]["code"] == 100


def test_linkedin_wants_its_version_header_and_the_right_organisation(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    assert (
        get(shared_vendors, client, "/linkedin/rest/posts", q="author", author="urn:li:organization:1").status_code
        == 400
    )


def test_linkedin_names_the_currency_of_the_ad_account_and_shows_the_costs_of_no_other(
    shared_vendors: RunningVendors,
) -> None:
    connector, span = LinkedIn(shared_vendors.settings), Window(date(2026, 9, 1), date(2026, 9, 5))
    (page,) = connector.read("ad_analytics", None, span)
    assert {record.payload["account"]["currency"] for record in page.records} == {"EUR"}
    with pytest.raises(VendorRefusedError, match="Not enough permissions"):
        connector.http.read_json("GET", analytics_path(1, span))
    connector.close()


def test_a_path_that_no_vendor_has_is_404_in_the_vendors_words(
    shared_vendors: RunningVendors, client: httpx.Client
) -> None:
    for vendor in ("shopify", "hubspot", "ga4", "meta", "linkedin", "sendgrid", "twilio", "wordpress"):
        assert client.get(f"{shared_vendors.url}/{vendor}/nothing/here").status_code == 404


def test_filters_on_what_a_record_says_find_it(shared_vendors: RunningVendors, client: httpx.Client) -> None:
    path = "/woocommerce/wp-json/wc/v3/orders"
    assert {one["status"] for one in get(shared_vendors, client, path, status="completed").json()} == {"completed"}
    account = shared_vendors.settings.twilio_account
    path = f"/twilio/2010-04-01/Accounts/{account}/Messages.json"
    first = get(shared_vendors, client, path, PageSize=1).json()["messages"][0]
    found = get(shared_vendors, client, path, To=first["to"]).json()["messages"]
    assert {one["to"] for one in found} == {first["to"]}
    some = get(shared_vendors, client, "/hubspot/crm/v3/objects/contacts", limit=3).json()["results"]
    emails = [one["properties"]["email"] for one in some]
    filters = [{"propertyName": "email", "operator": "EQ", "value": email} for email in emails]
    body = {"filterGroups": [{"filters": [one]} for one in filters]}
    ids = {
        one["id"]
        for one in post(shared_vendors, client, "/hubspot/crm/v3/objects/contacts/search", body).json()["results"]
    }
    assert {one["id"] for one in some} <= ids
