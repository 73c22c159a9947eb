"""Under test: what we ask vendors agrees with their own specifications: bodies, parameters, queries.

LinkedIn and Instagram publish none: what their pages document is written down here by hand, and is ours.
"""

from __future__ import annotations

import gzip
import json
import re
from datetime import date, datetime

import jsonschema_rs
import pytest
from graphql import NoDeprecatedCustomRule, build_client_schema, parse, validate
from vendor_contracts import body_validator, from_discovery, parameter_problems, problems, read

from dmat.channels.contract import OutgoingMail
from dmat.connectors import ga4, hubspot, linkedin, meta, shopify, twilio
from dmat.connectors.contract import Cursor, Window
from dmat.connectors.sendgrid import mail_body

pytestmark = pytest.mark.shared
AT = datetime(2026, 6, 1, 8)
SPAN = Window(date(2026, 6, 1), date(2026, 6, 15))


@pytest.fixture(scope="module")
def contracts(shared_dir):
    folder = shared_dir / "contracts"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/contracts is not there")
    return folder


def asked(connector_name, resource, cursor, connect_settings, answer):
    """The parameters of the first request that a connector makes."""
    import httpx

    from dmat.connectors.catalogue import CONNECTORS

    requests = []

    def respond(request):
        requests.append(request)
        return httpx.Response(200, json=answer)

    client = httpx.Client(transport=httpx.MockTransport(respond))
    list(CONNECTORS[connector_name](connect_settings, client=client).read(resource, cursor))
    return dict(requests[0].url.params)


@pytest.fixture
def connected(tmp_path):
    from dmat.settings import load_settings

    return load_settings(tmp_path, woocommerce_url="https://shop.example", wordpress_url="https://site.example")


# Shopify -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shopify_schema(contracts):
    answer = json.loads(gzip.decompress((contracts / "shopify" / "admin_2026-10.json.gz").read_bytes()))
    return build_client_schema({"__schema": answer["data"]["__schema"]}, assume_valid=True)


SHOPIFY_QUERIES = {
    "orders": shopify.list_query("orders", "UPDATED_AT"),
    "customers": shopify.list_query("customers", "UPDATED_AT"),
    "products": shopify.list_query("products", "UPDATED_AT"),
    "checkouts": shopify.list_query("abandonedCheckouts", "CREATED_AT"),
    "lines of an order": shopify.lines_query("Order"),
    "lines of a checkout": shopify.lines_query("AbandonedCheckout"),
}


@pytest.mark.parametrize("name", SHOPIFY_QUERIES)
def test_shopify_knows_every_field_we_ask_for(shopify_schema, name):
    assert [error.message for error in validate(shopify_schema, parse(SHOPIFY_QUERIES[name]))] == []


def test_a_query_for_a_field_that_shopify_does_not_have_would_be_found(shopify_schema):
    assert validate(shopify_schema, parse("{ orders(first: 1) { nodes { colour } } }"))


def test_of_what_shopify_deprecates_we_ask_only_for_the_consent_of_a_phone_number(shopify_schema):
    """Its successor, `smsMarketingConsent`, names the same two facts; change staging with it."""
    found = [
        error.message.split(" is deprecated")[0]
        for text in SHOPIFY_QUERIES.values()
        for error in validate(shopify_schema, parse(text), [NoDeprecatedCustomRule])
    ]
    assert found == [
        "The field CustomerPhoneNumber.marketingState",
        "The field CustomerPhoneNumber.marketingUpdatedAt",
    ]


# Sending -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_full", [True, False])
def test_sendgrid_accepts_our_mail(contracts, is_full):
    mail = OutgoingMail(
        "0b1c", "ada@shop.example", "Ada" if is_full else "", "hello@shop.example", "Shop" if is_full else "",
        "Your cart", "<p>Hello</p>", "Hello" if is_full else "",
        {"List-Unsubscribe": "<https://shop.example/u>"} if is_full else {},
        {"campaign": "cart"} if is_full else {}, ["cart_recovery"] if is_full else [],
    )  # fmt: skip
    validator = body_validator(read(contracts / "sendgrid" / "tsg_mail_v3.json"), "/v3/mail/send")
    assert problems(validator, mail_body(mail)) == []
    assert problems(validator, {**mail_body(mail), "from": {}})


def test_sendgrid_knows_how_we_look_a_message_up(contracts):
    spec = read(contracts / "sendgrid" / "tsg_email_activity_v3.json")
    assert parameter_problems(spec, "/v3/messages", {"query": "x", "limit": "1"}) == []


# Reading -------------------------------------------------------------------------------------------------------------


def test_google_accepts_our_reports(contracts):
    spec = read(contracts / "google" / "analyticsdata.v1beta.json")
    definitions = {name: from_discovery(schema) for name, schema in spec["schemas"].items()}
    validator = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/RunReportRequest", "$defs": definitions})
    for dimensions, metrics in (
        (ga4.SESSION_DIMENSIONS, ga4.SESSION_METRICS),
        (ga4.BROWSER_DIMENSIONS, ga4.SESSION_METRICS),
        (ga4.COST_DIMENSIONS, ga4.COST_METRICS),
    ):
        assert problems(validator, ga4.report_body(SPAN, dimensions, metrics, 0)) == []
        assert len(dimensions) <= 9
        assert len(metrics) <= 10
    assert problems(validator, {"limit": 5})
    assert problems(validator, {"nonsense": 1})


@pytest.mark.parametrize("kind", ["contacts", "companies", "deals"])
def test_hubspot_accepts_our_searches(contracts, kind):
    """The models of HubSpot's SDK say that `sorts` are texts; its guide, and its API, take objects: corrected here."""
    models = read(contracts / "hubspot" / "crm_models_from_sdk.json")["modules"][kind]
    models["PublicObjectSearchRequest"]["properties"]["sorts"]["items"] = {
        "type": "object",
        "properties": {"propertyName": {"type": "string"}, "direction": {"enum": ["ASCENDING", "DESCENDING"]}},
        "required": ["propertyName", "direction"],
        "additionalProperties": False,
    }
    search = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/PublicObjectSearchRequest", "$defs": models})
    for after in ("", "200"):
        body = hubspot.search_body(kind, AT, after)
        assert problems(search, body) == []
        assert body["limit"] <= 200
    assert problems(search, {"filterGroups": [{"filters": [{"operator": "NEARLY"}]}]})
    inputs = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/BatchInputSimplePublicObjectId", "$defs": models})
    assert problems(inputs, {"inputs": [{"id": "1"}]}) == []


def test_twilio_knows_our_parameters(contracts):
    spec = read(contracts / "twilio" / "twilio_api_v2010.json")
    path = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
    params = twilio.list_params(Cursor(since=AT))
    assert "DateSent>" in params
    days = params.pop("DateSent>")
    assert parameter_problems(spec, path, {**params, "DateSent>": f"{days}T00:00:00Z"}) == []


@pytest.mark.parametrize("resource", ["orders", "products", "customers"])
@pytest.mark.parametrize("cursor", [Cursor(), Cursor(since=AT)])
def test_woocommerce_knows_our_parameters(contracts, connected, resource, cursor):
    spec = read(contracts / "wordpress" / "wc_v3_9.3.3_generated.json")
    params = asked("woocommerce", resource, cursor, connected, [])
    assert parameter_problems(spec, f"/wc/v3/{resource}", params) == []


def test_wordpress_knows_our_parameters(contracts, connected):
    spec = read(contracts / "wordpress" / "wp_v2_6.1.9_generated.json")
    params = asked("wordpress", "pages", Cursor(since=AT), connected, [])
    assert parameter_problems(spec, "/wp/v2/pages", params) == []


# Without a published specification: ours, from their pages -----------------------------------------------------------

MEDIA_FIELDS = {"id", "caption", "media_type", "media_product_type", "media_url", "permalink", "timestamp", "username",
                "like_count", "comments_count", "insights"}  # fmt: skip
INSIGHT_FIELDS = {"campaign_id", "campaign_name", "impressions", "clicks", "spend", "account_currency", "date_start",
                  "date_stop", "reach", "account_id"}  # fmt: skip
ANALYTICS = re.compile(
    r"/rest/adAnalytics\?q=analytics&pivot=(CAMPAIGN|CREATIVE|ACCOUNT)&timeGranularity=(DAILY|MONTHLY|ALL)"
    r"&dateRange=\(start:\(year:\d{4},month:\d{1,2},day:\d{1,2}\),end:\(year:\d{4},month:\d{1,2},day:\d{1,2}\)\)"
    r"&(companies|accounts|campaigns)=List\((urn%3Ali%3A\w+%3A\d+,?)+\)&fields=[\w,]+"
)

ACCOUNTS = re.compile(
    r"/rest/adAccounts\?q=search&search=\((reference|id|name|type|status):\(values:List\((urn%3Ali%3A\w+%3A\d+,?)+\)\)\)"
    r"&pageSize=\d{1,4}(&pageToken=[\w%]+)?"
)


def test_meta_documents_our_fields():
    fields = set(re.sub(r"\.metric\([^)]*\)", "", meta.POST_FIELDS).split(","))
    assert fields <= MEDIA_FIELDS
    params = meta.ad_params(SPAN)
    assert set(params["fields"].split(",")) <= INSIGHT_FIELDS
    assert json.loads(params["time_range"]) == {"since": "2026-06-01", "until": "2026-06-14"}


def test_linkedin_documents_our_addresses():
    assert ANALYTICS.fullmatch(linkedin.analytics_path(507404993, SPAN))
    assert ACCOUNTS.fullmatch(linkedin.accounts_path("urn:li:organization:90210"))
    assert ACCOUNTS.fullmatch(linkedin.accounts_path("urn:li:organization:90210", "DgF/A=="))
    assert re.fullmatch(
        r"/rest/posts\?q=author&author=urn%3Ali%3Aorganization%3A\d+&count=\d+&start=\d+&sortBy=(LAST_MODIFIED|CREATED)",
        linkedin.posts_path("urn:li:organization:90210", 50),
    )
    assert re.fullmatch(
        r"/rest/organizationalEntityShareStatistics\?q=organizationalEntity&organizationalEntity=urn%3Ali%3A\w+%3A\d+"
        r"&(shares|ugcPosts)=List\((urn%3Ali%3A(share|ugcPost)%3A\d+,?)+\)",
        linkedin.statistics_path("urn:li:organization:90210", "shares", ["urn:li:share:1", "urn:li:share:2"]),
    )
